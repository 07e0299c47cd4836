from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.page.access import attempts
from edge_inspector.page.access.attempts import Attempts
from tests.fakes import Clock

HERE, THERE = "192.0.2.1", "198.51.100.7"


def fail(of: Attempts, clock: Clock, count: int, *, address: str = HERE, user: str = "ada") -> list[int]:
    """Fail so often, each time as soon as it is allowed; return the pauses that had to be waited for."""
    pauses = []
    for _ in range(count):
        while (wait_s := of.begin(address, user)) is not None:
            pauses.append(wait_s)
            clock.now_s += wait_s
    return pauses


def test_the_first_mistakes_cost_nothing() -> None:
    clock = Clock()
    assert fail(Attempts(clock), clock, 5) == []


def test_pauses_grow_with_mistakes_up_to_a_minute() -> None:
    clock = Clock()
    assert fail(Attempts(clock), clock, 14) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_asking_within_a_pause_makes_it_no_longer() -> None:
    clock = Clock()
    of = Attempts(clock)
    fail(of, clock, 8)
    first = of.begin(HERE, "ada")
    assert [of.begin(HERE, "ada") for _ in range(100)] == [first] * 100
    clock.now_s += first or 0
    assert of.begin(HERE, "ada") is None


def test_another_address_is_not_made_to_wait_for_this_one() -> None:
    clock = Clock()
    of = Attempts(clock)
    fail(of, clock, 8, user="otto")
    assert of.begin(HERE, "otto") is not None
    assert of.begin(THERE, "ada") is None


def test_mistakes_are_forgotten_after_a_quarter_of_an_hour() -> None:
    clock = Clock()
    of = Attempts(clock)
    fail(of, clock, 12)
    clock.now_s += 901
    assert fail(of, clock, 5) == []


def test_a_password_guessed_from_many_addresses_waits_too_but_for_seconds() -> None:
    clock = Clock()
    of = Attempts(clock)
    pauses = [pause for number in range(60) for pause in fail(of, clock, 1, address=f"203.0.113.{number}")]
    assert pauses[:4] == [1, 2, 4, 8]
    assert max(pauses) == 8


def test_a_stranger_cannot_keep_a_user_out_of_where_they_have_been_before() -> None:
    clock = Clock()
    of = Attempts(clock)
    assert of.begin(THERE, "ada") is None
    of.succeeded(THERE, "ada")
    for number in range(60):
        fail(of, clock, 1, address=f"203.0.113.{number}")
    assert of.begin("203.0.113.99", "ada") is not None
    assert of.begin(THERE, "ada") is None


def test_an_account_of_ones_own_gives_no_free_guesses_at_another() -> None:
    clock = Clock()
    of = Attempts(clock)
    pauses = []
    for _ in range(8):
        pauses += fail(of, clock, 1, user="ada")
        if of.begin(HERE, "otto") is None:
            of.succeeded(HERE, "otto")
    assert pauses[:2] == [1, 2]


def test_who_never_errs_never_waits() -> None:
    of = Attempts(Clock())
    for _ in range(100):
        assert of.begin(HERE, "ada") is None
        of.succeeded(HERE, "ada")


def test_all_addresses_that_one_machine_may_have_count_as_one() -> None:
    clock = Clock()
    of = Attempts(clock)
    for number in range(5):
        assert of.begin(f"2001:db8::{number}", f"user-{number}") is None
    assert of.begin("2001:db8::ffff", "user") == 1
    assert of.begin("2001:db8:0:1::1", "user") is None
    for number in range(5):
        of.begin("::ffff:192.0.2.1", f"user-{number}")
    assert of.begin(HERE, "user") == 1


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5), st.booleans()), max_size=50))
def test_any_addresses_and_names_are_counted(steps: list[tuple[str, str, bool]]) -> None:
    of = Attempts(Clock())
    for address, user, is_right in steps:
        wait_s = of.begin(address, user)
        assert wait_s is None or 1 <= wait_s <= 60
        if wait_s is None and is_right:
            of.succeeded(address, user)


def test_strangers_do_not_fill_the_memory() -> None:
    of = Attempts(Clock())
    for number in range(3 * attempts._MOST_ENTRIES):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        of.begin(address, f"user-{number}")
        of.succeeded(address, f"user-{number}")
    sizes = len(of._by_address._failures), len(of._by_user._failures), len(of._homes)
    assert sizes == (attempts._MOST_ENTRIES,) * 3
