"""A report as one HTML file, which needs no network and no script: facts, tables, curves and pictures."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from cloud_side.drawing.markup import Content, Markup, element

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_CHART_WH: Final = (560, 260)
_MARGIN: Final = 44
_DASHES: Final = (None, "6 4", "2 3", "8 3 2 3")  # lines are told apart without color, too


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a chart.

    Attributes:
        name: In the legend.
        points: (x, y), in the order in which they are joined.
    """

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axes:
    """What a chart's sides mean.

    Attributes:
        x: Name of the horizontal axis.
        y: Name of the vertical axis.
        x_range: Lowest and highest value; None: those of the curves.
        y_range: The same.
    """

    x: str
    y: str
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


def page(title: str, *content: Content) -> bytes:
    """Return the file: a header and sections, as the functions here make them."""
    style = (files(__package__ or "cloud_side.drawing") / "report.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(style)),
    )
    return f"<!doctype html>\n{element('html', head, element('body', *content), lang='en')}\n".encode()


def section(title: str, *content: Content) -> Markup:
    """Return a part of a page with its heading."""
    return element("section", element("h2", title), *content)


def facts(said: Mapping[str, Content]) -> Markup:
    """Return names and what is so; a fact that is None is left out."""
    return element(
        "dl", [element("div", element("dt", name), element("dd", fact)) for name, fact in said.items() if fact]
    )


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> Markup:
    """Return a table whose first column names the rows; numbers stand to the right."""
    heads = [element("th", name, scope="col") if name else element("td") for name in head]
    body = [element("tr", element("th", str(row[0]), scope="row"), *map(_cell, row[1:])) for row in rows]
    drawn = element("table", element("thead", element("tr", heads)), element("tbody", body))
    return element("div", drawn, class_="table", tabindex=0, role="region", aria_label=label)


def percent(share: float | None) -> str:
    """Return a share in [0, 1] as people read it."""
    return "none" if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def picture(content: bytes, alternative: str, *caption: Content, media: str = "image/jpeg") -> Markup:
    """Return a picture with its caption.

    Args:
        content: The encoded image, which becomes part of the page.
        alternative: What it shows, for those who do not see it.
        caption: What stands below.
        media: Type of the image.
    """
    source = f"data:{media};base64,{base64.b64encode(content).decode()}"
    return element("figure", element("img", src=source, alt=alternative), element("figcaption", *caption))


def gallery(pictures: Iterable[Markup]) -> Markup:
    """Return pictures side by side."""
    return element("div", pictures, class_="gallery")


def chart(label: str, axes: Axes, curves: Sequence[Curve]) -> Markup:
    """Return curves over one another, with a legend; a point that is no number is left out.

    Args:
        label: What it shows, for those who do not see it.
        axes: What its sides mean.
        curves: At most as many as can be told apart: eight.
    """
    kept = [Curve(each.name, [point for point in each.points if all(map(_is_number, point))]) for each in curves]
    x_range = axes.x_range or _range([x for each in kept for x, _ in each.points])
    y_range = axes.y_range or _range([y for each in kept for _, y in each.points])
    width, height = _CHART_WH
    lines = [_line(each, number, x_range, y_range) for number, each in enumerate(kept) if each.points]
    drawn = element(
        "svg",
        _frame(axes, x_range, y_range),
        lines,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=label,
        class_="chart",
    )
    legend = [element("li", _key(number), f" {each.name}") for number, each in enumerate(kept)]
    return element("figure", drawn, element("ul", legend, class_="legend"))


def _cell(value: str | int) -> Markup:
    return element("td", value) if isinstance(value, str) else element("td", f"{value:,}", class_="number")


def _is_number(value: float) -> bool:
    return value == value and abs(value) != float("inf")  # noqa: PLR0124 - what is not itself is no number


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _place(
    point: tuple[float, float], x_range: tuple[float, float], y_range: tuple[float, float]
) -> tuple[float, float]:
    width, height = _CHART_WH
    x = _MARGIN + (point[0] - x_range[0]) / (x_range[1] - x_range[0]) * (width - _MARGIN - 12)
    y = height - _MARGIN - (point[1] - y_range[0]) / (y_range[1] - y_range[0]) * (height - _MARGIN - 12)
    return x, y


def _line(curve: Curve, number: int, x_range: tuple[float, float], y_range: tuple[float, float]) -> Markup:
    places = (_place(point, x_range, y_range) for point in curve.points)
    return element(
        "polyline",
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places),
        class_=f"curve curve-{number % 4}",
        stroke_dasharray=_dashes(number),
    )


def _dashes(number: int) -> str | None:
    return _DASHES[(number + number // 4) % 4]


def _key(number: int) -> Markup:
    line = element(
        "line", x1=0, y1=6, x2=28, y2=6, class_=f"curve curve-{number % 4}", stroke_dasharray=_dashes(number)
    )
    return element("svg", line, viewBox="0 0 28 12", width=28, height=12, aria_hidden="true")


def _frame(axes: Axes, x_range: tuple[float, float], y_range: tuple[float, float]) -> list[Markup]:
    width, height = _CHART_WH
    left, bottom = _MARGIN, height - _MARGIN
    return [
        element("line", x1=left, y1=bottom, x2=width - 12, y2=bottom, class_="axis"),
        element("line", x1=left, y1=12, x2=left, y2=bottom, class_="axis"),
        element("text", f"{x_range[0]:.4g}", x=left, y=bottom + 16),
        element("text", f"{x_range[1]:.4g}", x=width - 12, y=bottom + 16, text_anchor="end"),
        element("text", axes.x, x=(left + width) / 2, y=bottom + 32, text_anchor="middle"),
        element("text", f"{y_range[0]:.3g}", x=left - 6, y=bottom, text_anchor="end"),
        element("text", f"{y_range[1]:.3g}", x=left - 6, y=20, text_anchor="end"),
        element("text", axes.y, x=left + 6, y=20),
    ]
