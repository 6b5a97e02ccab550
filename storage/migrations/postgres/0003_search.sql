-- What searches are driven by: lists of studies, newest first. An entry is a hash of a list and a key; a list is what an
-- organisation owns, or what it has been granted. Written by listing.rs; nothing cascades here, and what is out of date
-- only costs a look, because every condition is checked on the study itself.
CREATE TABLE study_listing (
    entry    BIGINT NOT NULL,
    -- StudyDate and StudyTime as a number of 14 digits; 0 without a date.
    moment   BIGINT NOT NULL,
    study_id BIGINT NOT NULL,
    PRIMARY KEY (entry, moment, study_id)
);

-- Which edition of the lists is written; an older one is written anew when the storage opens.
CREATE TABLE study_listing_edition (
    id      BIGINT PRIMARY KEY,
    edition BIGINT NOT NULL
);
INSERT INTO study_listing_edition (id, edition) VALUES (1, 0);

-- JSON array of the forms that names are matched in: 'P' + a whole person name, surname or given name, 'p' + any other
-- part of one; 'R' and 'r' for the referring physician.
ALTER TABLE study ADD COLUMN name_forms TEXT COLLATE "C" NOT NULL DEFAULT '[]';

-- When a series' performed procedure step began, and the items of its Request Attributes Sequence.
CREATE TABLE series_step (
    series_id    BIGINT NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    item_no      BIGINT NOT NULL,
    start_date   TEXT COLLATE "C" NOT NULL,
    start_time   TEXT COLLATE "C" NOT NULL,
    step_id      TEXT COLLATE "C" NOT NULL,
    procedure_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (series_id, item_no)
);

DROP TABLE study_key;
DROP TABLE study_modality;
DROP INDEX study_by_moment;
DROP INDEX study_by_accession;
CREATE INDEX study_by_moment ON study (moment, id);
