"""The functions that Step Functions adds to JSONata, and those of JSONata that it evaluates in its own way.

How AWS behaves was measured by others: by sfnx (docs/design.md, and `sfnx.testing`, against which the tests hold this
module) and by floci-io/floci (docs/services/step-functions.md). None is undefined.
"""

import base64
import hashlib
import json
import random
import re
import urllib.parse
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache
from typing import Any

from jsonata.functions import Functions as Library
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata

from cloud_side.local.states.patterns import Pattern
from cloud_side.local.states.values import LARGEST_TEXT, NULL, Value, text_of, with_nulls

_LARGEST_RANGE = 360_145
_DECIMAL_DIGITS = 700  # more than any double has before and after the point
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_TIMESTAMP = re.compile(r"\d{4}(-\d\d-\d\d)?(?(1)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)")
_ZONE = re.compile(r"[+-]\d{4}")


@lru_cache(maxsize=1)
def functions() -> Any:  # noqa: ANN401 - a Frame of the library, which has no types
    """Return the scope that expressions are evaluated in; it is shared, and nothing is bound in it later."""
    frame = Jsonata.Frame(Jsonata.static_frame)
    for name, signature, work in _TABLE:
        frame.bind(name, _Function(name, signature, work))
    frame.bind("eval", None)  # Step Functions has none
    return frame


def jsonata_error(code: str, message: str) -> JException:
    """Return an error of an expression in our words."""
    made = JException("D3137", -1, message)  # the one code whose text is free
    made.error = code
    return made


class _Function(Jsonata.JFunction):  # type: ignore[misc] # the library has no types
    """A function whose arguments the library checks by its signature, which null would pass."""

    def __init__(self, name: str, signature: str, work: Callable[..., Value]) -> None:
        super().__init__(None, signature)
        self.function_name = name
        self._work = work
        self._may_be_null = signature.startswith("<x")  # the first argument

    def call(self, _input: Value, arguments: Sequence[Value]) -> Value:
        for position, argument in enumerate(arguments, 1):
            if argument is NULL and not (position == 1 and self._may_be_null):
                raise JException("T0410", -1, position, self.function_name)
        return self._work(*arguments)

    def get_number_of_args(self) -> int:
        return int(self.signature.get_number_of_args())


def string(value: Value, pretty: bool | None = None) -> str | None:  # noqa: FBT001 - as JSONata calls it
    """Return a text as it is, the JSON text of any other value, and nothing of a function."""
    if value is None or isinstance(value, str):
        return value
    is_json = value is NULL or isinstance(value, int | float | list | dict)
    return text_of(value, pretty=bool(pretty)) if is_json else ""


def _parse(text: str | None) -> Value:
    """Return the value of a JSON text; AWS refuses what Python's JSON allows: NaN, and a name twice in an object."""
    if text is None:
        return None
    return with_nulls(json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_unrepeated))


def _no_number(text: str) -> Value:
    message = f"{text} is not JSON"
    raise jsonata_error("D3137", message)


def _finite(text: str) -> float:
    number = float(text)
    return number if abs(number) != float("inf") else _no_number(text)


def _unrepeated(pairs: Sequence[tuple[str, Value]]) -> dict[str, Value]:
    made = dict(pairs)
    if len(made) < len(pairs):
        message = f"a name is twice in an object with {', '.join(made)}"
        raise jsonata_error("D3137", message)
    return made


def _uuid() -> str:
    return str(uuid.uuid4())


def _random(seed: float | None) -> float:
    """Return a number from 0 up to 1, the same one for the same seed, though not the one that AWS draws."""
    return random.random() if seed is None else random.Random(float(seed)).random()  # noqa: S311 - no secret


def _range(first: float | None, last: float | None, step: float | None) -> Value:
    """Return the numbers from first to last; one alone as itself, and none as undefined, as a path does."""
    if first is None or last is None or step is None or int(step) == 0:
        return None
    numbers = range(int(first), int(last) + (1 if step > 0 else -1), int(step))
    if len(numbers) > _LARGEST_RANGE:
        message = f"$range of {len(numbers)} numbers; expected at most {_LARGEST_RANGE}"
        raise jsonata_error("D2014", message)
    return list(numbers) if len(numbers) > 1 else next(iter(numbers), None)


def _hash(text: str | None, algorithm: str | None) -> str | None:
    if text is None or algorithm is None:
        return None
    if algorithm not in _HASHES:
        message = f"the hash algorithm is {algorithm}, expected one of {', '.join(_HASHES)}"
        raise jsonata_error("D3137", message)
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _partition(items: Value, size: float | None) -> Value:
    """Return batches of so many items, the last one shorter; without a size one batch of all."""
    if items is None:
        return None
    if not isinstance(items, list):
        raise JException("T0412", -1, 1, "partition", "undefined")
    if size is None:
        return [items]
    if size < 0:
        message = f"the size of a partition is {size}, expected 0 or more"
        raise jsonata_error("D3137", message)
    whole = int(size)
    return [items[start : start + whole] for start in range(0, len(items), whole)] or None if whole else None


def _format_number(number: float | None, picture: str, options: Mapping[str, str] | None) -> str | None:
    """Round half to even what the number is written as: the library rounds half up what its double is."""
    if number is None:
        return None
    with localcontext(prec=_DECIMAL_DIGITS):
        exact = Decimal(repr(number))
        signs = options or {}
        part = picture.split(signs.get("pattern-separator", ";"))[-1 if number < 0 else 0]
        fraction = part.partition(signs.get("decimal-separator", "."))[2]
        places = sum(sign.isdigit() or sign == signs.get("digit", "#") for sign in fraction)
        places += 2 * (signs.get("percent", "%") in part) + 3 * (signs.get("per-mille", "‰") in part)
        if signs.get("exponent-separator", "e") not in part:
            exact = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
        return str(Library.format_number(exact, picture, options))


def _from_millis(millis: float | None, picture: str | None, zone: str | None) -> str | None:
    """Return the text of an instant; any other word for a zone than ±hhmm is UTC."""
    if millis is None:
        return None
    offset = zone if zone is not None and _ZONE.fullmatch(zone) else None
    return str(Library.datetime_from_millis(millis, picture, offset))


def _to_millis(text: str | None, picture: str | None) -> Value:
    """Return the instant of a text, to the millisecond: the library loses one now and then to a float."""
    if text is None or picture is not None:
        return Library.datetime_to_millis(text, picture)
    if not _TIMESTAMP.fullmatch(text):
        raise JException("D3110", -1, json.dumps(text, ensure_ascii=False))
    instant = datetime.fromisoformat(text if len(text) > 4 else f"{text}-01-01")
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _now(picture: str | None, zone: str | None) -> str | None:
    return _from_millis(Library.millis(), picture, zone)


def _decode_url_component(text: str | None) -> str | None:
    if text is None:
        return None
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise JException("D3140", -1, "decodeUrlComponent", text)
    return urllib.parse.unquote_plus(text)


def _base64_decode(text: str | None) -> str | None:
    return None if text is None else base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()


def _lowercase(text: str | None) -> str | None:
    return None if text is None else text.lower()  # the library folds, which turns ß into ss


def _pad(text: str | None, width: float | None, filling: str | None) -> str | None:
    if width is not None and abs(width) > LARGEST_TEXT:
        message = f"$pad to {width} characters; expected at most {LARGEST_TEXT}"
        raise jsonata_error("D3137", message)
    return None if text is None else str(Library.pad(text, width, filling))


def _replace(text: str | None, pattern: Value, replacement: Value, limit: float | None) -> str | None:
    """Replace the first ones that are found: the library looks again in what it has put there, `limit` times."""
    if isinstance(pattern, Pattern) and limit is not None and limit > 0:
        pattern, limit = pattern.up_to(limit), None
    return Library.replace(text, pattern, replacement, limit)  # type: ignore[no-any-return]


def _sort(items: Sequence[Value] | None, is_after: Value) -> Value:
    """Return the items in order; those that are neither before nor after each other stay as they were."""
    if items is None:
        return None
    if is_after is not None:
        return sorted(items, key=lambda item: _Sorted(item, is_after))
    if all(isinstance(item, str) for item in items) or all(type(item) in (int, float) for item in items):
        return sorted(items)
    raise JException("D3070", -1)


class _Sorted:
    def __init__(self, item: Value, is_after: Value) -> None:
        self._item = item
        self._is_after = is_after

    def __lt__(self, other: "_Sorted") -> bool:
        answer = Library.func_apply(self._is_after, [other._item, self._item])
        return answer is True or (type(answer) in (int, float) and answer > 0)


_TABLE: tuple[tuple[str, str, Callable[..., Value]], ...] = (
    ("parse", "<s?:x>", _parse),
    ("uuid", "<:s>", _uuid),
    ("random", "<n?:n>", _random),
    ("range", "<n?n?n?:a>", _range),
    ("hash", "<ss?:s>", _hash),
    ("partition", "<x?n?:a>", _partition),
    ("string", "<x-b?:s>", string),
    ("formatNumber", "<n-so?:s>", _format_number),
    ("fromMillis", "<n-s?s?:s>", _from_millis),
    ("toMillis", "<s-s?:n>", _to_millis),
    ("now", "<s?s?:s>", _now),
    ("decodeUrlComponent", "<s-:s>", _decode_url_component),
    ("base64decode", "<s-:s>", _base64_decode),
    ("lowercase", "<s-:s>", _lowercase),
    ("pad", "<s-ns?:s>", _pad),
    ("replace", "<s-(sf)(sf)n?:s>", _replace),
    ("sort", "<af?:a>", _sort),
)
