"""The function that watches stations, and how it is called: no workflow, as nothing has a beginning and an end."""

from typing import Final

from cloud_side.workflows import Function

TABLE_VARIABLE: Final = "STATIONS_TABLE"
TOPIC_VARIABLE: Final = "TOPIC_ARN"
SILENT_AFTER_VARIABLE: Final = "SILENT_AFTER_MINUTES"

EVERY: Final = "rate(1 minute)"
# It ends before it is called again: two at once would tell everything twice.
WATCH: Final = Function("edge-inspector-watch", "cloud_side.monitoring.runtime.watching.watch", 50, 512)
