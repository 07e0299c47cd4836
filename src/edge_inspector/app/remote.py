"""The endpoint that looks at a line's frames in its station's place, and the alarm that it does not."""

from collections.abc import Callable

from edge_inspector.alarms import REMOTE_DETECTOR_UNREACHABLE, Severity
from edge_inspector.app.source import flow_options
from edge_inspector.detectors.onnx import OnnxDetector
from edge_inspector.detectors.remote import Remote, RemoteOptions
from edge_inspector.detectors.remote_detector import RemoteDetector
from edge_inspector.detectors.remote_link import Link
from edge_inspector.health.checks import Check
from edge_inspector.ports import Detector
from edge_inspector.settings import RemoteSettings, Settings


def remote_checks(asks: RemoteSettings | None, problem: Callable[[], str | None]) -> tuple[Check, ...]:
    """Return the check that the endpoint looks at the line's frames; none where there is no endpoint.

    Args:
        asks: What is done where it does not.
        problem: Returns why it does not, in words; None while it does.
    """
    if asks is None:
        return ()
    falls_back = asks.fallback == "local"
    meanwhile = "The station's own model looks meanwhile." if falls_back else "Parts get no verdict meanwhile."
    check = Check(
        REMOTE_DETECTOR_UNREACHABLE,
        Severity.WARNING if falls_back else Severity.CRITICAL,
        f"Check model.remote, the network, and that the endpoint serves the model that is here. {meanwhile}",
        problem,
        clear_after_s=1.0,
    )
    return (check,)


def remote_of(asks: RemoteSettings, detector: OnnxDetector) -> Remote:
    """Return the endpoint that the settings name, for a model that is open here.

    Args:
        asks: The settings.
        detector: The model.
    """
    options = RemoteOptions(
        timeout_s=asks.timeout_ms / 1000,
        falls_back=asks.fallback == "local",
        encoding=asks.encoding,
        jpeg_quality=asks.jpeg_quality,
        failures=asks.failures,
        rest_s=asks.rest_s,
    )
    link = Link(asks.url, authorization_file=asks.authorization_file)
    return Remote(link, options, detector.identity, detector.class_names)


def looks_first(
    remote: Remote, local: Detector, settings: Settings, *, min_confidence: float, is_gray: bool
) -> RemoteDetector:
    """Return a detector that has an endpoint look first, as long as a part's deadline allows.

    Args:
        remote: The endpoint.
        local: The same model here.
        settings: Say when a part closes.
        min_confidence: Lowest score reported, in [0, 1].
        is_gray: The model needs no colors.
    """
    deadline_ms = flow_options(settings).deadline_ms
    deadline_s = None if deadline_ms is None else deadline_ms / 1000
    return RemoteDetector(remote, local, min_confidence=min_confidence, is_gray=is_gray, deadline_s=deadline_s)
