"""The Defects page in a browser: a person's word on a part, with one tap, by finger, mouse or keys."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from edge_inspector.dispositions import Disposition
from edge_inspector.errors import InspectorError
from tests.mosquitto import eventually
from tests.page.browser.tablet import PHONE, TABLET, UPRIGHT, Tablet, picture, put
from tests.page.indexed import IMAGE_WH, part
from tests.page.people import Person, people
from tests.page.stations import PageStation, port_of, serving, wait_for

expect.set_options(timeout=20_000)
PARTS = 6


@contextmanager
def judging(  # noqa: PLR0913 - what differs between tablets
    chromium: Browser,
    folder: Path,
    *,
    user: str = "otto",
    parts: int = PARTS,
    pictures: int = 1,
    wh: tuple[int, int] = TABLET,
    theme: str = "light",
) -> Iterator[tuple[PageStation, Tablet]]:
    """Let somebody look at the defects of a station; the newest part is shown, except on a phone."""
    with PageStation.open(folder, people()) as station:
        for number in range(parts):
            put(station, label="dent" if number % 2 else "scratch", pictures=pictures)
        with (
            serving(station, folder) as page,
            Tablet.at(chromium, port_of(page), user=user, wh=wh, theme=theme) as tablet,
        ):
            eventually(lambda: not page._index.state().behind, what="every part can be looked up")
            tablet.open("defects")
            expect(rows(tablet).first).to_be_visible()
            if wh != PHONE:
                expect(title(tablet)).to_be_visible()
            yield station, tablet


def rows(tablet: Tablet) -> Locator:
    return tablet.page.get_by_role("region", name="Results").get_by_role("listitem")


def title(tablet: Tablet) -> Locator:
    return tablet.page.locator("#result-title")


def said(tablet: Tablet) -> Locator:
    return tablet.page.locator(".word-said")


def toast(tablet: Tablet) -> Locator:
    return tablet.page.locator("#toasts")


def drawn(tablet: Tablet) -> list[list[float]]:
    found = [each.get_attribute("data-xyxy") for each in tablet.page.locator("rect.drawn").all()]
    return [[float(side) for side in each.split()] for each in found if each is not None]


def corner(tablet: Tablet, x: float, y: float) -> tuple[float, float]:
    """Return where a pixel of the frame is on the screen."""
    shown = tablet.page.locator(".view-image").bounding_box()
    assert shown is not None
    return shown["x"] + x * shown["width"] / IMAGE_WH[0], shown["y"] + y * shown["height"] / IMAGE_WH[1]


def drag(tablet: Tablet, begin: tuple[float, float], end: tuple[float, float]) -> None:
    mouse = tablet.page.mouse
    mouse.move(*corner(tablet, *begin))
    mouse.down()
    mouse.move(*corner(tablet, *end), steps=6)
    mouse.up()


def test_a_defect_is_judged_with_one_key_and_the_next_one_is_there(chromium: Browser, tmp_path: Path) -> None:
    """The word is on record, and z takes it back."""
    with judging(chromium, tmp_path) as (station, tablet):
        expect(title(tablet)).to_contain_text("part-00006")

        tablet.page.keyboard.press("t")

        expect(toast(tablet)).to_contain_text("part-00006: True reject")
        expect(title(tablet)).to_contain_text("part-00005")
        expect(rows(tablet).first).to_contain_text("True reject")
        assert [(each.part_id, word.disposition, word.by) for each, word in station.judge.judged] == [
            ("part-00006", Disposition.TRUE_REJECT, "otto")
        ]

        tablet.page.keyboard.press("z")

        expect(title(tablet)).to_contain_text("part-00006")
        expect(said(tablet)).to_contain_text("Nobody has said anything yet.")
        expect(rows(tablet).first).not_to_contain_text("True reject")
        assert station.judge.judged[-1][1].disposition is Disposition.WITHDRAWN
        expect(tablet.page.locator(".past")).to_contain_text(re.compile("Undone.*True reject", re.DOTALL))
        assert not tablet.problems


def test_a_tap_judges_and_the_toast_undoes(chromium: Browser, tmp_path: Path) -> None:
    """Fingers need no keys; a note goes along."""
    with judging(chromium, tmp_path, wh=UPRIGHT) as (station, tablet):
        tablet.page.get_by_label("Note (optional)").fill("only dust")
        tablet.tap(tablet.page.get_by_role("button", name="False reject"))
        expect(toast(tablet)).to_contain_text("part-00006: False reject")
        assert station.judge.judged[0][1].note == "only dust"

        tablet.tap(toast(tablet).get_by_role("button", name="Undo"))

        expect(said(tablet)).to_contain_text("Nobody has said anything yet.")
        expect(title(tablet)).to_contain_text("part-00006")


def test_defects_that_begin_on_one_frame_are_listed_and_judged_apart(chromium: Browser, tmp_path: Path) -> None:
    """They have the picture in common, and its id; each has a row, and a word, of its own."""
    with judging(chromium, tmp_path, parts=1) as (station, tablet):
        first, second = station.put_defects("scratch", "dent")
        expect(rows(tablet)).to_have_count(3)

        for own, key, word in [(first, "t", "True reject"), (second, "f", "False reject")]:
            tablet.open(f"defects/{own}")
            expect(title(tablet)).to_contain_text(own[-6:])
            tablet.page.keyboard.press(key)
            expect(rows(tablet).filter(has_text=own[-6:])).to_contain_text(word)
            expect(toast(tablet)).to_contain_text(word)  # once it is on disk

        assert [(each.track_id, word.disposition) for each, word in station.judge.judged] == [
            (first, Disposition.TRUE_REJECT),
            (second, Disposition.FALSE_REJECT),
        ]
        tablet.open(f"defects/{station.judge.judged[0][0].inspection_id}")
        expect(title(tablet)).to_contain_text(first[-6:])
        expect(said(tablet)).to_contain_text("True reject")
        assert not tablet.problems


@pytest.mark.thorough
def test_what_another_person_says_is_seen_at_once(chromium: Browser, tmp_path: Path) -> None:
    """Two tablets never tell different things for long."""
    with judging(chromium, tmp_path, parts=60) as (station, tablet), Tablet.at(chromium, tablet.port) as other:
        oldest = next(iter(station.pictures.kept))
        tablet.open(f"defects/{oldest}")
        other.open(f"defects/{oldest}").sign_in("ada")
        for each in (tablet, other):
            expect(title(each)).to_contain_text("part-00001")

        tablet.page.keyboard.press("f")

        expect(said(other)).to_contain_text(re.compile("False reject.*otto", re.DOTALL))
        assert len(station.judge.judged) == 1


def test_a_word_that_is_not_on_disk_is_taken_back_and_said(chromium: Browser, tmp_path: Path) -> None:
    """Nobody believes that a part is judged when it is not."""
    with judging(chromium, tmp_path) as (station, tablet):
        station.judge.error = InspectorError("the disk is full")

        tablet.page.keyboard.press("t")

        expect(toast(tablet).get_by_role("alert")).to_contain_text("part-00006 is not judged: the disk is full")
        expect(rows(tablet).first).not_to_contain_text("True reject")
        toast(tablet).get_by_role("button", name="Show it").click()
        expect(said(tablet)).to_contain_text("Nobody has said anything yet.")

        station.judge.error = None
        tablet.page.keyboard.press("t")
        expect(rows(tablet).first).to_contain_text("True reject")


def test_a_missed_defect_is_drawn_with_the_mouse(chromium: Browser, tmp_path: Path) -> None:
    """Its box is in pixels of the frame, whatever the size and the zoom at which it was drawn."""
    with judging(chromium, tmp_path, pictures=2) as (station, tablet):
        tablet.page.get_by_role("tab", name="Frame 2").click()
        tablet.page.keyboard.press("+")
        tablet.page.keyboard.press("m")
        expect(tablet.page.get_by_role("heading", name="Draw what was missed")).to_be_focused()

        drag(tablet, (200, 120), (260, 180))
        drag(tablet, (230, 150), (240, 155))  # moved by its middle
        drag(tablet, (270, 185), (280, 190))  # its lower right corner
        assert drawn(tablet) == [[pytest.approx(side, abs=1.5) for side in (210, 125, 280, 190)]]

        tablet.page.get_by_role("combobox", name="Kind of defect of box 1").select_option("dent")
        tablet.page.get_by_role("button", name="Save").click()

        expect(toast(tablet)).to_contain_text("part-00006: Missed defect")
        (_, word), *others = station.judge.judged
        assert not others
        assert word.disposition is Disposition.MISSED_DEFECT
        (box,) = word.boxes
        assert (box.label, box.part_frame) == ("dent", 1)
        assert box.xyxy == pytest.approx((210, 125, 280, 190), abs=1.5)

        tablet.page.keyboard.press("k")
        expect(title(tablet)).to_contain_text("part-00006")
        tablet.page.get_by_role("tab", name="Frame 2").click()
        expect(tablet.page.locator(".tag.person")).to_have_text("dent, drawn")


@pytest.mark.thorough
def test_a_missed_defect_is_drawn_by_keys_alone(chromium: Browser, tmp_path: Path) -> None:
    """Nobody needs a mouse, and a box that is removed is gone."""
    with judging(chromium, tmp_path) as (station, tablet):
        keyboard = tablet.page.keyboard
        keyboard.press("m")
        place = tablet.page.get_by_role("button", name="Place a box")
        place.press("Enter")
        place.press("Enter")
        assert len(drawn(tablet)) == 2
        keyboard.press("Delete")
        (before,) = drawn(tablet)

        tablet.page.locator("rect.drawn").focus()
        for key in ("Alt+ArrowRight", "Alt+ArrowRight", "Alt+ArrowDown", "Alt+Shift+ArrowRight"):
            keyboard.press(key)

        x1, y1, x2, y2 = before
        assert drawn(tablet) == [[pytest.approx(side, abs=0.2) for side in (x1 + 2, y1 + 1, x2 + 3, y2 + 1)]]
        assert not tablet.faults()
        tablet.page.get_by_role("button", name="Save").press("Enter")
        eventually(lambda: station.judge.judged, what="the missed defect is on record")
        assert station.judge.judged[0][1].boxes[0].label in {"scratch", "dent"}


def test_a_missed_defect_is_drawn_with_a_finger_on_a_phone(chromium: Browser, tmp_path: Path) -> None:
    """A list, a part, a box: with one hand."""
    with judging(chromium, tmp_path, wh=PHONE) as (station, tablet):
        tablet.tap(rows(tablet).first.get_by_role("link"))
        tablet.tap(tablet.page.get_by_role("button", name="Missed defect"))
        expect(tablet.page.get_by_role("heading", name="Draw what was missed")).to_be_visible()
        tablet.page.locator(".view-box").scroll_into_view_if_needed()

        begin, end = corner(tablet, 100, 100), corner(tablet, 240, 200)
        touch = tablet.page.context.new_cdp_session(tablet.page)
        middle = ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)
        for kind, places in (("touchStart", [begin]), ("touchMove", [middle]), ("touchMove", [end]), ("touchEnd", [])):
            points = [{"x": x, "y": y} for x, y in places]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        assert drawn(tablet) == [[pytest.approx(side, abs=3) for side in (100, 100, 240, 200)]]
        tablet.page.get_by_role("button", name="Save").click()  # two drivers of touches get in each other's way
        eventually(lambda: station.judge.judged, what="the missed defect is on record")


def test_no_word_on_a_picture_hides_another(chromium: Browser, tmp_path: Path) -> None:
    """Two kinds of defect in one place are both named."""
    with judging(chromium, tmp_path) as (station, tablet):
        result = part(PARTS + 1, "scratch", "dent")
        station.pictures.kept[result.inspection_id] = {0: picture()}
        station.journal.append(station.writer.of_result(result))
        wait_for(Person(tablet.port).sign_in("otto"), result.inspection_id)
        tablet.open(f"defects/{result.inspection_id}")

        tags = tablet.page.locator(".tag")
        expect(tags).to_have_text(["scratch 0.9", "dent 0.8"])
        first, second = (tag.bounding_box() for tag in tags.all())
        assert first is not None
        assert second is not None
        assert abs(first["y"] - second["y"]) >= first["height"]


def test_boxes_that_were_not_saved_are_not_lost(chromium: Browser, tmp_path: Path) -> None:
    """A tap beside the picture costs no work."""
    with judging(chromium, tmp_path) as (_, tablet):
        tablet.page.keyboard.press("m")
        drag(tablet, (200, 120), (260, 180))
        rows(tablet).nth(2).get_by_role("link").click()
        expect(toast(tablet)).to_contain_text("The boxes on part-00006 are not saved yet.")

        toast(tablet).get_by_role("button", name="Show it").click()
        expect(title(tablet)).to_contain_text("part-00006")
        tablet.page.keyboard.press("m")

        assert drawn(tablet) == [[pytest.approx(side, abs=1.5) for side in (200, 120, 260, 180)]]


def test_an_accepted_part_of_the_audit_is_good_or_has_a_missed_defect(chromium: Browser, tmp_path: Path) -> None:
    """What can be said depends on what the station said."""
    with judging(chromium, tmp_path) as (station, tablet):
        wait_for(Person(tablet.port).sign_in("vera"), put(station, "accept"))
        tablet.open("defects?outcome=accept")
        expect(title(tablet)).to_contain_text("part-00007")
        expect(tablet.page.get_by_role("button", name="True reject")).to_have_count(0)

        tablet.page.keyboard.press("t")  # cannot be said of it
        tablet.page.keyboard.press("g")

        expect(said(tablet)).to_contain_text("Good")
        expect(toast(tablet)).to_contain_text("part-00007: Good")  # once it is on disk
        assert [word.disposition for _, word in station.judge.judged] == [Disposition.TRUE_ACCEPT]


def test_a_viewer_sees_why_they_may_not_judge(chromium: Browser, tmp_path: Path) -> None:
    """The buttons are there, dead, with the reason; their keys do nothing."""
    with judging(chromium, tmp_path, user="vera") as (station, tablet):
        expect(tablet.page.get_by_role("button", name="True reject")).to_be_disabled()
        expect(tablet.page.get_by_text("Only operators judge parts.")).to_be_visible()

        tablet.page.keyboard.press("t")
        tablet.page.keyboard.press("j")

        expect(title(tablet)).to_contain_text("part-00005")
        assert not station.judge.judged


def test_filters_are_in_the_address(chromium: Browser, tmp_path: Path) -> None:
    """Who is sent the address sees the same list, and the table that can be saved has the same rows."""
    with judging(chromium, tmp_path) as (_, tablet):
        expect(rows(tablet)).to_have_count(PARTS)
        tablet.page.get_by_role("button", name="Filter").click()
        tablet.page.get_by_label("Kind of defect").select_option("dent")

        expect(rows(tablet)).to_have_count(PARTS // 2)
        expect(tablet.page).to_have_url(re.compile("label=dent"))
        tablet.page.reload()
        expect(rows(tablet)).to_have_count(PARTS // 2)

        tablet.page.get_by_role("button", name="Not judged").click()
        expect(tablet.page).to_have_url(re.compile("label=dent&judged=false"))
        table = tablet.page.get_by_role("link", name="Save as a table").get_attribute("href")
        assert table is not None
        assert table.startswith("/api/v1/results.csv?")
        assert "label=dent" in table


def test_new_defects_do_not_move_what_one_reads(chromium: Browser, tmp_path: Path) -> None:
    """They wait behind a button while somebody has scrolled down."""
    with judging(chromium, tmp_path, parts=40) as (station, tablet):
        scroller = tablet.page.locator(".result-list")
        scroller.evaluate("list => list.scrollTo(0, 900)")
        before = rows(tablet).nth(12).bounding_box()

        for _ in range(3):
            put(station)

        button = tablet.page.get_by_role("button", name="3 new")
        expect(button).to_be_visible()
        assert rows(tablet).nth(12).bounding_box() == before
        button.click()
        expect(rows(tablet).first).to_contain_text("part-00043")
        expect(rows(tablet)).to_have_count(43)
        assert scroller.evaluate("list => list.scrollTop") == 0


@pytest.mark.thorough
def test_a_thousand_defects_are_scrolled_through(chromium: Browser, tmp_path: Path) -> None:
    """The list goes on to its end, each part once and in order, and only what is seen asks for pictures."""
    with judging(chromium, tmp_path, parts=1050, pictures=0) as (_, tablet):
        expect(rows(tablet).first).to_contain_text("part-01050")
        scroller = tablet.page.locator(".result-list")

        def is_at_the_end() -> bool:
            scroller.evaluate("list => list.scrollTo(0, list.scrollHeight)")
            return rows(tablet).count() == 1050

        eventually(is_at_the_end, what="all rows are in the list")
        expect(tablet.page.get_by_text("That is all: 1,050")).to_be_visible()
        texts = scroller.evaluate(
            "list => [...list.querySelectorAll('.row-last > span:first-child')].map(e => e.textContent)"
        )
        assert texts == [f"part-{number:05}" for number in range(1050, 0, -1)]
        assert (
            tablet.page.evaluate("getComputedStyle(document.querySelector('.result-rows li')).contentVisibility")
            == "auto"
        )


def test_the_keys_are_listed(chromium: Browser, tmp_path: Path) -> None:
    """A question mark shows them, and they can be turned off for those who press keys by accident."""
    with judging(chromium, tmp_path) as (_, tablet):
        tablet.page.keyboard.press("?")
        dialog = tablet.page.get_by_role("dialog", name="Keys")
        expect(dialog).to_contain_text("Missed defect: draw it")
        assert not tablet.faults()

        dialog.get_by_label("Single keys do something").uncheck()
        dialog.get_by_role("button", name="Close").click()
        tablet.page.keyboard.press("j")

        expect(title(tablet)).to_contain_text("part-00006")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wh", "theme"),
    [
        (TABLET, "light"),
        (PHONE, "dark"),
        pytest.param(UPRIGHT, "dark", marks=pytest.mark.nightly),
        pytest.param(PHONE, "light", marks=pytest.mark.nightly),
    ],
)
def test_everybody_can_use_it(chromium: Browser, tmp_path: Path, wh: tuple[int, int], theme: str) -> None:
    """axe-core finds nothing serious in the list, the filters, a part and the drawing; nothing is too wide."""
    with judging(chromium, tmp_path, wh=wh, theme=theme, pictures=2) as (_, tablet):
        tablet.page.get_by_role("button", name="Filter").click()
        assert not tablet.faults()
        tablet.page.get_by_role("button", name="Done").click()
        if wh == PHONE:
            rows(tablet).first.get_by_role("link").click()
            expect(title(tablet)).to_be_visible()
        assert not tablet.faults()
        tablet.page.get_by_role("button", name="Missed defect").click()
        tablet.page.get_by_role("button", name="Place a box").click()
        assert not tablet.faults()
        assert tablet.page.evaluate("document.documentElement.scrollWidth") <= wh[0]
