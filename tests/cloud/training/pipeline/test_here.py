"""All of training on this machine in one command, from a folder of images: the programs that a container would run."""

import argparse
import json
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra edge-inspector-cloud[train], which is not installed")

from cloud_side.commands import CommandError
from cloud_side.training.cli import add_commands
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.errors import ConfigError, InspectorError

Run = Callable[..., int]
SHIPPED = Path(str(files("edge_inspector") / "shipped_model"))
QUICK = ["iterations=2", "batch=2", "model_width=64", "model_height=64", "Int8=never", "least_map50=0"]


@pytest.fixture
def run() -> Run:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())

    def command(*words: str | Path) -> int:
        options = parser.parse_args([str(word) for word in words])
        return int(options.command(options))

    return command


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with photographs of parts, half of them with a bright square, as rows."""
    folder, rows = tmp_path_factory.mktemp("photographs"), []
    for number in range(12):
        random = np.random.default_rng(number)
        picture = random.integers(40, 90, (64, 64), dtype=np.uint8)
        boxes = []
        if number % 2:
            x, y = (int(value) for value in random.integers(4, 40, 2))
            picture[y : y + 16, x : x + 16] = 250
            boxes = [{"label": "scratch", "x": x, "y": y, "width": 16, "height": 16}]
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        known = {"image": f"{number}.png", "group": f"part-{number}", "width": 64, "height": 64}
        rows.append(json.dumps({**known, "labelled": True, "boxes": boxes}))
    (folder / "labels.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def settings(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("--set", pair)]


@pytest.mark.thorough
@pytest.mark.timeout(400)
def test_a_folder_of_images_becomes_a_package_with_its_proof(
    run: Run,
    photographs: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "out"
    asked = ["train", "--from", photographs, "--out", out, "--champion", SHIPPED, *settings(*QUICK, "Folds=2")]
    assert run(*asked, "--model", "spots") == 65  # the gate refuses it; it is left there all the same

    manifest, shipped = (ModelPackage.open(folder).manifest for folder in (out / "package", SHIPPED))
    assert (manifest.name, manifest.class_names) == ("spots", ("scratch",))
    major, minor, _ = map(int, shipped.version.split("."))
    assert manifest.version == f"{major}.{minor + 1}.0"
    gate, evaluation = (json.loads((out / f"{name}.json").read_text()) for name in ("gate", "evaluation"))
    told = capfd.readouterr().out
    assert not gate["passed"]
    assert gate["summary"] in told
    assert all(check["text"] in told for check in gate["checks"])
    assert (evaluation["tested"]["images"], evaluation["champion"]["version"]) == (12, shipped.version)
    for name in ("training.html", "evaluation.html", "gate.html"):
        assert (out / name).read_text().startswith("<!doctype html>"), name


@pytest.mark.thorough
def test_a_model_of_whatever_trainer_is_scored_on_every_image(
    run: Run, photographs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("evaluate", "--model", SHIPPED, "--from", photographs, "--out", tmp_path) == 0
    assert json.loads((tmp_path / "evaluation.json").read_text())["tested"]["images"] == 12
    assert (tmp_path / "evaluation.html").is_file()
    told = capfd.readouterr().out
    assert told.startswith("12 images (6 without a defect), 6 defects of scratch, 12 groups\n")
    assert not re.search("^(folds|split|input|leaks):", told, re.MULTILINE)  # nothing is trained


def test_a_model_that_is_not_there_is_told_before_anything_begins(run: Run, photographs: Path, tmp_path: Path) -> None:
    asked = ["evaluate", "--model", tmp_path / "none.onnx", "--from", photographs, "--out", tmp_path / "out"]
    with pytest.raises(CommandError, match="--model: expected a model package or an ONNX file, found nothing at"):
        run(*asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.thorough
def test_a_step_that_fails_is_named_with_its_reason(run: Run, photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(CommandError, match=r"evaluate: .*bad\.onnx"):
        run("evaluate", "--model", tmp_path / "bad.onnx", "--from", photographs, "--out", tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train"], "expected --dataset NAME, or --from DIR with --out DIR"),
        (["train", "--from", "."], "train --from: expected --out DIR"),
        (["train", "--from", ".", "--again"], "train --from: expected no --again"),
        (["train", "--dataset", "d", "--out", "o", "--form", "coco"], "expected no --out and no --form"),
    ],
)
def test_a_command_that_lacks_something_says_what(run: Run, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(*words)


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("batch=0", "parameter batch: .*found '0'"),
        ("bach=2", "parameter bach: expected one of"),
        ("least_map50=2", "parameter least_map50: .*found '2'"),
        ("ReviewCost=60", "costs: expected .*review=60"),
        ("ModelName=m", "parameter ModelName: expected one of"),  # it is said by --model
        ("start_from=champion", "start_from: expected scratch here"),
    ],
)
def test_a_value_that_cannot_be_is_refused_before_anything_begins(
    run: Run, photographs: Path, tmp_path: Path, pair: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        run("train", "--from", photographs, "--out", tmp_path / "out", *settings(pair))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"), [(["--model", "Two Words"], "parameter ModelName"), (["--champion", "none"], "none")]
)
def test_a_model_that_cannot_be_is_refused_before_anything_begins(
    run: Run, photographs: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    with pytest.raises(InspectorError, match=told):
        run("train", "--from", photographs, "--out", tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_the_engine_may_be_named_before_the_word_and_behind_it(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    home = ["--home", str(tmp_path), "--bucket", "b"]
    for words in (["train", *home, "status"], ["train", "status", *home]):
        options = parser.parse_args(words)
        assert (options.home, options.bucket, options.run) == (tmp_path, "b", None)
    assert parser.parse_args(["train", "status"]).home is None


def test_all_parameters_are_listed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--set", "list") == 0
    listed: Any = capsys.readouterr().out
    for name in ("iterations", "TrainingInstance", "least_map50", "EscapeCost"):
        assert f"\n{name} " in listed, name
