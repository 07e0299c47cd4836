# What must hold before anything is built: CHECK is the command.
set -euo pipefail
export CI=true
bash -c "$CHECK"
