import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge_inspector.cli import main
from edge_inspector.errors import SourceError
from edge_inspector.inspection import ModelIdentity
from edge_inspector.journal import schema
from edge_inspector.models.store import Store, store_in
from edge_inspector.support.archive import write_archive
from edge_inspector.support.show import show
from tests.daemons import run_command, write_configuration
from tests.forked import ForkedDaemon
from tests.onnx_models import bright_spot_model
from tests.small_disk import small_disk

SECRET = "Tr0ub4dor-{}"
EXPECTED = {
    "contents.json", "configuration/station.json", "configuration/last-good.json", "environment.json", "exits.json",
    "journal/state.json", "journal/entries.jsonl", "journal/dead-letters.jsonl", "log/edge-inspector.log",
    "model/model.json", "model/README.md", "samples.json",
}  # fmt: skip

Bundle = dict[str, str]


def secret(number: int) -> str:
    return SECRET.format(number)


def read_bundle(path: Path) -> Bundle:
    with tarfile.open(path) as archive:
        members = {}
        for member in archive.getmembers():
            content = archive.extractfile(member)
            assert content is not None
            members[member.name.removeprefix("edge-inspector-support/")] = content.read().decode()
    return members


def bundle_of(tmp_path: Path, configuration: Path | None) -> Bundle:
    return read_bundle(show(configuration, out=tmp_path / "bundle.tar.gz"))


def write_journal(path: Path, *, rows: int, text: str = "") -> sqlite3.Connection:
    """Make a journal as the daemon does, and return the connection that the daemon would hold."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(schema.TABLES)
    connection.execute("BEGIN")  # one commit for all rows: each waits for the disk
    for number in range(rows):
        payload = json.dumps({"id": f"e{number}", "data": {"text": text}}).encode()
        row = (number, 1, f"e{number}", "{camera}/result", "a/b", payload, 1, 10, 0.0)
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute(
        "INSERT INTO dead_letters (sink, seq, id, reason, at) VALUES ('mqtt', 1, 'e1', ?, 'now')", (text,)
    )
    connection.execute("UPDATE facts SET accounts = ?", (json.dumps({"frames": {"captured": rows}}),))
    connection.execute("COMMIT")
    return connection


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Path]:
    """A station with everything that a bundle can hold, secrets in all of it; its daemon has the journal open."""
    home = tmp_path / "state" / "top"
    (tmp_path / "password").write_text(secret(1) + "\n")
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text(json.dumps({"name": "solder", "note": f"http://u:{secret(2)}@registry/"}))
    (model / "README.md").write_text(f"# Solder\n\npassword: {secret(3)}\n")
    (model / "model.onnx").write_bytes(b"weights")
    configuration = tmp_path / "station.toml"
    configuration.write_text(f"""\
# before it was {secret(4)}
[station]
camera = "top"
[state]
dir = "{tmp_path / "state"}"
[source]
type = "network"
url = "rtsp://cam/live?pwd={secret(5)}&channel=1"
username = "viewer"
password = "{secret(6)}"
[mqtt]
username = "station"
password_file = "{tmp_path / "password"}"
[model]
path = "{model}"
""")
    (home / "configuration").mkdir(parents=True)
    (home / "configuration" / "last-good.json").write_text(
        json.dumps({"mqtt": {"username": "u", "password": secret(7)}, "source": {"url": f"rtsp://u:{secret(8)}@cam"}})
    )
    (home / "exits.json").write_text(json.dumps({"exits": [1.0], "reason": f"token={secret(9)}"}))
    (home / "log").mkdir()
    lines = [
        f"connecting with {secret(1)}", f"opening rtsp://viewer:{secret(6)}@cam", f"Authorization: Bearer {secret(10)}",
        json.dumps({"message": json.dumps({"password": secret(11)})}), f"said {secret(7)}", "part p-1 accepted",
    ]  # fmt: skip
    (home / "log" / "edge-inspector.log").write_text("".join(json.dumps({"message": line}) + "\n" for line in lines))
    spool = home / "samples" / "defect"
    spool.mkdir(parents=True)
    (spool / f"{secret(12)}.jpg").write_bytes(b"12345")
    (spool / "b.jpg").write_bytes(b"123")
    (spool / "b.json").write_text(secret(13))
    with closing(write_journal(home / "journal.db", rows=600, text=f"http://cam/?password={secret(14)}")):
        yield configuration


def test_no_secret_is_in_the_bundle(tmp_path: Path, station: Path) -> None:
    members = bundle_of(tmp_path, station)
    assert set(members) >= EXPECTED
    for name, content in members.items():
        assert "Tr0ub4dor" not in content, name


def test_the_bundle_is_for_its_owner_alone_and_has_no_weights(tmp_path: Path, station: Path) -> None:
    members = bundle_of(tmp_path, station)
    assert stat.S_IMODE((tmp_path / "bundle.tar.gz").stat().st_mode) == 0o600
    assert not [name for name in members if "onnx" in name]


def test_what_helps_is_in_the_bundle(tmp_path: Path, station: Path) -> None:
    members = bundle_of(tmp_path, station)
    configuration = json.loads(members["configuration/station.json"])
    assert configuration["source"]["username"] == "viewer"
    assert configuration["source"]["url"] == "rtsp://cam/live?pwd=[redacted]&channel=1"
    assert configuration["mqtt"]["password_file"] == str(tmp_path / "password")
    entries = [json.loads(line) for line in members["journal/entries.jsonl"].splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(100, 600))
    assert entries[0]["payload"]["id"] == "e100"
    state = json.loads(members["journal/state.json"])
    assert (state["events"], state["facts"][0]["accounts"]) == (600, {"frames": {"captured": 600}})
    assert json.loads(members["journal/dead-letters.jsonl"])["sink"] == "mqtt"
    assert json.loads(members["samples.json"]) == {
        "defect/*.jpg": {"files": 2, "bytes": 8}, "defect/*.json": {"files": 1, "bytes": 12}
    }  # fmt: skip
    environment = json.loads(members["environment.json"])
    assert environment["versions"]["edge-inspector"]
    assert environment["disk"]["free_bytes"] > 0
    assert environment["memory"]["MemTotal"].endswith("kB")
    assert "part p-1 accepted" in members["log/edge-inspector.log"]
    assert [json.loads(line) for line in members["log/edge-inspector.log"].splitlines()]
    assert json.loads(members["model/model.json"])["name"] == "solder"
    rotated = tmp_path / "state" / "top" / "log" / "edge-inspector.log.1"
    contents = json.loads(members["contents.json"])
    assert set(contents["files"]) == set(members) - {"contents.json"}
    assert contents["missing"] == {
        "log/edge-inspector.log.1": f"FileNotFoundError: [Errno 2] No such file or directory: '{rotated}'",
        "metrics": "ValueError: health.metrics_port is not set",
    }


def test_the_model_in_the_bundle_is_the_one_that_runs(tmp_path: Path, station: Path) -> None:
    store, running = Store(store_in(tmp_path / "state" / "top")), ModelIdentity("solder", "2.0.0", "5a" * 32)
    store.change(lambda memory: memory.switched(running, None))
    store.place_of(running).mkdir()
    (store.place_of(running) / "model.json").write_text(json.dumps({"name": "solder", "version": "2.0.0"}))

    def version() -> str | None:
        return json.loads(bundle_of(tmp_path, station)["model/model.json"]).get("version")

    assert version() is None, "of a store that is not used any more nothing runs"
    station.write_text(station.read_text() + f'updates.folder = "{tmp_path / "updates"}"\n')
    assert version() == "2.0.0"
    for damaged in ("{", "[]", '{"running": {"name": "../..", "version": 1, "sha256": ""}}'):
        (store.folder / "state.json").write_text(damaged)
        assert version() is None, "the station goes on with the configured one"


def test_a_running_daemon_is_not_disturbed_and_nothing_is_left_behind(tmp_path: Path, station: Path) -> None:
    home = tmp_path / "state" / "top"
    before = sorted(path.name for path in home.iterdir())
    with closing(sqlite3.connect(home / "journal.db", isolation_level=None)) as daemon:
        daemon.execute("BEGIN IMMEDIATE")  # it is in the middle of a commit
        daemon.execute("INSERT INTO events VALUES (9999, 1, 'x', '', '', x'00', 1, 10, 0)")
        members = bundle_of(tmp_path, station)
        daemon.execute("COMMIT")
    assert json.loads(members["journal/state.json"])["events"] == 600
    assert sorted(path.name for path in home.iterdir()) == before


def test_a_journal_that_nobody_has_open_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state" / "camera" / "journal.db"
    write_journal(path, rows=3).close()
    configuration = tmp_path / "s.json"
    configuration.write_text(json.dumps({"state": {"dir": str(tmp_path / "state")}}))
    members = bundle_of(tmp_path, configuration)
    assert len(members["journal/entries.jsonl"].splitlines()) == 3
    assert [entry.name for entry in path.parent.iterdir()] == ["journal.db"]


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to look at" * 20, b"SQLite format 3\0" + b"\0" * 84]
)
def test_a_damaged_journal_is_named_and_keeps_nothing_else_out(tmp_path: Path, station: Path, content: bytes) -> None:
    home = tmp_path / "other" / "top"
    home.mkdir(parents=True)
    (home / "journal.db").write_bytes(content)
    configuration = tmp_path / "other.toml"
    configuration.write_text(station.read_text().replace(f'"{tmp_path / "state"}"', f'"{tmp_path / "other"}"'))
    members = bundle_of(tmp_path, configuration)
    missing = json.loads(members["contents.json"])["missing"]
    assert "DatabaseError" in missing["journal"]
    assert "environment.json" in members


@pytest.mark.parametrize(
    ("name", "tail"),
    [("station.toml", '[flow\nqueue = "x'), ("station.toml", "[flow]\nqueue = 3\n"), ("station.json", "")],
    ids=["no TOML", "an unknown key", "TOML called JSON"],
)
def test_a_broken_configuration_is_shown_without_its_secrets_and_the_rest_is_found(
    tmp_path: Path, station: Path, name: str, tail: str
) -> None:
    configuration = tmp_path / "broken" / name
    configuration.parent.mkdir()
    configuration.write_text(station.read_text() + tail)
    members = bundle_of(tmp_path, configuration)
    assert name in members["configuration/problems.txt"]
    assert "Tr0ub4dor" not in "".join(members.values())
    assert any(entry.startswith("configuration/station.") for entry in members)
    assert "part p-1 accepted" in members["log/edge-inspector.log"]
    assert len(members["journal/entries.jsonl"].splitlines()) == 500


def test_without_a_configuration_the_defaults_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    members = read_bundle(show(None))
    assert json.loads(members["model/model.json"])["name"] == "metal-tags"
    assert "FileNotFoundError" in json.loads(members["contents.json"])["missing"]["journal"]
    assert not (tmp_path / "state").exists()


def test_a_missing_configuration_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    members = bundle_of(tmp_path, tmp_path / "nowhere.toml")
    assert "nowhere.toml: cannot be read" in members["configuration/problems.txt"]


def test_the_same_members_give_the_same_bytes_in_the_order_of_their_names(tmp_path: Path) -> None:
    write_archive(tmp_path / "a", {"b": b"2", "a": b"1"})
    write_archive(tmp_path / "b", {"a": b"1", "b": b"2"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "a").read_bytes())) as archive:
        assert archive.getnames() == ["edge-inspector-support/a", "edge-inspector-support/b"]


def test_a_bundle_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere/b\.tar\.gz: cannot be written: No such file"):
        write_archive(tmp_path / "nowhere" / "b.tar.gz", {})


def test_a_full_disk_leaves_no_half_bundle(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="64k") as disk:
        with pytest.raises(SourceError, match="No space left"):
            write_archive(disk / "b.tar.gz", {"a": os.urandom(200_000)})
        assert list(disk.iterdir()) == []


def test_the_command_works_without_what_may_be_broken(tmp_path: Path, station: Path) -> None:
    ended = run_command("support-bundle", "-c", station, "--out", tmp_path / "b.tar.gz")
    assert ended.returncode == 0, ended.stderr
    assert "journal/entries.jsonl" in ended.stdout
    assert "secrets taken out" in ended.stdout
    script = f"""
import sys
from edge_inspector.cli import main
assert main(["support-bundle", "-c", {str(station)!r}, "--out", {str(tmp_path / "c.tar.gz")!r}]) == 0
print(sorted({{"onnxruntime", "cv2", "awscrt", "paho"}} & set(sys.modules)))
"""
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout.splitlines()[-1] == "[]"


@pytest.mark.thorough
def test_a_bundle_of_a_running_a_killed_and_a_stopped_daemon(tmp_path: Path) -> None:
    configuration = write_configuration(
        tmp_path / "s.json", bright_spot_model(tmp_path / "model"), state={"dir": str(tmp_path / "state")}
    )
    with ForkedDaemon(configuration) as daemon:
        daemon.wait_for("part-000010")
        attempts = (bundle_of(tmp_path, configuration) for _ in range(200))  # the first commit may take its time
        running = next(members for members in attempts if members["journal/entries.jsonl"])
        daemon.wait_for("detection", count=len(daemon.lines) + 20)  # it goes on
        daemon.stop(signal.SIGKILL)
    killed = bundle_of(tmp_path, configuration)
    with ForkedDaemon(configuration) as daemon:
        daemon.wait_for("part-000010")
        assert daemon.stop() == 0
    stopped = bundle_of(tmp_path, configuration)
    for members in (running, killed, stopped):
        assert json.loads(members["contents.json"])["missing"].keys() & EXPECTED <= {
            "exits.json", "samples.json", "model/README.md"
        }  # fmt: skip
        assert "part-000010" in members["log/edge-inspector.log"]
        entries = [json.loads(line) for line in members["journal/entries.jsonl"].splitlines()]
        assert "inspection.completed" in {entry["payload"]["type"].split(".", 2)[2][:20] for entry in entries}
        assert [entry["seq"] for entry in entries] == sorted(entry["seq"] for entry in entries)


class _Station(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/healthz" else 200)
        self.end_headers()
        self.wfile.write(f"answer to {self.path}".encode())

    def log_message(self, *_: object) -> None:
        pass


def test_a_daemon_that_tells_how_it_is_is_asked(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Station) as server:
        threading.Thread(target=server.serve_forever, name="station").start()
        configuration = tmp_path / "s.json"
        health = {"metrics_port": server.server_port}
        configuration.write_text(json.dumps({"state": {"dir": str(tmp_path / "state")}, "health": health}))
        members = bundle_of(tmp_path, configuration)
        server.shutdown()
    assert members["metrics/metrics.txt"] == "answer to /metrics"
    assert members["metrics/healthz.txt"] == "answer to /healthz"
    assert "metrics" in json.loads(bundle_of(tmp_path, configuration)["contents.json"])["missing"]


def test_the_help_of_the_command_names_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["support-bundle", "--help"])
    assert "edge-inspector support-bundle" in capsys.readouterr().out


def test_a_log_of_full_length_is_no_trouble(tmp_path: Path) -> None:
    home = tmp_path / "state" / "camera"
    (home / "log").mkdir(parents=True)
    (home / "log" / "edge-inspector.log").write_text("x" * 1_000_000 + "\n" + "password: y\n" * 80_000)
    configuration = tmp_path / "s.json"
    configuration.write_text(json.dumps({"state": {"dir": str(tmp_path / "state")}}))
    assert bundle_of(tmp_path, configuration)["log/edge-inspector.log"].count("[redacted]") == 80_000
