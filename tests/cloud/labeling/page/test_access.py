"""Only people who are known see anything, and only the page itself changes anything."""

import json
import stat
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import boto3
import pytest

from cloud_side.labeling.items import Item
from cloud_side.labeling.page.links import SecretLinks, keep_secrets, people_of
from edge_inspector.errors import ConfigError
from tests.cloud.labeling.orders import put_order, served
from tests.cloud.labeling.page.asking import Asker


@pytest.fixture(scope="module")
def path(session: boto3.Session, items: list[Item]) -> str:
    """Return the path of an item that people may work on."""
    order = put_order(session, items[:1], batch="guarded")
    return f"/api/orders/{order.batch}/1/label/items/{items[0].sha256}"


def test_a_link_becomes_a_cookie_that_no_script_and_no_other_site_gets(ana: Asker) -> None:
    told = ana.ask("GET", f"/?key={ana.secret}", Authorization=None)
    assert (told.status, told.headers["Location"]) == (303, "/")
    cookie = told.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    name = ana.ask("GET", "/api/me", Authorization=None, Cookie=cookie.partition(";")[0])
    assert name.document == {"name": "ana"}


def test_a_link_of_nobody_is_turned_away(ana: Asker) -> None:
    told = ana.ask("GET", "/?key=guessed")
    assert (told.status, told.headers["Set-Cookie"]) == (401, None)
    assert "this link is nobody's" in told.document["error"]


@pytest.mark.parametrize("secret", [None, "", "Bearer", "Bearer x", "Basic x", "Bearer \u00e9"])
def test_who_is_not_known_gets_nothing(ana: Asker, secret: str | None) -> None:
    assert ana.ask("GET", "/api/orders", Authorization=secret).status == 401


def test_health_and_the_pages_own_files_are_open(ana: Asker) -> None:
    assert ana.ask("GET", "/healthz", Authorization=None, Host="10.0.0.7").document == {"ok": True}
    assert ana.ask("GET", "/static/../cli.py", Authorization=None).status == 404
    assert ana.ask("GET", "/static/nothing.js", Authorization=None).status == 404


def test_every_answer_says_what_a_browser_may_do_with_it(ana: Asker) -> None:
    for path in ("/api/me", "/healthz", "/nothing"):
        headers = ana.ask("GET", path).headers
        assert "default-src 'none'; script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "[::", "127.0.0.2"])
def test_a_name_that_is_not_the_pages_own_is_turned_away(ana: Asker, host: str) -> None:
    for path in ("/", "/api/me"):
        assert ana.ask("GET", path, Host=host).status in {400, 421}


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "[::1]:80", "quality-pc.local:8620"])
def test_its_own_names_are_let_in_under_any_port(ana: Asker, host: str) -> None:
    assert ana.ask("GET", "/api/me", Host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Edge_Inspector": None},
        {"X_Edge_Inspector": "0"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[::"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_site_can_change_nothing(path: str, ana: Asker, headers: dict[str, str | None]) -> None:
    for method, what in (("POST", "lease"), ("DELETE", "lease"), ("PUT", "answer")):
        assert ana.ask(method, f"{path}/{what}", {"no_defect": True}, **headers).status == 403
    own = {"Origin": f"http://{ana.netloc}", "Sec_Fetch_Site": "same-origin"}
    assert ana.ask("POST", f"{path}/lease", **own).status == 200


def test_links_stay_the_same_and_browsers_known_when_the_page_starts_again_with_more_people(
    session: boto3.Session, tmp_path: Path
) -> None:
    with served(session, tmp_path, ("ana",)) as first:
        path = first.links["ana"].removeprefix(first.origin)
        cookie = Asker.of_link(first.links["ana"]).ask("GET", path).headers["Set-Cookie"].partition(";")[0]
    with served(session, tmp_path, ("ana", "eva")) as second:
        assert second.links["ana"].removeprefix(second.origin) == path
        ana = Asker.of_link(second.links["ana"])
        assert ana.ask("GET", "/api/me", Authorization=None, Cookie=cookie).document == {"name": "ana"}
    file = tmp_path / "labeling-people.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(json.loads(file.read_text())) == {"ana", "eva"}


def test_a_file_that_holds_no_secrets_is_named(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    for text in ("no JSON", "[]", '{"ana": 1}'):
        file.write_text(text)
        with pytest.raises(ConfigError, match=r"people\.json: cannot keep people's secret links"):
            keep_secrets(file, ["ana"])


def test_a_secret_that_is_too_short_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    file.write_text('{"ana": "short"}')
    assert len(keep_secrets(file, ["ana"])["ana"]) >= 30


@pytest.mark.parametrize("text", ["", "ana,", "ana,,ben", "ana,ANA", "a\nb", "x" * 65, "ana,ana"])
def test_names_that_nobody_can_tell_apart_are_turned_down(text: str) -> None:
    with pytest.raises(ConfigError, match="--people: expected"):
        people_of(text)


def test_names_may_have_spaces_and_letters_of_all_kinds() -> None:
    assert people_of("Ana Díaz, ben@plant.example") == ("Ana Díaz", "ben@plant.example")


def test_two_pages_of_one_machine_have_cookies_of_their_own(tmp_path: Path) -> None:
    one, other = (SecretLinks({"ana": "a" * 32}, tmp_path / name) for name in ("one", "other"))
    assert one._cookie != other._cookie


def test_a_request_without_a_host_is_turned_away(ana: Asker) -> None:
    with closing(HTTPConnection(ana.netloc)) as connection:
        connection.putrequest("GET", "/api/me", skip_host=True)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
    assert answer.status in {400, 421}
