"""What the commands `dataset …` do; each says its lines, and returns its exit code."""

import argparse
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from cloud_side.catalog import telling
from cloud_side.catalog.candidates import Filter, Source, parse_named, told
from cloud_side.catalog.contact_sheet import choose, write_near_duplicates, write_sheet
from cloud_side.catalog.creating import Wish, create
from cloud_side.catalog.differences import Difference, differences
from cloud_side.catalog.exporting import export, image_of
from cloud_side.catalog.formats import FORMS, detect
from cloud_side.catalog.importing import Arrival, find_import, import_set, imported
from cloud_side.catalog.labels import LabelError
from cloud_side.catalog.leaks import NearDuplicateError, Treatment
from cloud_side.catalog.settling import side_by_side
from cloud_side.catalog.shelf import LATEST, Manifest, Shelf, check_name
from cloud_side.catalog.splits import parse_shares
from cloud_side.catalog.store import read_labels
from cloud_side.catalog.tables import LABEL_STORE
from cloud_side.catalog.versions import Header
from cloud_side.commands import CommandError, bucket_of, on_engine
from cloud_side.installation import installed
from cloud_side.objects import Bucket
from cloud_side.session import session

_RECEIPTS: Final = "labeling/batches/{batch}/stored/"  # a contract with labeling, which this side does not know
Say: TypeAlias = Callable[[str], None]
Options: TypeAlias = argparse.Namespace


def run(name: str, options: Options, say: Say) -> int:
    """Do a command.

    Raises:
        InspectorError: With one line, or one a problem.
    """
    with on_engine(options), _one_line_errors():
        return _COMMANDS[name](options, say)


def _create(options: Options, say: Say) -> int:
    shelf = _shelf(options)
    try:
        made = create(shelf, _sources(options, shelf), _wish(options))
    except NearDuplicateError as error:
        path = options.sheet or Path(f"{options.name}-near-duplicates.html")
        with path.open("w", encoding="utf-8") as file:
            write_near_duplicates(file, options.name, error, lambda entry: image_of(shelf, entry))
        msg = f"{error}; they are in {path}"
        raise CommandError(msg) from error
    if options.json:
        say(_json({**made.header.document, "is_new": made.is_new}))
        return 0
    changes = {} if made.before is None else _changes(shelf, made.before, made.header)
    for line in telling.created(made, changes):
        say(line)
    return 0


def _wish(options: Options) -> Wish:
    return Wish(
        name=check_name(options.name),
        created_at=datetime.now(UTC),
        created_by=options.by,
        git_commit=_git_commit(),
        salt=options.salt,
        shares=None if options.shares is None else parse_shares(options.shares),
        least_groups=options.least_groups,
        class_names=options.classes,
        wanted=_wanted(options),
        near_duplicates=Treatment(options.near_duplicates),
    )


def _wanted(options: Options) -> Filter:
    named = {}
    if options.exclude is not None:
        named = parse_named(options.exclude.read_text(encoding="utf-8").splitlines(), str(options.exclude))
    return Filter(options.site, options.line, options.product, options.since, named)


def _sources(options: Options, shelf: Shelf) -> Iterator[Source]:
    for said in options.imports:
        yield imported(shelf.bucket, find_import(shelf.bucket, said))
    if options.labels is not None or options.wait_for or not options.imports:
        store = options.labels or installed(LABEL_STORE)
        awaited = {image: at for batch in options.wait_for for image, at in _stored(shelf, batch).items()}
        yield Source(f"label store {store}", read_labels(session(), store, wait_for=awaited))


def _stored(shelf: Shelf, batch: str) -> dict[str, str]:
    """Return the event time of each label that a batch has stored, by the address of its image."""
    keys = (each.key for each in shelf.bucket.listed(_RECEIPTS.format(batch=batch)))
    stored: dict[str, str] = {}
    for receipt in side_by_side(shelf.bucket.read, keys):
        stored |= {} if receipt is None else json.loads(receipt.content)["images"]
    if not stored:
        msg = f"{batch}: expected a labeling batch that has stored labels, found none"
        raise CommandError(msg)
    return stored


def _changes(shelf: Shelf, before: Header, after: Header) -> Mapping[str, int]:
    if before.version == after.version:
        return {}
    with shelf.open(before) as old, shelf.open(after) as new:
        return telling.changes(differences(old.entries(), new.entries()))


def _list(options: Options, say: Say) -> int:
    shelf = _shelf(options)
    names = shelf.names() if options.name is None else [check_name(options.name)]
    headers = [header for name in names for header in shelf.versions(name)]
    if options.json:
        say(_json([header.document for header in headers]))
    elif headers:
        say("\n".join(telling.listed(headers)))
    else:
        say(f"no versions in {shelf.bucket.name}; `edge-inspector-cloud dataset create` makes one")
    return 0


def _show(options: Options, say: Say) -> int:
    shelf = _shelf(options)
    header = _find(shelf, options.reference)
    if options.html is None and options.image is None and not options.excluded:
        say(_json(header.document) if options.json else "\n".join(telling.shown(header)))
        return 0
    with shelf.open(header) as manifest:
        if options.image is not None:
            say(json.dumps(_image(manifest, options.image), indent=None if options.json else 2, sort_keys=True))
        if options.excluded:
            notes = manifest.notes("excluded")
            for line in map(_json, notes) if options.json else telling.exclusions(notes, options.most):
                say(line)
        if options.html is not None:
            chosen = choose(manifest.entries(), options.most)
            with options.html.open("w", encoding="utf-8") as file:
                write_sheet(file, header, chosen, lambda entry: image_of(shelf, entry))
            say(f"written: {options.html} ({len(chosen.entries)} of {chosen.total} images)")
    return 0


def _image(manifest: Manifest, said: str) -> dict[str, Any]:
    found = [entry.document() for entry in manifest.entries() if entry.sha256.startswith(said)]
    found = found or [note for note in manifest.notes("excluded") if note.get("sha256", "").startswith(said)]
    if len(found) != 1:
        msg = f"{said}: expected the beginning of one image's sha256, found {len(found)} images that begin so"
        raise CommandError(msg)
    return found[0]


def _diff(options: Options, say: Say) -> int:
    shelf = _shelf(options)
    before, after = _find(shelf, options.before), _find(shelf, options.after)
    with shelf.open(before) as old, shelf.open(after) as new:
        found = differences(old.entries(), new.entries())
        count = _differing(found, say) if options.json else telling.differing(before, after, found, options.most, say)
    return 1 if options.exit_code and count else 0


def _differing(found: Iterable[Difference], say: Say) -> int:
    count = 0
    for each in found:
        say(_json(each.document()))
        count += 1
    return count


def _import(options: Options, say: Say) -> int:
    form = options.form or detect(options.folder)
    labels = FORMS[form].read(options.folder)
    folder = options.folder if options.folder.is_dir() else options.folder.parent
    shelf = _shelf(options)
    done = import_set(shelf.bucket, labels, Arrival(folder, form, options.by, datetime.now(UTC)))
    short = done.import_id[: telling.SHORT]
    if options.json:
        known = {"import": done.import_id, "is_new": done.is_new, "images": done.images, "excluded": done.excluded}
        say(_json(known))
        return 0
    say(f"import {short}: {done.images} labeled images, {'new' if done.is_new else 'already there: nothing changed'}")
    say(f"excluded: {told(done.excluded)}")
    say(f"next: edge-inspector-cloud dataset create NAME --import {short}")
    return 0


def _export(options: Options, say: Say) -> int:
    shelf = _shelf(options)
    header = _find(shelf, options.reference)
    with shelf.open(header) as manifest:
        done = export(shelf, manifest, FORMS[options.form], options.folder)
    version = f"{header.name}@{header.version[: telling.SHORT]}"
    say(f"written: {done.folder} ({done.images} images of {version}, as {options.form})")
    return 0


def _find(shelf: Shelf, reference: str) -> Header:
    name, _, version = reference.partition("@")
    return shelf.find(name, version or LATEST)


def _shelf(options: Options) -> Shelf:
    return Shelf(Bucket(session().client("s3"), bucket_of(options)))


def _json(document: object) -> str:
    return json.dumps(document, sort_keys=True, allow_nan=False)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Make what a disk or a label cannot an error of the product."""
    try:
        yield
    except LabelError as error:
        raise CommandError(str(error)) from error
    except BrokenPipeError:
        raise  # of whoever reads what is printed
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(" ".join(str(error).split())) from error


def _git_commit() -> str | None:
    """Return the commit of this code; None where it is no checkout, as when it was installed into somebody's own."""
    if not _git("ls-files", "--error-unmatch", __file__):
        return None
    return _git("rev-parse", "--verify", "HEAD")


def _git(*arguments: str) -> str | None:
    command = ["git", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - of our own making
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


_COMMANDS: Final = MappingProxyType(
    {"create": _create, "list": _list, "show": _show, "diff": _diff, "import": _import, "export": _export}
)
