"""The labeling page when something goes wrong, by finger, and for everybody: nothing that was drawn is lost."""

from typing import Any

import pytest
from playwright.sync_api import APIResponse, Route, expect

from cloud_side.catalog.labels import Box
from tests.cloud.labeling.browser.laptop import Laptop
from tests.cloud.labeling.browser.person import Person
from tests.mosquitto import eventually

pytestmark = pytest.mark.thorough

NOTHING: list[tuple[Box, float | None]] = []


def drawn(laptop: Laptop, batch: str, number: int, person: str = "ana") -> list[list[float]] | None:
    """Return the boxes that a person has answered, as xywh; None where nothing is kept."""
    said = laptop.said(batch, number, person)
    return None if said is None else [[each[side] for side in ("x", "y", "width", "height")] for each in said["boxes"]]


def wait_until_drawn(laptop: Laptop, batch: str, number: int, boxes: list[list[float]], *, person: str = "ana") -> None:
    what = f"{boxes} are kept for image {number} of {batch}"
    eventually(lambda: drawn(laptop, batch, number, person) == boxes, what=what)


LOOKED_AT_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


def test_a_lease_that_was_lost_is_said_in_words_and_the_work_goes_on(ana: Person, laptop: Laptop) -> None:
    """Who has the image now is told; the answer is not taken, and the next image is shown. So with another tab."""
    ana.open(laptop.open_order("lost", [NOTHING, NOTHING]))
    ana.sees("lost", 0)
    ana.drag((20, 20), (60, 40))
    laptop.give_away("lost", 0, "ben")

    ana.page.evaluate(LOOKED_AT_AGAIN)
    expect(ana.page.get_by_role("alert").filter(has_text="You do not hold this image any more")).to_contain_text(
        "ben until"
    )
    ana.press("Enter")

    expect(ana.page.locator("#toasts")).to_contain_text("others work on this image: ben")
    ana.sees("lost", 1)
    assert laptop.said("lost", 0) is None

    elsewhere = f"/api/orders/lost/1/label/items/{laptop.item('lost', 1)}/answer"
    ana.page.evaluate(
        """path => fetch(path, {
            method: "PUT",
            headers: { "X-Edge-Inspector": "1", "Content-Type": "application/json" },
            body: '{"no_defect": true}',
        })""",
        elsewhere,
    )
    ana.page.evaluate(LOOKED_AT_AGAIN)
    said = ana.page.get_by_role("alert").filter(has_text="You have answered this image in another tab")
    expect(said).to_be_visible()


def test_a_reload_keeps_the_image_and_what_was_drawn(ana: Person, laptop: Laptop) -> None:
    """So does a way to the list and back; what was undone can still be done again."""
    route = laptop.open_order("reloaded", [NOTHING, NOTHING, NOTHING])
    ana.open(route)
    ana.sees("reloaded", 0)
    ana.press("k")
    ana.sees("reloaded", 1)
    ana.drag((20, 20), (60, 40))
    ana.drag((100, 20), (160, 40))
    ana.press("z")
    ana.page.reload(wait_until="domcontentloaded")
    ana.sees("reloaded", 1)
    expect(ana.entries()).to_have_count(1)
    ana.press("y")
    expect(ana.entries()).to_have_count(2)
    ana.press("Enter")
    wait_until_drawn(laptop, "reloaded", 1, [[20, 20, 40, 20], [100, 20, 60, 20]])


def test_without_network_answers_wait_in_the_page(ana: Person, laptop: Laptop) -> None:
    """The next image is there already; it is said that answers wait, and they are sent once the network is back."""
    ana.open(laptop.open_order("cut", [NOTHING, NOTHING, NOTHING]))
    ana.sees("cut", 0)
    ana.has_fetched("cut", 1)
    ana.drag((20, 20), (60, 40))
    ana.page.context.set_offline(True)
    ana.press("Enter")
    ana.sees("cut", 1)
    expect(ana.page.locator("#strip")).to_contain_text("1 answer is kept in this tab")
    ana.drag((100, 20), (160, 40))
    ana.press("Enter")
    expect(ana.page.get_by_text("Loading…")).to_be_visible()
    ana.press("o")  # to the list: they are sent from there too
    assert drawn(laptop, "cut", 0) is None

    ana.page.context.set_offline(False)

    wait_until_drawn(laptop, "cut", 0, [[20, 20, 40, 20]])
    wait_until_drawn(laptop, "cut", 1, [[100, 20, 60, 20]])
    expect(ana.page.locator("#strip")).to_be_hidden()
    ana.look_again()
    ana.page.get_by_role("link", name="Label cut").click()
    ana.sees("cut", 2)


def test_an_answer_that_is_refused_comes_back_with_its_boxes(ana: Person, laptop: Laptop) -> None:
    """It is shown again with the server's words; the image that was shown meanwhile is not lost."""
    ana.open(laptop.open_order("refused", [NOTHING, NOTHING]))
    ana.sees("refused", 0)

    def refuse(route: Route) -> None:
        route.fulfill(status=422, json={"error": "box 1: too thin to be true"})

    ana.page.route("**/answer", refuse, times=1)
    ana.drag((20, 20), (60, 40))
    ana.press("Enter")

    expect(ana.page.locator("#toasts")).to_contain_text("box 1: too thin to be true")
    ana.sees("refused", 0)
    expect(ana.entries()).to_have_count(1)
    ana.press("Enter")
    ana.sees("refused", 1)
    wait_until_drawn(laptop, "refused", 0, [[20, 20, 40, 20]])


def test_an_image_is_not_shown_again_by_what_the_server_said_before_its_answer(ana: Person, laptop: Laptop) -> None:
    """The last image is the next one too, for a server that has no answer yet; that may be heard after the answer."""
    ana.open(laptop.open_order("late", [NOTHING, NOTHING]))
    ana.sees("late", 0)
    ana.has_fetched("late", 1)
    held: list[tuple[Route, APIResponse]] = []

    def is_held() -> bool:
        ana.page.wait_for_timeout(10)  # the route is only taken while Playwright waits for something
        return bool(held)

    ana.page.route("**/next", lambda route: held.append((route, route.fetch())), times=1)
    ana.press("n")
    ana.sees("late", 1)
    eventually(is_held, what="the server says which image is next")
    ((route, said),) = held
    assert said.json()["item"] == laptop.item("late", 1)
    ana.press("n")
    wait_until_drawn(laptop, "late", 1, [])

    # It asks once more, and hears that there is none: that all is answered, or closed already.
    with ana.page.expect_response(lambda response: response.url.endswith("/next") and response.status in {204, 410}):
        route.fulfill(response=said)

    expect(ana.page.get_by_role("heading", name="All images are answered")).to_be_visible()
    expect(ana.page.get_by_text("2 of 2 answered")).to_be_visible()


def test_an_image_is_answered_only_when_all_of_it_is_there(ana: Person, laptop: Laptop) -> None:
    """Its upper half comes first over a slow network: a defect may be in the other one."""
    network = ana.page.context.new_cdp_session(ana.page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": 40_000, "uploadThroughput": -1}
    route = laptop.open_order("slow", [NOTHING], is_grainy=True)
    network.send("Network.emulateNetworkConditions", slow)
    ana.open(route)
    ana.page.wait_for_function("() => document.querySelector('.picture img')?.naturalWidth")
    ana.press("n")
    expect(ana.page.locator("#toasts")).to_contain_text("not there yet")

    network.send("Network.emulateNetworkConditions", {**slow, "downloadThroughput": -1})
    network.detach()
    ana.sees("slow", 0)
    ana.press("n")
    wait_until_drawn(laptop, "slow", 0, [])


def test_fingers_draw_move_and_pinch(ben: Person, laptop: Laptop) -> None:
    """One finger draws and moves, two move the image and make it larger; buttons do the rest."""
    ben.open(laptop.open_order("touched", [NOTHING, NOTHING]))
    ben.sees("touched", 0)
    touch = Fingers(ben)
    touch.slide([(100, 50)], [(200, 150)])
    expect(ben.entries()).to_have_count(1)
    touch.slide([(150, 100)], [(250, 120)])
    before = ben.place(300, 200)
    touch.slide([(250, 200), (350, 200)], [(150, 200), (450, 200)])
    after = ben.place(300, 200)
    assert abs(after[0] - before[0]) + abs(after[1] - before[1]) < 12
    assert ben.place(400, 200)[0] - after[0] > 200
    touch.slide([(300, 250)], [(320, 290)])
    expect(ben.entries()).to_have_count(2)
    ben.page.get_by_role("button", name="dent").first.tap()  # right after the slide
    expect(ben.entries().last).to_contain_text("dent")
    ben.page.get_by_role("button", name="Submit").tap()

    ben.sees("touched", 1)
    wait_until_drawn(laptop, "touched", 0, [[200, 70, 100, 100], [300, 250, 20, 40]], person="ben")


class Fingers:
    """Fingers on the glass of a tablet."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._session = person.page.context.new_cdp_session(person.page)

    def slide(self, begin: list[tuple[float, float]], end: list[tuple[float, float]], *, steps: int = 5) -> None:
        """Put fingers on pixels of the image, and slide them to where other pixels were."""
        paths = [(self._person.place(*one), self._person.place(*other)) for one, other in zip(begin, end, strict=True)]
        self._send("touchStart", [one for one, _ in paths])
        for step in range(1, steps + 1):
            share = step / steps
            self._send("touchMove", [(x + (u - x) * share, y + (v - y) * share) for (x, y), (u, v) in paths])
        self._send("touchEnd", [])

    def _send(self, kind: str, places: list[tuple[float, float]]) -> None:
        points: list[dict[str, Any]] = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_everybody_can_use_it_in_light_and_dark(ana: Person, laptop: Laptop) -> None:
    """Nothing that axe-core knows keeps anybody from it: list, image, dialogs, words, figures."""
    proposed = [(Box("scratch", 20, 30, 100, 20), 0.9)]
    route = laptop.open_order("axe", [proposed, proposed, NOTHING], note="too large")
    turn = ana.page.get_by_role("button", name="Light or dark")
    ana.look_again()
    expect(ana.page.get_by_role("link", name="Label axe")).to_be_visible()
    assert ana.faults() == []
    turn.click()
    expect(ana.page.locator("html")).to_have_attribute("data-theme", "dark")

    ana.open(route)
    ana.sees("axe", 0)
    ana.drag((100, 100), (200, 150))
    ana.press("n")  # is asked for twice
    expect(ana.page.locator(".toast")).to_be_visible()
    assert ana.faults() == []
    ana.press("?")
    assert ana.faults() == []
    singles = ana.page.get_by_label("Keys of one character do something")
    singles.uncheck()
    ana.press("Escape", "u")
    expect(ana.page.get_by_role("dialog")).to_have_count(0)
    ana.press("?")
    singles.check()
    ana.press("Escape", "u")
    expect(ana.page.get_by_role("dialog")).to_be_visible()
    assert ana.faults() == []
    ana.press("Escape")
    turn.click()

    ana.press("Enter")
    eventually(lambda: laptop.said("axe", 0) is not None, what="there is something to compare")
    ana.open("#/agreement/axe")
    expect(ana.page.get_by_role("heading", name="The model with people")).to_be_visible()
    assert ana.faults() == []
