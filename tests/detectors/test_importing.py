from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_inspector.detectors.importing import import_model
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.errors import ModelError
from tests.onnx_models import COLOR_NAMES, MODEL_WH, bright_spot_graph, yolov8_graph, yolov8_model


def problem(source: Path, folder: Path, **options: Any) -> str:
    with pytest.raises(ModelError) as error:
        import_model(source, folder, **options)
    assert not folder.exists()
    assert [path for path in folder.parent.iterdir() if path.name.startswith(".")] == []
    return str(error.value)


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_plain_export_becomes_a_package_that_finds_things(tmp_path: Path, *, dynamic: bool) -> None:
    source = yolov8_model(tmp_path / "best.onnx", dynamic=dynamic)
    imported = import_model(source, tmp_path / "models" / "spots", name="spots", version="2.0.0")
    package = ModelPackage.open(tmp_path / "models" / "spots")
    assert package == imported.package
    assert package.manifest.class_names == COLOR_NAMES
    assert package.manifest.input.model_wh == MODEL_WH
    assert (package.manifest.name, package.manifest.version) == ("spots", "2.0.0")
    image = np.zeros((48, 64, 3), np.uint8)
    image[20:24, 36:40] = (0, 0, 255)
    with OnnxDetector(package) as detector:
        found = detector.run(image).detections
    assert [COLOR_NAMES[class_id] for class_id in found.class_id] == ["red-spot"]
    assert found.xyxy.tolist() == [[32, 16, 48, 32]]


def test_what_the_file_does_not_say_is_listed_as_assumed(tmp_path: Path) -> None:
    told = import_model(yolov8_model(tmp_path / "a.onnx"), tmp_path / "a").assumptions
    untold = import_model(yolov8_model(tmp_path / "b.onnx", class_names=None), tmp_path / "b")
    assert any("RGB" in text for text in told)
    assert any("review at 0.25, reject at 0.5" in text for text in told)
    assert any("class-0 to class-2" in text for text in untold.assumptions)
    assert untold.package.manifest.class_names == ("class-0", "class-1", "class-2")


def test_names_may_be_a_list_too(tmp_path: Path) -> None:
    source = yolov8_model(tmp_path / "best.onnx", metadata={"names": str(["a", "b", "c"])})
    assert import_model(source, tmp_path / "out").package.manifest.class_names == ("a", "b", "c")


def test_names_are_in_the_order_of_their_ids(tmp_path: Path) -> None:
    source = yolov8_model(tmp_path / "best.onnx", metadata={"names": "{2: 'c', 0: 'a', 1: 'b'}"})
    assert import_model(source, tmp_path / "out").package.manifest.class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    "names",
    [
        "{0: 'a', 1: 'b'",
        "{0: 'a', 2: 'b', 3: 'c'}",
        "{0: 'a', 'x': 'b', 1: 'c'}",
        "{[]: 1}",
        "[1, 2, 3]",
        "'abc'",
        "[]",
        "__import__('os')",
        "(" * 3000,
    ],
)
def test_names_that_are_none_are_told(tmp_path: Path, names: str) -> None:
    source = yolov8_model(tmp_path / "best.onnx", metadata={"names": names})
    text = problem(source, tmp_path / "out")
    assert text.startswith(f"{source}: metadata 'names': expected ")
    assert len(text) < 500


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"metadata": {"task": "segment"}}, "expected a model for the task 'detect', found 'segment'"),
        ({"classes": 5}, "expected an output [N, 7, anchors] for 3 classes (YOLOv8 / YOLO11 layout), found [1, 9, 12]"),
        ({"class_names": ["a", "a", "b"]}, "class_names: expected each name once, found ['a', 'a', 'b']"),
        (
            {"class_names": None, "dynamic": True, "output_shape": ["n", "c", "a"]},
            "expected class names in the metadata",
        ),
        ({"dynamic": True, "metadata": {"imgsz": "640"}}, "expected a fixed input size or metadata 'imgsz'"),
        ({"dynamic": True, "metadata": {"imgsz": "[0, 64]"}}, "expected a fixed input size or metadata 'imgsz'"),
        ({"dynamic": True, "metadata": {"imgsz": "nonsense("}}, "metadata 'imgsz': expected a Python literal"),
    ],
)
def test_what_is_not_of_the_known_layout_is_told(tmp_path: Path, graph: dict[str, Any], expected: str) -> None:
    source = yolov8_model(tmp_path / "best.onnx", **graph)
    text = problem(source, tmp_path / "out")
    assert text.startswith(f"{source}: ")
    assert expected in text


def test_another_kind_of_input_is_told(tmp_path: Path) -> None:
    source = tmp_path / "grey.onnx"
    source.write_bytes(bright_spot_graph().SerializeToString())
    assert "expected a float32 input [N, 3, H, W], found tensor(uint8) [1, 1, 48, 64]" in problem(
        source, tmp_path / "out"
    )


def test_a_graph_that_fails_when_it_runs_leaves_no_package(tmp_path: Path) -> None:
    graph = yolov8_graph(model_wh=(128, 96), dynamic=True, metadata={"imgsz": "[48, 64]"})
    source = tmp_path / "best.onnx"
    source.write_bytes(graph.SerializeToString())
    assert "inference failed" in problem(source, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_what_is_no_model_is_told(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "best.onnx"
    source.write_bytes(content)
    assert f"{source}: expected an ONNX model" in problem(source, tmp_path / "out")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in problem(tmp_path / "none.onnx", tmp_path / "out")


@pytest.mark.parametrize(("option", "value"), [("name", "My Model (1)"), ("version", "1"), ("version", "latest")])
def test_a_name_or_version_that_no_package_can_have_is_told(tmp_path: Path, option: str, value: str) -> None:
    source = yolov8_model(tmp_path / "best.onnx")
    assert f"{option}: String should match pattern" in problem(source, tmp_path / "out", **{option: value})


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine").write_text("mine", encoding="utf-8")
    with pytest.raises(ModelError, match="expected a folder that does not exist yet"):
        import_model(yolov8_model(tmp_path / "best.onnx"), folder)
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    source = yolov8_model(tmp_path / "best.onnx")
    with pytest.raises(ModelError, match="expected a folder that can be made, found: "):
        import_model(source, source / "out")
