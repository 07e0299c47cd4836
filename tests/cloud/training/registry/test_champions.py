"""The newest approved model is the champion; a run gets what is kept of it, and the version of its successor."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_side.objects import Bucket
from cloud_side.training.exporting.record import Succession
from cloud_side.training.predictions import read_predictions
from cloud_side.training.registry.archive import pack
from cloud_side.training.registry.champions import fetch_champion
from cloud_side.training.registry.keeping import check_archive
from cloud_side.training.registry.packages import RegistryError, champion, find, next_version, read_package
from cloud_side.training.registry.registering import Made, register
from edge_inspector.detectors.model_file import ModelPackage
from tests.cloud.local.services.sagemaker import asked
from tests.cloud.training.gate.run_files import VERSION
from tests.cloud.training.registry.conftest import NAME, origin

MakeRun = Callable[..., Made]
Enter = Callable[..., str]


@pytest.fixture
def enter(make_run: MakeRun, bucket: Bucket, group: str, sagemaker: Any) -> Enter:
    """Return a function that registers a version, approved where that is said, and returns its ARN."""

    def registered(version: str, *, approved: bool = False, name: str = NAME, weights_uri: str | None = None) -> str:
        more = {} if weights_uri is None else {"weights_uri": weights_uri}
        said = register(make_run(version, name=name), origin(group, f"run-of-{version}", **more), bucket, sagemaker)
        arn: str = said["package"]
        if approved:
            sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        return arn

    return registered


def fetched(folder: Path, bucket: Bucket, group: str, sagemaker: Any, name: str = NAME) -> dict[str, Any]:
    fetch_champion(folder, bucket, group, name, sagemaker)
    said: dict[str, Any] = json.loads((folder / "champion.json").read_text(encoding="utf-8"))
    return said


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_without_an_approved_model_there_is_only_the_next_version(
    enter: Enter, bucket: Bucket, group: str, sagemaker: Any, tmp_path: Path
) -> None:
    assert fetched(tmp_path / "none", bucket, group, sagemaker) == {
        "schema": "edge-inspector/champion/1",
        "package": None,
        "name": NAME,
        "version": None,
        "next_version": "1.0.0",
        "dataset_version": None,
        "run": None,
        "mode": None,
    }
    enter("1.0.0")
    said = fetched(tmp_path / "waits", bucket, group, sagemaker)
    assert (said["package"], said["next_version"]) == (None, "1.1.0")
    assert names(tmp_path / "waits") == {"champion.json"}
    assert Succession.read(tmp_path / "waits").next_version == "1.1.0"


def test_the_newest_approved_model_is_fetched_with_all_that_is_kept(
    enter: Enter, bucket: Bucket, group: str, sagemaker: Any, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"
    (weights / "weights").mkdir(parents=True)
    (weights / "weights/final.pt").write_bytes(b"weights")
    (weights / "weights/fold-0.pt").write_bytes(b"others")
    packed = io.BytesIO()
    pack(weights, packed)
    bucket.write("training/r/model/model.tar.gz", packed.getvalue())
    enter("1.0.0", approved=True)
    arn = enter("1.1.0", approved=True, weights_uri=bucket.address("training/r/model/model.tar.gz"))
    enter("1.2.0")
    folder = tmp_path / "champion"
    said = fetched(folder, bucket, group, sagemaker)
    assert (said["package"], said["version"], said["next_version"]) == (arn, "1.1.0", "1.3.0")
    assert (said["dataset_version"], said["run"], said["mode"]) == (VERSION, "run-of-1.1.0", "split")
    assert names(folder) == {"champion.json", "package", "weights.pt", "predictions.jsonl"}
    package = ModelPackage.open(folder / "package")
    assert package.manifest.version == "1.1.0"
    assert package.read(package.file("float32"))
    assert (folder / "weights.pt").read_bytes() == b"weights"
    assert len(read_predictions(folder / "predictions.jsonl")) == 90


def test_what_an_earlier_run_left_in_the_folder_is_gone(
    enter: Enter, bucket: Bucket, group: str, sagemaker: Any, tmp_path: Path
) -> None:
    arn = enter("1.0.0", approved=True)
    fetched(tmp_path / "out", bucket, group, sagemaker)
    (tmp_path / "out/weights.pt").write_bytes(b"of another model")
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    assert fetched(tmp_path / "out", bucket, group, sagemaker)["package"] is None
    assert names(tmp_path / "out") == {"champion.json"}


def test_weights_that_are_gone_are_no_error(
    enter: Enter, bucket: Bucket, group: str, sagemaker: Any, tmp_path: Path
) -> None:
    enter("1.0.0", approved=True, weights_uri=bucket.address("training/gone/model.tar.gz"))
    fetched(tmp_path / "out", bucket, group, sagemaker)
    assert names(tmp_path / "out") == {"champion.json", "package", "predictions.jsonl"}


def test_a_champion_that_was_rejected_later_gives_way_to_the_one_before(
    enter: Enter, group: str, sagemaker: Any
) -> None:
    first, second = enter("1.0.0", approved=True), enter("1.1.0", approved=True)
    found = champion(sagemaker, group, NAME)
    assert found is not None
    assert found.arn == second
    sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Rejected")
    found = champion(sagemaker, group, NAME)
    assert found is not None
    assert found.arn == first


def test_models_of_other_names_and_packages_of_others_do_not_count(
    enter: Enter, bucket: Bucket, group: str, sagemaker: Any, tmp_path: Path
) -> None:
    enter("4.0.0", approved=True, name="boards")
    sagemaker.create_model_package(**asked.package(group), ModelApprovalStatus="Approved")
    said = fetched(tmp_path, bucket, group, sagemaker)
    assert (said["package"], said["next_version"]) == (None, "1.0.0")
    assert fetched(tmp_path, bucket, group, sagemaker, "boards")["next_version"] == "4.1.0"


def test_a_version_whose_package_was_deleted_is_not_used_again(
    enter: Enter, bucket: Bucket, group: str, sagemaker: Any, tmp_path: Path
) -> None:
    sagemaker.delete_model_package(ModelPackageName=enter("1.0.0"))
    assert fetched(tmp_path, bucket, group, sagemaker)["next_version"] == "1.1.0"


def test_an_archive_that_was_changed_or_is_gone_is_refused(
    enter: Enter, bucket: Bucket, group: str, sagemaker: Any, tmp_path: Path
) -> None:
    package = read_package(sagemaker, enter("1.0.0", approved=True))
    key = "models/metal-tags/1.0.0/model.tar.gz"
    bucket.write(key, b"another")
    for look in (lambda: fetched(tmp_path / "out", bucket, group, sagemaker), lambda: check_archive(bucket, package)):
        with pytest.raises(RegistryError, match=r"model\.tar\.gz: expected sha256 .* it was changed"):
            look()
    bucket.remove(key)
    with pytest.raises(RegistryError, match=r"metal-tags@1\.0\.0: expected the archive of the approved model"):
        fetched(tmp_path / "out", bucket, group, sagemaker)
    with pytest.raises(RegistryError, match="expected the archive of a model, found none"):
        check_archive(bucket, package)
    assert names(tmp_path / "out") == set()


def test_a_group_that_is_not_there_is_one_clear_error(bucket: Bucket, sagemaker: Any, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="model package group 'none': expected one that is registered"):
        fetch_champion(tmp_path, bucket, "none", NAME, sagemaker)


def test_a_package_is_found_by_what_a_person_calls_it(enter: Enter, group: str, sagemaker: Any) -> None:
    first, second, third = enter("1.0.0"), enter("1.1.0", approved=True), enter("1.2.0")
    called = {"1.0.0": first, f"{NAME}@1.1.0": second, "champion": second, "latest": third, "3": third, first: first}
    assert {said: find(sagemaker, group, said).arn for said in called} == called
    enter("1.0.0", name="boards")
    assert find(sagemaker, group, "boards@latest").name == "boards"
    for said, among in (
        ("1.0.0", "several among boards@1.0.0, metal-tags@1.0.0"),
        ("9.9.9", "none among boards@1.0.0"),
    ):
        with pytest.raises(RegistryError, match=f"^{said}: expected one package of group {group!r}, found {among}"):
            find(sagemaker, group, said)
    with pytest.raises(RegistryError, match="expected one that is registered"):
        find(sagemaker, group, first.replace(group, "gone"))


VERSIONS = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))


@settings(max_examples=25)
@given(st.sets(VERSIONS, min_size=1, max_size=5), st.sets(st.sampled_from(["", "1.0", "latest", "v9.9.9"])))
def test_a_new_version_is_above_all_that_there_were(versions: set[tuple[int, int, int]], others: set[str]) -> None:
    said = next_version({*others, *(".".join(map(str, each)) for each in versions)})
    major, minor, patch = map(int, said.split("."))
    highest = max(versions)
    assert (major, minor, patch) > highest
    assert (major, minor - 1, patch) == (highest[0], highest[1], 0)


def test_a_draft_counts_as_its_version() -> None:
    assert next_version(["1.2.0-rc.1", "1.1.0"]) == "1.3.0"
    assert next_version([]) == "1.0.0"
