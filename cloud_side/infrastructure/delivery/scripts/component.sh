# The inspector's component for all platforms, as `gdk component build` leaves it.
set -euo pipefail
make component
