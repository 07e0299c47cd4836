"""The frames of the protocol: bytes to frames and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nucleus.frames import Flag, Frame, FrameError, Kind, take_frames

CONNECT_ACK = bytes.fromhex(
    "0000004700000037374cfe3f"
    "0d3a6d6573736167652d747970650400000005"
    "0e3a6d6573736167652d666c6167730400000001"
    "0a3a73747265616d2d69640400000000"
    "e237e27d"
)
TEXTS = st.dictionaries(st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True), st.text(max_size=30), max_size=4)
FRAMES = st.builds(
    Frame, st.sampled_from(Kind), st.sampled_from(Flag), st.integers(0, 2**31 - 1), TEXTS, st.binary(max_size=200)
)


def test_a_frame_is_written_as_the_real_nucleus_writes_it() -> None:
    assert Frame(Kind.CONNECT_ACK, Flag.CONNECTION_ACCEPTED).encode() == CONNECT_ACK


@settings(max_examples=30)
@given(st.lists(FRAMES, max_size=4), st.integers(1, 50))
def test_frames_come_out_as_they_went_in_however_the_bytes_were_cut(frames: list[Frame], step: int) -> None:
    sent = b"".join(frame.encode() for frame in frames)
    buffer, received = bytearray(), list[Frame]()
    for start in range(0, len(sent), step):
        buffer += sent[start : start + step]
        received.extend(take_frames(buffer))
    assert received == frames
    assert not buffer


@pytest.mark.parametrize("at", [0, 9, 20, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    damaged = bytearray(CONNECT_ACK)
    damaged[at] ^= 1
    with pytest.raises(FrameError, match="CRC"):
        list(take_frames(damaged))


def test_a_frame_that_is_too_long_is_refused_before_all_of_it_came() -> None:
    with pytest.raises(FrameError, match="71 bytes; expected at most 70"):
        list(take_frames(bytearray(CONNECT_ACK[:12]), longest=70))
