-- What people have put right. The stored bytes never change; these rows are applied on the way in and on the way out.

-- '' while nothing is corrected; then the attributes as acquired, and the tags that differ, joined by a backslash.
ALTER TABLE study ADD COLUMN original TEXT NOT NULL DEFAULT '';
ALTER TABLE study ADD COLUMN corrected_tags TEXT NOT NULL DEFAULT '';
ALTER TABLE study ADD COLUMN corrected_at_ms INTEGER NOT NULL DEFAULT 0;
-- The study that the series was acquired in, when it has been moved to another.
ALTER TABLE series ADD COLUMN moved_from TEXT NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN moved_at_ms INTEGER NOT NULL DEFAULT 0;

CREATE TABLE correction (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    owner        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    -- active, undone; of deletions: running, done.
    state        TEXT    NOT NULL,
    -- JSON: what was asked for.
    body         TEXT    NOT NULL,
    -- JSON: the attributes that it goes by, as they were when it was made.
    attributes   TEXT    NOT NULL,
    reason_code  TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    actor        TEXT    NOT NULL,
    made_at_ms   INTEGER NOT NULL,
    undone_by    TEXT    NOT NULL,
    undo_reason  TEXT    NOT NULL,
    undone_at_ms INTEGER NOT NULL
);
CREATE INDEX correction_by_owner ON correction (owner, seq);

-- What active corrections are found by when something arrives. No row here refers to a study's row: a rebuilt index
-- keeps them.
CREATE TABLE correction_target (
    owner TEXT    NOT NULL,
    what  TEXT    NOT NULL,
    value TEXT    NOT NULL,
    seq   INTEGER NOT NULL,
    PRIMARY KEY (owner, what, value, seq)
) WITHOUT ROWID;
CREATE INDEX correction_target_by_seq ON correction_target (seq);

CREATE INDEX instance_apart_by_study ON instance_apart (owner, study_uid);

-- A record with the key `holds` = owner/study keeps that study from being moved or deleted.
CREATE INDEX record_key_holds ON record_key (value) WHERE name = 'holds';

-- Objects whose rows have been deleted and whose bytes are to be erased.
CREATE TABLE IF NOT EXISTS erasure (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    owner          TEXT NOT NULL,
    sha256         BLOB NOT NULL,
    segment        INTEGER NOT NULL,
    segment_offset INTEGER NOT NULL
);
