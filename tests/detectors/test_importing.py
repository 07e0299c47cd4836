from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge_inspector.cli import main
from edge_inspector.detectors.graph import Tensor
from edge_inspector.detectors.importing import import_model
from edge_inspector.detectors.layouts import Clues, find_layout, usual_anchors
from edge_inspector.detectors.model_file import ModelPackage
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.errors import ModelError
from edge_inspector.postprocess import Decode
from tests.layout_graphs import LAYOUTS, layout_model
from tests.onnx_models import COLOR_NAMES, MODEL_WH, bright_spot_graph, yolov8_graph, yolov8_model

NAMES = str(dict(enumerate(COLOR_NAMES)))


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
        (
            {"classes": 5},
            "expected outputs of a known layout for 3 classes, found output0 [1, 9, 12]; known are yolov8",
        ),
        ({"class_names": ["a", "a", "b"]}, "class_names: expected each name once, found ['a', 'a', 'b']"),
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
    assert (
        "expected a float32 input [n, 3, h, w], and at most an int64 one [n, 2], found image tensor(uint8)"
        in problem(source, tmp_path / "out")
    )


def test_a_graph_that_fails_when_it_runs_leaves_no_package(tmp_path: Path) -> None:
    graph = yolov8_graph(model_wh=(128, 96), dynamic=True, metadata={"imgsz": "[48, 64]"})
    source = tmp_path / "best.onnx"
    source.write_bytes(graph.SerializeToString())
    assert problem(source, tmp_path / "out").startswith(f"{source}: inference failed")


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


@pytest.mark.parametrize(
    ("layout", "metadata", "decode", "why"),
    [
        ("yolov8", {"names": NAMES}, "yolov8", "7 rows are 4 of a box and 3 classes"),
        ("yolov8", {}, "yolov8", "7 rows are 4 of a box and 3 classes"),
        ("yolov5", {"names": NAMES}, "yolov5", "8 columns are 4 of a box, the objectness and 3 classes"),
        ("yolov5", {}, "yolov5", "8 columns are 4 of a box, the objectness and 3 classes"),
        ("detr", {"names": NAMES}, "detr", "scores by sigmoid, no logit for no object"),
        ("detr", {}, "detr", "scores by sigmoid, no logit for no object"),
        ("detr-softmax", {"names": NAMES}, "detr", "scores by softmax, the last logit is no object"),
        ("detr-joined", {"names": NAMES, "description": "a rtdetr-l model"}, "detr", "'a rtdetr-l model' gives cxcywh"),
        ("end2end", {"names": NAMES}, "end2end", "xyxy in pixels of the input"),
        (
            "end2end-cxcywh",
            {"names": NAMES, "head": "RTDETRDecoder"},
            "end2end",
            "'RTDETRDecoder' gives cxcywh in fract",
        ),
        ("end2end-sizes", {"names": NAMES}, "end2end", "boxes, scores_out, labels are chosen boxes"),
        ("end2end-count", {"names": NAMES}, "end2end", "det_boxes, det_scores, det_classes, num_dets are chosen boxes"),
        ("end2end-scored-boxes", {"names": NAMES}, "end2end", "dets, labels are chosen boxes"),
    ],
)
@pytest.mark.parametrize("batch", [1, 4, "batch"])
def test_the_layout_of_an_export_is_found_by_its_shapes_and_names(  # noqa: PLR0913, PLR0917
    tmp_path: Path, layout: str, metadata: dict[str, str], decode: str, why: str, batch: int | str
) -> None:
    source = layout_model(tmp_path / "best.onnx", layout, metadata=metadata, batch=batch)
    imported = import_model(source, tmp_path / "out")
    output = imported.package.manifest.output.model_dump(mode="json", exclude_defaults=True)
    assert output == LAYOUTS[layout][2]
    assert output["decode"] == decode
    assert why in imported.assumptions[0]
    image = np.zeros((48, 64, 3), np.uint8)
    image[20:24, 36:40] = (0, 0, 255)
    with OnnxDetector(imported.package) as detector:
        found = detector.run(image).detections
    assert found.class_id.tolist()[:1] == [0]
    assert found.xyxy.tolist()[:1] == pytest.approx(np.array([[32, 16, 48, 32]]), abs=1e-4)


def test_a_head_of_rf_detr_has_a_background_also_without_names(tmp_path: Path) -> None:
    imported = import_model(layout_model(tmp_path / "rf.onnx", "detr-background-first"), tmp_path / "out")
    assert imported.package.manifest.output.model_dump(exclude_defaults=True) == {
        "boxes": "dets",
        "logits": "labels",
        "decode": "detr",
        "background": "last",
    }
    assert imported.package.manifest.input.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("layout", "resize", "has_mean", "said"),
    [
        ("yolov5", "letterbox", False, "letterboxed with grey 114, as the YOLO trainers do"),
        ("end2end", "letterbox", False, "letterboxed with grey 114, as the YOLO trainers do"),
        ("detr", "stretch", False, "without a mean and std, stretched to the input, as RT-DETR and D-FINE do"),
        ("end2end-sizes", "stretch", False, "without a mean and std, stretched to the input, as RT-DETR and D-FINE do"),
        ("detr-softmax", "stretch", True, "normalized with the mean and std of ImageNet, stretched to the input"),
    ],
)
def test_how_the_family_sees_an_image_is_assumed_and_said(
    tmp_path: Path, layout: str, resize: str, said: str, *, has_mean: bool
) -> None:
    source = layout_model(tmp_path / "best.onnx", layout, metadata={"names": NAMES})
    imported = import_model(source, tmp_path / "out")
    assert imported.package.manifest.input.resize == resize
    assert any(imported.package.manifest.input.mean) == has_mean
    assert said in imported.assumptions[1]


# The grids of an input of 64 x 48 have 8 x 6 + 4 x 3 + 2 x 1 cells.
@pytest.mark.parametrize("rows", [62, 186])
def test_what_may_be_one_class_with_objectness_or_chosen_boxes_needs_a_word(rows: int) -> None:
    output = Tensor("output", "tensor(float)", (1, rows, 6))
    clues = Clues(class_count=1, anchors=usual_anchors((64, 48)))
    with pytest.raises(
        ModelError, match=r"best\.onnx: the output output \[1, .*\] may be end2end or yolov5 for 1 class"
    ):
        find_layout([output], clues, decode=None, name="best.onnx")
    for decode in (Decode.YOLOV5, Decode.END2END):
        assert find_layout([output], clues, decode=decode, name="best.onnx").output.decode == decode
    told = replace(clues, chosen=True)
    assert find_layout([output], told, decode=None, name="best.onnx").output.decode is Decode.END2END


def test_six_columns_of_another_number_of_rows_are_chosen_boxes_also_for_one_class() -> None:
    clues = Clues(class_count=1, anchors=usual_anchors((64, 48)))
    output = Tensor("output", "tensor(float)", (1, 300, 6))
    assert find_layout([output], clues, decode=None, name="x").output.decode is Decode.END2END


def test_a_wrong_word_about_the_layout_is_told_with_the_layouts_that_are_known(tmp_path: Path) -> None:
    source = layout_model(tmp_path / "best.onnx", "yolov8", metadata={"names": NAMES})
    text = problem(source, tmp_path / "out", decode=Decode.YOLOV5)
    assert text.startswith(f"{source}: expected outputs of the layout yolov5 for 3 classes, found output0 [1, 7, 12]")
    assert all(decode in text for decode in Decode)


def test_our_own_layout_is_never_guessed_but_can_be_said() -> None:
    output = Tensor("boxes", "tensor(float)", (1, 1400, 5))
    with pytest.raises(ModelError, match="expected outputs of a known layout for 1 classes, found boxes"):
        find_layout([output], Clues(class_count=1), decode=None, name="x")
    said = find_layout([output], Clues(class_count=1), decode=Decode.XYXY_SCORES, name="x")
    assert said.output.decode is Decode.XYXY_SCORES


def test_three_classes_and_a_background_are_told_from_boxes_by_their_names() -> None:
    outputs = [Tensor("labels", "tensor(float)", (1, 300, 4)), Tensor("dets", "tensor(float)", (1, 300, 4))]
    output = find_layout(outputs, Clues(class_count=3), decode=None, name="x").output
    assert output.tensors == ("dets", "labels")
    nameless = [replace(tensor, name=name) for tensor, name in zip(outputs, "ab", strict=True)]
    with pytest.raises(ModelError, match="expected outputs of a known layout"):
        find_layout(nameless, Clues(class_count=3), decode=None, name="x")


def test_outputs_that_are_not_needed_are_left_alone() -> None:
    outputs = [
        Tensor("logits", "tensor(float)", (1, 300, 3)),
        Tensor("pred_boxes", "tensor(float)", (1, 300, 4)),
        Tensor("last_hidden_state", "tensor(float)", (1, 300, 256)),
        Tensor("encoder_last_hidden_state", "tensor(float)", (1, 256, 20, 20)),
    ]
    assert find_layout(outputs, Clues(), decode=None, name="x").output.tensors == ("pred_boxes", "logits")


def test_class_names_may_be_given_where_the_file_has_none(tmp_path: Path) -> None:
    source = layout_model(tmp_path / "best.onnx", "end2end-sizes")
    assert "chosen boxes do not tell how many there are" in problem(source, tmp_path / "out")
    names = ("dent", "void", "scratch")
    assert import_model(source, tmp_path / "out", class_names=names).package.manifest.class_names == names


def test_a_size_may_be_given_where_the_file_leaves_it_open(tmp_path: Path) -> None:
    source = yolov8_model(tmp_path / "best.onnx", dynamic=True, metadata={"imgsz": "None"})
    assert "say the width and height" in problem(source, tmp_path / "out")
    assert import_model(source, tmp_path / "out", model_wh=MODEL_WH).package.manifest.input.model_wh == MODEL_WH


def test_a_size_that_the_file_does_not_have_is_told(tmp_path: Path) -> None:
    source = yolov8_model(tmp_path / "best.onnx")
    assert "expected the fixed input size (64, 48), found (640, 480)" in problem(
        source, tmp_path / "out", model_wh=(640, 480)
    )


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("best (1).onnx", "best-1"),
        ("Mein Modell ü.onnx", "mein-modell"),
        ("...onnx", "model"),
        ("模型.onnx", "model"),
        ("x" * 80 + ".onnx", "x" * 64),
        ("-a_b.c-.onnx", "a_b.c"),
        ("model (2).json", "model-2"),
    ],
)
def test_a_file_never_fails_for_its_name(tmp_path: Path, file: str, name: str) -> None:
    imported = import_model(yolov8_model(tmp_path / file), tmp_path / "out")
    assert imported.package.manifest.name == name
    assert any(f"the model is called {name!r}" in text for text in imported.assumptions)


def test_a_file_with_the_name_of_the_manifest_is_no_trouble(tmp_path: Path) -> None:
    package = import_model(yolov8_model(tmp_path / "model.json"), tmp_path / "out").package
    assert package.read(package.file("float32")) == (tmp_path / "model.json").read_bytes()


def test_a_good_name_is_kept_without_a_word(tmp_path: Path) -> None:
    imported = import_model(yolov8_model(tmp_path / "Best-2.onnx"), tmp_path / "out")
    assert imported.package.manifest.name == "best-2"
    assert not any("is called" in text for text in imported.assumptions)


def test_an_error_of_the_trial_run_names_the_file_and_how_it_was_read(tmp_path: Path) -> None:
    source = layout_model(tmp_path / "best.onnx", "detr", metadata={"names": NAMES})
    graph = onnx.load(source)
    (six,) = [weight for weight in graph.graph.initializer if weight.name == "six"]
    six.CopyFrom(numpy_helper.from_array(np.array(np.nan, np.float32), "six"))
    onnx.save(graph, source)
    text = problem(source, tmp_path / "out")
    assert text == f"{source}: model output: expected finite logits, found some that are not (read as decode type detr)"


def test_the_command_takes_what_the_file_does_not_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metadata = {"imgsz": "None"}
    source = yolov8_model(tmp_path / "best.onnx", model_wh=(64, 64), dynamic=True, class_names=None, metadata=metadata)
    words = ["--decode", "yolov8", "--class-names", "dent", "void", "scratch", "--model-wh", "64x64"]
    assert main(["model", "import", str(source), "--out", str(tmp_path / "out"), *words]) == 0
    assert "assumed: as decode type yolov8: 7 rows are 4 of a box and 3 classes" in capsys.readouterr().out
    manifest = ModelPackage.open(tmp_path / "out").manifest
    assert (manifest.class_names, manifest.input.model_wh) == (("dent", "void", "scratch"), (64, 64))


def test_the_command_refuses_a_layout_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["model", "import", "best.onnx", "--out", str(tmp_path / "out"), "--decode", "yolov4"])
    expected = "argument --decode: expected one of yolov8, yolov5, xyxy_scores, detr, end2end, found 'yolov4'"
    assert expected in capsys.readouterr().err
