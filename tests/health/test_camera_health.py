from collections.abc import Callable, Iterable

import numpy as np
import pytest

from edge_inspector.health.camera_health import LATEST, LEARNED_FROM, CameraHealth
from edge_inspector.settings import ImageQualitySettings
from tests.health.pictures import (
    Image,
    blurred,
    frame,
    gained,
    needs_photographs,
    noisy,
    photographs,
    shifted,
    simulated,
)

ORDINARY = simulated(LEARNED_FROM + 10)


def answers(camera: CameraHealth) -> dict[str, str]:
    """Return all problems of the pictures, by kind."""
    asked = {
        "focus": camera.out_of_focus(),
        "dark": camera.too_dark(),
        "bright": camera.too_bright(),
        "position": camera.position_off(),
    }
    return {kind: text for kind, text in asked.items() if text is not None}


def show(camera: CameraHealth, images: Iterable[Image]) -> list[dict[str, str]]:
    """Show pictures one by one; return the problems after each."""
    found = []
    for image in images:
        camera.look(frame(image))
        camera.measure()
        found.append(answers(camera))
    return found


def station(images: Iterable[Image] = ORDINARY, *, is_triggered: bool = True) -> CameraHealth:
    """Return the health of a camera that has seen ordinary pictures."""
    camera = CameraHealth(ImageQualitySettings(), is_triggered=is_triggered)
    assert not any(show(camera, images))
    return camera


def glared(image: Image) -> Image:
    """Return a picture with light from outside on most of it."""
    spoilt = image.copy()
    spoilt[:, : round(image.shape[1] * 0.6)] = 255
    return spoilt


AMISS: list[tuple[str, Callable[[Image], Image], str]] = [
    ("focus", blurred, "times as wide as they usually are here"),
    ("dark", lambda image: gained(image, 0.05), "expected at least 12"),
    ("bright", lambda image: gained(image, 8.0), "mean gray value 255; expected at most 243"),
    ("bright", glared, "68% of the picture is at its upper limit; expected at most 50%"),
    ("bright", lambda image: np.maximum(image, 246), "expected at most 243"),
    ("position", lambda image: shifted(image, 0.2), "parts lie 20% to the right from"),
    ("position", lambda image: shifted(image, -0.2), "parts lie 20% to the left from"),
    ("position", lambda image: shifted(image, 0.0, 0.2), "parts lie 20% down from"),
]


@pytest.mark.parametrize(("kind", "spoil", "words"), AMISS)
def test_what_is_amiss_with_the_pictures_is_told_and_over_when_it_is_gone(
    kind: str, spoil: Callable[[Image], Image], words: str
) -> None:
    camera = station()
    told = show(camera, (spoil(image) for image in ORDINARY[:20]))
    assert set(told[-1]) == {kind}
    assert words in told[-1][kind]
    assert set().union(*told) == {kind}, "and nothing else on the way"
    assert show(camera, ORDINARY[:10])[-1] == {}


@needs_photographs
@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("focus", blurred),
        ("dark", lambda image: gained(image, 0.05)),
        ("bright", lambda image: gained(image, 8.0)),
        ("position", lambda image: shifted(image, 0.2)),
        ("position", lambda image: shifted(image, -0.2)),
    ],
)
def test_on_photographs_too(kind: str, spoil: Callable[[Image], Image]) -> None:
    images = photographs()
    camera = station(images)
    told = show(camera, (spoil(image) for image in images[-40:]))
    assert all(set(problems) == {kind} for problems in told[LATEST:])


@needs_photographs
def test_photographs_in_the_order_in_which_they_were_taken_raise_nothing() -> None:
    images = photographs()
    assert not any(show(CameraHealth(ImageQualitySettings(), is_triggered=True), [*images, *images[::-1]]))


@pytest.mark.parametrize("tags", [150, pytest.param(500, marks=pytest.mark.nightly)])
def test_ordinary_tags_raise_nothing(tags: int) -> None:
    assert not any(show(CameraHealth(ImageQualitySettings(), is_triggered=True), simulated(tags, seed=11)))


@pytest.mark.thorough
def test_large_noisy_color_frames_raise_nothing_and_show_defocus() -> None:
    images = [np.dstack([image] * 3) for image in noisy(simulated(5, wh=(2448, 1632)))]
    camera = station(images * 11)
    (told,) = show(camera, [blurred(image) for image in images[:5]])[-1:]
    assert set(told) == {"focus"}


def test_one_odd_part_proves_nothing() -> None:
    camera = station()
    odd = [blurred(ORDINARY[0]), shifted(ORDINARY[1], 0.3)]
    assert not any(show(camera, [*odd, *ORDINARY[:5], *odd, *ORDINARY[:5]]))


def test_what_is_amiss_does_not_become_usual() -> None:
    camera = station()
    told = show(camera, [blurred(image) for image in ORDINARY] * 3)
    assert all("focus" in problems for problems in told[LATEST:])


@pytest.mark.thorough
def test_a_lens_that_slips_slowly_is_told_though_the_usual_follows() -> None:
    (tag,) = simulated(1, wh=(225, 150))
    camera = station([tag] * LEARNED_FROM)
    images = [blurred(tag, 0.001 + 0.008 * step / 4000) for step in range(4001)]
    assert "focus" in show(camera, images)[-1]


def test_a_free_running_camera_says_nothing_about_position() -> None:
    camera = station(is_triggered=False)
    assert show(camera, [shifted(image, 0.3) for image in ORDINARY[:20]])[-1] == {}


def test_parts_that_never_lie_alike_have_no_usual_place() -> None:
    rng = np.random.default_rng(0)
    images = [shifted(image, float(rng.uniform(-0.4, 0.4))) for image in ORDINARY] * 3
    camera = CameraHealth(ImageQualitySettings(), is_triggered=True)
    assert not any("position" in problems for problems in show(camera, images))


def test_another_view_is_told_until_it_is_learned() -> None:
    rng = np.random.default_rng(0)
    other = np.repeat(np.repeat(rng.integers(0, 200, (30, 45), dtype=np.uint8), 10, axis=0), 10, axis=1)
    camera = station()
    told = show(camera, [other] * 20)[-1]
    assert "look like the usual ones at no shift" in told["position"]
    camera.relearn()
    assert not any(show(camera, [other] * 100))


def test_a_frame_is_taken_only_when_one_is_wanted_and_let_go_when_it_is_measured() -> None:
    camera = CameraHealth(ImageQualitySettings(), is_triggered=True)
    first, second = frame(ORDINARY[0]), frame(ORDINARY[1])
    camera.look(frame(ORDINARY[2], part_frame=1))
    assert camera._frame is None
    camera.look(first)
    camera.look(second)
    assert camera._frame is first
    camera.measure()
    assert camera._frame is None
    camera.measure()
    camera.look(second)
    assert camera._frame is second


def test_a_station_that_does_not_want_it_measures_nothing() -> None:
    camera = CameraHealth(ImageQualitySettings(enabled=False), is_triggered=True)
    assert not any(show(camera, [np.zeros((300, 450), np.uint8)] * 20))
    assert camera._frame is None
