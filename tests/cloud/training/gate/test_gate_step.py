"""The gate reads what the other steps write, and says in JSON and on a page what follows from it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_side.training.gate.limits import Limits
from cloud_side.training.gate.reading import Folders
from cloud_side.training.places import ROOT_VARIABLE
from cloud_side.training.steps import gate
from cloud_side.training.steps.entry import told
from edge_inspector.errors import ConfigError
from tests.cloud.training.gate.run_files import folders_of

RunOf = Callable[[str], Folders]


@pytest.fixture(scope="module")
def passed(kept: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have what the gate wrote of a model that is better than the approved one."""
    out = tmp_path_factory.mktemp("out")
    assert gate.run(folders_of(kept("better")), out, Limits()).passed
    return out


def page_of(out: Path) -> str:
    return (out / "gate.html").read_text(encoding="utf-8")


def document(out: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((out / "gate.json").read_text(encoding="utf-8"))
    return said


def failed(out: Path) -> list[str]:
    return [check["name"] for check in document(out)["checks"] if not check["passed"]]


def test_a_better_model_passes_and_its_page_says_what_comes_next(passed: Path) -> None:
    said = document(passed)
    assert (said["schema"], said["passed"], said["model"]) == ("edge-inspector/gate/1", True, "tags 1.2.0")
    assert said["limits"]["margin"] == 0.02
    page = page_of(passed)
    assert "tags 1.2.0 may go to the line, once a person approves it" in page
    assert "model approve VERSION --why TEXT" in page
    assert "tags 1.1.0" in page
    assert "FAILED" not in page


def test_the_page_needs_nothing_from_elsewhere(passed: Path) -> None:
    page = page_of(passed)
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_the_same_files_give_the_same_bytes(kept: Callable[[str], Path], passed: Path, tmp_path: Path) -> None:
    gate.run(folders_of(kept("better")), tmp_path, Limits())
    for file in ("gate.json", "gate.html"):
        assert (tmp_path / file).read_bytes() == (passed / file).read_bytes()


def test_a_worse_model_is_refused_and_its_page_says_why(kept: Callable[[str], Path], tmp_path: Path) -> None:
    assert not gate.run(folders_of(kept("worse")), tmp_path, Limits(most_escapes=1)).passed
    assert failed(tmp_path) == [
        "not_worse",
        "difference",
        "more_escapes",
        "more_cost",
        "class_ap50:scratch",
        "class_recall:scratch",
    ]
    page = page_of(tmp_path)
    assert "tags 1.2.0 does not go to the line" in page
    assert "6 of" in page
    assert "surely worse" in page
    for check in document(tmp_path)["checks"]:
        assert check["passed"] or check["text"] in page


def test_a_first_model_is_judged_without_another(kept: Callable[[str], Path], tmp_path: Path) -> None:
    assert gate.run(folders_of(kept("first")), tmp_path, Limits()).passed
    assert "none was approved yet" in page_of(tmp_path)
    assert document(tmp_path)["model"] == "tags 1.0.0"


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("evaluation/evaluation.json", None, r"evaluation\.json: expected a file of an earlier step"),
        ("evaluation/evaluation.json", b"{}", r"evaluation\.json: schema: Field required"),
        ("packages/parity.json", b"[", r"parity\.json: .*Invalid JSON"),
        ("packages/training.json", None, r"training\.json: expected a file of an earlier step"),
        ("optimization/optimization.json", b'{"schema": "other/1"}', r"optimization\.json: schema: .*other/1"),
        ("champion/champion.json", None, r"champion\.json: expected a file"),
        ("data/dataset.json", b"{}", r"dataset\.json"),
    ],
)
def test_a_file_that_is_missing_or_another_one_is_named_and_no_older_judgement_stays(
    run_of: RunOf, tmp_path: Path, file: str, content: bytes | None, expected: str
) -> None:
    folders, out = run_of("first"), tmp_path / "out"
    out.mkdir()
    (out / "gate.json").write_text('{"passed": true}', encoding="utf-8")
    path = folders.data.parent / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=expected):
        gate.run(folders, out, Limits())
    assert list(out.iterdir()) == []


@pytest.fixture
def job(tmp_path: Path, kept: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the files of a first model where a job finds them."""
    (tmp_path / "processing").mkdir()
    (tmp_path / "processing/input").symlink_to(kept("first"))
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    return tmp_path


def test_a_job_whose_model_is_refused_has_done_its_work(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["--least-map50", "1.0", "--most-latency-ms", "5"]) == 0
    assert failed(job / "processing/output/gate") == ["latency"]
    assert re.search(r"^FAILED  latency: .* at most 5 ms is asked\.$", capsys.readouterr().out, re.MULTILINE)


def test_limits_that_cannot_be_are_named_where_the_job_fails(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["--least-map50", "2", "--must-improve", "perhaps", "--margin", "nan"]) == 1
    message = (job / "output/message").read_text(encoding="utf-8")
    assert re.match(r"--least-map50: .*'2'\n--margin: .*'nan'\n--must-improve: .*'perhaps'", message)
    assert message.strip() == capsys.readouterr().err.strip()


def test_a_reason_with_a_name_that_is_no_text_is_told_all_the_same(job: Path) -> None:
    def step() -> None:
        msg = "pictures/\udcff.png: expected an image"
        raise ConfigError(msg)

    assert told(step) == 1
    assert (job / "output/message").read_text(encoding="utf-8") == "pictures/\\udcff.png: expected an image"
