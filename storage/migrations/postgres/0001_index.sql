-- The index of what is kept. Times are Unix milliseconds; absent text is ''; a hash is 32 bytes.
-- The same tables stand in ../sqlite; only the column types differ.

CREATE TABLE study (
    id                  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner               TEXT COLLATE "C"    NOT NULL,
    study_uid           TEXT COLLATE "C"    NOT NULL,
    -- StudyDate followed by StudyTime, digits only: the order of worklists, and ranges over both.
    moment              TEXT COLLATE "C"    NOT NULL,
    study_time          TEXT COLLATE "C"    NOT NULL,
    patient_id          TEXT COLLATE "C"    NOT NULL,
    patient_birth_date  TEXT COLLATE "C"    NOT NULL,
    patient_sex         TEXT COLLATE "C"    NOT NULL,
    accession_number    TEXT COLLATE "C"    NOT NULL,
    dicom_study_id      TEXT COLLATE "C"    NOT NULL,
    description         TEXT COLLATE "C"    NOT NULL,
    -- DICOM JSON of patient and study level, as the first instance gave it.
    attributes          TEXT COLLATE "C"    NOT NULL,
    -- Maintained: values joined by a backslash, and counts.
    modalities          TEXT COLLATE "C"    NOT NULL,
    sop_classes         TEXT COLLATE "C"    NOT NULL,
    series_count        BIGINT NOT NULL,
    instance_count      BIGINT NOT NULL,
    has_conflict        BIGINT NOT NULL,
    received_at_ms      BIGINT NOT NULL,
    UNIQUE (owner, study_uid)
);
CREATE INDEX study_by_moment ON study (owner, moment, id);
CREATE INDEX study_by_patient ON study (owner, patient_id, moment, id);
CREATE INDEX study_by_accession ON study (owner, accession_number, moment, id);
CREATE INDEX study_by_uid ON study (study_uid);

-- What a study is found by: 'P' + a whole person name, surname or given name, 'p' + any part of one; 'R' and 'r' for the referring physician.
CREATE TABLE study_key (
    owner    TEXT COLLATE "C"    NOT NULL,
    name_key TEXT COLLATE "C"    NOT NULL,
    moment   TEXT COLLATE "C"    NOT NULL,
    study_id BIGINT NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    PRIMARY KEY (owner, name_key, moment, study_id)
);
CREATE INDEX study_key_by_study ON study_key (study_id);

CREATE TABLE study_modality (
    owner    TEXT COLLATE "C"    NOT NULL,
    modality TEXT COLLATE "C"    NOT NULL,
    moment   TEXT COLLATE "C"    NOT NULL,
    study_id BIGINT NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    PRIMARY KEY (owner, modality, moment, study_id)
);
CREATE INDEX study_modality_by_study ON study_modality (study_id);

-- Which studies of others an organisation sees, in the order of worklists, and because of which consults.
CREATE TABLE study_grant (
    grantee  TEXT COLLATE "C" NOT NULL,
    moment   TEXT COLLATE "C" NOT NULL,
    study_id BIGINT NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    PRIMARY KEY (grantee, moment, study_id)
);
CREATE INDEX study_grant_by_study ON study_grant (study_id, grantee);

CREATE TABLE study_grant_reason (
    grantee  TEXT COLLATE "C" NOT NULL,
    study_id BIGINT NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    consult  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (grantee, study_id, consult)
);
CREATE INDEX study_grant_reason_by_study ON study_grant_reason (study_id);

CREATE TABLE series (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    study_id        BIGINT NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    series_uid      TEXT COLLATE "C"    NOT NULL,
    modality        TEXT COLLATE "C"    NOT NULL,
    -- Absent: the largest 32-bit number, so that it comes last.
    series_number   BIGINT NOT NULL,
    description     TEXT COLLATE "C"    NOT NULL,
    body_part       TEXT COLLATE "C"    NOT NULL,
    attributes      TEXT COLLATE "C"    NOT NULL,
    instance_count  BIGINT NOT NULL,
    has_conflict    BIGINT NOT NULL,
    received_at_ms  BIGINT NOT NULL,
    UNIQUE (study_id, series_uid)
);
CREATE INDEX series_by_uid ON series (series_uid);

CREATE TABLE instance (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner           TEXT COLLATE "C"    NOT NULL,
    sop_uid         TEXT COLLATE "C"    NOT NULL,
    study_id        BIGINT NOT NULL REFERENCES study (id) ON DELETE CASCADE,
    series_id       BIGINT NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    sop_class       TEXT COLLATE "C"    NOT NULL,
    instance_number BIGINT NOT NULL,
    syntax          TEXT COLLATE "C"    NOT NULL,
    sha256          BYTEA    NOT NULL,
    head_length     BIGINT NOT NULL,
    dataset_length  BIGINT NOT NULL,
    -- JSON of the Image Pixel attributes; '' without pixels.
    pixels          TEXT COLLATE "C"    NOT NULL,
    frame_count     BIGINT NOT NULL,
    -- 1: frames have several spans, so frame_chunk has part 1. A deflated data set has no spans at all.
    is_fragmented   BIGINT NOT NULL,
    has_conflict    BIGINT NOT NULL,
    via             TEXT COLLATE "C"    NOT NULL,
    sender          TEXT COLLATE "C"    NOT NULL,
    received_at_ms  BIGINT NOT NULL,
    UNIQUE (owner, sop_uid)
);
CREATE INDEX instance_by_series ON instance (series_id, instance_number, sop_uid);
CREATE INDEX instance_by_study ON instance (study_id);
CREATE INDEX instance_by_uid ON instance (sop_uid);
CREATE INDEX instance_by_object ON instance (owner, sha256);

-- DICOM JSON of one instance: raw deflate ended by a full flush, never a final block (RFC 1951).
CREATE TABLE instance_metadata (
    instance_id BIGINT PRIMARY KEY REFERENCES instance (id) ON DELETE CASCADE,
    crc32       BIGINT NOT NULL,
    text_length BIGINT NOT NULL,
    chunk       BYTEA    NOT NULL
);

-- The frame index in rows of at most 4096 entries. part 0: spans of 12 bytes; part 1: first span of each frame, 4
-- bytes, with one more entry than frames, present only when a frame has several spans.
CREATE TABLE frame_chunk (
    instance_id BIGINT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    part        BIGINT NOT NULL,
    chunk_no    BIGINT NOT NULL,
    entries     BYTEA    NOT NULL,
    PRIMARY KEY (instance_id, part, chunk_no)
);

-- Instances whose SOP Instance UID was taken already by other content.
CREATE TABLE instance_apart (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner           TEXT COLLATE "C"    NOT NULL,
    study_uid       TEXT COLLATE "C"    NOT NULL,
    series_uid      TEXT COLLATE "C"    NOT NULL,
    sop_uid         TEXT COLLATE "C"    NOT NULL,
    sop_class       TEXT COLLATE "C"    NOT NULL,
    syntax          TEXT COLLATE "C"    NOT NULL,
    sha256          BYTEA    NOT NULL,
    head_length     BIGINT NOT NULL,
    dataset_length  BIGINT NOT NULL,
    reason          TEXT COLLATE "C"    NOT NULL,
    via             TEXT COLLATE "C"    NOT NULL,
    sender          TEXT COLLATE "C"    NOT NULL,
    received_at_ms  BIGINT NOT NULL,
    UNIQUE (owner, sop_uid, sha256)
);
CREATE INDEX instance_apart_by_object ON instance_apart (owner, sha256);

CREATE TABLE blob (
    owner          TEXT COLLATE "C"    NOT NULL,
    sha256         BYTEA    NOT NULL,
    length         BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    PRIMARY KEY (owner, sha256)
);

CREATE TABLE record (
    kind          TEXT COLLATE "C"    NOT NULL,
    id            TEXT COLLATE "C"    NOT NULL,
    version       BIGINT NOT NULL,
    body          TEXT COLLATE "C"    NOT NULL,
    sort          BIGINT NOT NULL,
    changed_at_ms BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX record_by_sort ON record (kind, sort, id);

CREATE TABLE record_key (
    kind  TEXT COLLATE "C" NOT NULL,
    name  TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    id    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name, value, id)
);
CREATE INDEX record_key_by_record ON record_key (kind, id);

CREATE TABLE record_unique (
    kind  TEXT COLLATE "C" NOT NULL,
    name  TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    id    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, name, value)
);
CREATE INDEX record_unique_by_record ON record_unique (kind, id);

CREATE TABLE record_visible (
    kind TEXT COLLATE "C" NOT NULL,
    id   TEXT COLLATE "C" NOT NULL,
    org  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, id, org)
);

CREATE TABLE outbox (
    seq   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    topic TEXT COLLATE "C"    NOT NULL,
    body  TEXT COLLATE "C"    NOT NULL
);

CREATE TABLE audit (
    seq          BIGINT PRIMARY KEY,
    at_ms        BIGINT NOT NULL,
    actor_kind   TEXT COLLATE "C"    NOT NULL,
    actor_id     TEXT COLLATE "C"    NOT NULL,
    address      TEXT COLLATE "C"    NOT NULL,
    organisation TEXT COLLATE "C"    NOT NULL,
    action       TEXT COLLATE "C"    NOT NULL,
    object       TEXT COLLATE "C"    NOT NULL,
    outcome      TEXT COLLATE "C"    NOT NULL,
    detail       TEXT COLLATE "C"    NOT NULL,
    hash         BYTEA    NOT NULL
);
CREATE INDEX audit_by_organisation ON audit (organisation, seq);

-- Where the chain ends, so that a tail cut off shows.
CREATE TABLE audit_head (
    id   BIGINT PRIMARY KEY,
    seq  BIGINT NOT NULL,
    hash BYTEA    NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));
