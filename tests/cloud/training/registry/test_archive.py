"""An archive is the same for the same files, and a foreign one cannot write elsewhere."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from cloud_side.training.registry.archive import pack, unpack
from edge_inspector.errors import ConfigError


def packed(folder: Path) -> bytes:
    to = io.BytesIO()
    pack(folder, to)
    return to.getvalue()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "package"
    (made / "golden").mkdir(parents=True)
    (made / "model.json").write_bytes(b"{}")
    (made / "golden" / "0.png").write_bytes(bytes(range(256)))
    return made


def archive_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_what_was_packed_comes_out_again(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(packed(folder))
    unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    assert files_of(tmp_path / "out") == files_of(folder)


def test_the_same_files_are_the_same_bytes_whoever_made_them_and_when(folder: Path) -> None:
    before = packed(folder)
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
        path.chmod(0o700)
    assert packed(folder) == before
    (folder / "model.json").write_bytes(b"{ }")
    assert packed(folder) != before


def test_only_the_files_that_are_wanted_are_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(packed(folder))
    unpack(tmp_path / "model.tar.gz", tmp_path / "out", only=frozenset({"model.json"}))
    assert files_of(tmp_path / "out") == {"model.json": b"{}"}


def _link(name: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "../secret"
    return member


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../outside"),
        tarfile.TarInfo("a/../../outside"),
        tarfile.TarInfo("/outside"),
        _link("link", tarfile.SYMTYPE),
        _link("hard", tarfile.LNKTYPE),
        _link("device", tarfile.CHRTYPE),
    ],
    ids=["above", "above by a detour", "absolute", "a link", "a hard link", "a device"],
)
def test_a_member_that_would_reach_elsewhere_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    archive = archive_of(tmp_path / "evil.tar.gz", (member, b""))
    with pytest.raises(ConfigError, match="expected files and folders below it"):
        unpack(archive, tmp_path / "out")
    assert files_of(tmp_path) == {"evil.tar.gz": archive.read_bytes()}


def test_an_archive_that_is_larger_than_its_limit_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "large.tar.gz", (tarfile.TarInfo("zeros"), bytes(1001)))
    with pytest.raises(ConfigError, match="expected at most 1000 bytes"):
        unpack(archive, tmp_path / "out", most_bytes=1000)
    assert files_of(tmp_path / "out") == {}


@pytest.mark.parametrize("keep", [0, 1, 20, 100])
def test_what_is_no_archive_or_was_cut_is_one_clear_error(folder: Path, tmp_path: Path, keep: int) -> None:
    (tmp_path / "cut.tar.gz").write_bytes(packed(folder)[:keep])
    with pytest.raises(ConfigError, match=r"cut\.tar\.gz: expected a tar\.gz of files"):
        unpack(tmp_path / "cut.tar.gz", tmp_path / "out")
