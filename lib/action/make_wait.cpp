// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "action/parts.hpp"
#include "base/text.hpp"

namespace escalator::action {

namespace {

// A probe is `try`: 0 when what is waited for is there; it says in $last what it saw instead. It
// takes the tools that a node has anyway.
constexpr std::string_view port_probe = R"sh(
if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
    open() { timeout 3 bash -c ': <"/dev/tcp/$0/$1"' "$host" "$port"; }
elif command -v python3 >/dev/null 2>&1; then
    open() { python3 -c 'import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)' "$host" "$port"; }
elif command -v nc >/dev/null 2>&1; then
    open() { nc -z -w 3 "$host" "$port"; }
else
    printf 'to look at a port, bash, python3 or nc is needed on the node\n' >&2
    exit 1
fi
try() {
    if open >/dev/null 2>&1; then last='it accepts connections'; [ -z "$absent" ]
    else last='nothing accepts connections there'; [ -n "$absent" ]; fi
}
)sh";

// An answer counts when it is whole. At most 16 MiB of it are kept (ulimit counts 512-byte blocks).
constexpr std::string_view http_probe = R"sh(
b=${ESCALATOR_STAGE}.http
if command -v curl >/dev/null 2>&1; then
    fetch() { (ulimit -f 32768; curl -s -S -o "$b" -m 10 -w '%{http_code}' -- "$url" 2>"$b.why"); }
elif command -v python3 >/dev/null 2>&1; then
    fetch() { python3 -c 'import sys,urllib.request,urllib.error
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *a): return None
try:
    try: r = urllib.request.build_opener(Stay).open(sys.argv[1], timeout=10)
    except urllib.error.HTTPError as e: r = e
    body = r.read(1 << 24)
    want = r.headers.get("Content-Length")
    if want and len(body) < min(int(want), 1 << 24): sys.exit("the answer ended early")
    open(sys.argv[2], "wb").write(body); print(r.getcode())
except Exception as e: sys.exit(str(e))' "$url" "$b" 2>"$b.why"; }
elif command -v wget >/dev/null 2>&1 && [ -z "$status" ]; then
    fetch() { (ulimit -f 32768; wget -q -T 10 -O "$b" "$url" 2>"$b.why") && printf 200; }
else
    printf 'to look at a URL, curl or python3 is needed on the node (wget, when no status is asked for)\n' >&2
    exit 1
fi
try() {
    rm -f "$b"
    c=$(fetch) || { last="no whole answer: $(tail -n 1 "$b.why")"; return 1; }
    last="it answers $c"
    case $c in "$status") ;; 2??) [ -z "$status" ] || return 1 ;; *) return 1 ;; esac
    [ -z "$contains" ] || grep -qF -e "$contains" "$b" || { last="it answers $c without the text asked for"; return 1; }
}
)sh";

}  // namespace

Result<Parts> make_wait(const Ingredients& in) {
    Parts parts;
    std::string what;
    if (in.has("port")) {
        auto text = in.text("port");
        if (!text) return std::move(text).take_error();
        const auto colon = text->rfind(':');
        auto host = colon == std::string::npos ? std::string("127.0.0.1") : text->substr(0, colon);
        if (host.size() > 2 && host.front() == '[' && host.back() == ']')
            host = host.substr(1, host.size() - 2);
        const auto port = colon == std::string::npos ? *text : text->substr(colon + 1);
        if (port.empty() || port.size() > 5 ||
            port.find_first_not_of("0123456789") != std::string::npos) {
            return Error(ErrorCode::usage, fmt::format("\"{}\" is no host:port", printable(*text)));
        }
        parts.prelude = fmt::format("host={} port={} absent={}{}", shell_quote(host), port,
                                    in.flag("absent") ? "1" : "", port_probe);
        what = "port " + *text;
    } else if (in.has("http")) {
        auto url = in.text("http");
        auto contains = in.word("contains");
        if (!url) return std::move(url).take_error();
        if (!contains) return std::move(contains).take_error();
        if (!url->starts_with("http://") && !url->starts_with("https://")) {
            return Error(ErrorCode::usage,
                         fmt::format("\"{}\" is no http or https URL", printable(*url)));
        }
        const auto status =
            in.has("status") ? std::to_string(in.args["status"].get<std::int64_t>()) : "";
        parts.prelude = fmt::format("url={} status={} contains={}{}", shell_quote(*url), status,
                                    *contains, http_probe);
        what = *url;
    } else if (in.has("command")) {
        auto command = in.program("command");
        if (!command) return std::move(command).take_error();
        parts.prelude = fmt::format(
            "try() {{ (\n{}\n)\n    s=$?\n    last=\"it ends with status $s\"\n    return $s\n}}\n",
            *command);
        what = "the command";
    } else {
        auto file = in.word("file");
        if (!file) return std::move(file).take_error();
        parts.prelude = fmt::format(
            "file={} absent={}\n"
            "try() {{\n"
            "    if [ -e \"$file\" ] || [ -L \"$file\" ]; then last='it is there'; [ -z "
            "\"$absent\" ]\n"
            "    else last='it is not there'; [ -n \"$absent\" ]; fi\n}}\n",
            *file, in.flag("absent") ? "1" : "");
        what = *file;
    }
    if (in.flag("absent") && !in.has("port") && !in.has("file"))
        return Error(ErrorCode::usage, "absent goes with port or file only");
    const auto timeout = in.seconds("timeout", 300);
    parts.act = fmt::format(
        "end=$(($(date +%s) + {0})) last=\n"
        "until try; do\n"
        "    [ \"$(date +%s)\" -lt \"$end\" ] || {{ printf 'waited {0}s in vain for %s: %s\\n' {1} "
        "\"$last\" >&2; exit 1; }}\n"
        "    sleep {2}\ndone",
        timeout, shell_quote(what), in.seconds("interval", 2));
    if (in.has("from") && in.args["from"] == "controller") parts.where = Where::controller;
    return parts;
}

}  // namespace escalator::action
