"""The story in its order: a line changes, people teach it, its model follows; or they teach it wrong."""

from collections.abc import Mapping

from cloud_side.loop import accounting, learning, registry, rolling, teaching
from cloud_side.loop.measurements import ALL, measured_on
from cloud_side.loop.measuring import Measured, change, told, told_change
from cloud_side.loop.premises import Site
from cloud_side.loop.programs import LoopError
from cloud_side.loop.settings import TODAY, YESTERDAY, Day, Wish
from cloud_side.loop.stations import configure, of_day
from cloud_side.loop.story import Comparison, Outcome
from cloud_side.loop.telling import Teller

_TITLE = "A line that teaches its own model"
_UNHAPPY = "A model that was taught wrong comes back by itself"


def title_of(wish: Wish) -> str:
    """Return the title of the story that is wished for."""
    return _UNHAPPY if wish.is_unhappy else _TITLE


def play(site: Site, wish: Wish, teller: Teller) -> Outcome:
    """Play the story and return how it ended.

    Raises:
        LoopError: If a stage does not come true.
    """
    return _play_unhappy(site, teller) if wish.is_unhappy else _play_happy(site, teller)


def _play_happy(site: Site, teller: Teller) -> Outcome:
    _begin(site, teller)
    with teller.stage("The line as it was") as page:
        measured_on(site, YESTERDAY, site.size.measured, page, patience_s=site.size.patience_s)
    before = _changed(site, teller)
    with teller.stage("People at the line tell where the model is wrong") as page:
        teaching.gather_samples(site, page)
    with teller.stage("People label the samples") as page:
        teaching.label(site, page, teaching.scratches)
    with teller.stage("The model is trained, tested and registered") as page:
        package = learning.train(site, page)
    with teller.stage("Approved, it goes to the canary, then to the line") as page:
        rolling.approve(site, package, "it finds the dark scratches", page)
        record = rolling.rolled_out(site, package, page)
        rolling.check_swapped(site, package, record, page)
    with teller.stage("The changed line with its new model") as page:
        after = measured_on(site, TODAY, site.size.measured, page, patience_s=site.size.patience_s)
        page.tell(f"the escape rate has changed by {told_change(before[ALL].escapes, after[ALL].escapes)}")
    _settle(site, teller)
    return _happy_end(before, after)


def _play_unhappy(site: Site, teller: Teller) -> Outcome:
    _begin(site, teller)
    with teller.stage("The line as it is") as page:
        before = measured_on(site, YESTERDAY, site.size.measured, page, patience_s=site.size.patience_s)
    with teller.stage("The stations keep samples") as page:
        teaching.gather_samples(site, page, least_missed=0)
    with teller.stage("People label what they take for defects") as page:
        teaching.label(site, page, teaching.holes_too)
        page.tell("the hole of every tag was labeled as a defect: the guideline was misunderstood")
    with teller.stage("The model is trained; its test is as wrong, so it passes") as page:
        package = learning.train(site, page)
    with teller.stage("Approved, it goes to the canary, which takes it back") as page:
        rolling.approve(site, package, "its numbers are good", page)
        record = rolling.rolled_out(site, package, page)
        rolling.check_taken_back(site, package, record, page)
    with teller.stage("The line as it was") as page:
        after = measured_on(site, YESTERDAY, site.size.measured, page, patience_s=site.size.patience_s)
    _settle(site, teller)
    comparisons = tuple(Comparison(name, before[name], after[name]) for name in before)
    headline = f"{package.title} was taken back by the canary alone, and nothing was lost"
    return Outcome(headline, as_promised=True, comparisons=comparisons)


def _begin(site: Site, teller: Teller) -> None:
    with teller.stage("The shipped model is the champion, and runs on both stations") as page:
        version = registry.register_shipped(site)
        learning.write_training_settings(site)
        rolling.plan(site)
        site.listener.wait_for(
            lambda: all(site.listener.results(each.thing) for each in site.all), 90, "a first part", site.check
        )
        running = {each.thing: site.listener.results(each.thing)[-1].model for each in site.all}
        if set(running.values()) != {version}:
            msg = f"expected model {version} on both stations, found {running}"
            raise LoopError(msg)
        page.tell(f"metal-tags@{version} on {', '.join(running)}")


def _changed(site: Site, teller: Teller) -> Mapping[str, Measured]:
    with teller.stage("The line changes: half of the defective parts have dark scratches") as page:
        _take_over(site, TODAY)
        return measured_on(site, TODAY, site.size.measured, page, patience_s=site.size.patience_s)


def _take_over(site: Site, day: Day) -> None:
    """Change the files of the daemons that run, and wait until their lines are so."""
    for each in site.all:
        configure(each, day, site.size, site.around)
    site.listener.wait_for(
        lambda: all(of_day(site.listener, each, day) for each in site.all), 60, "the lines change", site.check
    )


def _settle(site: Site, teller: Teller) -> None:
    with teller.stage("The accounts") as page:
        accounting.settle(site, page)


def _happy_end(before: Mapping[str, Measured], after: Mapping[str, Measured]) -> Outcome:
    fell = change(before[ALL].escapes, after[ALL].escapes)
    lines = [
        f"before  {told(before[ALL].escapes)}",
        f"after   {told(after[ALL].escapes)}",
        f"change  {told_change(before[ALL].escapes, after[ALL].escapes)}",
        f"overkill before {told(before[ALL].overkill)}, after {told(after[ALL].overkill)}",
    ]
    stops_more = change(before[ALL].overkill, after[ALL].overkill).low > 0 or after[ALL].without_verdict
    is_better = fell.high < 0 and not stops_more
    headline = "Fewer defects escape" if is_better else "The escape rate has not surely fallen"
    if stops_more:
        headline = "More good parts are stopped, or parts have no verdict"
    comparisons = tuple(Comparison(name, before[name], after[name]) for name in before)
    return Outcome(headline, as_promised=is_better, lines=lines, comparisons=comparisons)
