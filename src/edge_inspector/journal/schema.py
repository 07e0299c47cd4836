"""The tables of the database, and how rows become entries."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from edge_inspector.journal.entry import HISTORY, MOST_IMPORTANT_FIRST, Entry, size_of
from edge_inspector.topics import CATALOGUE, Channel, Delivery, Message, Priority

VERSION: Final = 1
MOST_DEAD_LETTERS: Final = 1000

# `bytes` is in the index so that what waits for a sink is counted without reading payloads.
TABLES: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, id TEXT NOT NULL, channel TEXT NOT NULL, topic TEXT NOT NULL,
    payload BLOB NOT NULL, qos INTEGER NOT NULL, bytes INTEGER NOT NULL, operated_s REAL NOT NULL);
CREATE INDEX events_by_lane ON events (lane, seq, bytes);
CREATE TABLE places (
    sink TEXT NOT NULL, lane INTEGER NOT NULL, cursor INTEGER NOT NULL, evicted INTEGER NOT NULL,
    refused INTEGER NOT NULL, PRIMARY KEY (sink, lane)) WITHOUT ROWID;
CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY, sink TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, reason TEXT NOT NULL,
    at TEXT NOT NULL);
CREATE TABLE facts (
    one INTEGER PRIMARY KEY CHECK (one = 1), last_seq INTEGER NOT NULL, operated_s REAL NOT NULL, accounts TEXT);
INSERT INTO facts VALUES (1, 0, 0, NULL);
PRAGMA user_version = {VERSION};
COMMIT;
"""  # noqa: S608 - constant

# A commit of which it is not known whether it reached the disk is written once more: rows may replace themselves.
WRITE_EVENT: Final = "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
WRITE_PLACE: Final = "INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?)"
WRITE_DEAD_LETTER: Final = "INSERT INTO dead_letters (sink, seq, id, reason, at) VALUES (?, ?, ?, ?, ?)"
TRIM_DEAD_LETTERS: Final = "DELETE FROM dead_letters WHERE number <= (SELECT max(number) FROM dead_letters) - ?"
WRITE_FACTS: Final = "UPDATE facts SET last_seq = ?, operated_s = ?, accounts = coalesce(?, accounts)"
READ_FACTS: Final = "SELECT last_seq, operated_s, accounts, (SELECT max(seq) FROM events) FROM facts"
READ_PLACES: Final = "SELECT sink, lane, cursor, evicted, refused FROM places"
_COLUMNS: Final = "seq, lane, id, channel, topic, payload, qos"
READ_LANE: Final = f"SELECT {_COLUMNS} FROM events WHERE lane = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - constant
READ_NEWEST: Final = f"SELECT {_COLUMNS} FROM events ORDER BY seq DESC LIMIT ?"  # noqa: S608 - constant
READ_FIRST: Final = f"SELECT {_COLUMNS} FROM events ORDER BY seq LIMIT 1"  # noqa: S608 - constant
COUNT_LANE: Final = "SELECT count(*), coalesce(sum(bytes), 0) FROM events WHERE lane = ? AND seq > ? AND seq <= ?"
READ_OLDEST: Final = "SELECT seq, lane, bytes, operated_s FROM events WHERE lane = ? AND seq <= ? ORDER BY seq LIMIT ?"

_DELIVERY_OF: Final[Mapping[str, Delivery]] = {channel.value: delivery for channel, delivery in CATALOGUE.items()}
_CHANNEL_OF: Final[Mapping[Delivery, Channel]] = {delivery: channel for channel, delivery in CATALOGUE.items()}
Row: TypeAlias = tuple[int, int, str, str, str, bytes, int]


def row_of(lane: int, entry: Entry, operated_s: float) -> tuple[int | str | bytes | float, ...]:
    """Return the row of an entry."""
    message = entry.message
    channel = _CHANNEL_OF.get(message.delivery)
    return (
        entry.seq, lane, writable(message.id), "" if channel is None else channel.value, writable(message.topic),
        message.payload,
        message.delivery.qos, size_of(message), operated_s,
    )  # fmt: skip


def writable(text: str) -> str:
    """Return a text that the database takes, whatever it was: one that it refused would hold up all that follow."""
    return text.encode(errors="replace").decode()


def entry_of(row: Row) -> Entry:
    """Return the entry of a row."""
    seq, lane, event_id, channel, topic, payload, qos = row
    return Entry(seq, Message(topic, payload, _delivery(channel, lane, qos), event_id))


def _delivery(channel: str, lane: int, qos: int) -> Delivery:
    if channel in _DELIVERY_OF:
        return _DELIVERY_OF[channel]
    if lane == HISTORY:
        return Delivery(qos, retain=True, priority=Priority.ALERT, content="")
    return Delivery(qos, retain=False, priority=MOST_IMPORTANT_FIRST[lane], content="")
