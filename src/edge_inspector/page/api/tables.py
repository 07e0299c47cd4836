"""Tables as CSV, for spreadsheets: UTF-8, a header, CRLF, and no cell that a spreadsheet would run as a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from starlette.responses import StreamingResponse

Cell: TypeAlias = str | int | float | bool | None
MEDIA = "text/csv"
# Where a spreadsheet may see a cell begin, also one that takes semicolons or tabs for what parts them, and runs it.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[-=+@\uff1d\uff0b\uff0d\uff20])")  # the last four are full width


def table_of(name: str, header: Sequence[str], chunks: Iterable[Sequence[Sequence[Cell]]]) -> StreamingResponse:
    """Return a table as an answer that is written while it is read.

    Args:
        name: Of the file, without its suffix.
        header: Names of the columns.
        chunks: Rows, some at a time; taken from on worker threads, one at a time.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_texts(header, chunks), media_type=MEDIA, headers=headers)


def _texts(header: Sequence[str], chunks: Iterable[Sequence[Sequence[Cell]]]) -> Iterator[str]:
    yield text_of([header])
    for chunk in chunks:
        yield text_of(chunk)


def text_of(rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows as CSV; what is None is empty, `true` and `false` are spelt so."""
    text = io.StringIO()
    csv.writer(text).writerows([_written(cell) for cell in row] for row in rows)
    return text.getvalue()


def _written(cell: Cell) -> str | int | float | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return _FORMULA.sub("'", cell) if isinstance(cell, str) else cell
