"""The arguments of each command."""

import argparse
from importlib import import_module
from pathlib import Path

from cloud_side.commands import Command, Commands, add_command
from cloud_side.local.cli.arguments import add_home, address, engine_meant, whole

_STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE")
_EXECUTION = "its ARN, its name, or how its name begins"


def add_engine_commands(commands: Commands) -> None:
    """Add what is about the engine of this machine alone."""
    up = add_command(
        commands,
        "up",
        "start the engine, and return when it serves",
        "",
        "--broker 127.0.0.1:1883",
        "--foreground",
        more="It moves executions, runs jobs and delivers events until `down`; what was under way goes on.",
    )
    add_home(up)
    up.add_argument("--foreground", action="store_true", help="run in this terminal, until Ctrl-C")
    up.add_argument("--workers", type=whole(1, 64), metavar="N", help="steps that are taken at once (default: 8)")
    up.add_argument("--broker", type=address, metavar="HOST:PORT", help="MQTT broker for notifications (default: none)")
    up.set_defaults(command=_later("lifecycle", "up"))

    down = add_command(
        commands,
        "down",
        "end the engine; executions and jobs go on with the next `up`",
        "",
    )
    add_home(down)
    down.add_argument(
        "--patience", type=whole(1, 3600), default=60, metavar="S", help="seconds to wait (default: %(default)s)"
    )
    down.set_defaults(command=_later("lifecycle", "down"))

    state = add_command(
        commands,
        "status",
        "tell whether the engine runs, what waits for what, and how much room it takes",
        "",
        "--json",
    )
    add_home(state)
    state.add_argument("--json", action="store_true", help="for programs")
    state.set_defaults(command=_later("status", "status"))

    log = add_command(
        commands,
        "logs",
        "print the log of the engine, of a function or of a job",
        "",
        "find-samples --follow",
        "--list",
    )
    add_home(log)
    log.add_argument("name", nargs="?", default="engine", metavar="NAME", help="or a part of it (default: %(default)s)")
    log.add_argument("--list", action="store_true", help="print which logs there are")
    log.add_argument("--follow", action="store_true", help="go on as it grows, until Ctrl-C")
    log.add_argument("--lines", type=whole(0, 1_000_000), default=50, metavar="N", help="default: %(default)s")
    log.set_defaults(command=_later("logs", "logs"))


def add_device_commands(commands: Commands) -> None:
    """Add what is about the core devices of this machine: daemons to which the engine deploys."""
    family = add_command(
        commands,
        "device",
        "tell the engine which daemons of this machine it deploys models to",
        "add press-7 --models ~/press-7/updates --group canary",
        "list",
    )
    within = family.add_subparsers(title="commands", required=True, metavar="COMMAND")

    add = add_command(
        within,
        "add",
        "make a daemon a core device, in groups; one that is there is changed",
        "press-7 --models ~/press-7/updates --group canary",
        "press-8 --models ~/press-8/updates --configuration ~/press-8/station.json",
        more="Deployments to the device or its groups come to it from then on. The daemon itself is started by hand.",
    )
    add.add_argument("thing", metavar="THING", help="name of the device")
    add.add_argument(
        "--models", type=Path, required=True, metavar="DIR", help="where its daemon looks: model.updates.folder"
    )
    add.add_argument(
        "--configuration", type=Path, metavar="FILE", help="JSON that deployments write for it (default: none do)"
    )
    add.add_argument("--group", action="append", default=[], metavar="GROUP", help="can be given again")
    _for_device(add, "add")

    listed = add_command(within, "list", "list the devices and what came of their latest deployments", "")
    listed.add_argument("--json", action="store_true", help="for programs; with reasons")
    _for_device(listed, "list_")

    for name, summary in (
        ("remove", "let a daemon be no core device any more, and in no group; its models and its file stay"),
        ("offline", "let a device be out of reach: what is deployed waits for it"),
        ("online", "let a device be reached again"),
    ):
        one = add_command(within, name, summary, "press-7")
        one.add_argument("thing", metavar="THING", help="name of the device")
        _for_device(one, name)


def _for_device(parser: argparse.ArgumentParser, name: str) -> None:
    add_home(parser)
    parser.set_defaults(command=_later("devices", name))


def add_execution_commands(commands: Commands, family: str) -> None:
    """Add what is about machines and executions: for the engine of this machine (`local`), or for either."""
    machines = add_command(commands, "machines", "list the state machines", "")
    _for_family(machines, family, _later("executions", "list_machines"))

    listed = add_command(
        commands,
        "executions",
        "list the latest executions",
        "",
        "labeling --status FAILED --limit 5",
    )
    listed.add_argument("machine", nargs="?", metavar="MACHINE", help="of one machine (default: of all)")
    listed.add_argument("--status", choices=_STATUSES, metavar="S", help=f"only those: {', '.join(_STATUSES)}")
    listed.add_argument("--limit", type=whole(1, 1000), default=20, metavar="N", help="default: %(default)s")
    listed.add_argument("--json", action="store_true", help="for programs")
    _for_family(listed, family, _later("executions", "list_executions"))

    start = add_command(
        commands,
        "start",
        "start an execution",
        "labeling",
        """training --input '{"dataset": "2026-03-02.1"}'""",
        "training --input @input.json --name by-hand-1",
    )
    start.add_argument("machine", metavar="MACHINE", help="its name, how it begins, or its ARN")
    start.add_argument("--input", metavar="JSON|@FILE|-", help="what it is given (default: {})")
    start.add_argument("--name", metavar="N", help="of the execution (default: one is drawn)")
    _for_family(start, family, _later("executions", "start"))

    stop = add_command(commands, "stop", "abort an execution", "nightly-2026-03-02 --cause 'wrong input'")
    stop.add_argument("execution", metavar="ID", help=_EXECUTION)
    stop.add_argument("--cause", default="stopped by hand", metavar="TEXT", help="why (default: %(default)s)")
    _for_family(stop, family, _later("executions", "stop"))

    show = add_command(
        commands,
        "show",
        "show what an execution has done: a table, JSON, or a page with its graph",
        "nightly-2026-03-02",
        "nightly --html nightly.html",
        "nightly --follow",
    )
    show.add_argument("execution", metavar="ID", help=_EXECUTION)
    show.add_argument("--html", type=Path, metavar="FILE", help="also write a page that needs no network")
    show.add_argument("--json", action="store_true", help="for programs")
    show.add_argument(
        "--follow", action="store_true", help="print what happens until its end; exit code 1 if it does not succeed"
    )
    _for_family(show, family, _later("showing", "show"))

    redrive = add_command(
        commands,
        "redrive",
        "let an execution that did not succeed go on from where it failed",
        "nightly-2026-03-02",
    )
    redrive.add_argument("execution", metavar="ID", help=_EXECUTION)
    _for_family(redrive, family, _later("executions", "redrive"))


def _for_family(parser: argparse.ArgumentParser, family: str, command: Command) -> None:
    if family == "local":
        add_home(parser)
    parser.set_defaults(command=command, family=family)


def _later(module: str, name: str) -> Command:
    """Return a command that is imported when it is run: --help must not load boto3."""

    def run(options: argparse.Namespace) -> int:
        from cloud_side.local.cli.errors import one_line_errors

        with one_line_errors(engine_meant(options)):
            command: Command = getattr(import_module(f"cloud_side.local.cli.{module}"), name)
            return command(options)

    return run
