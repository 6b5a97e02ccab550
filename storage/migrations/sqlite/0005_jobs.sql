-- Work that is done later, at least once. Jobs of one lane are done one after the other, in the order of id.
CREATE TABLE job (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           TEXT    NOT NULL,
    lane           TEXT    NOT NULL,
    owner          TEXT    NOT NULL,
    body           TEXT    NOT NULL,
    -- 'waiting' (also while it is worked on) or 'set_aside'.
    state          TEXT    NOT NULL,
    attempts       INTEGER NOT NULL,
    due_at_ms      INTEGER NOT NULL,
    -- Who works on it, and until when nobody else may.
    lease          TEXT    NOT NULL,
    lease_until_ms INTEGER NOT NULL,
    -- A machine word: why the last attempt failed.
    problem        TEXT    NOT NULL,
    created_at_ms  INTEGER NOT NULL
);
CREATE INDEX job_by_lane ON job (kind, state, lane, id);
CREATE INDEX job_by_owner ON job (owner, kind, id);
CREATE INDEX job_by_lease ON job (lease);

-- How far a reader of the outbox has come.
CREATE TABLE outbox_cursor (
    name TEXT    PRIMARY KEY NOT NULL,
    seq  INTEGER NOT NULL
);
