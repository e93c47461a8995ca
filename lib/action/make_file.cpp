// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "action/parts.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::action {

namespace {

// d: destination, sum/mode/owner/group: what is wanted ("" = as it is), follow: through a link
constexpr std::string_view prelude = R"sh(
fail() { printf '%s\n' "$1" >&2; exit 1; }
if [ -n "$follow" ] && [ -L "$d" ]; then d=$(readlink -f -- "$d") || fail "$d points nowhere"; fi
keep="${ESCALATOR_KEEP}old"
digest() { sha256sum <"$1" | { read -r sum_of _ && printf '%s' "$sum_of"; }; }
old_mode() { stat -c %a -- "$d"; }
remember() {
    [ -s "$ESCALATOR_RECORD" ] && return
    if [ -e "$d" ]; then
        cp -p -- "$d" "$keep.new" && mv -f -- "$keep.new" "$keep" || fail "cannot keep the old $d"
        printf 'old\n' >"$ESCALATOR_RECORD"
    else
        printf 'absent\n' >"$ESCALATOR_RECORD"
    fi
}
put() { # $1 = file with the content; moves it into place with one rename
    t=$d.escalator-$$
    trap 'rm -f -- "$t"' EXIT
    (umask 077; cat -- "$1" >"$t") || fail "cannot write beside $d: is the disk full?"
    chown -- "$2" "$t" 2>/dev/null || [ -z "$owner$group" ] || fail "cannot give $d to $2"
    chmod -- "$3" "$t" || fail "cannot set the mode of $d"
    mv -f -- "$t" "$d" || fail "cannot put $d into place"
    command -v restorecon >/dev/null 2>&1 && restorecon -- "$d"
    trap - EXIT
}
)sh";

constexpr std::string_view check_content = R"sh(
[ -f "$d" ] || exit 1
[ ! -L "$d" ] || exit 1
[ "$(digest "$d")" = "$sum" ] || exit 1
[ -z "$mode" ] || [ "$(printf '%04o' "0$(old_mode)")" = "$mode" ] || exit 1
[ -z "$owner" ] || [ "$(stat -c %U -- "$d")" = "$owner" ] || [ "$(stat -c %u -- "$d")" = "$owner" ] || exit 1
[ -z "$group" ] || [ "$(stat -c %G -- "$d")" = "$group" ] || [ "$(stat -c %g -- "$d")" = "$group" ] || exit 1
)sh";

constexpr std::string_view act_content = R"sh(
[ -d "${d%/*}/" ] || fail "the directory ${d%/*} does not exist"
[ ! -L "$d" ] || fail "$d is a symbolic link; say follow: true to write to what it points to"
[ ! -d "$d" ] || fail "$d is a directory"
remember
u=0 g=0 m=0644
if [ -e "$d" ]; then
    u=$(stat -c %u -- "$d") g=$(stat -c %g -- "$d") m=$(old_mode)
    [ -z "$backup" ] || cp -p -- "$d" "$d.escalator-old" || fail "cannot keep $d.escalator-old"
fi
put "${ESCALATOR_FILES}content" "${owner:-$u}:${group:-$g}" "${mode:-$m}"
)sh";

constexpr std::string_view undo_text = R"sh(
was=
[ -s "$ESCALATOR_RECORD" ] && read -r was <"$ESCALATOR_RECORD"
case $was in
old)
    [ -e "$keep" ] || fail "the kept old $d is gone; put it back from a backup"
    put "$keep" "$(stat -c %u:%g -- "$keep")" "$(stat -c %a -- "$keep")" ;;
absent) rm -f -- "$d" ;;
'') ;;
*) fail "the record of the old $d makes no sense" ;;
esac
)sh";

}  // namespace

Result<Parts> make_file(const Ingredients& in) {
    auto dest = in.text("dest");
    if (!dest) return std::move(dest).take_error();
    if (!dest->starts_with('/') || dest->ends_with('/')) {
        return Error(
            ErrorCode::usage,
            fmt::format("dest must be the absolute path of a file: \"{}\"", printable(*dest)));
    }
    Parts parts;
    auto mode = in.text("mode");
    auto owner = in.word("owner");
    auto group = in.word("group");
    if (!owner) return std::move(owner).take_error();
    if (!group) return std::move(group).take_error();
    if (!mode) return std::move(mode).take_error();
    const bool absent = in.has("state");
    if (!absent) {
        if (in.has("src")) {
            auto source = in.source("src");
            if (!source) return std::move(source).take_error();
            auto upload = upload_of("content", *source);
            if (!upload) return std::move(upload).take_error();
            parts.uploads.push_back(std::move(*upload));
        } else if (in.has("template")) {
            auto source = in.source("template");
            if (!source) return std::move(source).take_error();
            auto text = read_file(*source);
            if (!text) return std::move(text).take_error();
            auto content = expand_text(*text, in.scope);
            if (!content) return std::move(content).fail(source->string());
            parts.uploads.push_back(upload_text("content", std::move(*content)));
        } else {
            auto content = in.text("content");
            if (!content) return std::move(content).take_error();
            parts.uploads.push_back(upload_text("content", std::move(*content)));
        }
    }
    const auto digits = mode->empty() ? std::string() : fmt::format("{:0>4}", *mode);
    parts.prelude = fmt::format("d={} mode={} owner={} group={} follow={} backup={} sum={}{}",
                                shell_quote(*dest), digits, owner->size() > 2 ? *owner : "",
                                group->size() > 2 ? *group : "", in.flag("follow") ? "1" : "",
                                in.flag("backup") ? "1" : "",
                                absent ? "" : parts.uploads.front().sha256, prelude);
    parts.check = absent ? "[ ! -e \"$d\" ] && [ ! -L \"$d\" ]" : std::string(check_content);
    parts.act = absent ? "[ ! -d \"$d\" ] || fail \"$d is a directory\"\nremember\nrm -f -- \"$d\""
                       : std::string(act_content);
    parts.undo = std::string(undo_text);
    return parts;
}

}  // namespace escalator::action
