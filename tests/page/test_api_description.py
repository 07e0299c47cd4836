"""The description of the API: a valid OpenAPI document, the same as docs/openapi.json, and true of every answer.

`UPDATE_GOLDEN=1 pytest tests/page/test_api_description.py` writes docs/openapi.json again; read the difference.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from edge_inspector.page.access.roles import Role
from edge_inspector.page.api.openapi import description
from edge_inspector.page.page import OperatorPage
from tests.page.indexed import MODEL
from tests.page.people import PASSWORD, Person
from tests.page.stations import PageStation, port_of, wait_for

DOCS = Path(__file__).parents[2] / "docs"
GOLDEN = DOCS / "openapi.json"
LIMITS = {"scratch": {"review_at": 0.3, "reject_at": 0.5}, "dent": {"review_at": 0.4, "reject_at": 0.7}}


@pytest.fixture
def ada(page: OperatorPage) -> Person:
    return Person(port_of(page)).sign_in("ada")


def test_the_description_is_served_to_everybody_and_is_the_one_in_the_documents(page: OperatorPage) -> None:
    status, served = Person(port_of(page)).get("/openapi.json")
    assert status == 200
    text = json.dumps(served, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text


def test_the_description_is_valid_openapi(page: OperatorPage) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(description(page.doors)).iter_errors()] == []


def test_every_public_door_is_described_with_its_role(page: OperatorPage) -> None:
    described = {
        (method.upper(), path): operation
        for path, operations in description(page.doors)["paths"].items()
        for method, operation in operations.items()
    }
    public = {(door.method, door.path): door for door in page.doors if door.is_public}
    assert set(described) == set(public)
    assert all(path.startswith("/api/v1/") for _, path in public)
    for place, operation in described.items():
        door = public[place]
        assert operation["x-role"] == door.role.label
        needed = {name for each in operation["security"] for name in each}
        assert ("csrf" in needed) == (door.method != "GET" and door.needs_csrf), place
        assert ("session" in needed) == (door.role is not Role.NOTHING or "csrf" in needed), place
        assert door.answer is not None or door.media != "application/json" or door.path.endswith("/openapi.json")
    assert len({operation["operationId"] for operation in described.values()}) == len(described)


def test_every_schema_is_used_and_has_a_short_name(page: OperatorPage) -> None:
    document = description(page.doors)
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert "__" not in name, "two documents are called the same"
        assert f'"#/components/schemas/{name}"' in text, name


def test_what_is_answered_is_what_is_described(station: PageStation, page: OperatorPage, ada: Person) -> None:
    document = description(page.doors)
    rejected, accepted = station.put("reject"), station.put("accept")
    wait_for(ada, accepted)
    box = {"label": "dent", "xyxy": [10, 10, 40, 40], "part_frame": 0}
    seen: set[tuple[str, str]] = set()

    def check(method: str, path: str, query: str = "", body: object = None, **names: str) -> None:
        response, content = ada.ask(method, path.format(**names) + query, body)
        operation = document["paths"][f"/api/v1{path}"][method.lower()]
        described = operation["responses"][str(response.status)]
        if "$ref" in described:
            described = document["components"]["responses"][described["$ref"].rpartition("/")[2]]
        reference = described["content"]["application/json"]["schema"]["$ref"]
        schema = {"$ref": reference, "components": document["components"]}
        problems = [error.message for error in Draft202012Validator(schema).iter_errors(json.loads(content))]
        assert problems == [], (method, path)
        seen.add((method, f"/api/v1{path}"))

    one = "/results/{inspection_id}"
    check("GET", "/session")
    check("GET", "/results")
    check("GET", "/results", "?limit=x")
    check("PUT", f"{one}/disposition", body={"disposition": "true_reject"}, inspection_id=rejected)
    check("PUT", f"{one}/disposition", body={"disposition": "missed_defect", "boxes": [box]}, inspection_id=accepted)
    check("PUT", f"{one}/disposition", body={"disposition": "true_reject"}, inspection_id=accepted)
    check("DELETE", f"{one}/disposition", inspection_id=rejected)
    check("GET", one, inspection_id=accepted)
    check("GET", one, inspection_id="nothing")
    check("GET", "/line")
    check("GET", "/choices")
    check("GET", "/quality", "?since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z")
    check("GET", "/health")
    check("GET", "/model")
    check("POST", "/model/rollback", body={})
    check("GET", "/thresholds")
    check("POST", "/thresholds/preview", body={"classes": LIMITS, "parts": 10})
    check("PUT", "/thresholds", body={"classes": LIMITS, "model_sha256": MODEL.sha256})
    check("PUT", "/thresholds", body={"classes": LIMITS, "model_sha256": "x"})
    check("DELETE", "/thresholds")
    check("DELETE", "/session")
    check("GET", "/results")
    check("POST", "/session", body={"user": "otto", "password": PASSWORD})
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if any("$ref" in content.get("schema", {}) for content in _good(operation).values())
    }
    assert described - seen == set(), "each is tried"


def _good(operation: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = next(iter(operation["responses"].values()))["content"]
    return content


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_the_examples_of_the_documents_do_what_they_say(
    station: PageStation, page: OperatorPage, ada: Person, tmp_path: Path
) -> None:
    put = [station.put(outcome) for outcome in ("reject", "accept", "review")]
    wait_for(ada, put[-1])
    blocks = [part.split("```", 1)[0] for part in (DOCS / "api.md").read_text(encoding="utf-8").split("```sh\n")[1:]]
    script = "set -euo pipefail\n" + "\n".join(blocks)
    place = {"page": f"http://127.0.0.1:{page.port}", "page_user": "ada", "page_password": PASSWORD}
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={**os.environ, **place}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    results = json.loads((tmp_path / "results.json").read_text())
    assert [item["inspection_id"] for item in results["results"]] == [put[2], put[0]]
    assert '"false_reject"' in ran.stdout
    assert [judgement.disposition for _, judgement in station.judge.judged] == ["false_reject", "withdrawn"]
    assert "event: hello" in (tmp_path / "events.txt").read_text()
    assert (tmp_path / "results.csv").read_text().startswith("inspection_id,")
