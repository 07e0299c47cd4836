#!/bin/sh
# Install ARCHIVE into WORK/venv: finds a Python that fits, which then runs the archive. Runs as the component's user,
# again on every deployment; needs no root, no compiler, no pip and no network.
#
# Usage: install.sh ARCHIVE WORK
set -eu
umask 077

fail() {
    echo "edge-inspector: $1" >&2
    exit 1
}

if [ $# -ne 2 ]; then
    echo "usage: install.sh ARCHIVE WORK" >&2
    exit 2
fi

# A debug build (abiflags) and a 32-bit Python on a 64-bit kernel find no wheel.
fits='import sys, venv
fits = sys.implementation.name == "cpython" and (3, 11) <= sys.version_info[:2] <= (3, 13)
sys.exit(not (fits and sys.maxsize > 2**32 and not sys.abiflags))'

found=
for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -I -c "$fits" 2>/dev/null; then
        "$candidate" -I -c 'import sys, zipfile; sys.exit(not zipfile.is_zipfile(sys.argv[1]))' "$1" ||
            fail "expected a whole archive, found $1"
        exec "$candidate" -I "$1" "$2"
    elif version=$("$candidate" -I -c 'import sys; print(sys.version.split()[0])' 2>/dev/null); then
        found="$found${found:+, }$candidate $version"
    fi
done
fail "expected a 64-bit CPython 3.11, 3.12 or 3.13 with its venv module, found ${found:-none}"
