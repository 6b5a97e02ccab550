-- What people have put right. The stored bytes never change; these rows are applied on the way in and on the way out.

-- '' while nothing is corrected; then the attributes as acquired, and the tags that differ, joined by a backslash.
ALTER TABLE study ADD COLUMN original TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE study ADD COLUMN corrected_tags TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE study ADD COLUMN corrected_at_ms BIGINT NOT NULL DEFAULT 0;
-- The study that the series was acquired in, when it has been moved to another.
ALTER TABLE series ADD COLUMN moved_from TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE series ADD COLUMN moved_at_ms BIGINT NOT NULL DEFAULT 0;

CREATE TABLE correction (
    seq          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           TEXT COLLATE "C"    NOT NULL UNIQUE,
    owner        TEXT COLLATE "C"    NOT NULL,
    kind         TEXT COLLATE "C"    NOT NULL,
    -- active, undone; of deletions: running, done.
    state        TEXT COLLATE "C"    NOT NULL,
    -- JSON: what was asked for.
    body         TEXT COLLATE "C"    NOT NULL,
    -- JSON: the attributes that it goes by, as they were when it was made.
    attributes   TEXT COLLATE "C"    NOT NULL,
    reason_code  TEXT COLLATE "C"    NOT NULL,
    reason       TEXT COLLATE "C"    NOT NULL,
    actor        TEXT COLLATE "C"    NOT NULL,
    made_at_ms   BIGINT NOT NULL,
    undone_by    TEXT COLLATE "C"    NOT NULL,
    undo_reason  TEXT COLLATE "C"    NOT NULL,
    undone_at_ms BIGINT NOT NULL
);
CREATE INDEX correction_by_owner ON correction (owner, seq);

-- What active corrections are found by when something arrives. No row here refers to a study's row: a rebuilt index
-- keeps them.
CREATE TABLE correction_target (
    owner TEXT COLLATE "C"    NOT NULL,
    what  TEXT COLLATE "C"    NOT NULL,
    value TEXT COLLATE "C"    NOT NULL,
    seq   BIGINT NOT NULL,
    PRIMARY KEY (owner, what, value, seq)
);
CREATE INDEX correction_target_by_seq ON correction_target (seq);

CREATE INDEX instance_apart_by_study ON instance_apart (owner, study_uid);

-- A record with the key `holds` = owner/study keeps that study from being moved or deleted.
CREATE INDEX record_key_holds ON record_key (value) WHERE name = 'holds';

-- Objects whose rows have been deleted and whose bytes are to be erased.
CREATE TABLE IF NOT EXISTS erasure (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner          TEXT COLLATE "C" NOT NULL,
    sha256         BYTEA NOT NULL,
    segment        BIGINT NOT NULL,
    segment_offset BIGINT NOT NULL
);
