"""What starts which pipeline: derived from imports, and checked against another reader of imports."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import grimp
import pytest

from cloud_side.infrastructure.delivery.imports import needed
from cloud_side.infrastructure.delivery.paths import filters, patterns_for, starts
from cloud_side.infrastructure.delivery.units import UNITS, DeliveredUnit, infrastructure_patterns
from edge_inspector.errors import ConfigError

_ROOT = Path(__file__).resolve().parents[3]
_INFRASTRUCTURE = "infrastructure"
_ELSEWHERE = ("cloud_side.local", "cloud_side.loop", "cloud_side.infrastructure")
_BY_UNIT = pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.name)


@cache
def _patterns() -> Mapping[str, Sequence[str]]:
    return {**{unit.name: unit.patterns() for unit in UNITS}, _INFRASTRUCTURE: infrastructure_patterns()}


def _started_by(path: str) -> set[str]:
    assert (_ROOT / path).is_file()
    return {name for name, patterns in _patterns().items() if starts(patterns, path)}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("cloud_side", "edge_inspector", "component", cache_dir=None)


def _upstream(graph: grimp.ImportGraph, modules: Iterable[str]) -> set[str]:
    """Return all that modules import, as another reader of imports says; the engine of one machine is elsewhere."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or module.startswith(_ELSEWHERE):
            continue
        found.add(module)
        if module != "cloud_side.cli":  # it imports each command's room when that is asked for
            waiting.extend(graph.find_modules_directly_imported_by(module))
    return found


def _file(module: str) -> str:
    path = module.replace(".", "/").replace("edge_inspector", "src/edge_inspector", 1)
    return f"{path}/__init__.py" if (_ROOT / path).is_dir() else f"{path}.py"


@_BY_UNIT
def test_whatever_a_unit_imports_starts_its_pipeline_when_it_changes(
    unit: DeliveredUnit, graph: grimp.ImportGraph
) -> None:
    patterns = _patterns()[unit.name]
    imported = _upstream(graph, unit.modules)
    assert len(imported) > 15
    assert [module for module in sorted(imported) if not starts(patterns, _file(module))] == []


@_BY_UNIT
def test_what_a_container_is_built_of_starts_its_pipeline(unit: DeliveredUnit) -> None:
    if unit.image is None:
        return
    lines = (_ROOT / unit.image.dockerfile).read_text().splitlines()
    copied = [
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
        if not word.startswith("--") and (_ROOT / word).is_file()
    ]
    assert copied
    patterns = _patterns()[unit.name]
    assert starts(patterns, unit.image.dockerfile)
    # The README is the long description of the wheel, and nothing that runs.
    assert [path for path in copied if path != "README.md" and not starts(patterns, path)] == []


@pytest.mark.parametrize(
    "path",
    [
        "cloud_side/labeling/page/application.py",
        "cloud_side/labeling/page/Dockerfile",
        "cloud_side/labeling/labeling.asl.json",
        "cloud_side/labeling/templates/label.liquid.html",
    ],
)
def test_a_change_in_labeling_starts_the_pipeline_of_labeling_alone(path: str) -> None:
    assert _started_by(path) == {"labeling"}


@pytest.mark.parametrize(
    ("path", "started"),
    [
        ("cloud_side/training/learning/__init__.py", {"training"}),
        ("cloud_side/training/registry/packages.py", {"training", "deployment"}),
        ("cloud_side/deployment/planning.py", {"deployment"}),
        ("cloud_side/deployment/endpoint/server.py", {"endpoint"}),
        ("cloud_side/catalog/versions.py", {"labeling", "training"}),
        ("src/edge_inspector/decision.py", {"training", "endpoint", "component"}),
        ("src/edge_inspector/page/__init__.py", {"component"}),
        ("component/build.py", {"deployment", "component"}),
        ("recipes/com.edgeinspector.Inspector.json", {"component"}),
        ("requirements/edge.txt", {"endpoint", "component"}),
        ("cloud_side/infrastructure/labeling.py", {_INFRASTRUCTURE}),
        ("cloud_side/infrastructure/environments.json", {_INFRASTRUCTURE}),
        ("requirements/functions.txt", {_INFRASTRUCTURE}),
        ("cloud_side/monitoring/runtime/watching.py", {_INFRASTRUCTURE}),
        ("cloud_side/local/engine.py", set()),
        ("docs/labeling.md", set()),
        ("tests/cloud/infrastructure/test_delivery_paths.py", set()),
    ],
)
def test_a_change_starts_the_pipelines_of_those_that_use_it(path: str, started: set[str]) -> None:
    assert _started_by(path) == started


def test_no_file_of_what_is_delivered_starts_nothing() -> None:
    folders = ("cloud_side", "src/edge_inspector", "component", "container", "recipes")
    files = [each for folder in folders for each in (_ROOT / folder).rglob("*") if each.is_file()]
    made = {"__pycache__", "greengrass-build", "node_modules"}
    paths = [each.relative_to(_ROOT).as_posix() for each in files if not made & set(each.parts)]
    delivered = [path for path in paths if not path.startswith(("cloud_side/local/", "cloud_side/loop/"))]
    assert len(delivered) > 500
    assert [path for path in delivered if not _started_by(path)] == []


@pytest.mark.parametrize("name", [*(unit.name for unit in UNITS), _INFRASTRUCTURE])
def test_a_pipeline_has_no_more_patterns_than_codepipeline_takes(name: str) -> None:
    patterns = _patterns()[name]
    made = filters(patterns, name)
    assert 1 <= len(made) <= 3
    assert all(1 <= len(each) <= 8 for each in made)
    assert all(len(pattern) <= 255 for each in made for pattern in each)
    assert [pattern for each in made for pattern in each] == list(patterns)


def test_too_many_patterns_are_said_with_the_pipeline() -> None:
    with pytest.raises(ConfigError, match="pipeline labeling: expected at most 24 patterns of paths, found 25"):
        filters([f"{number}/**" for number in range(25)], "labeling")


def test_many_files_of_a_folder_are_split_into_patterns_that_are_short_enough() -> None:
    files = [f"src/edge_inspector/module_{number:03}.py" for number in range(60)]
    patterns = patterns_for(files, ("container/**",))
    assert len(patterns) > 2
    assert all(len(pattern) <= 255 for pattern in patterns)
    assert all(starts(patterns, path) for path in files)
    assert not starts(patterns, "src/edge_inspector/module_060.py")


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("a/**", "a/b/c.py", True),
        ("a/**", "ab/c.py", False),
        ("a/*", "a/b.py", True),
        ("a/*", "a/b/c.py", False),
        ("a/{b,c}.py", "a/c.py", True),
        ("a/{b,c}.py", "a/d.py", False),
        ("a.b", "acb", False),
    ],
)
def test_patterns_mean_what_codepipeline_says_that_they_mean(pattern: str, path: str, fits: bool) -> None:  # noqa: FBT001
    assert starts([pattern], path) is fits


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"module cloud_side\.labelling: expected a file of the product, found none"):
        needed(["cloud_side.labelling"])
