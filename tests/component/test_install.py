import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from component import installer
from component.build import ROOT, Gathered, assemble
from component.targets import Target
from component.wheels import Wheel
from tests.component.device import Device, empty_device, this_platform
from tests.component.small_wheels import pip_wheel, write_wheel

INSTALL = ROOT / "component" / "install.sh"
ARCHIVE = this_platform().archive


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    """A device with the first version; a test that installs another puts it back."""
    with empty_device() as device:
        yield device


@pytest.fixture(scope="module")
def pip(device: Device, tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    return pip_wheel(tmp_path_factory.mktemp("pip"), device.python)


def build(folder: Path, target: Target, pip: Wheel, version: str) -> Path:
    """Build a small component; return the folder of its artifacts."""
    wheels = [
        write_wheel(folder / "wheels", "edge_inspector", version),
        write_wheel(folder / "wheels", "part", version, f"{target.tag}-{target.tag}-{target.platform_tags[0]}"),
    ]
    return put_together({target: wheels}, pip, folder / "build")


def put_together(wheels: Mapping[Target, Sequence[Wheel]], pip: Wheel, out: Path) -> Path:
    assemble(Gathered(wheels, pip), out)
    (artifacts,) = out.glob("artifacts/*/*")
    return artifacts


def install(device: Device, artifacts: Path) -> subprocess.CompletedProcess[str]:
    """Do what the recipe's install step does."""
    return device.run("sh", artifacts / "install.sh", artifacts / ARCHIVE, device.work)


def version_that_runs(device: Device) -> str:
    told = "import edge_inspector, part; print(edge_inspector.__version__, part.__version__)"
    return device.run(device.work / "venv" / "bin" / "python", "-c", told).stdout.strip()


@pytest.fixture(scope="module")
def first(device: Device, pip: Wheel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install version 1.0, where a power cut has left something; return its artifacts."""
    artifacts = device.hand_over(build(tmp_path_factory.mktemp("first"), device.target, pip, "1.0"), "first")
    (device.work / ".install-left").mkdir()
    (device.work / "venv-left").mkdir()
    device.own(device.work)
    done = install(device, artifacts)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return artifacts


def test_a_user_without_rights_and_network_installs_what_then_runs(device: Device, first: Path) -> None:
    assert (first / ARCHIVE).is_file()
    assert version_that_runs(device) == "1.0 1.0"
    link = device.work / "venv"
    assert {path.name for path in device.work.iterdir()} == {"venv", str(link.readlink())}


@pytest.mark.usefixtures("first")
def test_nobody_else_may_read_or_change_what_was_installed(device: Device) -> None:
    environment = (device.work / "venv").resolve()
    assert stat.S_IMODE(environment.stat().st_mode) == 0o700
    files = [path for path in environment.rglob("*") if not path.is_symlink()]
    assert files
    assert not [path for path in files if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)]


def test_a_second_time_changes_nothing(device: Device, first: Path) -> None:
    def times() -> dict[Path, int]:
        return {path: path.lstat().st_mtime_ns for path in (device.work, *device.work.rglob("*"))}

    before = times()
    again = install(device, first)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert times() == before


@pytest.mark.thorough
def test_upgrade_and_rollback_keep_the_state_and_what_is_damaged_leaves_what_ran(
    device: Device, first: Path, pip: Wheel, tmp_path: Path
) -> None:
    state = device.work / "state" / "camera" / "journal.db"
    state.parent.mkdir(parents=True)
    state.write_text("what was inspected")
    second, damaged, cut = (
        device.hand_over(build(tmp_path / version, device.target, pip, version), version)
        for version in ("2.0", "3.0", "4.0")
    )
    assert install(device, second).returncode == 0
    assert version_that_runs(device) == "2.0 2.0"
    assert len(list(device.work.glob("venv-*"))) == 1

    content = (damaged / ARCHIVE).read_bytes()
    (damaged / ARCHIVE).write_bytes(content.replace(b'__version__ = "3.0"', b'__version__ = "3.1"'))
    (cut / ARCHIVE).write_bytes(content[: len(content) // 2])
    for artifacts, reason in ((damaged, "Bad CRC-32 for file"), (cut, "expected a whole archive")):
        refused = install(device, artifacts)
        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1
        assert reason in refused.stderr
        assert version_that_runs(device) == "2.0 2.0"

    assert install(device, first).returncode == 0
    assert version_that_runs(device) == "1.0 1.0"
    assert len(list(device.work.glob("venv-*"))) == 1
    assert state.read_text() == "what was inspected"


@pytest.mark.nightly
def test_an_environment_whose_python_has_gone_is_made_again(device: Device, first: Path) -> None:
    (device.work / "venv" / "bin" / "python").unlink()  # as after an upgrade of the system
    assert install(device, first).returncode == 0
    assert version_that_runs(device) == "1.0 1.0"


@pytest.mark.nightly
@pytest.mark.usefixtures("first")
def test_pip_refuses_a_wheel_that_is_not_the_one_of_the_lock_file(device: Device, pip: Wheel, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "edge_inspector", "5.0")
    artifacts = put_together({device.target: [Wheel(wheel.path, "0" * 64)]}, pip, tmp_path / "build")
    refused = install(device, device.hand_over(artifacts, "refused"))
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert version_that_runs(device) == "1.0 1.0"


def test_an_archive_that_is_not_for_the_python_of_the_device_says_so(
    device: Device, pip: Wheel, tmp_path: Path
) -> None:
    other = next(python for python in ((3, 12), (3, 13)) if python != device.python)
    artifacts = build(tmp_path, Target(this_platform(), other), pip, "1.0")
    refused = install(device, device.hand_over(artifacts, "other"))
    assert refused.returncode == 1
    assert f"expected a Python that it is for (cp3{other[1]}), found {device.target.tag}" in refused.stderr


@pytest.mark.parametrize("found", [("glibc", "2.17"), ("musl", "1.2.5"), ("", "")])
def test_an_older_c_library_than_the_wheels_need_is_told(
    found: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installer.platform, "libc_ver", lambda: found)
    monkeypatch.setattr(installer.os, "umask", lambda mask: mask)
    with pytest.raises(installer.InstallError, match=r"expected glibc 2\.28 or newer, found"):
        installer.install(tmp_path / "archive.zip", tmp_path)


def run_with(tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a machine that has the programs in a folder, and no others."""
    return subprocess.run(
        [shutil.which("sh") or "/bin/sh", str(INSTALL), *arguments],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )


def write_python(path: Path, version: str) -> None:
    """Write what answers as a Python that does not fit."""
    path.write_text(f'#!/bin/sh\ncase "$3" in *print*) echo {version} ;; *) exit 1 ;; esac\n')
    path.chmod(0o755)


def test_a_machine_without_a_python_that_fits_is_told_what_it_needs_and_what_it_has(tmp_path: Path) -> None:
    expected = "edge-inspector: expected a 64-bit CPython 3.11, 3.12 or 3.13 with its venv module, found "
    nothing = run_with(tmp_path, "archive.zip", "work")
    assert (nothing.returncode, nothing.stderr) == (1, f"{expected}none\n")
    write_python(tmp_path / "python3", "3.9.2")
    write_python(tmp_path / "python3.12", "3.12.1")  # without venv, say
    old = run_with(tmp_path, "archive.zip", "work")
    assert (old.returncode, old.stderr) == (1, f"{expected}python3.12 3.12.1, python3 3.9.2\n")


def test_the_script_says_how_it_is_used(tmp_path: Path) -> None:
    told = run_with(tmp_path, "archive.zip")
    assert (told.returncode, told.stderr) == (2, "usage: install.sh ARCHIVE WORK\n")
