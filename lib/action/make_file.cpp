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
keep="${ESCALATOR_KEEP}old" noted="${ESCALATOR_KEEP}noted"
digest() { sha256sum <"$1" | { read -r sum_of _ && printf '%s' "$sum_of"; }; }
same() { # as the content that came with the step, whose sum was checked on its way in, or by its sum
    if [ -f "${ESCALATOR_FILES}content" ] && command -v cmp >/dev/null; then
        cmp -s -- "${ESCALATOR_FILES}content" "$d"
    else
        [ "$(digest "$d")" = "$sum" ]
    fi
}
old_mode() { stat -c %a -- "$d"; }
remember() { # a second attempt must not take what the first one wrote for the old file
    if [ ! -s "$noted" ]; then
        was=absent
        if [ -e "$d" ] || [ -L "$d" ]; then
            was=old
            cp -a -- "$d" "$keep.new" && mv -f -- "$keep.new" "$keep" || fail "cannot keep the old $d: is the disk full?"
        fi
        printf '%s\n' $was >"$noted.new" && mv -f -- "$noted.new" "$noted" || fail "cannot note what was there: is the disk full?"
    fi
    read -r was <"$noted" && printf '%s\n' "$was" >"$ESCALATOR_RECORD" || fail "cannot note what was there: is the disk full?"
}
settle() { # $1 = what lies beside the destination; one rename puts it there
    if [ -L "$d" ] && [ -d "$d" ]; then rm -f -- "$d"; fi
    mv -f -- "$1" "$d" || fail "cannot put $d into place"
    if command -v restorecon >/dev/null 2>&1; then restorecon -- "$d"; fi
    trap - EXIT
}
put() { # $1 = file with the content, $2 = its owner ("" = whoever makes it), $3 = its mode
    t=$d.escalator-$$
    trap 'rm -f -- "$t"' EXIT
    (umask 077; cat -- "$1" >"$t") || fail "cannot write beside $d: is the disk full, or the directory read-only?"
    [ -z "$2" ] || chown -- "$2" "$t" 2>/dev/null || [ -z "$owner$group" ] || fail "cannot give $d to $2: is there such a user and group, and are you root?"
    chmod -- "$3" "$t" || fail "cannot set the mode of $d"
    settle "$t"
}
)sh";

constexpr std::string_view check_content = R"sh(
[ -f "$d" ] || exit 1
[ ! -L "$d" ] || exit 1
same || exit 1
[ -z "$mode" ] || [ "$(printf '%04o' "0$(old_mode)")" = "$mode" ] || exit 1
[ -z "$owner" ] || [ "$(stat -c %U -- "$d")" = "$owner" ] || [ "$(stat -c %u -- "$d")" = "$owner" ] || exit 1
[ -z "$group" ] || [ "$(stat -c %G -- "$d")" = "$group" ] || [ "$(stat -c %g -- "$d")" = "$group" ] || exit 1
)sh";

constexpr std::string_view act_content = R"sh(
[ -d "${d%/*}/" ] || fail "the directory ${d%/*} does not exist; make it in a step before, like: command: [mkdir, -p, ${d%/*}]"
[ ! -L "$d" ] || fail "$d is a symbolic link; say follow: true to write to what it points to"
[ ! -d "$d" ] || fail "$d is a directory"
[ ! -e "$d" ] || [ -f "$d" ] || fail "$d is no regular file"
remember
u=$owner g=$group m=0644
if [ -e "$d" ]; then
    u=${owner:-$(stat -c %u -- "$d")} g=${group:-$(stat -c %g -- "$d")} m=$(old_mode)
    [ -z "$backup" ] || cp -a -- "$d" "$d.escalator-old" || fail "cannot keep $d.escalator-old"
fi
put "${ESCALATOR_FILES}content" "$u${g:+:$g}" "${mode:-$m}"
)sh";

constexpr std::string_view act_absent = R"sh(
[ -L "$d" ] || [ ! -d "$d" ] || fail "$d is a directory; only files are removed"
remember
[ -z "$backup" ] || [ -L "$d" ] || cp -a -- "$d" "$d.escalator-old" || fail "cannot keep $d.escalator-old"
rm -f -- "$d" || fail "cannot remove $d"
)sh";

constexpr std::string_view undo_text = R"sh(
was=
[ -s "$ESCALATOR_RECORD" ] && read -r was <"$ESCALATOR_RECORD"
case $was in
old)
    [ -e "$keep" ] || [ -L "$keep" ] || fail "the kept old $d is gone; put it back from a backup"
    [ -L "$d" ] || [ ! -d "$d" ] || fail "$d is a directory now"
    t=$d.escalator-$$
    trap 'rm -f -- "$t"' EXIT
    # owner, mode, times and attributes come back with it, a link as a link
    cp -a -- "$keep" "$t" || fail "cannot write beside $d: is the disk full, or the directory gone?"
    settle "$t" ;;
absent)
    [ -L "$d" ] || [ ! -d "$d" ] || fail "$d is a directory now"
    rm -f -- "$d" || fail "cannot remove $d" ;;
'') ;;
*) fail "the record of the old $d makes no sense: $was" ;;
esac
[ -z "$backup" ] || rm -f -- "$d.escalator-old"
rm -f -- "$noted"
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
    parts.act = std::string(absent ? act_absent : act_content);
    parts.verify = fmt::format(
        "(\n{}\n) || fail \"$d is not as it was written: does something else write it?\"",
        parts.check);
    parts.undo = std::string(undo_text);
    return parts;
}

}  // namespace escalator::action
