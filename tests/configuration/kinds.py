"""Configurations of every kind, for laws; and the keys that a configuration can have."""

from collections.abc import Iterator
from typing import Any, get_args

from hypothesis import strategies as st

from edge_inspector.errors import ConfigError
from edge_inspector.settings import Settings, parse
from edge_inspector.settings.section import Section


def keys_of(section: type[Section], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield every dotted key below a section, and whether it is a value and not a section that is always there."""
    for name, field in section.model_fields.items():
        kinds = list(_sections_in(field.annotation))
        yield f"{prefix}{name}", not kinds or field.default is None
        for kind in kinds:
            yield from keys_of(kind, f"{prefix}{name}.")


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    elif getattr(annotation, "__origin__", None) is not dict:
        for inner in get_args(annotation):
            yield from _sections_in(inner)


KEYS = dict(keys_of(Settings))

_rate = st.sampled_from([None, 0.5, 4, 10.0])
_text = st.sampled_from(["a", "Ä", "x y", "'", '"', "1"])
_point = st.tuples(*[st.sampled_from([0, 0.25, 1.0])] * 2).map(list)
_polygon = st.lists(_point, min_size=3, max_size=4)


def _some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


_sources = st.one_of(
    _some(
        type=st.just("simulated"),
        rate_hz=st.sampled_from([1, 2.5]),
        count=st.sampled_from([None, 3]),
        frames_per_part=st.integers(1, 3),
    ).map(lambda source: {"type": "simulated", **source}),
    _some(loop=st.booleans(), rate_hz=_rate, frames_per_part=st.integers(1, 3)).map(
        lambda source: {"type": "directory", "path": "/images", **source}
    ),
    _some(loop=st.booleans(), rate_hz=_rate).map(lambda source: {"type": "video", "path": "v.mp4", **source}),
    _some(
        device=st.sampled_from(["/dev/video2", 3]),
        frozen_after_s=st.integers(0, 9),
        trigger=st.sampled_from([None, {"by": "command"}, {"by": "timer", "rate_hz": 2}]),
    ).map(lambda source: {"type": "usb", **source}),
    st.sampled_from(["hunter2", "s3cret"]).map(
        lambda word: {"type": "network", "url": f"rtsp://camera/?pwd={word}", "username": "u", "password": word}
    ),
    _some(exposure_us=st.sampled_from([None, 100]), gain=st.sampled_from([None, 1.5])).map(
        lambda source: {"type": "picamera", **source}
    ),
)
_mqtt = st.none() | _some(
    host=_text,
    port=st.integers(1, 9),
    password=st.sampled_from([None, "hunter2", "s3cret"]),
    tls=st.none() | _some(ca=st.sampled_from([None, "/ca.pem"])),
)
_override = st.none() | st.fixed_dictionaries(
    {
        "model_sha256": st.sampled_from(["0" * 64, "f" * 64]),
        "classes": st.dictionaries(_text, st.just({"review_at": 0.2, "reject_at": 0.4}), max_size=2),
    }
)
_target = st.one_of(
    _some(path=st.sampled_from([None, "/uploads"])).map(lambda target: {"type": "folder", **target}),
    st.fixed_dictionaries({"type": st.just("s3"), "bucket": st.sampled_from(["one", "two"]), "region": st.just("r")}),
)
_documents = _some(
    station=_some(site=st.sampled_from(["hall", "yard"]), product=st.none() | _text),
    source=_sources,
    model=_some(threads=st.integers(1, 3), tiling=st.none() | _some(whole_frame=st.booleans())),
    policy=_some(
        fail_safe=st.sampled_from(["reject", "review"]),
        roi=st.lists(_polygon, max_size=2),
        min_area_px=st.dictionaries(_text, st.integers(0, 3), max_size=2),
        override=_override,
    ),
    flow=_some(queue_size=st.integers(1, 3), max_results_hz=_rate),
    mqtt=_mqtt,
    samples=_some(random_share=st.sampled_from([0, 0.5]), upload=_some(target=_target)),
    health=_some(metrics_port=st.sampled_from([None, 9000]), image=_some(dark_mean=st.integers(1, 9))),
    log=_some(level=st.sampled_from(["info", "debug"])),
)


def _parsed(document: dict[str, Any]) -> Settings | None:
    try:
        return parse(document)
    except ConfigError:
        return None


settings: st.SearchStrategy[Settings] = _documents.map(_parsed).filter(lambda found: found is not None)
