"""Coverage: which stretches of a roll nobody looked at, whatever the reason."""

from edge_inspector.web import WebPlace, WebStretch


class Coverage:
    """Keeps account of the lines of one roll after another; frames come in the order of the web."""

    def __init__(self) -> None:
        """Start before the first roll."""
        self._last: WebPlace | None = None  # the frame that ends last, looked at or not
        self._seen_to = 0
        self._seen_to_mm: float | None = 0.0

    def inspected(self, place: WebPlace) -> list[WebStretch]:
        """Take a frame that was looked at; return what lies before it and was not."""
        unseen = self._enter(place)
        if place.first_line > self._seen_to:
            unseen.append(self._unseen(place, place.first_line))
        if place.end_line > self._seen_to:
            self._seen_to, self._seen_to_mm = place.end_line, place.mm(place.end_line)
        return unseen + (self._leave() if place.ends_roll else [])

    def missed(self, place: WebPlace) -> list[WebStretch]:
        """Take a frame that nobody looked at; return what is left unseen if the roll ends with it."""
        unseen = self._enter(place)
        return unseen + (self._leave() if place.ends_roll else [])

    def end(self) -> list[WebStretch]:
        """Return what is left unseen so far: whatever comes, nobody will look at it any more."""
        last = self._last
        if last is None or last.end_line <= self._seen_to:
            return []
        unseen = self._unseen(last, last.end_line)
        self._seen_to, self._seen_to_mm = last.end_line, last.mm(last.end_line)
        return [unseen]

    def _leave(self) -> list[WebStretch]:
        unseen = self.end()
        self._last, self._seen_to, self._seen_to_mm = None, 0, 0.0
        return unseen

    def _enter(self, place: WebPlace) -> list[WebStretch]:
        is_another = self._last is not None and self._last.roll != place.roll
        unseen = self._leave() if is_another else []
        if self._last is None or place.end_line > self._last.end_line:
            self._last = place
        return unseen

    def _unseen(self, place: WebPlace, end_line: int) -> WebStretch:
        begin_mm, end_mm = self._seen_to_mm, place.mm(end_line)
        mm = None if begin_mm is None or end_mm is None else (begin_mm, end_mm)
        return WebStretch(place.roll, (self._seen_to, end_line), mm, place.uncounted)
