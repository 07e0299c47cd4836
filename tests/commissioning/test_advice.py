from dataclasses import replace

import pytest

from edge_inspector.commissioning.advice import Weight, advise
from edge_inspector.commissioning.measured import FrameCounts, Measured, NetworkPath, PacketCounts, UsbPath

FRAME_BYTES = 5_000_000
USBFS = "/sys/module/usbcore/parameters/usbfs_memory_mb"
PATH = NetworkPath(
    "192.168.5.20", interface="eth1", mtu=9000, speed_mbps=1000, packet_size=8972,
    receive_max_bytes=16 << 20, receive_default_bytes=212_992,
)  # fmt: skip
GOOD = Measured(
    FrameCounts(whole=101), asked=101, seconds=5.0, frame_bytes=FRAME_BYTES, asked_hz=20.0, mean_grays=(90.0,) * 101,
    packets=PacketCounts(missing=0, resent=0, underruns=0), network=PATH,
)  # fmt: skip
LOSSY = replace(GOOD, frames=FrameCounts(whole=96, incomplete=4, missing=1))


def texts(found: Measured) -> list[str]:
    return [str(advice) for advice in advise(found)]


def only(found: Measured) -> str:
    (text,) = texts(found)
    return text


def on(found: Measured, **changes: object) -> Measured:
    assert found.network is not None
    return replace(found, network=replace(found.network, **changes))  # type: ignore[arg-type]


def test_nothing_is_said_when_all_is_well() -> None:
    assert texts(GOOD) == []


def test_a_receive_buffer_that_was_full_is_told_with_the_value_to_set_and_the_command() -> None:
    text = only(on(LOSSY, dropped_in_buffer=77, receive_max_bytes=212_992))
    assert text.startswith("fault: frames lost: 5 % (4 incomplete and 1 missing of 101; about 0.0091 % of the packets)")
    assert "this computer dropped 77 packets itself" in text
    assert "sudo sysctl -w net.core.rmem_max=20971520" in text


def test_a_receive_buffer_that_may_be_large_enough_is_not_told_to_be_raised() -> None:
    text = only(on(LOSSY, dropped_in_buffer=77, receive_max_bytes=64 << 20))
    assert "keep other load off this computer" in text
    assert "rmem_max" not in text


def test_a_camera_of_which_no_frame_came_whole_is_told_so() -> None:
    text = only(replace(LOSSY, frames=FrameCounts(incomplete=50), asked_hz=None))
    assert text.startswith("fault: frames lost: 100 % (50 incomplete and 0 missing of 50); none of these")
    assert "perhaps packets of 8972 bytes do not pass a switch: try source.packet_size = 1500" in text


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"checksum_errors": 3, "dropped_in_buffer": 5}, "3 packets came damaged over eth1: replace the cable"),
        ({"dropped_by_interface": 9}, "eth1 dropped 9 packets: enlarge its ring (sudo ethtool -G eth1 rx 4096)"),
        ({}, "lost on the way to this computer: check cable and switch"),
    ],
)
def test_the_counters_tell_where_packets_were_lost(where: dict[str, int], words: str) -> None:
    assert words in only(on(LOSSY, **where))


def test_a_busy_processor_is_a_cause_of_losses() -> None:
    assert "this process takes 97 % of a processor" in only(replace(LOSSY, cpu_percent=97.0))


def test_packets_that_were_sent_again_in_time_are_advice_and_no_fault() -> None:
    text = only(replace(GOOD, packets=PacketCounts(missing=12, resent=12)))
    assert text.startswith("advice: 12 packets were lost and sent again in time; every frame came whole")


def test_a_driver_without_free_buffers_is_told_apart_from_the_network() -> None:
    found = texts(replace(LOSSY, packets=PacketCounts(missing=0, resent=0, underruns=5)))
    assert found[1] == "fault: the driver had no free buffer 5 times: raise source.buffers above 8, or lower the rate"


def test_a_standard_mtu_is_advice_where_much_is_sent_and_no_word_is_lost_where_little_is() -> None:
    small = on(GOOD, mtu=1500, packet_size=1500)
    assert "set MTU 9000 on eth1 and on the switch" in only(small)
    assert "sudo ip link set eth1 mtu 9000" in only(small)
    assert texts(replace(small, frame_bytes=300_000)) == []


def test_packets_larger_than_the_mtu_are_a_fault() -> None:
    assert only(on(GOOD, packet_size=12_316)).startswith(
        "fault: packets of 12316 bytes do not fit the MTU 9000 of eth1 and are cut up: set source.packet_size = 9000"
    )


def test_small_packets_in_spite_of_a_large_mtu_are_told() -> None:
    assert "packets are 1400 bytes although eth1 takes 9000" in only(on(GOOD, packet_size=1400))


def test_a_buffer_that_holds_no_frame_is_advice_before_anything_is_lost() -> None:
    text = only(on(GOOD, receive_max_bytes=212_992))
    assert text.startswith("advice: the receive buffer may hold 0.21 MB at most, less than one frame of 5 MB")


def test_a_slow_link_is_a_fault_and_a_full_one_is_advice() -> None:
    assert only(on(GOOD, speed_mbps=100)).startswith("fault: eth1 runs at 100 Mb/s only")
    fast = replace(GOOD, seconds=4.3, asked_hz=23.0)
    assert only(fast).startswith("advice: the camera sends 930 Mb/s over a link of 1000")


def test_a_camera_of_this_computer_needs_no_jumbo_packets() -> None:
    assert texts(on(GOOD, is_loopback=True, interface="lo", mtu=1500, packet_size=1500, receive_max_bytes=1)) == []


def test_a_rate_that_was_not_reached_is_told_with_what_holds_it_up() -> None:
    text = only(replace(GOOD, asked_hz=30.0))
    assert text.startswith("fault: the camera takes 20 frames a second, asked were 30: shorten the exposure")


def test_silence_of_a_network_camera_names_what_keeps_packets_away() -> None:
    silent = replace(GOOD, frames=FrameCounts(), mean_grays=(), packets=None, asked_hz=None, frame_bytes=0)
    text = only(on(silent, is_strict=True))
    assert text.startswith("fault: no image packet arrives: let UDP from 192.168.5.20 through the firewall")
    assert "net.ipv4.conf.eth1.rp_filter=2" in text
    assert "rp_filter" not in only(silent)


def test_waiting_for_a_trigger_is_told_apart_from_silence() -> None:
    waiting = replace(GOOD, frames=FrameCounts(), mean_grays=(), waits_for="a pulse on Line1", asked_hz=None)
    assert only(waiting).startswith("fault: the camera answers and waits for a pulse on Line1, which did not come")


def test_a_camera_that_no_route_leads_to_is_told() -> None:
    lost = replace(GOOD, network=NetworkPath("10.9.8.7"))
    assert "fault: no route leads to 10.9.8.7: give an interface an address in its subnet" in texts(lost)


@pytest.mark.parametrize(("gray", "word"), [(1.0, "black"), (254.0, "white")])
def test_pictures_in_which_nothing_can_be_seen_are_told(gray: float, word: str) -> None:
    assert only(replace(GOOD, mean_grays=(gray, gray))).startswith(f"advice: the pictures are {word}")


def test_one_picture_that_is_light_enough_is_enough() -> None:
    assert texts(replace(GOOD, mean_grays=(1.0, 50.0))) == []


def test_usb_cameras_are_told_of_slow_ports_and_small_memory() -> None:
    found = texts(replace(GOOD, network=None, packets=None, usb=UsbPath(480, 16)))
    assert found == [
        "fault: the camera runs at 480 Mb/s: put it into a USB 3 port, with a USB 3 cable",
        "advice: the kernel has 16 MB for USB, 8 frames take 39: echo 39 | sudo tee " + USBFS,
    ]
    assert texts(replace(GOOD, network=None, usb=UsbPath(5000, 0))) == []


def test_faults_come_before_advice() -> None:
    weights = [advice.weight for advice in advise(on(LOSSY, mtu=1500, packet_size=1500, receive_max_bytes=1))]
    assert weights == sorted(weights, key=[Weight.FAULT, Weight.ADVICE].index)
    assert len(set(weights)) == 2
