"""A plain ONNX export -> a model package: what its metadata tells, what its shapes tell, and what had to be assumed."""

import ast
import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from edge_inspector.detectors.graph import Graph, Shape, Tensor
from edge_inspector.detectors.layouts import Clues, Layout, find_layout, usual_anchors
from edge_inspector.detectors.model_file import (
    SCHEMA,
    Color,
    Manifest,
    ModelInput,
    ModelPackage,
    explain,
    write_manifest,
)
from edge_inspector.detectors.onnx import OnnxDetector, read_graph, run_blank
from edge_inspector.detectors.set_outputs import DetrOutput, End2EndOutput
from edge_inspector.errors import ModelError
from edge_inspector.letterbox import Resize
from edge_inspector.postprocess import Activation, Decode

_REVIEW_AT, _REJECT_AT = 0.25, 0.5
_FLOAT, _INT64 = "tensor(float)", "tensor(int64)"
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Imported:
    """A package made of a plain export.

    Attributes:
        package: The new package.
        assumptions: What the file did not say, one sentence each.
    """

    package: ModelPackage
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person who imports has said, as in `import_model`."""

    name: str | None = None
    version: str = "1.0.0"
    decode: Decode | None = None
    model_wh: tuple[int, int] | None = None
    class_names: Sequence[str] | None = None


def import_model(  # noqa: PLR0913 - what may be said of a plain file
    source: Path,
    folder: Path,
    *,
    name: str | None = None,
    version: str = "1.0.0",
    decode: Decode | None = None,
    model_wh: tuple[int, int] | None = None,
    class_names: Sequence[str] | None = None,
) -> Imported:
    """Make a package folder of an ONNX file, and run it once before the folder appears.

    Args:
        source: ONNX file as the usual trainers export it, with their metadata.
        folder: Package folder to make; must not exist.
        name: Name of the model; from the file's name when absent.
        version: Semantic version of the model.
        decode: Layout of its output; found by its shapes and names when absent.
        model_wh: Width and height of the model input in pixels, for a file that leaves them open.
        class_names: Names by class id; those of the file when absent.

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
    manifest, assumptions = describe_export(content, source, Wishes(name, version, decode, model_wh, class_names))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            draft = Path(temporary, "package")
            draft.mkdir()
            (draft / manifest.files[0].path).write_bytes(content)
            write_manifest(draft, manifest)
            _try(draft, manifest, source)
            draft.rename(folder)
    except OSError as error:
        msg = f"{folder}: expected a folder that can be made, found: {error.strerror}"
        raise ModelError(msg) from error
    return Imported(ModelPackage.open(folder), assumptions)


def _try(draft: Path, manifest: Manifest, source: Path) -> None:
    """Load and run the draft; the person who reads an error knows the file, not the draft."""
    try:
        OnnxDetector(ModelPackage.open(draft)).close()
    except ModelError as error:
        told = str(error).replace(str(draft / manifest.files[0].path), str(source)).replace(str(draft), str(source))
        msg = f"{told} (read as decode type {manifest.output.decode})"
        raise ModelError(msg) from error


def describe_export(content: bytes, source: Path, wishes: Wishes) -> tuple[Manifest, tuple[str, ...]]:
    """Return the manifest of a plain export, and what had to be assumed.

    Args:
        content: The ONNX file.
        source: Its path, for names and errors.
        wishes: What needs no guess.

    Raises:
        ModelError: If it is not of a known layout.

    Source:
        Metadata that the YOLO exporters write: `names`, `imgsz`, `task`, `end2end`, `head`, `args`; input float32
        [n, 3, h, w] RGB / 255, letterbox with grey 114. RF-DETR and the original DETR normalize with the mean and the
        standard deviation of ImageNet; RT-DETR and D-FINE do not; all of them stretch.
    """
    name = str(source)
    graph = read_graph(content, name=name)
    if (task := graph.metadata.get("task", "detect")) != "detect":
        msg = f"{source}: expected a model for the task 'detect', found {task!r}"
        raise ModelError(msg)
    model_input = _input(graph, source, wishes.model_wh)
    class_names = _class_names(graph.metadata, source) if wishes.class_names is None else list(wishes.class_names)
    shapes = run_blank(content, model_input, name=name)
    layout = find_layout(
        [_after_run(tensor, shapes[tensor.name]) for tensor in graph.outputs],
        Clues(
            class_count=None if class_names is None else len(class_names),
            head=graph.metadata.get("head") or graph.metadata.get("description", ""),
            chosen=graph.metadata.get("end2end") == "True" or "'nms': True" in graph.metadata.get("args", ""),
            anchors=usual_anchors(model_input.model_wh),
        ),
        decode=wishes.decode,
        name=name,
    )
    model_input, how = _normalization(model_input, layout)
    assumptions = [
        f"the output is of the layout {layout.output.decode}: {layout.why}"
        if wishes.decode is None
        else f"as decode type {layout.output.decode}: {layout.why}",
        how,
        f"thresholds: review at {_REVIEW_AT}, reject at {_REJECT_AT}; choose better ones on validation data",
    ]
    if class_names is None:
        class_names = _made_up_names(layout, source)
        assumptions.append(f"the file names no classes: they are called {class_names[0]} to {class_names[-1]}")
    model_name = wishes.name if wishes.name is not None else _slug(source.stem)
    if wishes.name is None and model_name != source.stem.lower():
        assumptions.append(f"the model is called {model_name!r}, because {source.stem!r} cannot be the name of a model")
    fields = {
        "schema": SCHEMA,
        "name": model_name,
        "version": wishes.version,
        "files": [{"path": _file_name(source), "sha256": hashlib.sha256(content).hexdigest()}],
        "input": model_input,
        "output": layout.output,
        "class_names": class_names,
        "thresholds": {label: {"review_at": _REVIEW_AT, "reject_at": _REJECT_AT} for label in class_names},
    }
    try:
        return Manifest.model_validate(fields), tuple(assumptions)
    except ValidationError as error:
        raise ModelError(explain(error, source)) from error


def _input(graph: Graph, source: Path, wanted_wh: tuple[int, int] | None) -> ModelInput:
    """Return the input as the YOLO family has it; what the family of the output changes comes later."""
    images = [tensor for tensor in graph.inputs if tensor.type == _FLOAT and len(tensor.shape) == 4]
    sizes = [tensor for tensor in graph.inputs if tensor.type == _INT64 and len(tensor.shape) == 2]
    if len(images) != 1 or len(images) + len(sizes) != len(graph.inputs) or len(sizes) > 1:
        found = ", ".join(f"{tensor.name} {tensor.type} {list(tensor.shape)}" for tensor in graph.inputs)
        msg = f"{source}: expected a float32 input [n, 3, h, w], and at most an int64 one [n, 2], found {found}"
        raise ModelError(msg)
    image = images[0]
    if isinstance(image.shape[1], int) and image.shape[1] != 3:
        msg = f"{source}: expected a float32 input [n, 3, h, w], found {image.type} {list(image.shape)}"
        raise ModelError(msg)
    return ModelInput(
        name=image.name,
        size_name=sizes[0].name if sizes else None,
        dtype="float32",
        model_wh=_model_wh(graph.metadata, image.shape, source, wanted_wh),
        color=Color.RGB,
        scale=1 / 255,
        pad_value=114,
    )


def _normalization(model_input: ModelInput, layout: Layout) -> tuple[ModelInput, str]:
    """Return how that family of models sees an image, and the sentence that says so."""
    output = layout.output
    is_detr = isinstance(output, DetrOutput) or (isinstance(output, End2EndOutput) and output.normalized)
    if not is_detr and model_input.size_name is None:
        return model_input, "colors are RGB, scaled to 0..1, letterboxed with grey 114, as the YOLO trainers do"
    stretched = model_input.model_copy(update={"resize": Resize.STRETCH})
    if isinstance(output, DetrOutput) and (output.background is not None or output.activation is Activation.SOFTMAX):
        with_mean = stretched.model_copy(update={"mean": _IMAGENET_MEAN, "std": _IMAGENET_STD})
        return with_mean, (
            "colors are RGB, scaled to 0..1 and normalized with the mean and std of ImageNet, stretched to the input, "
            "as RF-DETR and the original DETR do; RT-DETR and D-FINE would need mean 0 and std 1"
        )
    return stretched, (
        "colors are RGB, scaled to 0..1 without a mean and std, stretched to the input, as RT-DETR and D-FINE do; "
        "RF-DETR and the original DETR would need those of ImageNet"
    )


def _after_run(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the tensor with the sides that a run has shown; a side of 0 says only that nothing was found."""
    known: list[int | str | None] = [side or declared for side, declared in zip(shape, tensor.shape, strict=False)]
    return replace(tensor, shape=tuple(known) if len(known) == len(shape) else shape)


def _class_names(metadata: Mapping[str, str], source: Path) -> list[str] | None:
    if (text := metadata.get("names")) is None:
        return None
    names = _literal(text, "names", source)
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[index] for index in range(len(names))]
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        return names
    msg = f"{source}: metadata 'names': expected names by class id from 0, found {text[:200]}"
    raise ModelError(msg)


def _made_up_names(layout: Layout, source: Path) -> list[str]:
    if layout.class_count is None:
        msg = f"{source}: expected class names in the metadata or from you: chosen boxes do not tell how many there are"
        raise ModelError(msg)
    return [f"class-{index}" for index in range(layout.class_count)]


def _slug(stem: str) -> str:
    """Return a name that a model can have: lower case letters, digits, `.`, `_` and `-`."""
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower())[:64].strip("._-") or "model"


def _file_name(source: Path) -> str:
    """Return the file's own name; another one where it might be that of another file of the package."""
    return source.name if source.suffix.lower() == ".onnx" else f"{_slug(source.stem)}.onnx"


def _model_wh(
    metadata: Mapping[str, str], shape: Shape, source: Path, wanted_wh: tuple[int, int] | None
) -> tuple[int, int]:
    height, width = shape[2], shape[3]
    if isinstance(height, int) and isinstance(width, int):
        if wanted_wh not in {None, (width, height)}:
            msg = f"{source}: expected the fixed input size {(width, height)}, found {wanted_wh}"
            raise ModelError(msg)
        return width, height
    if wanted_wh is not None:
        return wanted_wh
    size = _literal(metadata.get("imgsz", "None"), "imgsz", source)
    if isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size):
        return size[1], size[0]
    msg = (
        f"{source}: expected a fixed input size or metadata 'imgsz' [height, width], found {list(shape)}, {size!r}: "
        "say the width and height"
    )
    raise ModelError(msg)


def _literal(text: str, key: str, source: Path) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:  # as its page says
        msg = f"{source}: metadata {key!r}: expected a Python literal, found {text[:200]}"
        raise ModelError(msg) from error
