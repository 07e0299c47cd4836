"""The commands `labeling …`: the page for people, and batches on either engine."""

import argparse
import json
import os
from pathlib import Path

from cloud_side.catalog.tables import LABEL_STORE
from cloud_side.commands import CommandError, Commands, add_command, add_engine, bucket_of, engine_command
from cloud_side.engines import engine_folder
from cloud_side.installation import installed
from cloud_side.labeling.settings import Method

_PORT = 8620


def add_commands(commands: Commands) -> None:
    """Add the family to the parser of `edge-inspector-cloud`; each command sets its function as `command`."""
    family = add_command(
        commands,
        "labeling",
        "label samples: the page for people, and the batches that they work on",
        "start --budget 100",
        "page --people ana,ben",
        "status",
    )
    within = family.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_page(within)
    _add_start(within)
    _add_status(within)
    _add_store(within)


def _add_page(commands: Commands) -> None:
    page = add_command(
        commands,
        "page",
        "serve the labeling page, and print a secret link for each person",
        "--people ana,ben",
        "--people ana,ben --host 0.0.0.0 --hosts quality-pc.local",
        "--host 0.0.0.0 --alb-arn arn:aws:elasticloadbalancing:…:loadbalancer/app/…",
    )
    add_engine(page)
    who = page.add_mutually_exclusive_group(required=True)
    who.add_argument("--people", metavar="NAMES", help="who labels, with commas between the names")
    who.add_argument("--alb-arn", metavar="ARN", help="of the load balancer that signs people in, in AWS")
    page.add_argument(
        "--alb-keys", metavar="URL", help="where its public keys are (default: as AWS says, for the ARN's region)"
    )
    page.add_argument(
        "--alb-client", metavar="ID", help="of its login at the provider, where several applications are behind it"
    )
    page.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    page.add_argument("--port", type=int, default=_PORT, metavar="N", help="default: %(default)s; 0: any free one")
    page.add_argument("--hosts", default="", metavar="NAMES", help="more names of this machine, for browsers elsewhere")
    page.add_argument(
        "--keys", type=Path, metavar="FILE", help="where the secrets of the links are kept (default: in the home)"
    )
    page.set_defaults(command=engine_command(_page))


def _add_start(commands: Commands) -> None:
    start = add_command(
        commands,
        "start",
        "start a batch: an execution of edge-inspector-labeling; print its name",
        "",
        "--budget 200 --method page",
        """--input '{"site": "plant-1", "workers": 2}'""",
    )
    add_engine(start)
    start.add_argument("--budget", type=int, metavar="N", help="images at most")
    start.add_argument("--method", choices=[each.value for each in Method], help="who shows the images to people")
    start.add_argument("--input", metavar="JSON", help="more settings; docs/labeling.md lists them")
    start.add_argument("--name", metavar="N", help="of the batch (default: the time)")
    start.set_defaults(command=engine_command(_start))


def _add_status(commands: Commands) -> None:
    status = add_command(
        commands,
        "status",
        "tell what people work on, how far it is, how far they agree, and what the last batches came to",
        "",
        "labeling-20260302-101112",
    )
    add_engine(status)
    status.add_argument("batch", nargs="?", metavar="BATCH", help="only this one, with all that is known of it")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(command=engine_command(_status))


def _add_store(commands: Commands) -> None:
    store = add_command(
        commands,
        "store",
        "put accepted labels of a batch into the label store that could not come there, and close the batch again",
        "labeling-20260302-101112",
    )
    add_engine(store)
    store.add_argument("batch", metavar="BATCH", help="one that ended with LabelsNotStored")
    store.add_argument("--store", metavar="NAME", help="the label store (default: that of the installation)")
    store.set_defaults(command=engine_command(_store))


def _page(options: argparse.Namespace) -> int:
    import logging
    import signal
    import threading

    from cloud_side.labeling.page.links import people_of
    from cloud_side.labeling.page.running import PageOptions, serve
    from cloud_side.session import session

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("cloud_side").setLevel(logging.INFO)
    until = threading.Event()

    def end(number: int, _: object) -> None:
        until.set()
        signal.signal(number, signal.SIG_DFL)  # who asks twice does not want to wait for requests under way

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    asked = PageOptions(
        bucket=bucket_of(options),
        people=people_of(options.people) if options.people is not None else (),
        secrets=options.keys or _secrets_file(),
        alb_arn=options.alb_arn,
        alb_keys=options.alb_keys,
        alb_client=options.alb_client,
        host=options.host,
        port=options.port,
        hosts=[name.strip() for name in options.hosts.split(",") if name.strip()],
    )
    serve(session(), asked, lambda line: print(line, flush=True), until)
    return 0


def _start(options: argparse.Namespace) -> int:
    from cloud_side.labeling.batches import start
    from cloud_side.session import session

    try:
        given = json.loads(options.input or "{}")
    except ValueError as error:
        msg = f"--input: expected JSON, found something else: {error}"
        raise CommandError(msg) from error
    if not isinstance(given, dict):
        msg = f"--input: expected a JSON object of settings, found {options.input!r:.100}"
        raise CommandError(msg)
    said = {name: value for name in ("budget", "method") if (value := getattr(options, name)) is not None}
    print(start(session().client("stepfunctions"), given | said, options.name))
    return 0


def _status(options: argparse.Namespace) -> int:
    from cloud_side.labeling.batches import status
    from cloud_side.labeling.telling import lines_of
    from cloud_side.objects import Bucket
    from cloud_side.session import session

    here = session()
    found = status(Bucket(here.client("s3"), bucket_of(options)), here.client("stepfunctions"), options.batch)
    print(json.dumps(found, indent=2) if options.json else "\n".join(lines_of(found)))
    return 0


def _store(options: argparse.Namespace) -> int:
    from cloud_side.labeling.batches import check_name
    from cloud_side.labeling.runtime.closing import store_rest

    check_name(options.batch)
    ended = store_rest(bucket_of(options), options.batch, options.store or installed(LABEL_STORE))
    print(f"{options.batch}: {ended['labeled']} labels are in the store, {ended['not_stored']} are not")
    return 0 if ended["not_stored"] == 0 else 65


def _secrets_file() -> Path:
    """Return where the secrets of people's links are: with the engine of this machine, or where its home would be."""
    folder = engine_folder()
    if folder is None:
        state = os.environ.get("XDG_STATE_HOME")
        folder = (Path(state) if state else Path.home() / ".local" / "state") / "edge-inspector-cloud"
    return folder / "labeling-people.json"
