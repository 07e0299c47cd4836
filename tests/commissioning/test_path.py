import socket
from pathlib import Path

import pytest

from edge_inspector.commissioning.path import Drops, drops_of, path_to, usb_path, with_drops


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def test_a_camera_of_this_computer_is_reached_by_the_loopback() -> None:
    path = path_to("127.0.0.1")
    assert (path.interface, path.is_loopback, path.speed_mbps) == ("lo", True, None)
    assert path.mtu is not None
    assert path.mtu >= 1500
    assert path.receive_max_bytes is not None


def test_an_address_of_an_interface_is_found_with_its_mtu() -> None:
    local = _address_of_this_machine()
    neighbor = local.rpartition(".")[0] + "." + str((int(local.rpartition(".")[2]) % 253) + 1)
    path = path_to(neighbor)
    assert path.interface in {name for _, name in socket.if_nameindex()}
    assert path.interface != "lo"
    assert path.mtu == int(Path(f"/sys/class/net/{path.interface}/mtu").read_text(encoding="utf-8"))
    assert path_to(local).is_loopback


def test_an_address_without_a_route_has_no_interface() -> None:
    assert path_to("no-address").interface is None


def test_what_the_kernel_does_not_tell_is_unknown(tmp_path: Path) -> None:
    path = path_to("127.0.0.1", root=tmp_path)
    assert (path.interface, path.mtu, path.receive_max_bytes, path.is_strict) == ("lo", None, None, False)


def test_a_strict_reverse_path_filter_is_seen_where_either_key_asks_for_it(tmp_path: Path) -> None:
    for every, own, strict in ((0, 0, False), (1, 0, True), (0, 1, True), (2, 1, False), (1, 2, False)):
        write(tmp_path, "proc/sys/net/ipv4/conf/all/rp_filter", f"{every}\n")
        write(tmp_path, "proc/sys/net/ipv4/conf/lo/rp_filter", f"{own}\n")
        assert path_to("127.0.0.1", root=tmp_path).is_strict is strict


def test_packets_that_a_full_buffer_of_this_process_dropped_are_counted() -> None:
    path = path_to("127.0.0.1")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        receiver.bind(("127.0.0.1", 0))
        before = drops_of(path)
        for _ in range(200):
            sender.sendto(bytes(1000), receiver.getsockname())
        found = with_drops(path, before, drops_of(path))
    assert 150 < found.dropped_in_buffer <= 200
    assert found.checksum_errors == 0


def test_drops_of_interface_and_cable_are_the_difference_of_two_looks(tmp_path: Path) -> None:
    path = path_to("127.0.0.1", root=tmp_path)
    write(tmp_path, "sys/class/net/lo/statistics/rx_missed_errors", "7\n")
    write(tmp_path, "sys/class/net/lo/statistics/rx_crc_errors", "2\n")
    assert drops_of(path, root=tmp_path) == Drops(0, 7, 2)
    found = with_drops(path, Drops(0, 3, 2), drops_of(path, root=tmp_path))
    assert (found.dropped_by_interface, found.checksum_errors) == (4, 0)


def test_the_speed_of_a_usb_camera_is_found_by_its_serial(tmp_path: Path) -> None:
    write(tmp_path, "sys/bus/usb/devices/2-1/serial", "4104\n")
    write(tmp_path, "sys/bus/usb/devices/2-1/speed", "5000\n")
    write(tmp_path, "sys/module/usbcore/parameters/usbfs_memory_mb", "16\n")
    assert (usb_path("4104", root=tmp_path).speed_mbps, usb_path("4104", root=tmp_path).memory_mb) == (5000, 16)
    assert usb_path("5", root=tmp_path).speed_mbps is None


def _address_of_this_machine() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network beside the loopback")
        return str(probe.getsockname()[0])
