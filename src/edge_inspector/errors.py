"""Errors, sorted by what the caller does next.

    InspectorError
    ├── ConfigError     a person must change the configuration; exit code 78
    ├── ModelError      this model package or its output cannot be used; keep the last good one; exit code 65
    ├── SourceError     the camera or folder cannot deliver; reopen it or give up; exit code 69
    ├── EndOfSource     there will be no more frames; finish what is in flight and stop
    ├── FrameError      this one frame cannot be used; count it, say so, take the next
    ├── StuckError      a part of the daemon does no work any more; a supervisor shall start it again; exit code 75
    │   └── HangingError  an inspection does not end, perhaps for what the model is
    ├── FieldbusError   a PLC or a digital line does not answer; say so, try again later
    └── SinkError       this message was not delivered; keep it or count it, try again later
        └── RefusedError  and never will be; keep it as a dead letter

A message names the thing, what was found and what was expected.
"""


class InspectorError(Exception):
    """Base of every error that Edge Inspector raises on purpose."""


class ConfigError(InspectorError):
    """The configuration cannot be used until a person changes it."""


class ModelError(InspectorError):
    """A model package, or what it returned, contradicts its contract."""


class SourceError(InspectorError):
    """The source as a whole cannot deliver frames."""


class EndOfSource(InspectorError):  # noqa: N818 - like StopIteration, it is no fault
    """The source has delivered its last frame."""


class FrameError(InspectorError):
    """One frame cannot be used; the source goes on with the next."""


class StuckError(InspectorError):
    """A part of the daemon has work and does none; only a new process helps."""


class HangingError(StuckError):
    """An inspection does not end; perhaps it is the model's fault."""


class FieldbusError(InspectorError):
    """A PLC or a digital line did not answer, or refused."""


class SinkError(InspectorError):
    """One message was not delivered."""


class RefusedError(SinkError):
    """One message was refused for good: it is not allowed, or cannot be."""
