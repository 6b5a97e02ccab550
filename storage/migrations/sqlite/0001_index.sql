-- The index of what is kept. Times are Unix milliseconds; absent text is ''; a hash is 32 bytes.
-- The same tables stand in ../postgres; only the column types differ.

CREATE TABLE study (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    owner               TEXT    NOT NULL,
    study_uid           TEXT    NOT NULL,
    -- StudyDate followed by StudyTime, digits only: the order of worklists, and ranges over both.
    moment              TEXT    NOT NULL,
    study_time          TEXT    NOT NULL,
    patient_id          TEXT    NOT NULL,
    patient_birth_date  TEXT    NOT NULL,
    patient_sex         TEXT    NOT NULL,
    accession_number    TEXT    NOT NULL,
    dicom_study_id      TEXT    NOT NULL,
    description         TEXT    NOT NULL,
    -- DICOM JSON of patient and study level, as the first instance gave it.
    attributes          TEXT    NOT NULL,
    -- Maintained: values joined by a backslash, and counts.
    modalities          TEXT    NOT NULL,
    sop_classes         TEXT    NOT NULL,
    series_count        INTEGER NOT NULL,
    instance_count      INTEGER NOT NULL,
    has_conflict        INTEGER NOT NULL,
    received_at_ms      INTEGER NOT NULL,
    UNIQUE (owner, study_uid)
);
CREATE INDEX study_by_moment ON study (owner, moment, id);
CREATE INDEX study_by_patient ON study (owner, patient_id, moment, id);
CREATE INDEX study_by_accession ON study (owner, accession_number, moment, id);
CREATE INDEX study_by_uid ON study (study_uid);

-- What a study is found by: 'P' + a whole person name, surname or given name, 'p' + any part of one; 'R' and 'r' for the referring physician.
CREATE TABLE study_key (
    owner    TEXT    NOT NULL,
    name_key TEXT    NOT NULL,
    moment   TEXT    NOT NULL,
    study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    PRIMARY KEY (owner, name_key, moment, study_id)
) WITHOUT ROWID;
CREATE INDEX study_key_by_study ON study_key (study_id);

CREATE TABLE study_modality (
    owner    TEXT    NOT NULL,
    modality TEXT    NOT NULL,
    moment   TEXT    NOT NULL,
    study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    PRIMARY KEY (owner, modality, moment, study_id)
) WITHOUT ROWID;
CREATE INDEX study_modality_by_study ON study_modality (study_id);

-- Which studies of others an organisation sees, in the order of worklists, and because of which consults.
CREATE TABLE study_grant (
    grantee  TEXT    NOT NULL,
    moment   TEXT    NOT NULL,
    study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    PRIMARY KEY (grantee, moment, study_id)
) WITHOUT ROWID;
CREATE INDEX study_grant_by_study ON study_grant (study_id, grantee);

CREATE TABLE study_grant_reason (
    grantee  TEXT    NOT NULL,
    study_id INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    consult  TEXT    NOT NULL,
    PRIMARY KEY (grantee, study_id, consult)
) WITHOUT ROWID;
CREATE INDEX study_grant_reason_by_study ON study_grant_reason (study_id);

CREATE TABLE series (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    study_id        INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    series_uid      TEXT    NOT NULL,
    modality        TEXT    NOT NULL,
    -- Absent: the largest 32-bit number, so that it comes last.
    series_number   INTEGER NOT NULL,
    description     TEXT    NOT NULL,
    body_part       TEXT    NOT NULL,
    attributes      TEXT    NOT NULL,
    instance_count  INTEGER NOT NULL,
    has_conflict    INTEGER NOT NULL,
    received_at_ms  INTEGER NOT NULL,
    UNIQUE (study_id, series_uid)
);
CREATE INDEX series_by_uid ON series (series_uid);

CREATE TABLE instance (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    owner           TEXT    NOT NULL,
    sop_uid         TEXT    NOT NULL,
    study_id        INTEGER NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    series_id       INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    sop_class       TEXT    NOT NULL,
    instance_number INTEGER NOT NULL,
    syntax          TEXT    NOT NULL,
    sha256          BLOB    NOT NULL,
    head_length     INTEGER NOT NULL,
    dataset_length  INTEGER NOT NULL,
    -- JSON of the Image Pixel attributes; '' without pixels.
    pixels          TEXT    NOT NULL,
    frame_count     INTEGER NOT NULL,
    -- 1: frames have several spans, so frame_chunk has part 1. A deflated data set has no spans at all.
    is_fragmented   INTEGER NOT NULL,
    has_conflict    INTEGER NOT NULL,
    via             TEXT    NOT NULL,
    sender          TEXT    NOT NULL,
    received_at_ms  INTEGER NOT NULL,
    UNIQUE (owner, sop_uid)
);
CREATE INDEX instance_by_series ON instance (series_id, instance_number, sop_uid);
CREATE INDEX instance_by_study ON instance (study_id);
CREATE INDEX instance_by_uid ON instance (sop_uid);
CREATE INDEX instance_by_object ON instance (owner, sha256);

-- DICOM JSON of one instance: raw deflate ended by a full flush, never a final block (RFC 1951).
CREATE TABLE instance_metadata (
    instance_id INTEGER PRIMARY KEY REFERENCES instance (id) ON DELETE CASCADE,
    crc32       INTEGER NOT NULL,
    text_length INTEGER NOT NULL,
    chunk       BLOB    NOT NULL
);

-- The frame index in rows of at most 4096 entries. part 0: spans of 12 bytes; part 1: first span of each frame, 4
-- bytes, with one more entry than frames, present only when a frame has several spans.
CREATE TABLE frame_chunk (
    instance_id INTEGER NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    part        INTEGER NOT NULL,
    chunk_no    INTEGER NOT NULL,
    entries     BLOB    NOT NULL,
    PRIMARY KEY (instance_id, part, chunk_no)
) WITHOUT ROWID;

-- Instances whose SOP Instance UID was taken already by other content.
CREATE TABLE instance_apart (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    owner           TEXT    NOT NULL,
    study_uid       TEXT    NOT NULL,
    series_uid      TEXT    NOT NULL,
    sop_uid         TEXT    NOT NULL,
    sop_class       TEXT    NOT NULL,
    syntax          TEXT    NOT NULL,
    sha256          BLOB    NOT NULL,
    head_length     INTEGER NOT NULL,
    dataset_length  INTEGER NOT NULL,
    reason          TEXT    NOT NULL,
    via             TEXT    NOT NULL,
    sender          TEXT    NOT NULL,
    received_at_ms  INTEGER NOT NULL,
    UNIQUE (owner, sop_uid, sha256)
);
CREATE INDEX instance_apart_by_object ON instance_apart (owner, sha256);

CREATE TABLE blob (
    owner          TEXT    NOT NULL,
    sha256         BLOB    NOT NULL,
    length         INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    PRIMARY KEY (owner, sha256)
);

CREATE TABLE record (
    kind          TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    sort          INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX record_by_sort ON record (kind, sort, id);

CREATE TABLE record_key (
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    id    TEXT NOT NULL,
    PRIMARY KEY (kind, name, value, id)
);
CREATE INDEX record_key_by_record ON record_key (kind, id);

CREATE TABLE record_unique (
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    id    TEXT NOT NULL,
    PRIMARY KEY (kind, name, value)
);
CREATE INDEX record_unique_by_record ON record_unique (kind, id);

CREATE TABLE record_visible (
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    org  TEXT NOT NULL,
    PRIMARY KEY (kind, id, org)
);

CREATE TABLE outbox (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    topic TEXT    NOT NULL,
    body  TEXT    NOT NULL
);

CREATE TABLE audit (
    seq          INTEGER PRIMARY KEY,
    at_ms        INTEGER NOT NULL,
    actor_kind   TEXT    NOT NULL,
    actor_id     TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    organisation TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    object       TEXT    NOT NULL,
    outcome      TEXT    NOT NULL,
    detail       TEXT    NOT NULL,
    hash         BLOB    NOT NULL
);
CREATE INDEX audit_by_organisation ON audit (organisation, seq);

-- Where the chain ends, so that a tail cut off shows.
CREATE TABLE audit_head (
    id   INTEGER PRIMARY KEY,
    seq  INTEGER NOT NULL,
    hash BLOB    NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, zeroblob(32));
