"""A plain ONNX export -> a model package: what its metadata tells, what its shapes tell, and what had to be assumed."""

import ast
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from edge_inspector.detectors.model_file import Manifest, ModelPackage, explain, write_manifest
from edge_inspector.detectors.onnx import Graph, OnnxDetector, read_graph
from edge_inspector.errors import ModelError

_REVIEW_AT, _REJECT_AT = 0.25, 0.5
_FLOAT = "tensor(float)"


@dataclass(frozen=True, slots=True)
class Imported:
    """A package made of a plain export.

    Attributes:
        package: The new package.
        assumptions: What the file did not say, one sentence each.
    """

    package: ModelPackage
    assumptions: tuple[str, ...]


def import_model(source: Path, folder: Path, *, name: str | None = None, version: str = "1.0.0") -> Imported:
    """Make a package folder of an ONNX file, and run it once before the folder appears.

    Args:
        source: ONNX file as the usual YOLO trainers export it, with their metadata.
        folder: Package folder to make; must not exist.
        name: Name of the model; from the file's name when absent.
        version: Semantic version of the model.

    Raises:
        ModelError: If the file is no model, or not one of a known layout, or the folder exists or cannot be made.
    """
    if folder.exists():
        msg = f"{folder}: expected a folder that does not exist yet"
        raise ModelError(msg)
    try:
        content = source.read_bytes()
    except OSError as error:
        msg = f"{source}: cannot be read: {error.strerror}"
        raise ModelError(msg) from error
    manifest, assumptions = describe_export(
        read_graph(content, name=str(source)),
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        name=name or source.stem.lower(),
        version=version,
    )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            draft = Path(temporary, "package")
            draft.mkdir()
            (draft / manifest.files[0].path).write_bytes(content)
            write_manifest(draft, manifest)
            OnnxDetector(ModelPackage.open(draft)).close()
            draft.rename(folder)
    except OSError as error:
        msg = f"{folder}: expected a folder that can be made, found: {error.strerror}"
        raise ModelError(msg) from error
    return Imported(ModelPackage.open(folder), assumptions)


def describe_export(
    graph: Graph, *, source: Path, sha256: str, name: str, version: str
) -> tuple[Manifest, tuple[str, ...]]:
    """Return the manifest of a plain export, and what had to be assumed.

    Raises:
        ModelError: If it is not of the YOLOv8 / YOLO11 "detect" layout.

    Source:
        Metadata and layout that the exporter of that family writes: `names`, `imgsz`, `task`; input float32
        [N, 3, H, W] RGB / 255, letterbox with grey 114; output [N, 4 + classes, anchors].
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        msg = (
            f"{source}: expected one input and one output, "
            f"found {[tensor.name for tensor in graph.inputs]} and {[tensor.name for tensor in graph.outputs]}"
        )
        raise ModelError(msg)
    (entrance,), (exit_,) = graph.inputs, graph.outputs
    if entrance.type != _FLOAT or len(entrance.shape) != 4 or entrance.shape[1] != 3:
        msg = f"{source}: expected a float32 input [N, 3, H, W], found {entrance.type} {list(entrance.shape)}"
        raise ModelError(msg)
    if (task := graph.metadata.get("task", "detect")) != "detect":
        msg = f"{source}: expected a model for the task 'detect', found {task!r}"
        raise ModelError(msg)
    assumptions = [
        "colors are RGB, scaled to 0..1, letterboxed with grey 114, as that family of trainers does",
        f"thresholds: review at {_REVIEW_AT}, reject at {_REJECT_AT}; choose better ones on validation data",
    ]
    class_names = _class_names(graph.metadata, exit_.shape, source, assumptions)
    columns = exit_.shape[1] if len(exit_.shape) == 3 else None
    if len(exit_.shape) != 3 or (isinstance(columns, int) and columns != 4 + len(class_names)):
        msg = (
            f"{source}: expected an output [N, {4 + len(class_names)}, anchors] for {len(class_names)} classes "
            f"(YOLOv8 / YOLO11 layout), found {list(exit_.shape)}"
        )
        raise ModelError(msg)
    thresholds = {label: {"review_at": _REVIEW_AT, "reject_at": _REJECT_AT} for label in class_names}
    fields = {
        "schema": "edge-inspector/model/1",
        "name": name,
        "version": version,
        "files": [{"path": source.name, "sha256": sha256}],
        "input": {
            "name": entrance.name,
            "layout": "NCHW",
            "dtype": "float32",
            "model_wh": _model_wh(graph.metadata, entrance.shape, source),
            "color": "rgb",
            "scale": 1 / 255,
            "resize": "letterbox",
            "pad_value": 114,
        },
        "output": {"name": exit_.name, "decode": "yolov8"},
        "class_names": class_names,
        "thresholds": thresholds,
    }
    try:
        return Manifest.model_validate(fields), tuple(assumptions)
    except ValidationError as error:
        raise ModelError(explain(error, source)) from error


def _class_names(
    metadata: Mapping[str, str], output_shape: tuple[int | str | None, ...], source: Path, assumptions: list[str]
) -> list[str]:
    if (text := metadata.get("names")) is not None:
        names = _literal(text, "names", source)
        if isinstance(names, dict) and set(names) == set(range(len(names))):
            names = [names[index] for index in range(len(names))]
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return names
        msg = f"{source}: metadata 'names': expected names by class id from 0, found {text[:200]}"
        raise ModelError(msg)
    columns = output_shape[1] if len(output_shape) > 1 else None
    if not isinstance(columns, int) or columns <= 4:
        msg = f"{source}: expected class names in the metadata or a fixed output shape, found {list(output_shape)}"
        raise ModelError(msg)
    assumptions.append(f"the file names no classes: they are called class-0 to class-{columns - 5}")
    return [f"class-{index}" for index in range(columns - 4)]


def _model_wh(metadata: Mapping[str, str], shape: tuple[int | str | None, ...], source: Path) -> tuple[int, int]:
    height, width = shape[2], shape[3]
    if isinstance(height, int) and isinstance(width, int):
        return width, height
    size = _literal(metadata.get("imgsz", "None"), "imgsz", source)
    if isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size):
        return size[1], size[0]
    msg = f"{source}: expected a fixed input size or metadata 'imgsz' [height, width], found {list(shape)}, {size!r}"
    raise ModelError(msg)


def _literal(text: str, key: str, source: Path) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:  # as its page says
        msg = f"{source}: metadata {key!r}: expected a Python literal, found {text[:200]}"
        raise ModelError(msg) from error
