"""`edge-inspector-cloud local …` and `… workflows …`: the engine of this machine, and executions on either engine."""

from cloud_side.commands import Commands, add_command
from cloud_side.local.cli.families import add_device_commands, add_engine_commands, add_execution_commands

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add both families to the parser of `edge-inspector-cloud`; each command sets its function as `command`."""
    local = add_command(
        commands,
        "local",
        "run the cloud side on this machine, with no account",
        "up",
        "status",
    )
    within = local.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_engine_commands(within)
    add_device_commands(within)
    add_execution_commands(within, "local")
    workflows = add_command(
        commands,
        "workflows",
        "look at executions, start, stop and redrive them, in AWS or as EDGE_INSPECTOR_ENGINE says",
        "executions",
        "show nightly-2026-03-02",
    )
    add_execution_commands(workflows.add_subparsers(title="commands", required=True, metavar="COMMAND"), "workflows")
