"""The tables of the index. Another version is never converted: the journal has everything."""

# ruff: noqa: S608 - statements are put together from constants of this room; what is asked for goes in as values

from enum import IntEnum
from typing import Final

VERSION: Final = 1
OUTCOMES: Final = ("accept", "review", "reject", "no_verdict")  # as numbers in the tables
MINUTE_MS: Final = 60_000
HOUR: Final = 60  # minutes
SPANS: Final = (1, HOUR)  # of counts, in minutes


class Kind(IntEnum):
    """What a row of `results` is."""

    LISTED = 0  # a part, or a frame that was accepted or has no verdict
    TRACK = 1  # a defect that is followed
    UNLISTED = 2  # a frame that was not accepted: its defects are rows of their own


class NameKind(IntEnum):
    """What a row of `names` is: texts that come again and again are kept once."""

    LABEL = 0
    LOT = 1
    PRODUCT = 2
    MODEL = 3  # name, version and sha256 as JSON


# `seq` is that of the first event of a result: rows lie in the order of the journal, and go in it. A product that is
# not known is 0. Only a defect that is followed has an `inspection_id` beside its key.
# `counts` are of one minute, and once more of an hour, from `minute` on.
# `marks` has a row for each class on a result: the cells of its boxes, of those that a person drew apart; and once more
# what figures of quality ask of the result, which is far from it on the disk.
TABLES: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE results (
    seq INTEGER PRIMARY KEY, newest_seq INTEGER NOT NULL, key TEXT NOT NULL UNIQUE, inspection_id TEXT,
    kind INTEGER NOT NULL, captured_ms INTEGER NOT NULL, part_id TEXT, lot INTEGER, product INTEGER NOT NULL,
    outcome INTEGER NOT NULL, cause TEXT, treated_as TEXT, model INTEGER NOT NULL, frames INTEGER NOT NULL,
    width INTEGER, height INTEGER, boxes_total INTEGER NOT NULL, phase TEXT, sample_key TEXT, latency_ms REAL,
    is_audit INTEGER NOT NULL, disposition TEXT, said INTEGER, reasons TEXT, boxes TEXT);
CREATE INDEX by_time ON results (captured_ms, seq, kind, outcome, product);
CREATE INDEX by_lot ON results (lot, captured_ms) WHERE lot IS NOT NULL;
CREATE INDEX by_product ON results (product, captured_ms);
CREATE INDEX by_part ON results (part_id) WHERE part_id IS NOT NULL;
CREATE INDEX by_frame ON results (inspection_id) WHERE inspection_id IS NOT NULL;
CREATE INDEX tracks ON results (newest_seq) WHERE inspection_id IS NOT NULL;
CREATE INDEX not_accepted ON results (captured_ms, seq, kind, outcome, disposition, product)
    WHERE outcome > 0 AND kind < {Kind.UNLISTED.value};
CREATE INDEX judged ON results (captured_ms, seq, disposition, is_audit, product) WHERE disposition IS NOT NULL;
CREATE INDEX audits ON results (captured_ms, seq, disposition, product) WHERE is_audit = 1;
CREATE TABLE marks (
    label INTEGER NOT NULL, captured_ms INTEGER NOT NULL, seq INTEGER NOT NULL, cells BLOB, drawn BLOB,
    result_kind INTEGER NOT NULL, product INTEGER NOT NULL, outcome INTEGER NOT NULL, disposition TEXT,
    is_audit INTEGER NOT NULL,
    PRIMARY KEY (label, captured_ms, seq)) WITHOUT ROWID;
CREATE INDEX marks_of_result ON marks (seq);
CREATE TABLE counts (
    span INTEGER NOT NULL, minute INTEGER NOT NULL, product INTEGER NOT NULL, accept INTEGER NOT NULL,
    review INTEGER NOT NULL, reject INTEGER NOT NULL, no_verdict INTEGER NOT NULL, defects INTEGER NOT NULL,
    PRIMARY KEY (span, minute, product)) WITHOUT ROWID;
CREATE TABLE dispositions (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL, at_ms INTEGER NOT NULL, disposition TEXT NOT NULL, by TEXT NOT NULL,
    note TEXT, boxes TEXT NOT NULL, sample_key TEXT);
CREATE INDEX dispositions_of_result ON dispositions (key, seq);
CREATE TABLE names (
    id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, newest_ms INTEGER NOT NULL,
    UNIQUE (kind, name));
CREATE INDEX names_by_time ON names (kind, newest_ms);
CREATE TABLE place (
    one INTEGER PRIMARY KEY CHECK (one = 1), head INTEGER NOT NULL, known_seq INTEGER NOT NULL, known_id TEXT NOT NULL);
INSERT INTO place VALUES (1, 0, 0, '');
CREATE TABLE gaps (after INTEGER PRIMARY KEY, through INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
COMMIT;
"""
