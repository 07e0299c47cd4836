import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_inspector import __version__
from edge_inspector.cli import main
from edge_inspector.simulation import plan_tag, render_tag
from tests.daemons import EDGE_INSPECTOR, PATIENCE_S, run_command, write_configuration
from tests.onnx_models import bright_spot_graph, bright_spot_model, write_package, yolov8_model

COMMANDS = (
    ("run",), ("demo",), ("inspect",), ("bench",), ("check-config",), ("topics",), ("replay",), ("support-bundle",),
    ("model",), ("model", "import"), ("model", "describe"), ("model", "verify"),
    ("camera",), ("camera", "list"), ("camera", "describe"), ("camera", "grab"),
)  # fmt: skip


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_spot_model(tmp_path_factory.mktemp("models") / "bright-spot")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, level in (("a.png", 0), ("b.png", 255), ("c.png", 128)):
        cv2.imwrite(str(folder / name), np.full((48, 64), level, np.uint8))
    return folder


def error_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_an_example_of_it(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    _, _, examples = capsys.readouterr().out.partition("examples:\n")
    assert examples.strip().startswith(f"edge-inspector {' '.join(command)}")


def test_the_help_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for word in ("run", "demo", "inspect", "check-config", "topics", "model", "65", "69", "70", "78"):
        assert word in text


def test_help_and_version_do_not_load_the_heavy_libraries() -> None:
    script = (
        "import sys\nfrom edge_inspector.cli import main\n"
        "try:\n    main(['demo', '--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('onnxruntime', 'cv2', 'numpy', 'pydantic', 'paho') if name in sys.modules])"
    )
    ended = subprocess.run([EDGE_INSPECTOR[0], "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_the_version_is_told() -> None:
    assert run_command("--version").stdout == f"edge-inspector {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["demo", "--rate", "0"], ["demo", "--rate", "nan"], ["demo", "--rate", "1e9"], ["demo", "--parts", "0"],
        ["demo", "--seed", "-1"], ["demo", "--port", "70000"], ["demo", "--port", "x"],
        ["inspect", "x.png", "--min-confidence", "2"], ["inspect"], ["run"], ["fly"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_arguments_are_refused_before_anything_starts(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error: " in error_lines(capsys)[-1]


def test_inspect_prints_one_json_line_an_image(model: Path, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(images), "--model", str(model)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(Path(line["image"]).name, line["outcome"]) for line in lines] == [
        ("a.png", "accept"), ("b.png", "reject"), ("c.png", "review"),
    ]  # fmt: skip
    assert lines[1]["reasons"][0] | {"confidence": 1.0} == {
        "label": "bright-spot", "confidence": 1.0, "verdict": "reject", "threshold": 0.7,
    }  # fmt: skip
    assert lines[1]["detections"][0]["confidence"] == 1.0


def test_inspect_goes_on_after_a_damaged_image_and_says_so_at_the_end(
    model: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "b.png").write_text("no image")
    assert main(["inspect", str(images), "--model", str(model)]) == 65
    captured = capsys.readouterr()
    assert [json.loads(line)["outcome"] for line in captured.out.splitlines()] == ["accept", "no_verdict", "review"]
    (error,) = captured.err.splitlines()
    assert error.startswith("edge-inspector: error: ")
    assert "b.png" in error


def test_inspect_takes_names_that_are_no_utf_8_and_gives_them_back(model: Path, images: Path) -> None:
    odd = images / os.fsdecode(b"tag-\xff.png")
    (images / "a.png").rename(odd)
    ended = run_command("inspect", images, "--model", model)
    assert ended.returncode == 0, ended.stderr
    names = [json.loads(line)["image"] for line in ended.stdout.splitlines()]
    assert os.fsencode(names[-1]) == os.fsencode(odd)


def test_inspect_takes_model_and_policy_from_a_configuration(
    model: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everywhere = [[0, 0], [1, 0], [1, 1], [0, 1]]
    path = write_configuration(tmp_path / "station.json", model, policy={"ignore": [everywhere]})
    assert main(["inspect", str(images), "-c", str(path)]) == 0
    assert {json.loads(line)["outcome"] for line in capsys.readouterr().out.splitlines()} == {"accept"}


def test_inspect_saves_marked_copies_and_leaves_the_images_alone(
    model: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in images.iterdir()}
    assert main(["inspect", str(images), "--model", str(model), "--save", str(tmp_path / "marked")]) == 0
    marked = cv2.imread(str(tmp_path / "marked" / "b.png"))
    assert marked is not None
    assert len(np.unique(marked.reshape(-1, 3), axis=0)) > 1
    assert main(["inspect", str(images), "--model", str(model), "--save", str(images)]) != 0
    assert {path.name: path.read_bytes() for path in images.iterdir()} == before
    assert "Traceback" not in capsys.readouterr().err


def test_inspect_saves_a_copy_of_an_image_whose_name_has_no_ending(model: Path, images: Path, tmp_path: Path) -> None:
    image = (images / "b.png").rename(images / "photo")
    assert main(["inspect", str(image), "--model", str(model), "--save", str(tmp_path / "marked")]) == 0
    assert len(list((tmp_path / "marked").iterdir())) == 1


@pytest.mark.parametrize("path", ["nowhere", "nowhere.png"])
def test_inspect_refuses_a_path_that_is_not_there_in_one_line(
    path: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(tmp_path / path), "--model", str(model)]) == 69
    (error,) = error_lines(capsys)
    assert path in error


def piped_into_nothing(*arguments: str | Path) -> tuple[int, str, str]:
    """Run a command, read the first line, and go away like `head -1`."""
    process = subprocess.Popen(
        [*EDGE_INSPECTOR, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        first = process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        return process.wait(PATIENCE_S), first, errors


def test_a_reader_that_goes_away_leaves_no_traceback(model: Path, images: Path) -> None:
    for number in range(300):
        (images / f"copy-{number}.png").symlink_to(images / "a.png")
    code, first, errors = piped_into_nothing("inspect", images, "--model", model, "--min-confidence", "0")
    assert json.loads(first)["outcome"] == "accept"
    assert (code, errors) == (0, "")


@pytest.mark.parametrize(
    "arguments", [["topics"], pytest.param(["model", "describe"], marks=pytest.mark.nightly)], ids=" ".join
)
def test_a_reader_that_was_never_there_leaves_no_traceback_either(arguments: list[str], model: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    folder = [str(model)] if arguments[0] == "model" else []
    ended = subprocess.run(
        [*EDGE_INSPECTOR, *arguments, *folder], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_check_config_says_what_a_person_should_know(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_configuration(
        tmp_path / "station.json",
        model,
        policy={
            "override": {"model_sha256": "0" * 64, "classes": {"bright-spot": {"review_at": 0.1, "reject_at": 0.2}}}
        },
        station={"topic_prefix": "factory"},
    )
    assert main(["check-config", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: model bright-spot 1.2.3, classes bright-spot"
    assert lines[-1] == f"{path}: usable"
    assert any("no [mqtt] section" in line for line in lines)
    assert any("thresholds in the configuration were made for model 000000000000" in line for line in lines)
    assert any("accessControl" in line for line in lines)


def test_check_config_reports_every_problem_with_its_path(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_configuration(tmp_path / "station.json", model, flow={"x": 1, "queue_size": 0}, mqtt={"port": 0})
    assert main(["check-config", str(path)]) == 78
    errors = error_lines(capsys)
    assert len(errors) == 3
    assert all(line.startswith(f"edge-inspector: error: {path}: ") for line in errors)


def test_topics_lists_the_topics_of_the_configured_station(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topics", "-c", str(write_configuration(tmp_path / "station.json", model))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TOPIC", "RETAIN", "QOS", "CONTENT"]
    assert lines[1].split()[:3] == ["edge-inspector/hall/line-1/station-2/status", "yes", "1"]
    assert any(line.startswith("edge-inspector/hall/line-1/station-2/top/result ") for line in lines)


def test_an_export_is_imported_described_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = yolov8_model(tmp_path / "best.onnx")
    folder = tmp_path / "package"
    assert main(["model", "import", str(export), "--out", str(folder), "--name", "spots", "--version", "2.0.0"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{folder}: spots 2.0.0, 3 classes"
    assert all(line.startswith("assumed: ") for line in out[1:])
    assert main(["model", "describe", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["class_names"] == ["red-spot", "green-spot", "blue-spot"]
    assert main(["model", "verify", str(folder)]) == 0
    assert "no golden images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "more"),
    [("best.onnx", ["--name", "Bad Name"]), ("best.onnx", ["--version", "one"])],
)
def test_an_import_with_a_bad_name_or_version_is_refused_in_one_line(
    name: str, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = yolov8_model(tmp_path / name)
    assert main(["model", "import", str(export), "--out", str(tmp_path / "package"), *more]) == 65
    (error,) = error_lines(capsys)
    assert error.startswith("edge-inspector: error: ")
    assert not (tmp_path / "package").exists()


def test_an_export_of_any_name_can_be_imported_under_a_good_one(tmp_path: Path) -> None:
    export = yolov8_model(tmp_path / "best (1).onnx")
    assert main(["model", "import", str(export), "--out", str(tmp_path / "package"), "--name", "best"]) == 0


def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "best.onnx").write_text("no model")
    assert main(["model", "import", str(tmp_path / "best.onnx"), "--out", str(tmp_path / "package")]) == 65
    (error,) = error_lines(capsys)
    assert "best.onnx" in error


def test_verify_fails_where_the_golden_image_shows_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "package"
    golden = [{"image": "golden.png", "detections": []}]
    write_package(folder, bright_spot_graph(), golden=golden)
    cv2.imwrite(str(folder / "golden.png"), np.zeros((48, 64), np.uint8))
    assert main(["model", "verify", str(folder)]) == 0
    assert "golden.png: as promised" in capsys.readouterr().out
    cv2.imwrite(str(folder / "golden.png"), np.full((48, 64), 255, np.uint8))
    assert main(["model", "verify", str(folder)]) == 65


def test_verify_refuses_a_package_whose_file_was_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = bright_spot_model(tmp_path / "package")
    (folder / "model.onnx").write_bytes(b"other")
    assert main(["model", "verify", str(folder)]) == 65
    (error,) = error_lines(capsys)
    assert "expected sha256" in error


def test_the_shipped_model_is_described_and_keeps_its_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "describe"]) == 0
    assert json.loads(capsys.readouterr().out)["class_names"] == ["scratch"]
    assert main(["model", "verify"]) == 0
    assert "no golden images" not in capsys.readouterr().out


def test_the_default_configuration_is_usable_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "station.toml").write_text("")
    assert main(["check-config", str(tmp_path / "station.toml")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(": usable")


def test_inspect_needs_nothing_but_an_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tag = next(tag for number in range(100) if (tag := plan_tag(0, number)).defects)
    cv2.imwrite(str(tmp_path / "part.png"), render_tag(tag))
    assert main(["inspect", str(tmp_path / "part.png")]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] in {"accept", "review", "reject"}
