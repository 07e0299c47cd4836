"""Which decode type the outputs of a plain export have: by shapes and names, or as the person who imports says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_inspector.detectors.graph import Tensor
from edge_inspector.detectors.model_file import ModelOutput, Output
from edge_inspector.detectors.set_outputs import DetrOutput, End2EndOutput
from edge_inspector.errors import ModelError
from edge_inspector.postprocess import Activation, Background, BoxFormat, Decode

LAYOUTS = (
    "yolov8 [n, 4 + classes, anchors], yolov5 [n, anchors, 5 + classes], xyxy_scores [n, anchors, 4 + classes], "
    "detr [n, queries, 4] and [n, queries, classes], end2end [n, boxes, 6] or boxes [n, boxes, 4] with scores and "
    "classes [n, boxes]"
)

_FLOAT, _WHOLE = "tensor(float)", {"tensor(int64)", "tensor(int32)"}
_OURS = {Decode.XYXY_SCORES}  # never guessed: our own models come with their model.json
_MOST_CHOSEN = 1000  # boxes or queries; a grid of anchors has more, except on tiny inputs
_BOX_WORDS, _SCORE_WORDS, _COUNT_WORDS = ("box", "dets"), ("score", "conf"), ("num", "count")
_CLASS_WORDS = ("logit", "label", "class", "cls")
_RF_DETR = ("dets", "labels")


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to read the outputs.

    Attributes:
        output: For `model.json`.
        class_count: Classes that the shapes tell; None for chosen boxes, whose shapes do not.
        why: What speaks for it.
    """

    output: Output
    class_count: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known beside the outputs.

    Attributes:
        class_count: Number of class names in the metadata; None without.
        head: The trainer's name for the model or its head; empty where it is not told.
        chosen: Whether the file says that its boxes are chosen in the graph.
        anchors: How many anchors the usual grids have on this model's input.
    """

    class_count: int | None = None
    head: str = ""
    chosen: bool = False
    anchors: frozenset[int] = frozenset()


def usual_anchors(model_wh: tuple[int, int]) -> frozenset[int]:
    """Return the lengths of the grids of strides 8 to 32 or 64, with one anchor a cell or three."""
    levels = [(model_wh[0] // stride) * (model_wh[1] // stride) for stride in (8, 16, 32, 64)]
    return frozenset(count * anchors for count in (sum(levels[:3]), sum(levels)) for anchors in (1, 3))


def find_layout(outputs: Sequence[Tensor], clues: Clues, *, decode: Decode | None, name: str) -> Layout:
    """Return the only layout that fits.

    Args:
        outputs: With the shapes of a run, so that sides are numbers; a side that was 0 may stay a symbol.
        clues: What else the file tells.
        decode: The decode type, where a person has chosen.
        name: Of the file, for the error.

    Raises:
        ModelError: If none fits, or more than one.
    """
    layouts = list(_layouts(outputs, clues))
    if decode is None:
        layouts = [layout for layout in layouts if layout.output.decode not in _OURS]
        layouts = _likely(layouts, clues, grid=any(clues.anchors.intersection(tensor.shape) for tensor in outputs))
    else:
        layouts = [layout for layout in layouts if layout.output.decode is decode]
    if len(layouts) == 1:
        return layouts[0]
    found = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in outputs)
    names = "" if clues.class_count is None else f" for {clues.class_count} classes"
    if layouts:
        which = " or ".join(layout.output.decode for layout in layouts)
        msg = f"{name}: the output {found} may be {which}{names}: say which as the decode type"
        raise ModelError(msg)
    wanted = "a known layout" if decode is None else f"the layout {decode}"
    msg = f"{name}: expected outputs of {wanted}{names}, found {found or 'none'}; known are {LAYOUTS}"
    raise ModelError(msg)


def _layouts(outputs: Sequence[Tensor], clues: Clues) -> Iterator[Layout]:
    """Yield every layout that the shapes allow; of several tensors, else of the first one."""
    if (layout := _separate_chosen(outputs) or _queries(outputs, clues)) is not None:
        yield layout
        return
    if not outputs or len(outputs[0].shape) != 3 or outputs[0].type != _FLOAT:
        return
    name, (_, rows, columns) = outputs[0].name, outputs[0].shape
    is_detr = "detr" in clues.head.lower()
    if isinstance(rows, int) and _fits(rows - 4, clues) and (clues.class_count or _at_least(columns, rows)):
        why = f"{rows} rows are 4 of a box and {rows - 4} classes, and the other side is anchors"
        yield Layout(ModelOutput(name=name, decode=Decode.YOLOV8), rows - 4, why)
    if not isinstance(columns, int) or not _at_least(rows, columns):
        return
    if columns == 6 and (not isinstance(rows, int) or rows <= _MOST_CHOSEN):
        why = "6 columns are a chosen box, its score and its class"
        if is_detr:
            output = End2EndOutput(name=name, decode=Decode.END2END, box_format=BoxFormat.CXCYWH, normalized=True)
            yield Layout(output, None, f"{why}; {clues.head!r} gives cxcywh in fractions of the input")
        else:
            yield Layout(End2EndOutput(name=name, decode=Decode.END2END), None, f"{why}; xyxy in pixels of the input")
    if _fits(columns - 4, clues):
        why = f"{columns} columns are 4 of a box and {columns - 4} classes"
        if is_detr:
            detr = DetrOutput(name=name, decode=Decode.DETR, activation=Activation.NONE)
            yield Layout(detr, columns - 4, f"{why}; {clues.head!r} gives cxcywh in fractions of the input, and scores")
        else:
            yield Layout(ModelOutput(name=name, decode=Decode.XYXY_SCORES), columns - 4, why)
    if _fits(columns - 5, clues) and not is_detr:
        why = f"{columns} columns are 4 of a box, the objectness and {columns - 5} classes"
        yield Layout(ModelOutput(name=name, decode=Decode.YOLOV5), columns - 5, why)


def _queries(outputs: Sequence[Tensor], clues: Clues) -> Layout | None:
    boxes = _only([tensor for tensor in outputs if _is(tensor, _FLOAT, 3, 4)], _BOX_WORDS)
    if boxes is None:
        return None
    others = [tensor for tensor in outputs if tensor is not boxes and _is(tensor, _FLOAT, 3)]
    logits = _only([tensor for tensor in others if tensor.shape[1] == boxes.shape[1]], _CLASS_WORDS)
    if logits is None or not isinstance(logits.shape[2], int) or not _at_least(_MOST_CHOSEN, boxes.shape[1]):
        return None
    columns, is_rf = logits.shape[2], (boxes.name, logits.name) == _RF_DETR
    has_background = is_rf if clues.class_count is None else columns == clues.class_count + 1
    class_count = columns - has_background
    if not _fits(class_count, clues):
        return None
    activation = Activation.SOFTMAX if has_background and not is_rf else Activation.SIGMOID
    output = DetrOutput(
        boxes=boxes.name,
        logits=logits.name,
        decode=Decode.DETR,
        activation=activation,
        background=Background.LAST if has_background else None,
    )
    why = (
        f"{boxes.name} and {logits.name} are boxes and logits of queries; boxes are cxcywh in fractions of the input, "
        f"scores by {activation}, {'the last logit is no object' if has_background else 'no logit for no object'}"
    )
    return Layout(output, class_count, why)


def _separate_chosen(outputs: Sequence[Tensor]) -> Layout | None:
    boxes = _only([tensor for tensor in outputs if _is(tensor, _FLOAT, 3, 4) or _is(tensor, _FLOAT, 3, 5)], _BOX_WORDS)
    rows = [tensor for tensor in outputs if len(tensor.shape) == 2 and tensor.shape[1] != 1]
    count = _only([t for t in outputs if t.type in _WHOLE and t not in rows], _COUNT_WORDS)
    classes = _only([tensor for tensor in rows if tensor.type in _WHOLE] or rows, _CLASS_WORDS)
    scores = _only([tensor for tensor in rows if tensor.type == _FLOAT and tensor is not classes], _SCORE_WORDS)
    if boxes is None or classes is None or (scores is None) == (boxes.shape[2] == 4):
        return None
    output = End2EndOutput(
        boxes=boxes.name,
        scores=None if scores is None else scores.name,
        classes=classes.name,
        count=None if count is None else count.name,
        decode=Decode.END2END,
    )
    return Layout(output, None, f"{', '.join(output.tensors)} are chosen boxes; xyxy in pixels of the input")


def _is(tensor: Tensor, kind: str, axes: int, columns: int | None = None) -> bool:
    return tensor.type == kind and len(tensor.shape) == axes and columns in {None, tensor.shape[-1]}


def _only(tensors: Sequence[Tensor], words: Sequence[str]) -> Tensor | None:
    """Return the only tensor, or the only one that is called so."""
    called = [tensor for tensor in tensors if any(word in tensor.name.lower() for word in words)]
    chosen = called or tensors
    return chosen[0] if len(chosen) == 1 else None


def _at_least(side: int | str | None, other: int | str | None) -> bool:
    """Return whether a side is at least another one, as far as that is known."""
    return not (isinstance(side, int) and isinstance(other, int)) or side >= other


def _fits(class_count: int, clues: Clues) -> bool:
    return class_count >= 1 and clues.class_count in {None, class_count}


def _likely(layouts: list[Layout], clues: Clues, *, grid: bool) -> list[Layout]:
    """Decide between yolov5 with one class and chosen boxes, which have as many columns, where that is safe.

    A wrong guess at chosen boxes fails in the trial run, because class scores are no class ids; a wrong guess at yolov5
    would find nothing for ever.
    """
    chosen = [layout for layout in layouts if layout.output.decode is Decode.END2END]
    return chosen if chosen and (clues.chosen or not grid) else layouts
