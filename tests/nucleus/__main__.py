"""A fake nucleus as a program: `python -m tests.nucleus --socket PATH --log FILE`.

Prints the environment of its component as shell exports, writes what it receives as JSON lines, ends on SIGTERM.
"""

import argparse
import base64
import json
import shlex
import signal
import sys
from pathlib import Path
from typing import TextIO

from tests.nucleus.fake import FakeNucleus
from tests.nucleus.messages import Published


class Recording(FakeNucleus):
    """Writes what it hears instead of keeping it."""

    log: TextIO

    def hear(self, where: str, what: Published | str) -> None:
        if isinstance(what, str):
            line: dict[str, object] = {where: what}
        else:
            line = {"to": where, "topic": what.topic, "qos": what.qos, "retain": what.retain}
            try:
                line["payload"] = what.payload.decode()
            except UnicodeDecodeError:
                line["payload_base64"] = base64.b64encode(what.payload).decode()
        print(json.dumps(line), file=self.log, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.nucleus", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--flavor", choices=("java", "lite"), default="java")
    parser.add_argument("--thing-name", default="station-2")
    parser.add_argument("--configuration", type=Path, help="a JSON file with the component's configuration")
    parser.add_argument("--mode", type=lambda text: int(text, 8), default=0o600, help="of the socket, in octal")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    configuration = json.loads(options.configuration.read_text()) if options.configuration else {}
    nucleus = Recording(
        options.socket.parent, options.flavor, thing_name=options.thing_name, configuration=configuration
    )
    nucleus.socket_path = options.socket
    with options.log.open("a") as nucleus.log, nucleus:
        options.socket.chmod(options.mode)
        exports = [f"export {name}={shlex.quote(value)}\n" for name, value in nucleus.environment.items()]
        sys.stdout.writelines(exports)
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
