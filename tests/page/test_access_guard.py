import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.page.access.attempts import Attempts
from edge_inspector.page.access.hosts import OwnHosts, is_same_origin
from edge_inspector.page.access.roles import Role
from edge_inspector.page.doors import Door
from edge_inspector.settings import PageSettings
from tests.fakes import PATIENCE_S
from tests.logged import warnings_in
from tests.mosquitto import eventually
from tests.page.asking import Browser
from tests.page.people import PASSWORD, app_of, entrance_of, nobody, passed, people

PROXY = {"proxy": {"trusted": ["10.0.0.5", "fd00::/8"]}}
LAN = {"host": "192.0.2.10", "plain_http": True}


def browser(settings: PageSettings, *more: Door, home: Path | None = None, **kind: Any) -> Browser:
    return Browser(app_of(entrance_of(settings, home), *more), **kind)


def test_without_people_everybody_looks_and_nobody_changes_anything() -> None:
    anybody = browser(nobody())
    assert anybody.get("/see").status == 200
    assert anybody.get("/api/v1/session").json["role"] == "viewer"
    assert anybody.get("/api/v1/session").json["can_sign_in"] is False
    for place in ("/judge", "/change"):
        answer = anybody.ask("PUT", place, headers={"x-csrf-token": "guessed"})
        assert (answer.status, answer.code) == (403, "not_allowed")
    refused = anybody.sign_in("ada", PASSWORD)
    assert (refused.status, refused.code) == (403, "not_allowed")


def test_where_there_are_people_one_signs_in_before_one_sees_anything() -> None:
    anybody = browser(people())
    answer = anybody.get("/see")
    assert (answer.status, answer.code) == (401, "sign_in")
    assert anybody.get("/api/v1/session").json | {"version": ""} == {
        "user": None,
        "role": "nothing",
        "csrf": None,
        "can_sign_in": True,
        "signed_in_by": None,
        "station": {"site": "site", "line": "line", "station": "station", "camera": "camera"},
        "is_triggered": True,
        "version": "",
    }


def test_an_open_view_is_for_looking_alone() -> None:
    anybody = browser(people(open_view=True))
    assert anybody.get("/see").status == 200
    answer = anybody.ask("PUT", "/judge")
    assert (answer.status, answer.code) == (401, "sign_in")


def test_signing_in_gives_the_role_of_the_user_until_they_sign_out() -> None:
    otto = browser(people())
    signed_in = otto.sign_in("otto", PASSWORD)
    assert signed_in.status == 200
    assert {name: signed_in.json[name] for name in ("user", "role", "signed_in_by")} == {
        "user": "otto",
        "role": "operator",
        "signed_in_by": "page",
    }
    assert otto.get("/api/v1/session").json == signed_in.json
    assert otto.ask("PUT", "/judge").content == b"otto"
    assert otto.ask("PUT", "/change").code == "not_allowed"
    cookies = dict(otto.cookies)
    assert otto.ask("DELETE", "/api/v1/session").json == {}
    assert otto.cookies == {}
    otto.cookies = cookies
    assert otto.get("/see").code == "sign_in", "the cookie of a session that has ended"


def test_signing_in_again_ends_the_session_before() -> None:
    ada = browser(people())
    ada.sign_in("otto", PASSWORD)
    before = dict(ada.cookies)
    ada.sign_in("ada", PASSWORD)
    assert ada.get("/see").content == b"ada"
    ada.cookies = before
    assert ada.get("/see").code == "sign_in"


@pytest.mark.parametrize(("user", "password"), [("ada", "wrong password"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_password_and_a_wrong_name_are_told_in_the_same_words(user: str, password: str) -> None:
    answer = browser(people()).sign_in(user, password)
    assert (answer.status, answer.code, answer.text) == (401, "wrong", "user or password wrong")
    assert answer.header("set-cookie") is None


def test_what_is_typed_for_a_name_that_nobody_has_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    anybody = browser(people())
    for name in ("my-Secret-1", "ada"):
        assert anybody.sign_in(name, "wrong password").status == 401
    assert warnings_in(caplog) == [
        "page: 127.0.0.1: password wrong for a name that page.users does not have",
        "page: 127.0.0.1: password wrong for ada",
    ]


def test_who_guesses_must_wait_and_is_told_for_how_long() -> None:
    app = app_of(entrance_of(people(), attempts=Attempts(lambda: 1000.0)))
    stranger, ada = Browser(app, address="192.0.2.66"), Browser(app, address="192.0.2.1")
    for _ in range(5):
        assert stranger.sign_in("otto", "wrong password").status == 401
    answer = stranger.sign_in("otto", PASSWORD)
    assert (answer.status, answer.code, answer.header("retry-after")) == (429, "too_many", "1")
    assert ada.sign_in("ada", PASSWORD).status == 200


def test_a_session_outlives_the_program(tmp_path: Path) -> None:
    ada = browser(people(), home=tmp_path)
    ada.sign_in("ada", PASSWORD)
    ada.app = app_of(entrance_of(people(), tmp_path))
    assert ada.ask("PUT", "/change").content == b"ada"


def test_a_change_without_the_token_of_the_session_is_refused() -> None:
    app = app_of(entrance_of(people()))
    ada, other = Browser(app), Browser(app)
    ada.sign_in("ada", PASSWORD)
    other.sign_in("ada", PASSWORD)
    for found in (None, "", "guessed", "übung", other.csrf):
        answer = ada.ask("PUT", "/change", headers={"x-csrf-token": found})  # type: ignore[dict-item]
        assert (answer.status, answer.code) == (403, "csrf")
    assert ada.ask("DELETE", "/api/v1/session", headers={"x-csrf-token": "guessed"}).code == "csrf"
    assert ada.ask("PUT", "/change").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8380"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8380"},
    ],
)
def test_another_site_can_neither_change_anything_nor_sign_anybody_in(headers: dict[str, str]) -> None:
    ada = browser(people())
    ada.sign_in("ada", PASSWORD)
    answer = ada.ask("PUT", "/change", headers=headers)
    assert (answer.status, answer.code) == (403, "other_site")
    assert ada.sign_in("otto", PASSWORD, **headers).code == "other_site"


def test_a_page_of_its_own_changes_things() -> None:
    ada = browser(people(), always={"origin": "http://127.0.0.1:8380", "sec-fetch-site": "same-origin"})
    assert ada.sign_in("ada", PASSWORD).status == 200
    assert ada.ask("PUT", "/change").status == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8380", "127.0.0.1", "[::1]:8380", "Station-7.plant.example"])
def test_on_loopback_the_page_has_the_names_of_this_machine_and_those_configured(host: str) -> None:
    assert browser(nobody(names=["station-7.plant.example"]), host=host).get("/see").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8380", "127.0.0.1.evil.example", "192.0.2.1", "", "a b"]
)
def test_a_name_that_is_not_the_pages_own_reaches_nothing(host: str) -> None:
    anybody = browser(nobody(), host=host)
    for place in ("/see", "/api/v1/session"):
        answer = anybody.get(place)
        assert (answer.status, answer.code) == (421, "wrong_host")


def test_a_request_without_a_host_is_refused() -> None:
    answer = browser(nobody()).ask("GET", "/see", headers={"host": None})  # type: ignore[dict-item]
    assert (answer.status, answer.code) == (400, "bad_host")


@pytest.mark.parametrize(
    ("bound", "host", "is_own"),
    [
        ("192.0.2.10", "192.0.2.10:8380", True),
        ("192.0.2.10", "192.0.2.11", False),
        ("192.0.2.10", "named", True),
        ("192.0.2.10", "evil.example", False),
        ("0.0.0.0", "203.0.113.9:8380", True),
        ("0.0.0.0", "[2001:db8::1]:8380", True),
        ("::", "203.0.113.9", True),
        ("::", "localhost", True),
        ("::", "evil.example", False),
        ("0.0.0.0", "1.2.3.4.evil.example", False),
        ("localhost", "127.0.0.1", True),
        ("::1", "[::1]", True),
        ("0:0::0", "203.0.113.9:8380", True),
        ("FD00:0::7", "[fd00::7]:8380", True),
        ("192.0.2.10", "Dotted.example.", True),
        ("192.0.2.10", "[fd00::9]", True),
    ],
)
def test_elsewhere_it_has_the_address_that_it_listens_on(bound: str, host: str, is_own: bool) -> None:  # noqa: FBT001
    assert (
        OwnHosts(people(host=bound, plain_http=True, names=["named", "dotted.example.", "fd00:0::9"])).have(host)
        is is_own
    )


@given(
    st.text(max_size=30) | st.builds("{}:{}".format, st.sampled_from(["localhost", "[::1]", "127.0.0.1"]), st.text())
)
def test_any_host_and_origin_is_its_own_or_is_not(text: str) -> None:
    assert OwnHosts(nobody()).have(text) in {True, False}
    assert is_same_origin(text, "127.0.0.1:8380", "http") is False


def proxied(**kind: Any) -> Browser:
    settings = people(**PROXY, **LAN)
    host = {"host": "192.0.2.10:8380", "address": "10.0.0.5"}
    return browser(settings, **(host | kind))


def test_a_trusted_proxy_says_who_somebody_is() -> None:
    ada = proxied(always={"x-forwarded-user": "ada"})
    session = ada.get("/api/v1/session").json
    assert (session["user"], session["role"], session["signed_in_by"]) == ("ada", "admin", "proxy")
    assert ada.ask("PUT", "/change").code == "csrf"
    ada.csrf = session["csrf"]
    assert ada.ask("PUT", "/change").content == b"ada"


def test_the_token_of_one_proxied_person_is_not_that_of_another() -> None:
    ada, otto = proxied(always={"x-forwarded-user": "ada"}), proxied(always={"x-forwarded-user": "otto"})
    otto.app = ada.app
    ada.csrf = otto.get("/api/v1/session").json["csrf"]
    assert ada.ask("PUT", "/change").code == "csrf"


@pytest.mark.parametrize("address", ["10.0.0.6", "127.0.0.1", "192.0.2.10", "::1", "::ffff:10.0.0.6", "testclient"])
def test_the_word_of_anybody_else_counts_for_nothing(address: str) -> None:
    said = {"x-forwarded-user": "ada", "x-forwarded-for": "10.0.0.5", "x-forwarded-proto": "https"}
    impostor = proxied(address=address, always=said)
    assert impostor.get("/see").code == "sign_in"
    assert impostor.get("/api/v1/session").json["user"] is None
    assert impostor.sign_in("ada", PASSWORD).status == 200
    assert all(not name.startswith("__Host-") for name in impostor.cookies)


@pytest.mark.parametrize("address", ["10.0.0.5", "::ffff:10.0.0.5", "fd00::17"])
def test_a_proxy_is_known_by_any_of_its_addresses(address: str) -> None:
    assert proxied(address=address, always={"x-forwarded-user": "vera"}).get("/see").content == b"vera"


@pytest.mark.parametrize(("unknown", "status"), [("nothing", 403), ("viewer", 200)])
def test_a_proxied_person_whom_nobody_has_named_may_what_is_configured(unknown: str, status: int) -> None:
    proxy = {"proxy": PROXY["proxy"] | {"unknown_users": unknown}}
    somebody = browser(people(**proxy), address="10.0.0.5", always={"x-forwarded-user": "Jörg"})
    assert somebody.get("/see").status == status
    assert somebody.get("/api/v1/session").json["user"] == "Jörg"


def test_an_open_view_is_open_to_those_whom_the_proxy_names_too() -> None:
    settings = people(proxy=PROXY["proxy"], open_view=True)
    somebody = browser(settings, address="10.0.0.5", always={"x-forwarded-user": "eve"})
    assert somebody.get("/see").content == b"eve"
    assert somebody.ask("PUT", "/judge").code == "not_allowed"


def test_through_the_proxy_without_a_name_one_is_nobody_and_may_sign_in() -> None:
    anybody = proxied(always={"x-forwarded-user": ""})
    assert anybody.get("/see").code == "sign_in"
    assert anybody.sign_in("vera", PASSWORD).status == 200
    assert anybody.get("/see").content == b"vera"


@pytest.mark.parametrize("name", ["a b", "a:b", "x" * 65, "a\x07b", "a\ufffdb"])
def test_a_proxy_that_passes_on_nonsense_is_not_listened_to(name: str) -> None:
    answer = proxied(always={"x-forwarded-user": name}).get("/see")
    assert (answer.status, answer.code) == (400, "bad_proxy")


def test_of_a_forwarded_address_nothing_but_the_address_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    forwarded = {"x-forwarded-for": "fe80::1%\x1b[2Jadmin, 10.0.0.5"}
    assert proxied(always=forwarded).sign_in("ada", "wrong password").status == 401
    assert warnings_in(caplog) == ["page: fe80::1: password wrong for ada"]


def test_behind_a_proxy_each_browser_waits_for_its_own_mistakes() -> None:
    app = proxied().app
    browsers = [
        Browser(app, address="10.0.0.5", host="192.0.2.10", always={"x-forwarded-for": f"203.0.113.9, {address}"})
        for address in ("198.51.100.1", "198.51.100.2, fd00::1")
    ]
    for _ in range(5):
        assert browsers[0].sign_in("otto", "wrong password").status == 401
    assert browsers[0].sign_in("otto", "wrong password").status == 429
    assert browsers[1].sign_in("ada", PASSWORD).status == 200


def test_the_cookie_is_for_no_script_no_other_site_and_no_other_station_on_this_machine() -> None:
    one, other = browser(people()), browser(people())
    cookie = one.sign_in("ada", PASSWORD).header("set-cookie") or ""
    name, _, attributes = cookie.partition("=")
    assert name.startswith("edge-inspector-")
    assert {part.strip().lower() for part in attributes.split(";")[1:]} == {
        "httponly",
        "max-age=43200",
        "path=/",
        "samesite=strict",
    }
    other.cookies |= one.cookies
    other.sign_in("ada", PASSWORD)
    assert len(other.cookies) == 2, "two stations on one machine do not take each other's cookie"
    assert one.get("/see").status == 200


def test_behind_a_proxy_with_tls_the_cookie_goes_over_tls_alone() -> None:
    said = {
        "x-forwarded-proto": "https",
        "x-forwarded-host": "page.plant.example",
        "origin": "https://page.plant.example",
    }
    ada = proxied(always=said)
    cookie = ada.sign_in("ada", PASSWORD).header("set-cookie") or ""
    assert cookie.startswith("__Host-edge-inspector-")
    assert "Secure" in cookie
    assert ada.ask("PUT", "/change").content == b"ada"
    ada.always = {}
    assert ada.get("/see").code == "sign_in", "without TLS the cookie of TLS is none"


def test_with_tls_the_cookie_is_secure(tmp_path: Path) -> None:
    files = {"certificate": tmp_path / "a", "key": tmp_path / "b"}
    ada = browser(people(tls=files, host="192.0.2.10"), host="192.0.2.10")
    answer = ada.sign_in("ada", PASSWORD)
    assert (answer.header("set-cookie") or "").startswith("__Host-edge-inspector-")
    assert ada.ask("DELETE", "/api/v1/session").status == 200
    assert ada.cookies == {}


def test_a_person_without_a_password_comes_through_the_proxy_alone() -> None:
    settings = PageSettings.model_validate({"users": {"ada": {"role": "admin"}}, **PROXY})
    ada = browser(settings, address="10.0.0.5")
    assert ada.sign_in("ada", "").code == "not_allowed"
    assert ada.get("/api/v1/session").json["can_sign_in"] is False


def test_roles_include_those_below() -> None:
    assert list(Role) == sorted(Role)
    assert [Role.named(role.label) for role in Role] == list(Role)


def test_a_door_that_changes_something_needs_somebody_even_where_everybody_may() -> None:
    door = Door("POST", "/bell", Role.VIEWER, "Ring", passed)
    anybody = browser(nobody(), door)
    assert anybody.ask("POST", "/bell").code == "not_allowed"
    assert browser(people(open_view=True), door).ask("POST", "/bell").code == "sign_in"
    with pytest.raises(ValueError, match="CSRF"):
        replace(door, needs_csrf=False)


def test_who_knows_the_password_signs_in_as_often_as_they_like() -> None:
    ada = browser(people())
    assert [ada.sign_in("ada", PASSWORD).status for _ in range(8)] == [200] * 8


def test_many_who_sign_in_at_once_do_not_take_the_threads_that_answer_others() -> None:
    entrance = entrance_of(people())
    app = app_of(entrance)
    answers: list[int] = []

    def sign_in(user: str) -> None:
        answers.append(Browser(app).sign_in(user, PASSWORD).status)

    waiting = [threading.Thread(target=sign_in, args=(user,)) for user in ("ada", "otto")]
    with entrance._passwords._one_at_a_time:  # a verification that takes its time
        for thread in waiting:
            thread.start()
        eventually(lambda: entrance._places._value == 0, what="one is verified, one waits")
        answer = Browser(app).sign_in("vera", PASSWORD)
        assert (answer.status, answer.header("retry-after")) == (429, "1")
    for thread in waiting:
        thread.join(PATIENCE_S)
    assert answers == [200, 200]
    assert Browser(app).sign_in("vera", PASSWORD).status == 200
