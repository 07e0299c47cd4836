"""Executions on an engine that runs, as a person handles them."""

import io
import json
from pathlib import Path

import pytest

from cloud_side.engines import ENGINE_VARIABLE, local_engine
from tests.cloud.local.cli.program import Program

GOOD, BAD, LONG = '{"parts": [1, 2]}', '{"parts": [1, -2]}', '{"parts": [], "pause": true}'


def start(program: Program, name: str, given: str = GOOD, machine: str = "parts") -> str:
    """Start an execution and follow it to its end."""
    ended = program.local("start", machine, "--input", given, "--name", name)
    assert ended.code == 0, ended.err
    arn = ended.out.split()[1]
    if given is not LONG:
        program.local("show", arn, "--follow")
    return arn


def test_a_started_execution_is_followed_to_its_end(program: Program) -> None:
    program.local("start", "parts", "--input", GOOD, "--name", "followed")
    ended = program.local("show", "followed", "--follow")

    assert ended.code == 0
    told = [line.split(maxsplit=1)[1] for line in ended.lines]
    assert "✓ Good [0] succeeded after" in "\n".join(told)
    assert told[-1].startswith("✓ Pause succeeded after")


def test_an_execution_is_shown_as_a_table_in_order_of_entry(program: Program) -> None:
    arn = start(program, "table")
    ended = program.local("show", "table")

    assert ended.code == 0
    assert ended.lines[0] == "table: succeeded"
    assert ended.lines[2] == arn
    heads, *rows = ended.lines[4:]
    assert heads.split() == ["STATE", "OUTCOME", "AFTER", "TOOK", "ATTEMPTS", "INPUT", "OUTPUT"]
    assert sorted(row.split("  ")[0] for row in rows) == sorted(
        ["✓ Each", "✓ · IsGood [0]", "✓ · IsGood [1]", "✓ · Good [0]", "✓ · Good [1]", "✓ Pause"]
    )
    assert rows[0].startswith("✓ Each")
    assert rows[-1].endswith('[{"part":1},{"part":2}]')
    assert all(len(row) <= 120 for row in rows)
    assert "\033" not in ended.out


def test_the_error_stands_at_the_end(program: Program) -> None:
    start(program, "bad", BAD)
    ended = program.local("show", "bad")

    assert ended.code == 0
    assert ended.lines[0] == "bad: failed"
    assert ended.lines[-2:] == ["failed in Bad [1]: BadPart", "  part -2"]
    assert program.local("show", "bad", "--follow").code == 1


def test_an_execution_is_shown_as_json(program: Program) -> None:
    start(program, "as-json", BAD)
    shown = json.loads(program.local("show", "as-json", "--json").out)

    assert (shown["status"], shown["error"], shown["cause"]) == ("FAILED", "BadPart", "part -2")
    assert shown["input"] == {"parts": [1, -2]}
    bad = next(visit for visit in shown["visits"] if visit["state"] == "Bad")
    assert (bad["items"], bad["input"], bad["outcome"], bad["type"]) == ([1], -2, "failed", "Fail")


def test_an_execution_is_drawn(program: Program, tmp_path: Path) -> None:
    start(program, "drawn", BAD)
    ended = program.local("show", "drawn", "--html", tmp_path / "drawn.html")

    assert ended.lines[-1] == f"written: {tmp_path / 'drawn.html'}"
    page = (tmp_path / "drawn.html").read_text()
    assert 'aria-label="Bad: Fail · {% &#x27;part' not in page
    assert 'aria-label="Bad: Fail · BadPart, failed' in page
    assert 'aria-label="Each: Map, failed' in page

    refused = program.local("show", "drawn", "--html", tmp_path / "none" / "drawn.html")
    assert refused.code == 65
    assert "cannot be written" in refused.err


def test_an_execution_is_meant_by_its_arn_its_name_or_how_its_name_begins(program: Program) -> None:
    arn = start(program, "meant-by-prefix-1")
    for said in (arn, "meant-by-prefix-1", "meant-by"):
        assert program.local("show", said).lines[2] == arn

    start(program, "meant-by-prefix-10")
    assert program.local("show", "meant-by-prefix-1").lines[2] == arn  # its whole name comes first
    ambiguous = program.local("show", "meant-by")
    assert ambiguous.code == 65
    assert "meant-by: 2 executions are meant: arn:" in ambiguous.err
    assert ambiguous.err.count("\n") == 1


def test_what_is_not_there_is_one_line(program: Program) -> None:
    for arguments, told in (
        (("show", "nowhere"), "nowhere: no execution has this name"),
        (("start", "nothing"), "nothing: no machine has this name, found edge-inspector-labeling, edge-inspector-ret"),
        (("executions", "part"), "part: 2 machines are meant: parts, parts-again; expected one"),
        (("show", "arn:aws:states:eu-central-1:000000000000:execution:parts:none"), "ExecutionDoesNotExist: "),
        (("redrive", start(program, "was-good")), "ExecutionNotRedrivable: "),
        (("start", "parts", "--input", "{x"), "--input: expected JSON, found something else: "),
        (("start", "parts", "--input", "@/none.json"), "/none.json: the input cannot be read: "),
    ):
        ended = program.local(*arguments)
        assert ended.code == 65
        assert ended.err.startswith(f"edge-inspector-cloud: error: {told}")
        assert ended.err.count("\n") == 1


def test_input_comes_from_a_file_or_standard_input(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "input.json").write_text(GOOD)
    start(program, "of-a-file", f"@{tmp_path / 'input.json'}")
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD))
    start(program, "of-stdin", "-")

    for name in ("of-a-file", "of-stdin"):
        assert json.loads(program.local("show", name, "--json").out)["input"] == {"parts": [1, 2]}


def test_executions_are_listed_the_latest_first(program: Program) -> None:
    for name in ("one", "two"):
        start(program, f"listed-{name}", machine="parts-again")
    start(program, "listed-bad", BAD, machine="parts-again")

    lines = program.local("executions", "parts-again").lines
    assert [line.split()[0] for line in lines] == ["EXECUTION", "listed-bad", "listed-two", "listed-one"]
    assert lines[1].split()[1] == "failed"
    assert len(program.local("executions", "--limit", "2").lines) == 3
    failed = json.loads(program.local("executions", "parts-again", "--status", "FAILED", "--json").out)
    assert [each["name"] for each in failed] == ["listed-bad"]
    assert program.local("executions", "parts", "--status", "TIMED_OUT").out == "no executions\n"


def test_machines_are_listed_with_their_latest_execution(program: Program) -> None:
    start(program, "latest", BAD)

    heads, *_, parts, _ = program.local("machines").lines  # after the product's own
    assert heads.split("  ")[0] == "MACHINE"
    assert parts.split()[:2] == ["parts", "failed"]
    assert parts.split()[-1] == "latest"


def test_an_execution_is_stopped_and_goes_on_again(program: Program) -> None:
    start(program, "long", LONG)
    ended = program.local("stop", "long", "--cause", "not today")
    assert ended.out.startswith("stopped: arn:")
    shown = program.local("show", "long")
    assert shown.lines[0] == "long: aborted"
    assert shown.lines[-2:] == ["aborted", "  not today"]

    assert program.local("redrive", "long").out.startswith("goes on: arn:")
    assert program.local("show", "long").lines[0] == "long: running"
    program.local("stop", "long")


def test_the_other_family_asks_the_engine_that_the_environment_names(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = start(program, "either")
    monkeypatch.setenv(ENGINE_VARIABLE, local_engine(program.home))
    assert program.run("workflows", "show", "either").lines[2] == arn

    monkeypatch.setenv(ENGINE_VARIABLE, "mars")
    refused = program.run("workflows", "machines")
    assert refused.code == 78
    assert "found 'mars', expected `aws` or `local:FOLDER`" in refused.err


def test_without_credentials_aws_is_an_error_of_one_line(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    refused = program.run("workflows", "machines")
    assert refused.code == 65
    assert refused.err == (
        "edge-inspector-cloud: error: AWS cannot be asked: You must specify a region; for an engine of this machine"
        " name its folder, or set EDGE_INSPECTOR_ENGINE=local:FOLDER\n"
    )
