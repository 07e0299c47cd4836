"""`edge-inspector-cloud local …` and `… workflows …`: the engine of this machine, and executions on either engine."""

from cloud_side.local.cli.arguments import Commands, add_command
from cloud_side.local.cli.families import add_device_commands, add_engine_commands, add_execution_commands

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add both families to the parser of `edge-inspector-cloud`; each command sets its function as `command`."""
    local = add_command(
        commands,
        "local",
        "run the cloud side on this machine, with no account",
        "edge-inspector-cloud local up\n  edge-inspector-cloud local status",
    )
    within = local.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_engine_commands(within)
    add_device_commands(within)
    add_execution_commands(within, "local")
    workflows = add_command(
        commands,
        "workflows",
        "look at executions, start, stop and redrive them, in AWS or as EDGE_INSPECTOR_ENGINE says",
        "edge-inspector-cloud workflows executions\n"
        "  EDGE_INSPECTOR_ENGINE=local:/srv/engine edge-inspector-cloud workflows show nightly-2026-03-02",
    )
    add_execution_commands(workflows.add_subparsers(title="commands", required=True, metavar="COMMAND"), "workflows")
