#!/bin/sh
# Copy the model in ARCHIVE to WORK/models/NAME/VERSION and point WORK/models/current at it. Runs as the component's
# user, again on every deployment. The inspector watches the pointer, which therefore moves last.
#
# Usage: install.sh ARCHIVE WORK
set -eu
umask 077

fail() {
    echo "edge-inspector-model: $1" >&2
    exit 1
}

if [ $# -ne 2 ]; then
    echo "usage: install.sh ARCHIVE WORK" >&2
    exit 2
fi
archive=$1
models=$2/models
new=$models/.new
mkdir -p "$models"
rm -rf "$new"
mkdir "$new"
trap 'rm -rf "$new"' EXIT

reason=$(tar -xf "$archive" -C "$new" 2>&1) || fail "$(echo "$reason" | tr '\n' ' ')"
for folder in "$new"/*/*/; do
    folder=${folder%/}
done
[ -f "$folder/model.json" ] || fail "expected NAME/VERSION/model.json in $archive, found none"
name=${folder#"$new"/}
place=$models/$name

if [ ! -e "$place" ]; then
    mkdir -p "${place%/*}"
    sync
    mv "$folder" "$place"
elif ! diff -r "$folder" "$place" >/dev/null; then
    fail "$name is on this device with other content; expected a new version for a new model"
fi
touch "$place"  # the ones that were named last are kept

# Moved in any case: to a deployment of the model that runs already the inspector says so, and whether it trusts it.
echo "$name" >"$models/.current"
sync
mv "$models/.current" "$models/current"
sync

# The inspector has a copy of its own of what it runs. The three named last stay, for a look and a quick way back.
ls -1dt "$models"/*/*/ | tail -n +4 | while IFS= read -r old; do
    [ "$old" = "$place/" ] || rm -rf "$old" # the clock may have gone back
done
