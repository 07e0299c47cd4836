"""What the database remembers of buckets; what lies in them is in their folders.

A bucket `tells` when its events go to EventBridge. A row of `s3_objects` is true of the file that has its signature: a
file with another one has changed by itself. It has an `etag` where the object came through the API, and none where the
file came by itself and was noticed. A row of `s3_moves` is what the folder has yet to follow: a `staged` file that
becomes the object, or, without one, a file that goes. What `s3_moves` and `s3_parts` name in the staging folder is
kept; the rest there was left behind by processes that ended.
"""

TABLES = """
CREATE TABLE IF NOT EXISTS s3_buckets (
    name TEXT PRIMARY KEY, created TEXT NOT NULL, tells INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_objects (
    bucket TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL,
    signature TEXT NOT NULL, etag TEXT, headers TEXT,
    PRIMARY KEY (bucket, folder, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_moves (
    bucket TEXT NOT NULL, folder TEXT NOT NULL, name TEXT NOT NULL,
    staged TEXT, signature TEXT NOT NULL,
    PRIMARY KEY (bucket, folder, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS s3_uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, initiated TEXT NOT NULL, headers TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS s3_uploads_by_key ON s3_uploads (bucket, key, id);
CREATE TABLE IF NOT EXISTS s3_parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL,
    staged TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS s3_parts_by_file ON s3_parts (staged);
CREATE TABLE IF NOT EXISTS s3_sequencer (id INTEGER PRIMARY KEY, latest INTEGER NOT NULL)
"""
