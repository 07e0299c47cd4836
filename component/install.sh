#!/bin/sh
# Install the component into WORK/venv. Runs as the component's user, again on every deployment.
#
# Usage: install.sh WORK
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=${1:?"usage: install.sh WORK"}

python=
for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "edge-inspector: expected Python 3.11, 3.12 or 3.13 with its venv module, found none" >&2
    exit 1
fi

# Each content has an environment of its own and the link moves last: a failed installation leaves what ran before.
environment=$work/venv-$(cat "$here"/*.whl "$here/requirements.txt" | cksum | cut -d ' ' -f 1)
if [ ! -e "$environment/.complete" ]; then
    rm -rf "$environment"
    "$python" -m venv "$environment"
    pip="$environment/bin/python -m pip install --quiet --disable-pip-version-check"
    $pip --require-hashes -r "$here/requirements.txt"
    $pip --no-deps --no-index "$here"/*.whl
    touch "$environment/.complete"
fi
ln -sfn "$environment" "$work/venv"
for old in "$work"/venv-*; do
    [ "$old" = "$environment" ] || rm -rf "$old"
done
