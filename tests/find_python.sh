#!/bin/sh
# Print a Python of this machine that the library runs on, the best tested first, or say clearly that there is
# none. PyMC and ArviZ need Python 3.12; each candidate is asked for its version, because a
# version manager's stand-in can exist without the version behind it.
for candidate in python3.13 python3.12 python3.14 python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys, venv; sys.exit(not (3, 12) <= sys.version_info < (3, 15))' \
            >/dev/null 2>&1; then
        command -v "$candidate"
        exit 0
    fi
done
found=$(python3 --version 2>&1 || echo "no python3 at all")
echo "forecast needs Python 3.12, 3.13 or 3.14; found: $found." >&2
echo "Install one (python.org, your system's packages, pyenv or uv), then run make again." >&2
exit 1
