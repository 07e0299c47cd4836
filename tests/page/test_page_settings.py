import json
from typing import Any

import pytest

from edge_inspector.errors import ConfigError
from edge_inspector.settings import PageSettings, parse
from edge_inspector.settings.page import is_loopback, is_user_name
from tests.page.people import hashed

USERS = {"ada": {"role": "admin", "password": hashed()}}
PROXY = {"trusted": ["10.0.0.5"]}


def problem(**page: Any) -> str:
    with pytest.raises(ConfigError) as error:
        parse({"page": page})
    return str(error.value)


def settings(**page: Any) -> PageSettings:
    found = parse({"page": page}).page
    assert found is not None
    return found


def test_without_its_section_there_is_no_page() -> None:
    assert parse({}).page is None


def test_an_empty_section_is_a_page_for_this_machine_that_only_shows() -> None:
    page = settings()
    assert page.enabled
    assert is_loopback(page.host)
    assert page.users == {}
    assert page.proxy is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.10", "station-7"])
def test_others_reach_it_only_with_people_and_over_tls_unless_somebody_says_so(host: str) -> None:
    tls = {"certificate": "page.crt", "key": "page.key"}
    assert "expected loopback while there are no users and no proxy" in problem(host=host, tls=tls)
    assert "expected tls, or plain_http = true" in problem(host=host, users=USERS)
    assert settings(host=host, users=USERS, tls=tls).host == host
    assert settings(host=host, users=USERS, plain_http=True).host == host
    assert settings(host=host, proxy=PROXY, tls=tls).host == host


@pytest.mark.parametrize("host", ["", "http://127.0.0.1", "127.0.0.1:8380", "a b", "-" * 64, "/run/page.sock"])
def test_what_cannot_be_an_address_is_refused(host: str) -> None:
    assert problem(host=host, users=USERS, plain_http=True).startswith("configuration: page.host: expected an address")


@pytest.mark.parametrize("name", ["https://station-7", "station-7:8380", "", "*.plant.example", "a..b", "a/b"])
def test_what_cannot_be_the_name_of_a_host_is_refused(name: str) -> None:
    assert "page.names: expected host names without scheme and port" in problem(names=[name])


def test_a_plain_password_is_refused_and_not_repeated() -> None:
    for password in ("correct horse", "scrypt$correct horse", f"{hashed()} "):
        found = problem(users={"ada": {"role": "admin", "password": password}})
        assert "page.users.ada.password: expected what `edge-inspector page hash-password` prints" in found
        assert password not in found
    found = problem(users={"ada": "correct horse"})
    assert found.startswith("configuration: page.users.ada: ")
    assert "correct horse" not in found


def test_a_hash_does_not_show_where_settings_are_written_out() -> None:
    assert hashed() not in repr(parse({"page": {"users": USERS}}))


def test_a_hash_that_would_take_all_memory_is_refused() -> None:
    costly = hashed().replace("scrypt$16384$", "scrypt$4194304$")
    found = problem(users={"ada": {"role": "admin", "password": costly}})
    assert "expected at most 32 MB to verify it, found 4096 MB" in found
    assert costly not in found


def test_only_a_person_who_comes_through_the_proxy_needs_no_password() -> None:
    assert "users.ada: password missing" in problem(users={"ada": {"role": "admin"}})
    assert settings(users={"ada": {"role": "admin"}}, proxy=PROXY).users["ada"].password is None


@pytest.mark.parametrize("name", ["", " ", "a b", "a:b", "x" * 65, "a\n", "\u202e"])
def test_a_name_that_no_proxy_and_no_person_can_give_is_refused(name: str) -> None:
    assert not is_user_name(name)
    assert "page.users: expected names of 1 to 64 characters" in problem(users={name: USERS["ada"]})


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "10.0.0.1/24", "proxy", ""])
def test_a_proxy_is_known_by_addresses_and_never_everybody(network: str) -> None:
    assert problem(proxy={"trusted": ["10.0.0.5", network]}).startswith("configuration: page.proxy.trusted")


def test_a_proxy_without_addresses_is_refused() -> None:
    assert "page.proxy.trusted" in problem(proxy={"trusted": []})


@pytest.mark.parametrize("header", ["Cookie", "host", "X-CSRF-Token", "x-forwarded-for", "X User", ""])
def test_the_header_of_the_proxy_is_its_own(header: str) -> None:
    assert "page.proxy.user_header: expected the name of a header" in problem(
        proxy={"trusted": ["10.0.0.5"], "user_header": header}
    )


def test_settings_mean_the_same_when_they_were_written_down() -> None:
    before = parse({"page": {"users": USERS, "proxy": {"trusted": ["10.0.0.5", "fd00::/8"]}, "names": ["a.example"]}})
    assert parse(json.loads(before.model_dump_json())) == before
