// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "action/parts.hpp"

namespace escalator::action {

namespace {

// Only kernels of the running one's flavour count ("cloud-amd64" is not "amd64"); an EL kernel has
// its release in the name, so there the architecture is the flavour.
constexpr std::string_view need = R"sh(
running=$(uname -r)
case $running in
*.el* | *.fc*) newest=$(ls -v /boot/vmlinuz-*."${running##*.}" 2>/dev/null | tail -n 1) ;;
*[a-z]*) newest=$(ls -v /boot/vmlinuz-*[0-9]-"${running#"${running%%[a-z]*}"}" 2>/dev/null | tail -n 1) ;;
*) newest=$(ls -v /boot/vmlinuz-*[0-9] 2>/dev/null | tail -n 1) ;;
esac
changed() { [ -n "$newest" ] && [ "${newest#/boot/vmlinuz-}" != "$running" ]; }
asked() {
    [ -e /run/reboot-required ] && return
    command -v needs-restarting >/dev/null 2>&1 && ! needs-restarting -r >/dev/null 2>&1
}
)sh";

constexpr std::string_view usual_command = R"sh(
if [ -d /run/systemd/system ]; then systemctl reboot
elif command -v shutdown >/dev/null 2>&1; then shutdown -r now
else reboot; fi
)sh";

// The machine that goes down ends the step's processes first: that is no failure of theirs.
constexpr std::string_view calm = "trap 'exit 0' TERM HUP INT\n";

}  // namespace

Result<Parts> make_reboot(const Ingredients& in) {
    Parts parts;
    auto when = in.text("when");
    if (!when) return std::move(when).take_error();
    if (*when == "kernel-changed") {
        parts.check = fmt::format("{}! changed", need);
    } else if (*when == "required") {
        parts.check = fmt::format("{}! changed && ! asked", need);
    }
    std::string command(usual_command);
    if (in.has("command")) {
        auto own = in.program("command");
        if (!own) return std::move(own).take_error();
        command = std::move(*own);
    }
    const auto patience = in.seconds("go_down", 300);
    parts.prelude = calm;
    parts.act = fmt::format(
        "{}(\n{}\n) || {{ echo 'the reboot command failed' >&2; exit 1; }}\n"
        "sleep {} &\nwait $!\n"
        "echo 'the machine has not gone down within {}s' >&2\nexit 1",
        calm, command, patience, patience);
    parts.expects_reboot = true;
    return parts;
}

}  // namespace escalator::action
