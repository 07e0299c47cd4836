"""From parts to labels that can be trusted: people judge at the line, then label and verify what was kept."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from cloud_side.labeling.batches import MACHINE
from cloud_side.local.home import ACCOUNT, REGION
from cloud_side.loop.labeler import PEOPLE, Box, Labeler
from cloud_side.loop.listening import Heard
from cloud_side.loop.measurements import truth_of
from cloud_side.loop.operating import Operator
from cloud_side.loop.pictures import part_picture
from cloud_side.loop.premises import BUCKET, Site
from cloud_side.loop.programs import LoopError, until
from cloud_side.loop.stations import PASSWORD, PERSON
from cloud_side.loop.story import Picture
from cloud_side.loop.telling import Page
from edge_inspector.simulation import SCRATCH, Tag

BATCH: Final = "the-first"
_AUDITS: Final = 0.3  # of a batch: good parts and what nobody saw
_PICTURES: Final = 4
_MISSED: Final = 0.3  # of a batch: what the operators have to find first


def gather_samples(site: Site, page: Page, *, least_missed: int | None = None) -> None:
    """Have the operators judge until there are enough samples for a batch in the bucket.

    Args:
        site: Of the stations.
        page: Of the stage.
        least_missed: Escapes that operators have to find; None: a share of the batch.

    Raises:
        LoopError: If the samples do not come.
    """
    wanted = int(site.size.budget * _MISSED) if least_missed is None else least_missed
    operators = [Operator(each.page, PERSON, PASSWORD) for each in site.all]
    folder = site.around.samples / "samples"

    def truth(inspection_id: str) -> Tag | None:
        heard = site.listener.result(inspection_id)
        return None if heard is None else truth_of(site, heard)

    def enough() -> str | None:
        site.check()
        for each in operators:
            each.judge(truth)
        said = Counter[str]()
        for each in operators:
            said.update(each.said)
        samples = sum(1 for _ in folder.rglob("*.json"))
        if said["missed_defect"] < wanted or samples < site.size.budget:
            return None
        told = f"operators told of {said['missed_defect']} missed defects and {said['false_reject']} false alarms"
        return f"{told}; {samples} samples came"

    what = f"{site.size.budget} samples with {wanted} missed defects"
    page.tell(until(enough, site.size.patience_s, what))


def holes_too(tag: Tag) -> list[Box]:
    """Return what people take for defects who have misunderstood the guideline: the hole of a tag as well."""
    x, y, radius = tag.scene.hole
    return [*scratches(tag), (x - radius - 2, y - radius - 2, x + radius + 2, y + radius + 2)]


def scratches(tag: Tag) -> list[Box]:
    """Return what is a defect: the scratches of a tag."""
    return [each.xyxy for each in tag.defects]


def label(site: Site, page: Page, seen: Callable[[Tag], list[Box]]) -> None:
    """Start a batch, and have people label and verify it until it has ended.

    Args:
        site: Whose samples.
        page: Of the stage.
        seen: What people take for a defect.

    Raises:
        LoopError: If the batch fails, or does not end.
    """
    labeled: list[Picture] = []

    def known(item: Mapping[str, Any]) -> list[Box]:
        heard = site.listener.result(item["origin"]["inspection_id"])
        if heard is None:
            msg = f"{item['item']}: expected a sample of a part that was heard of, found none"
            raise LoopError(msg)
        tag = truth_of(site, heard)
        if (boxes := seen(tag)) and len(labeled) < _PICTURES:
            labeled.append(_labeled(heard, tag, boxes))
        return boxes

    more = {"audits": int(site.size.budget * _AUDITS), "class_names": [SCRATCH]}
    budget = ("--budget", str(site.size.budget))
    site.programs.cloud("labeling", "start", *budget, "--name", BATCH, "--input", json.dumps(more))
    people = [Labeler(site.links[name], known) for name in PEOPLE]
    answered = _worked(site, people)
    report = json.loads(site.kept(f"labeling/batches/{BATCH}/report.json"))
    page.tell(
        f"a batch of {report['taken']} images: {answered} answers, {report['accepted']} labels accepted, "
        f"{report['rejected']} rejected"
    )
    page.pictures += labeled
    page.links["report of the batch"] = f"engine/s3/{BUCKET}/labeling/batches/{BATCH}/report.html"


def _labeled(heard: Heard, tag: Tag, boxes: list[Box]) -> Picture:
    drawn = [{"label": SCRATCH, "confidence": 1.0, "xyxy": list(box)} for box in boxes]
    caption = f"{heard.station}, {heard.result['part_id']}: labels: {len(boxes)}"
    return Picture(part_picture(tag, detections=drawn), "A metal tag with the labels of a person", caption)


def _worked(site: Site, people: list[Labeler]) -> int:
    states, answered = site.client("stepfunctions"), Counter[str]()
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{MACHINE}:{BATCH}"

    def ended() -> str | None:
        site.check()
        answered["all"] += sum(each.work() for each in people)
        told = states.describe_execution(executionArn=arn)
        if told["status"] in ("RUNNING", "SUCCEEDED"):
            return None if told["status"] == "RUNNING" else "SUCCEEDED"
        msg = f"labeling: {told['status']}: {told.get('error')}: {told.get('cause', '')[:500]}"
        raise LoopError(msg)

    until(ended, site.size.patience_s, "the end of the batch")
    return answered["all"]
