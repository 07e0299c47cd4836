"""What spool and album hold after a crash: whole pairs; halves and what was being written are removed."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from edge_inspector.durable import PARTIAL, is_partial
from edge_inspector.sample_keys import Suffix, parse_key
from edge_inspector.samples.shelf import Pair, on_disk
from edge_inspector.sampling import SampleReason

_NAME = re.compile(r"[0-9A-Z]{26}-[0-9]{1,6}\.(jpg|png|json)")
PICTURE_NAME = re.compile(r"(?P<id>[0-7][0-9A-HJKMNP-TV-Z]{25})-(?P<frame>0|[1-9][0-9]{0,5})\.(?P<suffix>jpg|png|json)")


def whole_pairs(root: Path, reason: SampleReason) -> Iterator[Pair]:
    """Yield the whole pairs of one reason, remove halves and empty folders, and leave alone what is not ours.

    Some 20 microseconds a pair: a full spool has tens of thousands.

    Raises:
        OSError: If the disk cannot be used.
    """
    top = str(root / reason.value)
    for place, folders, names in os.walk(top, topdown=False):
        folder = os.path.relpath(place, top)
        for name in filter(is_partial, names):
            Path(place, name).unlink()
        ours = sorted(filter(_NAME.fullmatch, names))
        if ours and _is_folder_of_keys(folder, ours[0]):
            for stem, files in groupby(ours, key=lambda name: name.rpartition(".")[0]):
                yield from _pair(place, folder, stem, list(files), reason)
        if not names and not folders:
            with suppress(OSError):  # something came in between
                Path(place).rmdir()


def whole_pictures(folder: Path) -> list[tuple[str, int, str, int]]:
    """Return the whole pairs of an album as inspection id, frame, suffix and bytes on the disk; remove what is torn.

    Nothing in an album is synced, so that a power cut may leave files without content.

    Raises:
        OSError: If the disk cannot be used.
    """
    sizes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    with os.scandir(folder) as entries:
        for entry in list(entries):
            name = entry.name[1 : -len(PARTIAL)] if is_partial(entry.name) else entry.name
            if not PICTURE_NAME.fullmatch(name) or not entry.is_file(follow_symlinks=False):
                continue
            if name == entry.name:
                stem, _, suffix = name.rpartition(".")
                sizes[stem][suffix] = entry.stat(follow_symlinks=False).st_size
            else:
                Path(entry).unlink()
    whole = []
    for stem, files in sizes.items():
        picture = next((suffix.value for suffix in (Suffix.JPG, Suffix.PNG) if files.get(suffix)), None)
        stays = {picture, Suffix.JSON.value} if picture and files.get(Suffix.JSON) else set()
        for suffix in files.keys() - stays:
            (folder / f"{stem}.{suffix}").unlink()
        if picture in stays:
            inspection_id, _, part_frame = stem.partition("-")
            whole.append(
                (inspection_id, int(part_frame), picture, on_disk(files[picture]) + on_disk(files[Suffix.JSON]))
            )
    return whole


def _is_folder_of_keys(folder: str, name: str) -> bool:
    try:
        parse_key(f"{folder}/{name}")
    except ValueError:
        return False
    return True


def _pair(place: str, folder: str, stem: str, files: list[str], reason: SampleReason) -> Iterator[Pair]:
    companion = f"{stem}.json"
    pictures = [name for name in files if name != companion]
    if companion in files and pictures:
        picture = pictures.pop(0)
        files = pictures
        yield Pair(reason, folder, picture, sum(_size(place, name) for name in (picture, companion)))
    for half in files:
        Path(place, half).unlink()


def _size(place: str, name: str) -> int:
    return on_disk(os.stat(f"{place}/{name}").st_size)  # noqa: PTH116 - a Path for each file costs more than the rest
