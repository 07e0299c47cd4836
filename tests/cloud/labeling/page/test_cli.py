"""The commands `labeling …`, as a person types them."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from cloud_side.cli import main
from cloud_side.commands import BUCKET_VARIABLE
from cloud_side.engines import ENGINE_VARIABLE
from cloud_side.labeling.items import Item
from cloud_side.labeling.telling import lines_of
from cloud_side.labeling.work.desk import Desk
from cloud_side.objects import Bucket
from tests.cloud.labeling.orders import BUCKET, PATIENCE_S, put_order, s3_of, sparing
from tests.forked import Forked

ROLE = "arn:aws:iam::000000000000:role/machine"
WAIT = {
    "QueryLanguage": "JSONata",
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}},
}


@pytest.fixture
def command(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return what runs a command on the cloud of these tests, and returns its exit code and all that it says."""
    monkeypatch.setattr("cloud_side.session.session", lambda: sparing(session))
    monkeypatch.setenv(ENGINE_VARIABLE, "aws")
    monkeypatch.setenv(BUCKET_VARIABLE, BUCKET)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["labeling", *arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def make_workflow(session: boto3.Session) -> None:
    sparing(session).client("stepfunctions").create_state_machine(
        name="edge-inspector-labeling", definition=json.dumps(WAIT), roleArn=ROLE
    )


@pytest.mark.usefixtures("session")
def test_the_page_tells_a_link_a_person_and_ends_when_it_is_told_to(folder: Path) -> None:
    arguments = ["labeling", "page", "--people", "ana,ben", "--home", str(folder), "--port", "0"]
    page = Forked(arguments, module="cloud_side.cli")
    try:
        told = [page.stdout.readline() for _ in range(3)]
        assert [line.split()[0] for line in told[1:]] == ["ana", "ben"]
        assert all("http://127.0.0.1:" in line and "/?key=" in line for line in told[1:])
        page.send_signal(signal.SIGTERM)
        assert page.wait(PATIENCE_S) == 0
    finally:
        page.kill()
        page.stdout.close()
        page.stderr.close()
    assert (folder / "labeling-people.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--people", "ana,,ben"], "--people: expected names"),
        (["--people", "ana", "--bucket", "nowhere"], "nowhere: there is no such bucket"),
        (["--people", "ana", "--host", "0.0.0.0"], "--hosts: expected the names under which browsers reach"),
        (["--people", "ana", "--host", "192.0.2.1"], "192.0.2.1:0: expected an address of this machine"),
        (["--people", "ana", "--host", f"{'x' * 64}.local"], "expected an address of this machine"),
        (["--people", "ana", "--port", "70000"], "127.0.0.1:70000: expected a port from 0 to 65535"),
        (["--alb-arn", "labeling"], "--alb-arn: expected arn:aws:elasticloadbalancing"),
    ],
)
def test_a_page_that_cannot_be_served_says_why(
    command: Callable[..., tuple[int, str]], tmp_path: Path, arguments: list[str], words: str
) -> None:
    code, told = command("page", "--port", "0", "--keys", str(tmp_path / "people.json"), *arguments)
    assert code == 78
    assert words in told
    assert "Traceback" not in told


def test_what_the_login_needs_is_named_where_it_is_not_installed(
    command: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/labeling/50dc6c495c0c9188"
    code, told = command("page", "--port", "0", "--alb-arn", arn)
    assert (code, "pip install 'edge-inspector-cloud[page]'" in told) == (78, True)


def test_a_batch_is_started_and_shown(
    command: Callable[..., tuple[int, str]], session: boto3.Session, items: list[Item], batch: str
) -> None:
    code, told = command("start")
    assert (code, "no such state machine is here" in told) == (78, True)
    assert command("status", batch) == (0, "nothing is to be labeled or verified now\n")
    make_workflow(session)
    assert command("start", "--name", batch, "--budget", "20", "--input", '{"site": "plant-1"}') == (0, f"{batch}\n")
    assert command("start")[1].startswith("labeling-20")
    code, told = command("start", "--name", batch)
    assert (code, "ExecutionAlreadyExists" in told) == (65, True)

    order, bucket = put_order(session, items[:2], batch=batch, workers=2), Bucket(s3_of(session), BUCKET)
    for person in ("ana", "ben"):
        Desk(bucket).put(order, items[0], person, {"no_defect": True})
    report = {"taken": 2, "labeled": 1, "rejected": 0, "unusable": 1, "failure": None}
    bucket.write(f"labeling/batches/{batch}/report.json", json.dumps(report).encode())
    code, told = command("status")
    assert code == 0
    assert f"{batch}, round 1: label  1 of 2 images; until" in told
    assert "people    ana and ben: 0 boxes in common of 0 and 0 on 1 images" in told
    assert "taken 2, labeled 1, unusable 1" in told
    assert command("status", "nowhere")[1] == "nothing is to be labeled or verified now\n"
    found: Any = json.loads(command("status", batch, "--json")[1])
    assert [each["batch"] for each in found["batches"]] == [batch]
    assert found["agreement"][0]["models"][0]["person"] == "ana"
    bucket.remove(order.key)


def test_what_is_in_the_bucket_is_told_though_nothing_is_known_of_an_execution(
    command: Callable[..., tuple[int, str]], session: boto3.Session, batch: str
) -> None:
    report = {"taken": 3, "labeled": 3, "opened_at": "2026-03-02T10:00:00+00:00"}
    Bucket(s3_of(session), BUCKET).write(f"labeling/batches/{batch}/report.json", json.dumps(report).encode())
    about = {"batch": batch, "status": None, "started": None}
    told = f"  {batch}  ended, started 2026-03-02T10:00:00+00:00, taken 3, labeled 3\n"
    assert command("status", batch)[1].endswith(told)
    cause = json.dumps({"errorMessage": "class_names: expected\nsome", "errorType": "ConfigError"})
    for said, words in ((cause, "class_names: expected some"), ("no JSON", "no JSON"), ("[]", "[]")):
        failed = report | {"failure": {"error": "ConfigError", "cause": said}}
        assert "".join(lines_of({"orders": [], "agreement": [], "batches": [about | {"report": failed}]})).endswith(
            f"; failed: ConfigError: {words}"
        )
    code, told = command("status", "../nowhere")
    assert (code, "BATCH: expected the name of a batch" in told) == (78, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--input", "{"], 65, "--input: expected JSON"),
        (["--input", "[]"], 65, "--input: expected a JSON object"),
        (["--budget", "0"], 78, "budget: expected"),
        (["--input", '{"buget": 1}'], 78, "buget: expected"),
    ],
)
def test_a_batch_that_cannot_be_is_not_started(
    command: Callable[..., tuple[int, str]], arguments: list[str], code: int, words: str
) -> None:
    found, told = command("start", *arguments)
    assert (found, words in told) == (code, True), told


def test_help_tells_of_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("page", "start", "status", "store"):
        with pytest.raises(SystemExit):
            main(["labeling", name, "--help"])
        assert "examples:" in capsys.readouterr().out


def test_the_page_needs_nothing_that_its_container_lacks() -> None:
    program = (
        "import sys\n"
        "for name in ('numpy', 'cv2', 'onnxruntime', 'PIL', 'jsonata', 'regex', 'statelint', 'paho', 'torch'):\n"
        "    sys.modules[name] = None\n"
        "import cloud_side.cli, cloud_side.labeling.page.running, cloud_side.session\n"
        "sys.exit('cloud_side.local.opening' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_container_installs_what_the_page_needs_as_it_is_tested() -> None:
    locked, tested = (_pinned(name) for name in ("page.txt", "dev.txt"))
    wanted = [line for line in Path("requirements/page.in").read_text().splitlines() if not line.startswith("#")]
    assert locked.keys() >= set(wanted)
    assert locked.items() <= tested.items()
    assert "requirements/page.txt" in Path("cloud_side/labeling/page/Dockerfile").read_text()


def _pinned(name: str) -> dict[str, str]:
    lines = Path("requirements", name).read_text().splitlines()
    return dict(line.split(" ")[0].split("==") for line in lines if "==" in line)
