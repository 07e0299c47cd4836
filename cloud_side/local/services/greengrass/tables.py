"""What Greengrass remembers: component versions, deployments, how far each device is, and what is on it."""

TABLES = """
CREATE TABLE IF NOT EXISTS greengrass_components (
    arn TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, recipe TEXT NOT NULL, state TEXT NOT NULL,
    message TEXT NOT NULL, errors TEXT NOT NULL, tags TEXT NOT NULL, created_at TEXT NOT NULL, token TEXT UNIQUE
);
CREATE INDEX IF NOT EXISTS greengrass_components_by_name ON greengrass_components (name);
CREATE INDEX IF NOT EXISTS greengrass_components_to_check ON greengrass_components (state) WHERE state = 'REQUESTED';
CREATE TABLE IF NOT EXISTS greengrass_deployments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, revision INTEGER NOT NULL,
    name TEXT, document TEXT NOT NULL, tags TEXT NOT NULL, job TEXT NOT NULL, status TEXT NOT NULL,
    is_latest INTEGER NOT NULL, created_at TEXT NOT NULL, token TEXT UNIQUE
);
CREATE INDEX IF NOT EXISTS greengrass_deployments_by_target ON greengrass_deployments (target);
CREATE INDEX IF NOT EXISTS greengrass_deployments_active ON greengrass_deployments (status) WHERE status = 'ACTIVE';
CREATE TABLE IF NOT EXISTS greengrass_executions (
    deployment TEXT NOT NULL, thing TEXT NOT NULL, status TEXT NOT NULL, reason TEXT, codes TEXT NOT NULL,
    types TEXT NOT NULL, queued_at TEXT NOT NULL, started_at TEXT, modified_at TEXT NOT NULL,
    PRIMARY KEY (deployment, thing)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS greengrass_executions_of_thing ON greengrass_executions (thing);
CREATE TABLE IF NOT EXISTS greengrass_cores (
    thing TEXT PRIMARY KEY, models TEXT, configuration TEXT, is_offline INTEGER NOT NULL, status TEXT NOT NULL,
    status_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS greengrass_installed (
    thing TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, is_root INTEGER NOT NULL, state TEXT NOT NULL,
    details TEXT, codes TEXT NOT NULL, changed_at TEXT NOT NULL, reported_at TEXT NOT NULL, source TEXT NOT NULL,
    configuration TEXT NOT NULL, steps TEXT NOT NULL, PRIMARY KEY (thing, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS greengrass_roots (
    thing TEXT NOT NULL, target TEXT NOT NULL, components TEXT NOT NULL, PRIMARY KEY (thing, target)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS greengrass_work (
    thing TEXT PRIMARY KEY, deployment TEXT NOT NULL, phase TEXT NOT NULL, plan TEXT NOT NULL, steps TEXT NOT NULL,
    position INTEGER NOT NULL, attempt INTEGER NOT NULL, started_at TEXT, not_before TEXT, failure TEXT
) WITHOUT ROWID
"""
