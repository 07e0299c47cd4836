"""Builds the inspector's component into `greengrass-build`: `python -m component.build`.

`gdk component build` runs it, and `make component` does the same without gdk. Beside the artifacts and the recipe,
where `gdk component publish` looks, it leaves a bill of materials for each platform, and SHA256SUMS.
"""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from component.archives import write_zip
from component.errors import exit_status
from component.installer import COMMON
from component.lock import read_lock
from component.recipe import empty_build_folder, read_component, write_recipe
from component.sbom import bill_of_materials
from component.targets import PLATFORMS, PYTHONS, Target, Version
from component.wheels import Wheel, build_own, download, oldest_glibc

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m component.build", description=__doc__.splitlines()[0])
    names = [platform.name for platform in PLATFORMS]
    versions = [".".join(map(str, python)) for python in PYTHONS]
    parser.add_argument("--platform", choices=names, help="this one alone")
    parser.add_argument("--python", choices=versions, help="for this one alone")
    parser.add_argument("--out", type=Path, default=ROOT / "greengrass-build", metavar="FOLDER")
    chosen = parser.parse_args(arguments)
    targets = [
        Target(platform, python)
        for platform in PLATFORMS
        for python in PYTHONS
        if chosen.platform in {None, platform.name} and chosen.python in {None, ".".join(map(str, python))}
    ]
    return exit_status(lambda: build(targets, chosen.out))


@dataclass(frozen=True)
class Gathered:
    """What a build is put together from.

    Attributes:
        wheels: What each Python on each platform gets.
        pip: The pip that installs them there.
    """

    wheels: Mapping[Target, Sequence[Wheel]]
    pip: Wheel


def build(targets: Sequence[Target], out: Path) -> None:
    """Build the component for `targets` into the folder `out`, which is made anew.

    Raises:
        BuildError: If something that it is built from is not as it must be.
    """
    with tempfile.TemporaryDirectory() as temporary:
        gathered = gather(targets, Path(temporary))
        floor = assemble(gathered, out)
    print(f"{out}: for glibc {'of any age' if floor is None else '.'.join(map(str, floor))} or newer")


def gather(targets: Sequence[Target], folder: Path) -> Gathered:
    """Download what the lock file names, and build the wheel of the package, into `folder`.

    Raises:
        BuildError: If the index does not have it, or the build fails.
    """
    pins, tools = (
        read_lock((ROOT / "requirements" / name).read_text(encoding="utf-8")) for name in ("edge.txt", "build.txt")
    )
    own, pip = build_own(ROOT, tools, folder / "own")
    wheels = {target: download(pins, target, folder / target.platform.name / target.tag) for target in targets}
    return Gathered({target: [*each, own] for target, each in wheels.items()}, pip)


def assemble(gathered: Gathered, out: Path) -> Version | None:
    """Put the artifacts, the recipe, the bills and the checksums into the folder `out`, which is made anew.

    Returns:
        The glibc that all of it runs with; None where none of it minds.

    Raises:
        BuildError: If a wheel does not run where it is meant to, or the recipe breaks a rule.
    """
    floor = oldest_glibc(gathered.wheels)
    component = read_component(ROOT)
    folder = empty_build_folder(component, out)
    for platform in dict.fromkeys(target.platform for target in gathered.wheels):
        here = {target: each for target, each in gathered.wheels.items() if target.platform == platform}
        write_archive(folder.artifacts / platform.archive, here, gathered.pip)
        listed = {wheel.path.name: wheel for each in here.values() for wheel in each}.values()
        bill = bill_of_materials(f"{component.name}-{platform.name}", component.version, listed, installs=gathered.pip)
        (out / f"sbom-{platform.name}.cdx.json").write_text(bill, encoding="utf-8")
    script = ROOT / "component" / "install.sh"
    (folder.artifacts / script.name).write_bytes(script.read_bytes())
    write_recipe(ROOT / "recipe.json", component, folder)
    write_checksums(out)
    return floor


def write_archive(path: Path, wheels: Mapping[Target, Sequence[Wheel]], pip: Wheel) -> None:
    """Write the archive of one platform, which installs itself.

    Args:
        path: Where to.
        wheels: What each Python gets.
        pip: The pip that installs it.
    """
    everywhere = set.intersection(*({wheel.path.name for wheel in each} for each in wheels.values()))
    files: dict[str, bytes | Path] = {
        "__main__.py": ROOT / "component" / "installer.py",
        f"{COMMON}/{pip.path.name}": pip.path,
    }
    for target, each in wheels.items():
        files[f"{target.tag}.txt"] = "".join(f"{wheel.requirement}\n" for wheel in each).encode()
        for wheel in each:
            place = COMMON if wheel.path.name in everywhere else target.tag
            files[f"{place}/{wheel.path.name}"] = wheel.path
    write_zip(path, files)


def write_checksums(out: Path) -> None:
    """Write SHA256SUMS of all files of a build, for `sha256sum -c` in its folder."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out)}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
