"""Belt: what is known of how things move in front of the camera, in pixels a second and pixels a frame."""

from dataclasses import dataclass
from math import hypot, isinf

from edge_inspector.tracks.sighting import Box, Shift

_ADAPTS = 0.1  # weight of the latest speed in the usual one
_WAY = 2.0  # shorter ways than so many times the slack may be boxes that jitter
_SLOW = 0.5  # share of the usual speed below which a motion says nothing of what is usual
_FASTER, _SLOWER = 0.5, 0.1  # weight of the latest interval in the usual one: many a long one is a pause
_PAUSE = 2.0  # usual intervals above which an interval is certainly one
_BURST = 0.5  # frames that come sooner than this share of the usual interval were stamped late
_STRAY = 0.1  # by how much of a way it may leave its direction
_SPEEDS = 1.5  # a belt may run at this many times its usual speed, either way
_TURNS_AFTER = 3  # frames running on which it moves the other way
_FORGET_AFTER = 2  # things in a row that seem to have gone a way that the belt does not go


@dataclass(frozen=True, slots=True)
class Elapsed:
    """What lies between the last frame that was looked at and this one.

    Attributes:
        seconds: Time between them, more than 0.
        frames: Frames captured since, at least 1: more when some were dropped.
    """

    seconds: float
    frames: int


class Clock:
    """Turns the times of frames into intervals that can be divided by."""

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None
        self._usual_s = 0.0

    def elapsed(self, frame_id: int, captured_monotonic_ns: int) -> Elapsed:
        """Return what lies between the last frame and this one."""
        last, self._last = self._last, (frame_id, captured_monotonic_ns)
        if last is None:
            return Elapsed(1.0, 1)
        frames = max(1, frame_id - last[0])
        seconds = max(1e-3, (captured_monotonic_ns - last[1]) / 1e9, _BURST * self._usual_s * frames)
        interval, usual = seconds / frames, self._usual_s
        if not usual:
            self._usual_s = interval
        elif interval < usual:
            self._usual_s += _FASTER * (interval - usual)
        else:
            self._usual_s += _SLOWER * (min(interval, _PAUSE * usual) - usual)
        return Elapsed(seconds, frames)


class Belt:
    """The motion that most things share.

    Attributes:
        velocity: The latest, in pixels a second; (0, 0) until something moved.
    """

    def __init__(self) -> None:
        self.velocity: Shift = (0.0, 0.0)
        self._step: Shift = (0.0, 0.0)
        self._usual: Shift | None = None
        self._disappointments = 0
        self._reversed = 0

    def guesses(self, elapsed: Elapsed) -> list[Shift]:
        """Return how far everything may have moved, when it did not move on as it did."""
        # A camera that an encoder triggers moves by the frame, whatever the time.
        found = [(self._step[0] * elapsed.frames, self._step[1] * elapsed.frames), (0.0, 0.0)]
        if self._usual is not None:
            found.append((self._usual[0] * elapsed.seconds, self._usual[1] * elapsed.seconds))
        return found

    def learn(self, shift: Shift, elapsed: Elapsed, *, slack: float, sure: bool) -> None:
        """Take note of a motion that was seen.

        Args:
            shift: How far things moved.
            elapsed: In what time.
            slack: Shorter ways are no way.
            sure: It was expected of something seen often; only then it is what is usual here.
        """
        self.velocity = (shift[0] / elapsed.seconds, shift[1] / elapsed.seconds)
        self._step = (shift[0] / elapsed.frames, shift[1] / elapsed.frames)
        if not sure or hypot(*shift) <= _WAY * slack:
            return
        usual, velocity = self._usual, self.velocity
        if usual is None:
            self._usual = velocity
        elif hypot(*velocity) < _SLOW * hypot(*usual):
            return
        elif usual[0] * velocity[0] + usual[1] * velocity[1] > 0:
            dx, dy = velocity[0] - usual[0], velocity[1] - usual[1]
            self._usual, self._reversed = (usual[0] + _ADAPTS * dx, usual[1] + _ADAPTS * dy), 0
        else:
            self._reversed += 1
            if self._reversed >= _TURNS_AFTER:
                self._usual, self._reversed = velocity, 0

    def believe(self) -> None:
        """Take note of a track that was confirmed."""
        self._disappointments = 0

    def doubt(self) -> None:
        """Take note of something new beside something new that was not seen again: one that went another way?"""
        self._disappointments += 1
        if self._disappointments >= _FORGET_AFTER:
            self._usual = None

    def knows_its_way(self) -> bool:
        """Return whether the direction of the motion is known."""
        return self._usual is not None

    def could_go(self, shift: Shift, elapsed: Elapsed, *, missed: int, slack: float) -> bool:
        """Return whether a single thing may have moved by `shift`: a belt changes its speed, not its direction.

        Args:
            shift: How far.
            elapsed: In what time.
            missed: Frames before this one on which it was not seen.
            slack: Pixels by which the position may be wrong.
        """
        if self._usual is None:
            return False
        speed = hypot(*self._usual)
        along_x, along_y = self._usual[0] / speed, self._usual[1] / speed
        along = shift[0] * along_x + shift[1] * along_y
        across = shift[0] * along_y - shift[1] * along_x
        way = _SPEEDS * speed * elapsed.seconds * (missed + 1)
        return abs(across) <= slack + _STRAY * abs(along) and abs(along) <= way + slack

    def is_entering(self, edges: Box) -> bool:
        """Return whether the frame cuts something where things come in; anywhere while that is not known."""
        if self._usual is None:
            return any(map(isinf, edges))
        vx, vy = self._usual
        if abs(vx) >= abs(vy):
            return isinf(edges[2] if vx < 0 else edges[0])
        return isinf(edges[3] if vy < 0 else edges[1])
