import json
import logging
import threading
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from edge_inspector.errors import RefusedError, SinkError
from edge_inspector.page import parsing
from edge_inspector.page.access.admitted import WhileAdmitted
from edge_inspector.page.access.roles import Role
from edge_inspector.page.application import application
from edge_inspector.page.doors import Asked, Document, Door, Turned
from edge_inspector.page.parsing import LARGEST_BODY
from tests.logged import warnings_in
from tests.page.asking import JSON, NEVER, Browser
from tests.page.people import PASSWORD, app_of, entrance_of, nobody, passed, people


class Query(Document):
    outcome: tuple[str, ...] = ()
    label: tuple[str, ...] | None = None
    limit: int = Field(50, le=200)


class Body(Document):
    number: int
    names: tuple[str, ...] = ()


class Said(Document):
    text: str


def echo(asked: Asked) -> Said:
    return Said(text=f"{asked.query.model_dump_json()} {asked.body.model_dump_json()} {dict(asked.path)}")


ECHO = Door("GET", "/echo/{name}", Role.NOTHING, "Repeat", echo, query=Query, answer=Said)
TAKE = Door("POST", "/take", Role.NOTHING, "Take", echo, body=Body, answer=Said, status=202, needs_csrf=False)


def browser(*doors: Door) -> Browser:
    return Browser(application(doors, entrance_of(nobody()).guard))


def raising(error: Exception) -> Door:
    def fail(_: Asked) -> Response:
        raise error

    return Door("GET", "/fail", Role.NOTHING, "Fail", fail)


def test_query_path_and_body_come_as_the_door_declares_them() -> None:
    answer = browser(ECHO).get("/echo/a%20b?outcome=reject&outcome=review&label=dent&limit=5".replace("%20", " "))
    assert answer.status == 200
    assert answer.json["text"] == (
        '{"outcome":["reject","review"],"label":["dent"],"limit":5} {} ' + str({"name": "a b"})
    )
    answer = browser(TAKE).ask("POST", "/take", document={"number": 7, "names": ["a"]})
    assert (answer.status, answer.json["text"]) == (202, '{} {"number":7,"names":["a"]} {}')
    assert answer.header("cache-control") == "no-store"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("limit=many", "query.limit: Input should be a valid integer"),
        ("limit=201", "query.limit: Input should be less than or equal to 200"),
        ("limit=1&limit=2", "query.limit: expected one value, found 2"),
        ("unknown=1", "query.unknown: Extra inputs are not permitted"),
    ],
)
def test_a_query_that_is_not_as_declared_is_told_in_words(query: str, problem: str) -> None:
    answer = browser(ECHO).get(f"/echo/x?{query}")
    assert (answer.status, answer.code) == (422, "unexpected")
    assert answer.text.startswith(problem)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "body: expected a JSON object: "),
        (b"{", "body: expected a JSON object: Invalid JSON: "),
        (b"[" * 60_000, "body: expected a JSON object: Invalid JSON: "),
        (b'{"number": ' + b"9" * 10_000 + b"}", "body: expected a JSON object: Invalid JSON: "),
        (b"[]", "body: Input should be an object"),
        (b"{}", "body.number: Field required"),
        (b'{"number": NaN}', "body.number: Input should be a finite number"),
        (b'{"number": 1, "more": 2}', "body.more: Extra inputs are not permitted"),
        (b'{"number": 1, "names": ["\\ud800"]}', "body: expected a JSON object: Invalid JSON: "),
        (b"\xff", "body: expected a JSON object: Invalid JSON: "),
    ],
)
def test_a_body_that_is_not_as_declared_is_told_in_words(content: bytes, problem: str) -> None:
    answer = browser(TAKE).ask("POST", "/take", content=[content], headers={"content-type": JSON})
    assert answer.status == 422
    assert answer.text.startswith(problem)


def test_many_mistakes_give_a_short_answer() -> None:
    document = {"number": "x", **{f"{number}" * 30: 1 for number in range(300)}}
    answer = browser(TAKE).ask("POST", "/take", document=document)
    assert answer.status == 422
    assert len(answer.text) < 1100


TAKING = browser(TAKE)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_any_body_is_taken_or_refused(content: str | bytes) -> None:
    content = content.encode() if isinstance(content, str) else content
    answer = TAKING.ask("POST", "/take", content=[content], headers={"content-type": JSON})
    assert answer.status in {202, 422}


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_another_site_is_no_body(kind: str | None) -> None:
    answer = browser(TAKE).ask("POST", "/take", content=[b'{"number": 1}'], headers={"content-type": kind})  # type: ignore[dict-item]
    assert (answer.status, answer.code) == (415, "no_json")


def test_a_body_that_is_too_large_is_refused_by_what_it_says_and_by_what_it_is() -> None:
    said = {"content-type": JSON, "content-length": str(LARGEST_BODY + 1)}
    assert browser(TAKE).ask("POST", "/take", content=[b"{}"], headers=said).status == 413
    chunks = [b" " * 10_000] * 7
    answer = browser(TAKE).ask("POST", "/take", content=chunks, headers={"content-type": JSON})
    assert (answer.status, answer.code) == (413, "too_large")


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "LONGEST_BODY_S", 0.05)
    said = {"content-type": JSON}
    answer = browser(TAKE).ask("POST", "/take", content=[b"{", NEVER], headers=said)
    assert (answer.status, answer.code) == (408, "too_slow")


@pytest.mark.parametrize("path", ["/", "/echo", "/echo/x/", "/ECHO/x", "//evil.example/", "/echo/x/../y", "/ü\n"])
def test_what_is_not_there_is_told_as_json(path: str) -> None:
    answer = browser(ECHO).get(path)
    assert (answer.status, answer.code) == (404, "unknown")
    assert answer.header("content-type") == JSON
    assert answer.header("location") is None


def test_another_method_is_told_which_ones_there_are_over_all_doors_of_the_path() -> None:
    put = Door("PUT", "/thing", Role.OPERATOR, "Put", passed)
    get = Door("GET", "/thing", Role.VIEWER, "Get", passed)
    answer = browser(put, get).ask("DELETE", "/thing")
    assert (answer.status, answer.code, answer.header("allow")) == (405, "no_such_method", "GET, HEAD, PUT")


def test_head_is_get_for_a_document_and_refused_for_a_stream_which_would_not_end() -> None:
    async def stream(_: Asked) -> Response:
        return Response("stream")

    both = browser(ECHO, Door("GET", "/stream", Role.NOTHING, "Stream", stream))
    assert both.ask("HEAD", "/echo/x").status == 200
    answer = both.ask("HEAD", "/stream")
    assert (answer.status, answer.header("allow")) == (405, "GET")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Turned(404, "no_picture", "gone", {"X-More": "1"}), 404, "no_picture"),
        (RefusedError("not now"), 409, "refused"),
        (SinkError("the disk is full"), 503, "failed"),
    ],
)
def test_what_the_station_refuses_or_cannot_do_is_told_in_its_own_words(
    error: Exception, status: int, code: str
) -> None:
    answer = browser(raising(error)).get("/fail")
    assert (answer.status, answer.code, answer.text) == (status, code, str(error))
    assert answer.header("x-more") == ("1" if isinstance(error, Turned) else None)


def test_what_a_refusal_quotes_is_one_short_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer = browser(raising(RefusedError("found 'a\nERROR forged \x1b[2J" + "x" * 60_000))).get("/fail")
    assert answer.status == 409
    (line,) = warnings_in(caplog)
    assert line.startswith("page: GET /fail: found 'a\\nERROR forged \\x1b[2Jxxx")
    assert len(line) < 1100


def test_a_failure_of_ours_is_one_line_in_the_log_and_tells_the_client_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failing = browser(raising(KeyError("a secret")))
    for _ in range(2):
        answer = failing.get("/fail")
        assert (answer.status, answer.code) == (500, "internal")
        assert "secret" not in answer.content.decode()
        assert answer.header("x-content-type-options") == "nosniff"
    assert warnings_in(caplog) == ["page: GET /fail failed: KeyError('a secret')"] * 2
    assert [record.exc_info is None for record in caplog.records if record.levelno == logging.ERROR] == [False, True]


def test_handlers_run_beside_the_event_loop_and_streams_on_it() -> None:
    threads = []

    def handle(_: Asked) -> Response:
        threads.append(threading.current_thread())
        return Response()

    async def stream(_: Asked) -> Response:
        threads.append(threading.current_thread())
        return Response()

    both = browser(
        Door("GET", "/a", Role.NOTHING, "A", handle),
        Door("GET", "/b", Role.NOTHING, "B", stream),
    )
    both.get("/a")
    both.get("/b")
    assert [thread is threading.current_thread() for thread in threads] == [False, True]


def test_every_answer_forbids_the_browser_what_the_page_does_not_need() -> None:
    anybody = browser(ECHO, raising(KeyError()))
    for path in ("/echo/x", "/fail", "/nothing"):
        answer = anybody.get(path)
        policy = answer.header("content-security-policy") or ""
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        for name, value in (
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("strict-transport-security", None),
            ("access-control-allow-origin", None),
        ):
            assert answer.header(name) == value, name


def test_two_doors_cannot_be_one() -> None:
    with pytest.raises(ValueError, match=r"GET /echo/\{name\}: expected one door, found 2"):
        browser(ECHO, ECHO)


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/x"), ("get", "/x"), ("GET", "x")])
def test_a_door_that_cannot_be_is_not_built(method: str, path: str) -> None:
    with pytest.raises(ValueError, match="expected one of GET, POST, PUT, DELETE and a path"):
        Door(method, path, Role.VIEWER, "No", passed)


async def _numbers(closed: list[bool]) -> AsyncIterator[bytes]:
    try:
        for number in range(100):
            yield b"%d " % number
    finally:
        closed.append(True)


def test_a_stream_ends_when_its_visitor_has_signed_out() -> None:
    entrance = entrance_of(people())
    closed: list[bool] = []
    later = iter(range(0, 10**6, 2))  # two seconds with every look at the clock

    async def stream(asked: Asked) -> Response:
        content = _numbers(closed)

        async def sign_out_after_three() -> AsyncIterator[bytes]:
            async for chunk in content:
                yield chunk
                if chunk == b"2 ":
                    entrance.sign_out(asked.request)

        return StreamingResponse(sign_out_after_three())

    vera = Browser(app_of(entrance, Door("GET", "/stream", Role.VIEWER, "Stream", stream)))
    vera.sign_in("vera", PASSWORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhileAdmitted.__init__, "__kwdefaults__", {"now_s": lambda: next(later)})
        assert vera.get("/stream").content == b"0 1 2 "
    assert closed == [True]
