#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cmake --install into a directory: everything is in its place, and the program runs from there.

    install.py ESCALATOR CMAKE BUILD_DIR
"""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

from program import SOURCE


def main():
    _, _, cmake, build = sys.argv
    with tempfile.TemporaryDirectory(prefix="escalator-install-") as holder:
        dest = pathlib.Path(holder)
        done = subprocess.run([cmake, "--install", build, "--prefix", "/usr"], env=dict(os.environ, DESTDIR=holder),
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        there = {str(path.relative_to(dest)) for path in dest.rglob("*") if path.is_file()}
        wanted = ["usr/bin/escalator", "usr/share/bash-completion/completions/escalator",
                  "usr/share/zsh/site-functions/_escalator", "usr/share/fish/vendor_completions.d/escalator.fish",
                  "usr/share/doc/escalator/LICENSE", "usr/share/doc/escalator/README.md",
                  "usr/share/doc/escalator/examples/quickstart/campaign.yaml"]
        wanted += [f"usr/share/man/man1/escalator{name}.1"
                   for name in ["", "-validate", "-plan", "-run", "-test", "-rollback", "-status", "-cloud"]]
        wanted += [f"usr/share/man/man{page.suffix[1:]}/{page.name}" for page in SOURCE.glob("man/*.[1-9]")]
        for plugin in (path for path in (SOURCE / "plugins").iterdir() if path.is_dir()):
            program = f"usr/libexec/escalator/plugins/{plugin.name}/{plugin.name}"
            wanted.append(program)
            if program in there:
                assert (dest / program).stat().st_mode & stat.S_IXUSR, f"{program} cannot be executed"
        missing = sorted(set(wanted) - there)
        assert not missing, f"not installed: {missing}"
        strange = [path for path in there if "__pycache__" in path or "test" in pathlib.Path(path).name.split("-")]
        assert [path for path in strange if not path.endswith("escalator-test.1")] == [], strange

        program = dest / "usr/bin/escalator"
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        assert version.startswith("escalator "), version
        campaign = dest / "usr/share/doc/escalator/examples/quickstart/campaign.yaml"
        subprocess.run([program, "validate", campaign], capture_output=True, check=True)
        if shutil.which("man"):
            for page in ["man1/escalator.1", "man1/escalator-run.1", "man5/escalator-journal.5"]:
                shown = subprocess.run(["man", "-l", dest / "usr/share/man" / page], capture_output=True, text=True,
                                       check=True, env=dict(os.environ, MANPAGER="cat", LC_ALL="C.UTF-8"))
                assert "NAME" in shown.stdout and not shown.stderr, shown.stderr
        print(f"{len(there)} files installed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
