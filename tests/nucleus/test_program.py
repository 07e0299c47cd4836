"""The fake nucleus as a program of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.nucleus.loop import PATIENCE_S

ROOT = Path(__file__).parents[2]
TALK = """
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2 as Client
client = Client()
client.publish_to_iot_core(topic_name="edge-inspector/a/b/station-9/c", qos="1", payload=b"hi")
client.update_state(state="RUNNING")
client.close().result(9)
"""


def test_the_program_serves_another_process_and_writes_down_what_it_hears(tmp_path: Path) -> None:
    socket, log, configuration = tmp_path / "s", tmp_path / "log", tmp_path / "configuration.json"
    configuration.write_text(json.dumps({"limits": {"low": 0.5}}))
    command = [sys.executable, "-m", "tests.nucleus", "--socket", socket, "--log", log, "--mode", "666"]
    command += ["--flavor", "lite", "--thing-name", "station-9", "--configuration", configuration]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        exports = dict(program.stdout.readline().removeprefix("export ").strip().split("=") for _ in range(8))
        assert exports["AWS_IOT_THING_NAME"] == "station-9"
        assert socket.stat().st_mode & 0o777 == 0o666
        subprocess.run([sys.executable, "-c", TALK], env={**os.environ, **exports}, check=True)
        program.send_signal(signal.SIGTERM)
        assert program.wait(PATIENCE_S) == 0
    sent = {"to": "iot_core", "topic": "edge-inspector/a/b/station-9/c", "qos": 1, "retain": False, "payload": "hi"}
    assert [json.loads(line) for line in log.read_text().splitlines()] == [sent, {"state": "RUNNING"}]
