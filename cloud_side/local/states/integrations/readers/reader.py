"""The ItemReader of a distributed map, as Step Functions defines it.

Source:
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from collections.abc import Mapping
from typing import Any

from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.integrations.arguments import UnfitArgumentsError, parameters_of
from cloud_side.local.states.integrations.clients import Clients
from cloud_side.local.states.integrations.readers.forms import Form, JsonArray, JsonLines, Table
from cloud_side.local.states.integrations.readers.manifests import ListedParts, athena_manifest, inventory
from cloud_side.local.states.integrations.readers.objects import ObjectPlace, reader_failed
from cloud_side.local.states.integrations.readers.sources import JoinedSource, ListingSource, ObjectSource, Source
from cloud_side.local.states.integrations.spelling import Spelling
from cloud_side.local.states.store import Json

_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
_MOST_ITEMS = 100_000_000


def read(reader: Json, cursor: Json | None, clients: Clients, limit: int) -> tuple[list[Json], Json | None]:
    """Read on in the items of a distributed map.

    Args:
        reader: `ItemReader` with `Resource`, `Arguments` and `ReaderConfig`, evaluated.
        cursor: What the read before gave, small JSON; None at the beginning.
        clients: With S3 among them.
        limit: How many items at most, at least 1. No more than these are in memory, nor more than 8 MiB of one.

    Returns:
        The items in their order, and the cursor that goes on after them; None at the end.

    Raises:
        StateFailure: States.ItemReaderFailed, if the reader is none, or its items cannot be read.
    """
    config = _config(reader)
    most = _most_items(config)
    taken, inner = (0, None) if cursor is None else (cursor["taken"], cursor["in"])
    items, after = _source(reader, config, clients).read(inner, min(limit, most - taken))
    taken += len(items)
    return items, None if after is None or taken >= most else {"taken": taken, "in": after}


def _source(reader: Mapping[str, Any], config: Mapping[str, Any], clients: Clients) -> Source:
    arguments, resource = reader.get("Arguments"), str(reader.get("Resource"))
    match resource.partition(":states:::")[2]:
        case "s3:getObject":
            request = _request(arguments, "GetObject", clients)
            place = ObjectPlace(request.pop("Bucket", ""), request.pop("Key", ""), request)
            return _object_source(place, config, clients)
        case "s3:listObjectsV2":
            listing = ListingSource(clients, _request(arguments, "ListObjectsV2", clients))
            match config.get("Transformation", "NONE"):
                case "NONE":
                    return listing
                case "LOAD_AND_FLATTEN":
                    return JoinedSource(ListedParts(clients, listing, _form(config)))
            raise _unfit("Transformation", config["Transformation"], "NONE or LOAD_AND_FLATTEN")
    raise _unfit("Resource", resource, "arn:aws:states:::s3:getObject or arn:aws:states:::s3:listObjectsV2")


def _object_source(place: ObjectPlace, config: Mapping[str, Any], clients: Clients) -> Source:
    match config.get("ManifestType"), config.get("InputType"):
        case ("ATHENA_DATA", _):
            return JoinedSource(athena_manifest(clients, place, _form(config)))
        case ("S3_INVENTORY", _) | (None, "MANIFEST"):
            return JoinedSource(inventory(clients, place))
        case (None, _):
            return ObjectSource(clients, place, _form(config))
    raise _unfit("ManifestType", config["ManifestType"], "S3_INVENTORY or ATHENA_DATA")


def _form(config: Mapping[str, Any]) -> Form:
    match config.get("InputType"):
        case "JSON":
            return JsonArray(str(config.get("ItemsPointer", "")))
        case "JSONL":
            return JsonLines()
        case "CSV":
            return _table(config)
    raise _unfit("InputType", config.get("InputType"), "JSON, JSONL, CSV or MANIFEST")


def _table(config: Mapping[str, Any]) -> Table:
    delimiter = _DELIMITERS.get(name := config.get("CSVDelimiter", "COMMA"))
    if delimiter is None:
        raise _unfit("CSVDelimiter", name, ", ".join(_DELIMITERS))
    headers = config.get("CSVHeaders")
    match config.get("CSVHeaderLocation"), headers:
        case ("FIRST_ROW", None):
            return Table(delimiter)
        case ("GIVEN", [_, *_]):
            return Table(delimiter, [str(header) for header in config["CSVHeaders"]])
        case ("GIVEN", _):
            raise _unfit("CSVHeaders", headers, "the names of the columns")
    raise _unfit("CSVHeaderLocation", config.get("CSVHeaderLocation"), "FIRST_ROW, or GIVEN with CSVHeaders")


def _config(reader: Json) -> Mapping[str, Any]:
    config = reader.get("ReaderConfig") or {}
    if not isinstance(config, dict):
        raise _unfit("ReaderConfig", config, "an object")
    return config


def _most_items(config: Mapping[str, Any]) -> int:
    most = config.get("MaxItems", _MOST_ITEMS)
    is_number = isinstance(most, int | float) and not isinstance(most, bool)
    if not is_number or not float(most).is_integer() or most < 0:
        raise _unfit("MaxItems", most, "a whole number")
    return min(int(most) or _MOST_ITEMS, _MOST_ITEMS)


def _request(arguments: Json, operation: str, clients: Clients) -> dict[str, Any]:
    try:
        return parameters_of(arguments, clients.operation("s3", operation).input_shape, Spelling.OPTIMIZED)
    except UnfitArgumentsError as error:
        raise reader_failed("Arguments", error) from error


def _unfit(name: str, found: Json, expected: str) -> StateFailure:
    return reader_failed("ItemReader", f"{name} is {found!r}, expected {expected}")
