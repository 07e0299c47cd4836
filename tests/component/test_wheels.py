import sys
from pathlib import Path

import pytest

from component.errors import BuildError
from component.lock import read_lock
from component.targets import PLATFORMS, Target, check_wheel
from component.wheels import Wheel, download, oldest_glibc
from tests.component.small_wheels import lock_line, write_wheel

AMD64, AARCH64 = PLATFORMS
TARGET = Target(AMD64, (3, 12))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("py3-none-any", None),
        ("py2.py3-none-any", None),
        ("cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64", (2, 27)),
        ("cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64", (2, 17)),
        ("cp37-abi3-manylinux_2_28_x86_64", (2, 28)),
        ("cp312-abi3-manylinux1_x86_64", (2, 5)),
        ("py3-none-manylinux2010_x86_64", (2, 12)),
    ],
)
def test_the_oldest_glibc_of_a_wheel_is_read_from_its_tags(tags: str, expected: tuple[int, int] | None) -> None:
    assert check_wheel(f"part-1.0-{tags}.whl", TARGET) == expected


@pytest.mark.parametrize(
    "tags",
    [
        "cp312-cp312-manylinux_2_34_x86_64",  # a newer glibc than the documentation promises
        "cp312-cp312-linux_x86_64",  # nobody knows which glibc
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-manylinux_2_28_aarch64",
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp313-abi3-manylinux_2_28_x86_64",
        "cp312-cp312t-manylinux_2_28_x86_64",
        "py2-none-any",
    ],
)
def test_a_wheel_that_does_not_run_on_its_target_is_refused(tags: str) -> None:
    with pytest.raises(BuildError, match=r"expected a wheel for CPython 3\.12 on linux-amd64"):
        check_wheel(f"part-1.0-{tags}.whl", TARGET)


def test_the_oldest_glibc_of_a_build_is_that_of_its_most_demanding_wheel() -> None:
    names = ("a-1-py3-none-any.whl", "b-1-cp37-abi3-manylinux_2_17_{}.whl", "c-1-cp312-cp312-manylinux_2_27_{}.whl")
    wheels = {
        Target(platform, (3, 12)): [Wheel(Path(name.format(platform.machine)), "") for name in names]
        for platform in PLATFORMS
    }
    assert oldest_glibc(wheels) == (2, 27)
    assert oldest_glibc({TARGET: [Wheel(Path(names[0]), "")]}) is None


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes its wheels from, and nothing else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "index"


def test_each_target_gets_its_own_wheel_whatever_python_builds(index: Path, tmp_path: Path) -> None:
    other = next(python for python in ((3, 12), (3, 13)) if python != sys.version_info[:2])
    old = write_wheel(index, "part", "1.0")
    new = [
        write_wheel(index, "part", "2.0", f"cp3{other[1]}-cp3{other[1]}-manylinux_2_28_{machine}")
        for machine in ("x86_64", "aarch64")
    ]
    shared = write_wheel(index, "shared", "1.0")
    lock = lock_line(old, marker="python_full_version < '3.12'")
    lock += lock_line(*new, marker="python_full_version >= '3.12'") + lock_line(shared)
    found = download(read_lock(lock), Target(AARCH64, other), tmp_path / "found")
    assert [wheel.path.name for wheel in found] == [new[1].path.name, shared.path.name]
    assert found[1].requirement == f"shared==1.0 --hash=sha256:{shared.sha256}"


def test_what_the_index_does_not_have_as_locked_ends_the_build_in_one_line(index: Path, tmp_path: Path) -> None:
    lock = lock_line(write_wheel(index, "part", "1.0")).replace("sha256:", "sha256:0")[:-2]
    with pytest.raises(BuildError, match="part") as ended:
        download(read_lock(lock), TARGET, tmp_path / "found")
    assert "\n" not in str(ended.value)
