import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloud_side import cli
from cloud_side.catalog import commands
from cloud_side.catalog.formats import FORMS
from cloud_side.catalog.label_rows import record_of
from cloud_side.catalog.shelf import Shelf
from cloud_side.catalog.store import feature_group_request
from tests.cloud.catalog.datasets.conftest import picture
from tests.cloud.catalog.datasets.test_importing import of_seed, write_set
from tests.cloud.catalog.datasets.test_near_duplicates_in_versions import TEST, TRAIN, brighter

Run = Callable[..., tuple[int, str, str]]
OTHERS = {"images/7.png": b"no picture"}


one_parser = cache(cli._parser)  # as with the clients


@pytest.fixture(scope="module")
def one_session(session: Any) -> Any:
    """Have one client a service: to make one takes longer than what most commands do."""
    return SimpleNamespace(client=cache(session.client))


@pytest.fixture
def run(
    one_session: Any, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Return a function that runs a command, and returns its exit code and what it printed."""
    monkeypatch.setattr(commands, "session", lambda: one_session)  # opened once for all of them
    monkeypatch.setattr(cli, "_parser", one_parser)
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["dataset", arguments[0], "--bucket", shelf.bucket.name, *arguments[1:]])
        out, err = capsys.readouterr()
        return code, out, err

    return go


@pytest.fixture
def tags(tmp_path: Path) -> Path:
    """Have labels of others in a folder: a good part, eight with a scratch, one that is broken, one without a label."""
    folder = tmp_path / "tags"
    images = [
        *(of_seed(seed, f"part-{seed}") for seed in range(9)),
        of_seed(9, "part-9", boxes=()),
        of_seed(10, "part-10", boxes=(), is_labeled=False),
    ]
    labels = write_set(folder, *images, contents=OTHERS)
    FORMS["coco"].write(labels, folder)
    return folder


def import_of(run: Run, folder: Path) -> str:
    code, out, err = run("import", str(folder), "--json")
    assert (code, err) == (0, "")
    return str(json.loads(out)["import"])


def test_labels_of_others_become_a_version_that_is_listed_shown_and_exported(run: Run, tags: Path) -> None:
    code, out, _ = run("import", str(tags), "--by", "ana")
    assert code == 0
    found = re.search(r"import (\w{12}): 9 labeled images, new\nexcluded: 1 broken, 1 unlabeled\n", out)
    assert found is not None
    short = found[1]
    assert "already there: nothing changed" in run("import", str(tags))[1]

    code, out, _ = run("create", "tags", "--import", short, "--shares", "80/10/10", "--salt", "tags-4")
    assert code == 0
    assert re.search(r"tags@\w{12}: new\n", out)
    assert re.search(r"^all +9 +1 +9 +8 +0 +8$", out, re.MULTILINE)
    assert "already there" in run("create", "tags", "--import", short)[1]

    version = str(json.loads(run("list", "tags", "--json")[1])[0]["version"])
    assert version[:12] in run("list")[1]
    shown = run("show", f"tags@{version[:6]}")[1]
    assert f"version:         {version}" in shown
    assert "excluded:        1 broken, 1 unlabeled" in shown
    assert "images/10.png" in run("show", "tags", "--excluded")[1]
    assert run("export", "tags", "--form", "yolo", "out")[0] == 0
    assert Path("out/data.yaml").is_file()


def test_an_image_is_shown_with_where_it_comes_from(run: Run, tags: Path) -> None:
    run("create", "tags", "--import", import_of(run, tags), "--shares", "100/0/0")
    code, out, _ = run("show", "tags", "--image", sha256_of(3)[:10], "--json")
    assert code == 0
    assert json.loads(out)["lineage"]["origin"] == {"source": "images/3.png"}
    assert run("show", "tags", "--image", "zz")[0] == 65
    assert json.loads(run("show", "tags", "--image", sha256_of(10))[1])["reason"] == "unlabeled"


def sha256_of(seed: int) -> str:
    return hashlib.sha256(picture(seed)).hexdigest()


def test_two_versions_are_compared(run: Run, tags: Path) -> None:
    imported = import_of(run, tags)
    first = json.loads(run("create", "tags", "--import", imported, "--shares", "100/0/0", "--json")[1])["version"]
    Path("blurred.txt").write_text(f"{sha256_of(1)}\n")
    out = run("create", "tags", "--import", imported, "--exclude", "blurred.txt")[1]
    assert f"since {first[:12]}: 1 removed\n" in out
    assert "what was for the test may be for training now" not in out
    out = run("create", "tags", "--import", imported, "--exclude", "blurred.txt", "--salt", "other")[1]
    assert "already there" in out  # all of it is for training, whatever the salt
    out = run("create", "tags", "--import", imported)[1]
    assert "already there" in out
    assert re.search(r"^tags alone still means \w{12}, which is newer$", out, re.MULTILINE)
    code, out, _ = run("diff", f"tags@{first}", "tags")
    assert code == 0
    assert re.search(r"^removed +\w{12} train part-\d$", out, re.MULTILINE)
    assert run("diff", f"tags@{first}", "tags", "--exit-code")[0] == 1
    assert run("diff", "tags", "tags", "--exit-code")[0] == 0
    assert json.loads(run("diff", f"tags@{first}", "tags", "--json")[1])["changes"] == ["removed"]


def test_the_labels_of_the_label_store_are_the_source_where_nothing_else_is_named(
    run: Run, session: Any, shelf: Shelf, sample: Any, tags: Path
) -> None:
    store = f"labels-{shelf.bucket.name}"
    request = feature_group_request(store, shelf.bucket.name, "arn:aws:iam::000000000000:role/edge-inspector")
    session.client("sagemaker").create_feature_group(**request)
    labels = [sample(21), sample(22, "part-22", ())]
    for label in labels:
        session.client("sagemaker-featurestore-runtime").put_record(FeatureGroupName=store, Record=record_of(label))
    receipt = {"sha256": [], "images": {labels[0].image: "2026-03-03T04:30:00.000Z"}, "refused": {}}
    key = "labeling/batches/monday/stored/1-a.json"
    shelf.bucket.write(key, json.dumps(receipt).encode())
    code, out, err = run("create", "tags", "--labels", store, "--wait-for", "monday", "--shares", "100/0/0", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["counts"]["images"] == 2
    assert json.loads(out)["sources"] == [f"label store {store}"]
    out = run("create", "tags", "--labels", store, "--shares", "100/0/0", "--import", import_of(run, tags))[1]
    assert "excluded: 1 broken, 2 classes, 1 unlabeled\nnobody looked for all of dent, scratch there: --classes" in out


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("create", "tags", "--import", "abcdef"), 65, "import: expected one that begins with 'abcdef'"),
        (("create", "tags"), 65, "label store: expected a feature group 'edge-inspector-labels'"),
        (("create", "tags", "--wait-for", "monday"), 65, "monday: expected a labeling batch that has stored labels"),
        (("create", "Tags"), 78, "dataset: expected a name of a-z"),
        (("create", "tags", "--shares", "1/2"), 78, "shares: expected TRAIN/VAL/TEST"),
        (("create", "tags", "--exclude", "none.txt"), 65, "No such file or directory: 'none.txt'"),
        (("show", "tags"), 65, "tags: expected one version that is or begins with 'latest', found 0"),
        (("diff", "tags@1234", "tags"), 65, "tags: expected one version that is or begins with '1234', found 0"),
        (("export", "tags", "--form", "coco", "out"), 65, "tags: expected one version"),
        (("import", "nowhere"), 78, "nowhere: expected a folder or a file of labels, found nothing there"),
    ],
)
def test_what_cannot_be_done_is_an_error_of_one_line(
    run: Run, arguments: tuple[str, ...], code: int, error: str
) -> None:
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert err.count("\n") == 1
    assert error in err


def test_a_bucket_that_is_not_there_is_an_error_of_one_line(run: Run) -> None:
    code, _, err = run("list", "--bucket", "nowhere")
    assert (code, err) == (65, "edge-inspector-cloud: error: NoSuchBucket: nowhere: there is no such bucket\n")


def test_where_there_is_no_version_the_list_says_what_makes_one(run: Run, shelf: Shelf) -> None:
    assert run("list")[1] == f"no versions in {shelf.bucket.name}; `edge-inspector-cloud dataset create` makes one\n"


def test_a_command_finds_the_engine_that_the_environment_names(
    engine: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGE_INSPECTOR_ENGINE", f"local:{engine}")
    assert cli.main(["dataset", "list", "--bucket", shelf.bucket.name]) == 0
    assert "no versions in" in capsys.readouterr().out


def test_near_duplicates_in_two_splits_are_an_error_of_one_line_and_a_page(run: Run, tmp_path: Path) -> None:
    images = [of_seed(1, TRAIN), of_seed(2, TEST)]
    folder = tmp_path / "twins"
    FORMS["rows"].write(write_set(folder, *images, contents={"images/2.png": brighter(1)}), folder)
    create = ("create", "tags", "--import", import_of(run, folder), "--shares", "50/0/50")
    code, out, err = run(*create)
    assert (code, out, err.count("\n")) == (65, "", 1)
    assert "found 1 pairs of images" in err
    assert err.endswith("; they are in tags-near-duplicates.html\n")
    assert Path("tags-near-duplicates.html").read_text().count("<figure ") == 2
    assert run(*create, "--near-duplicates", "report")[0] == 0
    assert "near duplicates: 1 pairs" in run("show", "tags")[1]


def test_a_contact_sheet_is_a_file(run: Run, tags: Path) -> None:
    run("create", "tags", "--import", import_of(run, tags), "--shares", "100/0/0")
    assert run("show", "tags", "--html", "sheet.html", "--most", "4")[1] == "written: sheet.html (4 of 9 images)\n"
    assert Path("sheet.html").read_text().count("<figure ") == 4
