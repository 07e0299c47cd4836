"""Objects that list the objects with the items: S3 inventories, manifests of Athena, and listings to be loaded.

Source:
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html (manifest.json),
    https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html (a data manifest: one URI a line)
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloud_side.local.states.integrations.clients import Clients
from cloud_side.local.states.integrations.readers.forms import Form, Table
from cloud_side.local.states.integrations.readers.objects import ObjectPlace, reader_failed, small_object
from cloud_side.local.states.integrations.readers.sources import ListingSource, ObjectSource, Source
from cloud_side.local.states.store import Json

_KEYS_AT_ONCE = 100


@dataclass(frozen=True)
class ManifestParts:
    """Objects that a manifest names, by their numbers."""

    clients: Clients
    places: Sequence[ObjectPlace]
    form: Form

    def after(self, part: Json | None) -> Json | None:
        """Return the number of the next object."""
        following = 0 if part is None else part + 1
        return following if following < len(self.places) else None

    def open(self, part: Json) -> Source:
        """Return the items of one."""
        return ObjectSource(self.clients, self.places[part], self.form)


@dataclass
class ListedParts:
    """Objects that a listing names, by their keys."""

    clients: Clients
    listing: ListingSource
    form: Form
    _before: str | None = None
    _keys: Iterator[str] = field(default_factory=lambda: iter(()))

    def after(self, part: Json | None) -> Json | None:
        """Return the key of the next object; keys asked for one after another come of one listing."""
        if self._before is None or self._before != part:
            objects = self.listing.objects(part, _KEYS_AT_ONCE)
            self._keys = (str(found["Key"]) for found in objects)
        self._before = next(self._keys, None)
        return self._before

    def open(self, part: Json) -> Source:
        """Return the items of one."""
        base = ObjectPlace(self.listing.request["Bucket"], "", self.listing.request)
        return ObjectSource(self.clients, base.beside(base.bucket, part), self.form)


def inventory(clients: Clients, place: ObjectPlace) -> ManifestParts:
    """Return the tables of an S3 inventory, whose columns its manifest names.

    Raises:
        StateFailure: States.ItemReaderFailed, if it is no manifest of an inventory in CSV.
    """
    manifest = _json_object(small_object(clients, place), place)
    kind, schema, files = (manifest.get(name) for name in ("fileFormat", "fileSchema", "files"))
    if kind != "CSV" or not isinstance(schema, str) or not isinstance(files, list):
        raise reader_failed(str(place), f"is no manifest of an S3 inventory in CSV: its fileFormat is {kind!r}")
    bucket = str(manifest.get("destinationBucket", "")).rpartition(":::")[2] or place.bucket
    try:
        places = [place.beside(bucket, str(file["key"])) for file in files]
    except (KeyError, TypeError) as error:
        raise reader_failed(str(place), "has a file without a key") from error
    return ManifestParts(clients, places, Table(headers=[column.strip() for column in schema.split(",")]))


def athena_manifest(clients: Clients, place: ObjectPlace, form: Form) -> ManifestParts:
    """Return the objects that a query of Athena wrote.

    Raises:
        StateFailure: States.ItemReaderFailed, if it is no list of URIs.
    """
    try:
        lines = small_object(clients, place).decode().split()
    except UnicodeDecodeError as error:
        raise reader_failed(str(place), error) from error
    places = []
    for line in lines:
        bucket, slash, key = line.strip('"').removeprefix("s3://").partition("/")
        if not line.strip('"').startswith("s3://") or not slash:
            raise reader_failed(str(place), f"has the line {line[:100]!r}, expected a URI that begins with s3://")
        places.append(place.beside(bucket, key))
    return ManifestParts(clients, places, form)


def _json_object(content: bytes, place: ObjectPlace) -> Mapping[str, Any]:
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise reader_failed(str(place), f"is no JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise reader_failed(str(place), "is no JSON object")
    return manifest
