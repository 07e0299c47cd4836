import hashlib
import json
import os
import subprocess
import uuid
import zipfile
from pathlib import Path

import pytest

from component.build import Gathered, assemble
from component.errors import BuildError
from component.recipe import read_component
from component.targets import PLATFORMS, PYTHONS, Target
from tests.component.small_wheels import write_wheel

NAME, VERSION = "com.edgeinspector.Inspector", "0.1.0"


def gather(folder: Path) -> Gathered:
    """Write wheels for every target: some that all share, some that two share, some for one alone."""
    own = write_wheel(folder, "edge_inspector", VERSION, license_line="License: Apache-2.0\nClassifier: A :: B")
    pure = write_wheel(folder, "pure", "1.0", license_line="Classifier: License :: OSI Approved :: BSD License")
    oldest = {(3, 11): "cp311", (3, 12): "cp311", (3, 13): "cp313"}
    wheels = {
        Target(platform, python): [
            own,
            pure,
            write_wheel(folder, "fast_part", "2.0", f"{oldest[python]}-abi3-manylinux_2_17_{platform.machine}"),
        ]
        for platform in PLATFORMS
        for python in PYTHONS
    }
    return Gathered(wheels, write_wheel(folder, "pip", "26.0"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    assemble(gather(folder / "wheels"), folder / "greengrass-build")
    return folder / "greengrass-build"


@pytest.fixture(scope="module")
def archive(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(built / "artifacts" / NAME / VERSION / "edge-inspector-linux-aarch64.zip")


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_build_folder_is_what_gdk_publishes_from(built: Path) -> None:
    assert set(files(built)) == {
        f"artifacts/{NAME}/{VERSION}/install.sh",
        f"artifacts/{NAME}/{VERSION}/edge-inspector-linux-amd64.zip",
        f"artifacts/{NAME}/{VERSION}/edge-inspector-linux-aarch64.zip",
        f"recipes/{NAME}.json",
        "sbom-linux-amd64.cdx.json",
        "sbom-linux-aarch64.cdx.json",
        "SHA256SUMS",
    }
    recipe = json.loads((built / "recipes" / f"{NAME}.json").read_text(encoding="utf-8"))
    assert (recipe["ComponentName"], recipe["ComponentVersion"]) == (NAME, VERSION)
    assert recipe["Manifests"][0]["Artifacts"][0]["Uri"].startswith(
        "s3://BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION/"
    )


def test_two_builds_are_the_same_byte_for_byte(built: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        assemble(gather(tmp_path / "elsewhere"), tmp_path / "again")
    finally:
        os.umask(before)
    assert files(tmp_path / "again") == files(built)


def test_the_checksums_are_those_of_every_file(built: Path) -> None:
    told = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=built, capture_output=True, text=True, check=True)
    assert len(told.stdout.splitlines()) == len(files(built)) - 1


def test_an_archive_holds_each_wheel_once_and_says_which_python_gets_which(archive: zipfile.ZipFile) -> None:
    assert archive.namelist() == [
        "__main__.py",
        "common/edge_inspector-0.1.0-py3-none-any.whl",
        "common/pip-26.0-py3-none-any.whl",
        "common/pure-1.0-py3-none-any.whl",
        "cp311.txt",
        "cp311/fast_part-2.0-cp311-abi3-manylinux_2_17_aarch64.whl",
        "cp312.txt",
        "cp312/fast_part-2.0-cp311-abi3-manylinux_2_17_aarch64.whl",
        "cp313.txt",
        "cp313/fast_part-2.0-cp313-abi3-manylinux_2_17_aarch64.whl",
    ]
    lines = archive.read("cp313.txt").decode().splitlines()
    assert [line.split(" --hash=sha256:")[0] for line in lines] == [
        "edge-inspector==0.1.0",
        "pure==1.0",
        "fast-part==2.0",
    ]
    assert lines[2].endswith(hashlib.sha256(archive.read(archive.namelist()[-1])).hexdigest())


def test_what_is_in_an_archive_is_stored_as_it_is_and_of_no_particular_time(archive: zipfile.ZipFile) -> None:
    for entry in archive.infolist():
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.date_time == (2020, 1, 1, 0, 0, 0)
        assert entry.external_attr >> 16 == 0o644


def test_the_bill_of_materials_names_every_wheel_with_its_hash_and_license(
    built: Path, archive: zipfile.ZipFile
) -> None:
    bill = json.loads((built / "sbom-linux-aarch64.cdx.json").read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert uuid.UUID(bill["serialNumber"])
    assert "timestamp" not in bill["metadata"]
    listed = {each["purl"].rpartition("?file_name=")[2]: each for each in bill["components"]}
    assert set(listed) == {Path(name).name for name in archive.namelist() if name.endswith(".whl")}
    for name, each in listed.items():
        stored = next(entry for entry in archive.namelist() if entry.endswith(name))
        assert each["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(archive.read(stored)).hexdigest()}]
    by_name = {each["name"]: each for each in listed.values()}
    assert by_name["fast_part"]["licenses"] == [{"expression": "MIT"}]
    assert by_name["pure"]["licenses"] == [{"license": {"name": "BSD License"}}]
    assert by_name["edge_inspector"]["licenses"] == [{"license": {"name": "Apache-2.0"}}]
    assert by_name["fast_part"]["purl"].startswith("pkg:pypi/fast-part@2.0?file_name=fast_part-2.0-")
    assert {name for name, each in by_name.items() if each["scope"] == "excluded"} == {"pip"}
    assert bill["dependencies"][0]["ref"] == bill["metadata"]["component"]["bom-ref"]


def test_other_content_has_another_serial_number(built: Path) -> None:
    serials = {json.loads(path.read_text())["serialNumber"] for path in built.glob("sbom-*")}
    assert len(serials) == 2


def test_a_wheel_for_a_newer_glibc_than_we_say_ends_the_build(tmp_path: Path) -> None:
    target = Target(PLATFORMS[0], (3, 12))
    wheel = write_wheel(tmp_path, "part", "1.0", "cp312-cp312-manylinux_2_34_x86_64")
    with pytest.raises(
        BuildError, match=r"expected a wheel for CPython 3\.12 on linux-amd64 with glibc 2.28, found one"
    ):
        assemble(Gathered({target: [wheel]}, wheel), tmp_path / "build")


@pytest.mark.parametrize("text", ["", "[]", '{"component": {}}', '{"component": {"a": {"version": "1.0.0"}}}'])
def test_a_gdk_config_that_gdk_would_refuse_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "gdk-config.json").write_text(text)
    with pytest.raises(BuildError, match="expected one component with its version and author, found"):
        read_component(tmp_path)
