import pytest

from edge_inspector.sources.address import Address


def test_secrets_are_in_the_address_for_the_camera_and_in_no_other() -> None:
    address = Address("rtsp://cam:8554/live?user=admin&pwd=12345", "us/er", "p@ss:word")
    assert address.secret == "rtsp://us%2Fer:p%40ss%3Aword@cam:8554/live?user=admin&pwd=12345"
    assert address.public == "rtsp://cam:8554/live"
    for shown in (repr(address), str(address), f"{address}"):
        assert shown == "Address(rtsp://cam:8554/live)"


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("rtsp://cam/live", "rtsp://cam:554/live"),
        ("https://cam", "https://cam:443"),
        ("rtsp://[fe80::1]:8554/a", "rtsp://[fe80::1]:8554/a"),
        ("http://192.168.0.9:8080/video.mjpg#x", "http://192.168.0.9:8080/video.mjpg"),
    ],
)
def test_the_public_address_names_host_port_and_path(url: str, public: str) -> None:
    assert Address(url).public == public


def test_without_a_user_the_address_stays_as_it_is() -> None:
    assert Address("http://cam/video?x=1").secret == "http://cam/video?x=1"
