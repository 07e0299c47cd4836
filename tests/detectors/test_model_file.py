import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_inspector.detectors.model_file import Manifest, ModelPackage, write_manifest
from edge_inspector.errors import ModelError
from tests.onnx_models import ONNX_NAME, bright_spot_model, manifest_fields

Fields = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return bright_spot_model(tmp_path / "bright-spot")


def rewrite(folder: Path, change: Callable[[Fields], object]) -> Path:
    path = folder / "model.json"
    fields: Fields = json.loads(path.read_text(encoding="utf-8"))
    change(fields)
    path.write_text(json.dumps(fields), encoding="utf-8")
    return folder


def problem(folder: Path) -> str:
    with pytest.raises(ModelError) as error:
        ModelPackage.open(folder)
    text = str(error.value)
    assert str(folder / "model.json") in text
    return text


def test_a_package_is_opened_and_its_file_read(folder: Path) -> None:
    package = ModelPackage.open(folder)
    file = package.file("float32")
    assert package.read(file) == (folder / ONNX_NAME).read_bytes()
    assert package.thresholds(file).keys() == {"bright-spot"}


def test_a_manifest_that_was_written_is_read_back_the_same(folder: Path, tmp_path: Path) -> None:
    manifest = ModelPackage.open(folder).manifest
    other = tmp_path / "other"
    other.mkdir()
    write_manifest(other, manifest)
    assert ModelPackage.open(other).manifest == manifest


def test_a_missing_folder_and_a_missing_manifest_are_told(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        assert "expected a model package with a model.json, found: " in problem(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"not json", b"\xff\xfe", b'{"schema": NaN}'])
def test_a_manifest_that_is_no_json_is_told(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    assert problem(folder)


def test_a_path_that_no_file_can_have_is_told() -> None:
    with pytest.raises(ModelError, match="expected a model package"):
        ModelPackage.open(Path("a\0b"))


def _set(*path: str | int, to: object) -> Callable[[Fields], object]:
    def change(fields: Fields) -> None:
        inner: Any = fields
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("schema", to="edge-inspector/model/2"), "schema: Input should be 'edge-inspector/model/1'; found 'edge"),
        (lambda fields: fields.pop("schema"), "schema: Field required"),
        (lambda fields: fields.pop("input"), "input: Field required"),
        (_set("colour", to="rgb"), "colour: Extra inputs are not permitted; found 'rgb'"),
        (_set("input", "colour", to="rgb"), "input.colour: Extra inputs are not permitted"),
        (_set("name", to="Bright Spot"), "name: String should match pattern"),
        (_set("name", to="x" * 65), "name: String should have at most 64 characters"),
        (_set("version", to="1.2"), "version: String should match pattern"),
        (_set("version", to="1.2.3\n"), "version: String should match pattern"),
        (_set("files", to=[]), "expected at least one file and one class, found 0 and 1"),
        (_set("files", 0, "sha256", to="abc"), "files.0.sha256: String should match pattern"),
        (_set("files", 0, "path", to="/etc/passwd"), "files.0.path: expected a path inside the package, found '/"),
        (_set("files", 0, "path", to="../other.onnx"), "files.0.path: expected a path inside the package, found '.."),
        (_set("files", 0, "path", to="a/../../b.onnx"), "files.0.path: expected a path inside the package, found 'a/"),
        (_set("files", 0, "path", to="a\0b"), "files.0.path: expected a path inside the package, found "),
        (_set("files", 0, "precision", to="float64"), "files.0.precision: Input should be 'float32' or 'int8'"),
        (
            _set("golden", to=[{"image": "../x.png", "detections": []}]),
            "golden.0.image: expected a path inside the package",
        ),
        (_set("class_names", to=[]), "expected at least one file and one class, found 1 and 0"),
        (_set("class_names", to=["bright-spot", "bright-spot"]), "class_names: expected each name once, found ["),
        (_set("class_names", to=["x" * 65]), "class_names.0: String should have at most 64 characters"),
        (_set("class_names", to=["two\nlines"]), "class_names.0: expected printable characters, found 'two\\nlines'"),
        (_set("class_names", to=["bright-spot", "dent"]), "thresholds: expected one entry for each of"),
        (_set("thresholds", to={}), "thresholds: expected one entry for each of ['bright-spot'], found []"),
        (
            _set("thresholds", "dent", to={"review_at": 0.1, "reject_at": 0.2}),
            "thresholds: expected one entry for each of",
        ),
        (_set("files", 0, "thresholds", to={}), "thresholds: expected one entry for each of ['bright-spot'], found []"),
        (
            _set("thresholds", "bright-spot", "review_at", to=0.9),
            "thresholds.bright-spot: review_at 0.9 is above reject_at 0.7",
        ),
        (
            _set("thresholds", "bright-spot", "reject_at", to=1.5),
            "thresholds.bright-spot.reject_at: Input should be less",
        ),
        (_set("input", "dtype", to="float16"), "input.dtype: Input should be 'float32' or 'uint8'; found 'float16'"),
        (_set("input", "layout", to="CHW"), "input.layout: Input should be 'NCHW' or 'NHWC'"),
        (_set("input", "model_wh", to=[0, 48]), "input.model_wh.0: Input should be greater than 0; found 0"),
        (_set("input", "mean", to=[1, 2, 3]), "input: mean: expected 1 or 1 values for gray, found 3"),
        (_set("input", "std", to=[0]), "input.std.0: Input should be greater than 0; found 0"),
        (_set("input", "scale", to=0.5), "input: a uint8 input is normalized inside the graph: expected scale 1"),
        (_set("input", "pad_value", to=256), "input.pad_value: Input should be less than or equal to 255; found 256"),
        (
            _set("output", "decode", to="yolov4"),
            "output: expected decode to be one of ['yolov8', 'yolov5', 'xyxy_scores', 'detr', 'end2end'], found",
        ),
    ],
)
def test_each_contradiction_is_told_with_its_field(
    folder: Path, change: Callable[[Fields], object], expected: str
) -> None:
    (line,) = problem(rewrite(folder, change)).splitlines()
    assert line.startswith(f"{folder / 'model.json'}: {expected}")


@pytest.mark.parametrize("number", ["Infinity", "NaN", "1e999"])
@pytest.mark.parametrize("field", ["scale", "mean", "std"])
def test_a_number_that_is_not_finite_is_refused(folder: Path, field: str, number: str) -> None:
    rewrite(folder, _set("input", "dtype", to="float32"))
    rewrite(folder, _set("input", field, to="@" if field == "scale" else ["@"]))
    path = folder / "model.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"@"', number), encoding="utf-8")
    assert f"input.{field}" in problem(folder)


def test_all_problems_are_told_together(folder: Path) -> None:
    rewrite(folder, _set("name", to="?"))
    rewrite(folder, _set("version", to="?"))
    assert len(problem(rewrite(folder, _set("input", "dtype", to="?"))).splitlines()) == 3


@pytest.mark.parametrize("content", [b"", b"another model"])
def test_a_file_that_is_not_the_one_in_the_manifest_is_not_handed_out(folder: Path, content: bytes) -> None:
    package = ModelPackage.open(folder)
    file = package.file("float32")
    (folder / ONNX_NAME).write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(ModelError) as error:
        package.read(file)
    assert str(error.value) == f"{folder / ONNX_NAME}: expected sha256 {file.sha256}, found {found}"


def test_a_file_that_is_not_there_is_told(folder: Path) -> None:
    package = ModelPackage.open(folder)
    (folder / ONNX_NAME).unlink()
    with pytest.raises(ModelError, match=rf"{ONNX_NAME}: cannot be read: "):
        package.read(package.file("float32"))


def test_a_precision_that_the_package_lacks_is_told_with_those_it_has(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.json: expected a file of precision 'int8', found \['float32'\]"):
        ModelPackage.open(folder).file("int8")


def test_thresholds_of_a_file_rule_over_those_of_the_package() -> None:
    fields = manifest_fields()
    own = {"bright-spot": {"review_at": 0.1, "reject_at": 0.2}}
    fields["files"].append({"path": "int8.onnx", "sha256": "1" * 64, "precision": "int8", "thresholds": own})
    package = ModelPackage(Path(), Manifest.model_validate(fields))
    assert package.thresholds(package.file("int8"))["bright-spot"].reject_at == 0.2
    assert package.thresholds(package.file("float32"))["bright-spot"].reject_at == 0.7


@pytest.mark.parametrize(
    "output",
    [
        {"decode": "yolov5", "name": "output", "nms_iou": 0.45},
        {"decode": "detr", "boxes": "pred_boxes", "logits": "logits"},
        {"decode": "detr", "boxes": "b", "logits": "l", "activation": "softmax", "background": "last"},
        {"decode": "detr", "name": "output0", "activation": "none", "normalized": False},
        {"decode": "end2end", "name": "output0"},
        {"decode": "end2end", "boxes": "dets", "classes": "labels"},
        {"decode": "end2end", "boxes": "b", "scores": "s", "classes": "c", "count": "n", "box_format": "cxcywh"},
    ],
)
def test_every_kind_of_output_is_read_and_written_back_the_same(
    folder: Path, tmp_path: Path, output: dict[str, Any]
) -> None:
    manifest = ModelPackage.open(rewrite(folder, _set("output", to=output))).manifest
    assert manifest.output.model_dump(mode="json", exclude_unset=True) == output
    write_manifest(tmp_path, manifest)
    assert ModelPackage.open(tmp_path).manifest == manifest


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            {"name": "x"},
            "output: expected decode to be one of ['yolov8', 'yolov5', 'xyxy_scores', 'detr', 'end2end'],",
        ),
        ({"decode": "yolov8"}, "output.yolov8.name: Field required"),
        (
            {"decode": "yolov5", "name": "x", "boxes": "y"},
            "output.yolov5.boxes: Extra inputs are not permitted; found 'y'",
        ),
        (
            {"decode": "detr", "name": "x", "nms_iou": 0.5},
            "output.detr.nms_iou: Extra inputs are not permitted; found 0.5",
        ),
        (
            {"decode": "detr", "boxes": "x"},
            "output.detr: expected the names of different tensors as name or boxes + logits, found {'boxes': 'x'}",
        ),
        (
            {"decode": "detr"},
            "output.detr: expected the names of different tensors as name or boxes + logits, found none",
        ),
        (
            {"decode": "detr", "boxes": "x", "logits": "x"},
            "output.detr: expected the names of different tensors as name",
        ),
        (
            {"decode": "detr", "name": "x", "activation": "softmax"},
            "output.detr: activation softmax: expected background 'first' or 'last', the logit of no object, found",
        ),
        (
            {"decode": "detr", "name": "x", "activation": "relu"},
            "output.detr.activation: Input should be 'sigmoid', 'so",
        ),
        ({"decode": "detr", "name": "x", "background": 0}, "output.detr.background: Input should be 'first' or 'last'"),
        (
            {"decode": "end2end", "boxes": "x"},
            "output.end2end: expected the names of different tensors as name or boxes + classes or boxes + scores",
        ),
        (
            {"decode": "end2end", "name": "x", "scores": "y"},
            "output.end2end: expected the names of different tensors as",
        ),
        (
            {"decode": "end2end", "name": "x", "count": "x"},
            "output.end2end: count: expected a tensor of its own, found 'x'",
        ),
        (
            {"decode": "end2end", "name": "x", "activation": "none"},
            "output.end2end.activation: Extra inputs are not permi",
        ),
        ("boxes", "output: Input should be an object; found 'boxes'"),
        (None, "output: Input should be an object"),
    ],
)
def test_a_combination_of_options_that_no_output_has_is_one_clear_error(
    folder: Path, output: object, expected: str
) -> None:
    (line,) = problem(rewrite(folder, _set("output", to=output))).splitlines()
    assert line.startswith(f"{folder / 'model.json'}: {expected}")


def test_the_size_is_another_input_than_the_image(folder: Path) -> None:
    assert "input: expected different tensors as name and size_name, found 'image'" in problem(
        rewrite(folder, _set("input", "size_name", to="image"))
    )
