"""Definitions as they are filled in: names for values, and an error where a name is not known."""

from pathlib import Path

import pytest

from cloud_side.all_workflows import WORKFLOWS
from cloud_side.workflows import Workflow
from edge_inspector.errors import ConfigError


def workflow(folder: Path, text: str) -> Workflow:
    (folder / "w.asl.json").write_text(text, encoding="utf-8")
    return Workflow("w", folder / "w.asl.json")


def test_names_are_filled_in_and_expressions_stay(tmp_path: Path) -> None:
    found = workflow(
        tmp_path, '"s3://${Bucket}/${Bucket}" "{% $states.input{kind: $sum(n)} & ${} & ${a: $b} %}" "${Ünï}"'
    )

    assert found.placeholders() == {"Bucket", "Ünï"}
    filled = found.filled({"Bucket": r"b\1${Ünï}", "Ünï": "u", "More": "m"})
    assert filled == r'"s3://b\1${Ünï}/b\1${Ünï}" "{% $states.input{kind: $sum(n)} & ${} & ${a: $b} %}" "u"'


@pytest.mark.parametrize("name", ["Bukket", "Topic.Arn", "Training-Role", "0"])
def test_a_name_that_nothing_is_known_for_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"w\.asl\.json: nothing is known for \$\{.*\}; expected names among Bucket"):
        workflow(tmp_path, f"${{{name}}} ${{Bucket}}").filled({"Bucket": "b"})


def test_a_definition_that_cannot_be_read_is_the_configurations_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.asl\.json: cannot be read: .*; expected a definition in UTF-8"):
        Workflow("w", tmp_path / "none.asl.json").filled({})
    (tmp_path / "latin.asl.json").write_bytes("Prüfung".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.asl\.json: cannot be read"):
        Workflow("w", tmp_path / "latin.asl.json").placeholders()


def test_the_workflows_of_the_product_have_names_of_their_own_and_definitions() -> None:
    names = [each.name for each in WORKFLOWS]
    assert len(set(names)) == len(names) > 0
    assert all(each.placeholders() for each in WORKFLOWS)
