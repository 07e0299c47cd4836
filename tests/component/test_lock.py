import pytest

from component.build import ROOT
from component.errors import BuildError
from component.lock import Pin, pins_for, read_lock
from component.targets import PLATFORMS, PYTHONS, Target

AMD64, AARCH64 = PLATFORMS
LOCK = """\
# a comment
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:aa \\
    --hash=sha256:ab
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:ba
paho-mqtt==2.2.0 \\
    --hash=sha256:ca
pi-only==1.0 ; python_version >= '3.13' and platform_machine == 'aarch64' or sys_platform == 'win32' \\
    --hash=sha256:da
"""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(AMD64, (3, 11)), ["numpy==2.4.6", "paho-mqtt==2.2.0"]),
        (Target(AMD64, (3, 12)), ["numpy==2.5.5", "paho-mqtt==2.2.0"]),
        (Target(AMD64, (3, 13)), ["numpy==2.5.5", "paho-mqtt==2.2.0"]),
        (Target(AARCH64, (3, 13)), ["numpy==2.5.5", "paho-mqtt==2.2.0", "pi-only==1.0"]),
    ],
)
def test_conditions_are_judged_for_the_target_and_not_for_what_builds(target: Target, expected: list[str]) -> None:
    assert [f"{pin.name}=={pin.version}" for pin in pins_for(read_lock(LOCK), target)] == expected


def test_pip_gets_a_line_without_a_condition_and_with_every_hash() -> None:
    pin = read_lock(LOCK)[0]
    assert pin == Pin("numpy", "2.4.6", frozenset({"aa", "ab"}), "python_full_version < '3.12'")
    assert str(pin) == "numpy==2.4.6 --hash=sha256:aa --hash=sha256:ab"


@pytest.mark.parametrize(
    "line",
    ["numpy>=2 --hash=sha256:aa", "numpy==2.4.6", "-e .", "numpy @ file:///wheel.whl --hash=sha256:aa"],
)
def test_what_is_not_pinned_with_its_hashes_is_no_lock_file(line: str) -> None:
    with pytest.raises(BuildError, match=r"expected 'name==version --hash=sha256:\.\.\.', found"):
        read_lock(line)


@pytest.mark.parametrize(
    "marker",
    ["extra == 'gpu'", "python_full_version < '3.12.4'", "(sys_platform == 'linux')", "sys_platform in 'linux'"],
)
def test_a_condition_that_is_not_known_ends_the_build_rather_than_be_guessed(marker: str) -> None:
    pins = read_lock(f"numpy==1.0 ; {marker} --hash=sha256:aa")
    with pytest.raises(BuildError, match="expected a condition such as"):
        pins_for(pins, Target(AMD64, (3, 11)))


def test_the_lock_files_of_the_project_are_understood_for_every_target() -> None:
    for name in ("edge.txt", "build.txt"):
        pins = read_lock((ROOT / "requirements" / name).read_text(encoding="utf-8"))
        for platform in PLATFORMS:
            for python in PYTHONS:
                names = [pin.name for pin in pins_for(pins, Target(platform, python))]
                assert len(names) == len(set(names)), f"{name}: one version of each on {python}"
