"""The labeling page in a browser, in one person's hands: what is answered is what was drawn."""

from typing import Any

import pytest
from playwright.sync_api import expect

from cloud_side.catalog.labels import Box
from tests.cloud.labeling.browser.laptop import IMAGE_WH, Laptop
from tests.cloud.labeling.browser.person import Person
from tests.mosquitto import eventually

NOTHING: list[tuple[Box, float | None]] = []


def box(label: str, x: float, y: float, width: float, height: float) -> dict[str, Any]:
    """Return a box as an answer says it."""
    return {"label": label, "x": x, "y": y, "width": width, "height": height}


def wait_for_answers(laptop: Laptop, batch: str, count: int, **more: str) -> list[dict[str, Any] | None]:
    """Return what has been said of the first images of a batch, once it has been said."""
    found: list[dict[str, Any] | None] = []

    def are_there() -> bool:
        found[:] = [laptop.said(batch, number, **more) for number in range(count)]
        return None not in found

    eventually(are_there, what=f"{count} answers to {batch}")
    return found


@pytest.mark.thorough
def test_what_a_mouse_draws_at_any_zoom_is_what_is_answered(ana: Person, laptop: Laptop) -> None:
    """Draw, move, resize, delete and undo; in whole pixels of the image, and inside it."""
    ana.open(laptop.open_order("mouse", [NOTHING, NOTHING]))
    ana.sees("mouse", 0)

    ana.drag((100, 50), (200, 150))
    ana.drag((150, 100), (160, 120))  # its inside moves it
    ana.drag((210, 170), (230, 180))  # its lower right corner resizes it
    ana.zoom((400, 300), -700)
    before = ana.place(0, 0)
    ana.page.keyboard.down("Space")
    ana.drag((400, 300), (410, 300))  # moves the image
    ana.page.keyboard.up("Space")
    assert ana.place(0, 0)[0] > before[0] + 10
    ana.drag((380, 290), (421, 312))
    expect(ana.entries()).to_have_count(2)
    ana.zoom((400, 300), 2000)
    ana.drag((550, 350), (640, 430))  # beyond the corner
    ana.press("Delete")
    expect(ana.entries()).to_have_count(2)
    ana.press("z")
    expect(ana.entries()).to_have_count(3)
    ana.press("y")
    expect(ana.entries()).to_have_count(2)
    ana.press("Control+z")
    ana.drag((300, 10), (310, 60))
    ana.click(ana.page.get_by_role("button", name="Delete box 4"))
    ana.press("Enter")
    ana.sees("mouse", 1)

    said = wait_for_answers(laptop, "mouse", 1)[0]
    width, height = IMAGE_WH
    assert said == {
        "no_defect": False,
        "boxes": [
            box("scratch", 110, 70, 120, 110),
            box("scratch", 380, 290, 41, 22),
            box("scratch", 550, 350, width - 550, height - 350),
        ],
    }


def test_a_box_costs_at_most_two_presses_beyond_its_drag(ana: Person, laptop: Laptop) -> None:
    """Counted over whole images, with the one that sends them; the class of the last box is that of the next one."""
    ana.open(laptop.open_order("counted", [NOTHING, NOTHING, NOTHING]))
    ana.sees("counted", 0)

    ana.drag((20, 20), (60, 40))
    ana.press("2")
    ana.drag((100, 20), (160, 40))
    ana.press("3")
    ana.drag((200, 20), (260, 40))
    ana.press("Shift+Digit2")  # the eleventh class
    ana.drag((300, 20), (360, 40))
    ana.press("1", "Enter")
    ana.sees("counted", 1)
    first, ana.pressed = len(ana.pressed), []
    ana.drag((20, 20), (60, 40))
    ana.press("e")
    ana.sees("counted", 2)

    said = wait_for_answers(laptop, "counted", 2)
    boxes = [[each["label"] for each in answer["boxes"]] for answer in said if answer]
    assert boxes == [["dent", "stain", "kind 11", "scratch"], ["scratch"]]
    assert first <= 2 * 4
    assert len(ana.pressed) <= 2


def test_keys_alone_are_enough_from_the_list_to_the_last_image(ana: Person, laptop: Laptop) -> None:
    """The list has the focus; a box is drawn by the cross, chosen by Tab, moved, resized; then there is no more."""
    laptop.open_order("alone", [NOTHING, [(Box("dent", 300, 200, 50, 40), 0.8)], NOTHING])
    ana.look_again()
    link = ana.page.get_by_role("link", name="Label alone")
    while not link.evaluate("link => link === document.activeElement"):
        ana.press("Tab")
    ana.press("Enter")
    ana.sees("alone", 0)

    ana.press("Space", "Control+ArrowRight", *["Shift+ArrowRight"] * 2, "ArrowDown", "Space", "2")
    expect(ana.entries()).to_contain_text("dent")
    ana.press("Enter")
    ana.sees("alone", 1)
    ana.press("Tab")
    expect(ana.entries()).to_be_focused()
    ana.press(*["Control+ArrowLeft"] * 3, *["Control+Shift+ArrowUp"] * 2, "3", "z", "Enter")
    ana.sees("alone", 2)
    ana.press("n")

    expect(ana.page.get_by_role("heading", name="All images are answered")).to_be_visible()
    expect(ana.page.get_by_role("link", name="To the list")).to_be_focused()
    ana.press("Enter")
    expect(ana.page.get_by_role("heading", name="Work")).to_be_visible()
    first, second, third = wait_for_answers(laptop, "alone", 3)
    assert first
    drawn = first["boxes"][0]
    assert (drawn["x"], drawn["y"], drawn["label"]) == (IMAGE_WH[0] / 2, IMAGE_WH[1] / 2, "dent")
    assert drawn["width"] > 50
    assert 3 < drawn["height"] < 10
    assert second == {"no_defect": False, "boxes": [box("dent", 297, 200, 50, 38)]}
    assert third == {"no_defect": True, "boxes": []}


def test_what_the_model_proposes_is_taken_or_removed_with_one_key(ana: Person, laptop: Laptop) -> None:
    """To the fraction of a pixel; "no defect" says so of an image with proposals too. A double click counts once."""
    proposed = [(Box("scratch", 20.5, 30.25, 100, 20), 0.91), (Box("dent", 300, 200, 40, 40), 0.4)]
    ana.open(laptop.open_order("proposed", [proposed, proposed, proposed, NOTHING], note="too large"))
    ana.sees("proposed", 0)
    expect(ana.entries().first).to_contain_text("model 91%")
    expect(ana.page.locator(".tag").first).to_have_text("scratch 0.91")
    expect(ana.page.locator(".notes")).to_contain_text("Rejected: too large")
    ana.has_fetched("proposed", 1)
    ana.page.get_by_role("button", name="Submit").dblclick()
    ana.sees("proposed", 1)
    ana.press("n")
    ana.sees("proposed", 2)
    ana.press("x", "Enter")  # no boxes are no answer
    expect(ana.page.locator("#toasts")).to_contain_text("Press N")
    ana.press("z", "u", "3")
    ana.sees("proposed", 3)

    said = wait_for_answers(laptop, "proposed", 3)
    assert said == [
        {"no_defect": False, "boxes": [box("scratch", 20.5, 30.25, 100, 20), box("dent", 300, 200, 40, 40)]},
        {"no_defect": True, "boxes": []},
        {"unusable": "No part in the image"},
    ]


def test_the_last_answer_can_be_corrected(ana: Person, laptop: Laptop) -> None:
    """What was answered is shown again, and what is sent then replaces it; the image in between is not lost."""
    ana.open(laptop.open_order("corrected", [NOTHING, NOTHING, NOTHING]))
    ana.sees("corrected", 0)
    ana.drag((20, 20), (60, 40))
    ana.press("Enter")
    ana.sees("corrected", 1)
    ana.drag((100, 100), (140, 120))
    wait_for_answers(laptop, "corrected", 1)

    ana.press("p")
    ana.sees("corrected", 0)
    expect(ana.entries()).to_have_count(1)
    ana.press("Tab", "2", "Enter")
    ana.sees("corrected", 1)
    expect(ana.entries()).to_have_count(1)

    changed = {"no_defect": False, "boxes": [box("dent", 20, 20, 40, 20)]}
    eventually(lambda: laptop.said("corrected", 0) == changed, what="the correction is kept")


def test_another_person_accepts_rejects_or_adjusts(ana: Person, ben: Person, laptop: Laptop) -> None:
    """Whoever labeled is told that others verify; a reject needs a reason, which is one key more."""
    labeled = [(Box("scratch", 100, 100, 60, 40), None)]
    route = laptop.open_order("verified", [labeled, labeled, labeled, NOTHING], kind="verify", excluded=("ana",))
    ana.look_again()
    expect(ana.page.get_by_role("listitem").filter(has_text="verified")).to_contain_text("4 labeled by you")
    ana.open(route)
    expect(ana.page.locator(".message")).to_contain_text("You labeled 4 yourself")
    ana.press("o")
    expect(ana.page.get_by_role("heading", name="Work")).to_be_visible()
    ben.open(route)
    ben.sees("verified", 0)
    ben.press("Enter")
    ben.sees("verified", 1)
    ben.press("r", "1")
    ben.sees("verified", 2)
    ben.drag((100, 120), (90, 110))  # its edge moves it
    expect(ben.page.get_by_role("button", name="Submit the adjusted boxes")).to_be_visible()
    ben.press("Enter")
    ben.sees("verified", 3)
    expect(ben.page.get_by_text("Whoever labeled says: no defect.")).to_be_visible()
    ben.press("r")
    ben.page.get_by_label("In your own words").fill("there is rust")
    ben.page.keyboard.press("Enter")
    expect(ben.page.get_by_role("heading", name="All images are answered")).to_be_visible()

    assert wait_for_answers(laptop, "verified", 4, person="ben", kind="verify") == [
        {"verdict": "accept"},
        {"verdict": "reject", "reason": "A defect has no box"},
        {"verdict": "adjust", "no_defect": False, "boxes": [box("scratch", 90, 90, 60, 40)]},
        {"verdict": "reject", "reason": "there is rust"},
    ]


def test_many_boxes_do_not_hide_the_image_behind_their_names(ana: Person, laptop: Laptop) -> None:
    """Only the chosen one is named then, and where a box is can be read in a large image too."""
    many: list[tuple[Box, float | None]] = [(Box("dent", 30 * number, 20, 10, 10), 0.5) for number in range(17)]
    ana.open(laptop.open_order("many", [many]))
    ana.sees("many", 0)
    expect(ana.page.locator(".box")).to_have_count(17)
    expect(ana.page.locator(".tag")).to_have_count(0)
    ana.press("Tab")
    expect(ana.page.locator(".tag")).to_have_text("dent 0.5")

    words = """async () => {
        const { whereWords } = await import("/static/panel.js");
        return whereWords({ x: 5990, y: 3990, width: 10, height: 1 });
    }"""
    assert ana.page.evaluate(words) == "10 \N{MULTIPLICATION SIGN} 1 at 5990, 3990"


def test_whatever_is_dragged_stays_in_the_image_in_whole_pixels(ana: Person) -> None:
    """Drawn, moved, resized and grown by any amount, in images of any size: never outside, never without a pixel."""
    wrong = ana.page.evaluate(
        """async () => {
            const { boxBetween, grown, HANDLES, moved, resized } = await import("/static/geometry.js");
            let state = 1;
            const random = most => ((state = (state * 48271) % 2147483647) / 2147483647 - 0.25) * 2 * most;
            const isRight = ({ x, y, width, height }, wh) =>
                [x, y, width, height].every(Number.isInteger) &&
                x >= 0 && y >= 0 && width >= 1 && height >= 1 && x + width <= wh[0] && y + height <= wh[1];
            const wrong = [];
            for (let turn = 0; turn < 4000; turn += 1) {
                const wh = [1, 1].map(() => 1 + Math.floor(Math.abs(random(800))));
                const box = boxBetween([random(wh[0]), random(wh[1])], [random(wh[0]), random(wh[1])], wh);
                const by = [random(wh[0]), random(wh[1])];
                const all = [box, moved(box, ...by, wh), grown(box, ...by, wh)];
                for (const handle of Object.keys(HANDLES)) all.push(resized(box, handle, ...by, wh));
                wrong.push(...all.filter(each => !isRight(each, wh)).map(each => ({ ...each, wh })));
            }
            return wrong.slice(0, 3);
        }"""
    )
    assert wrong == []
