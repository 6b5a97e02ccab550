-- What searches are driven by: lists of studies, newest first. An entry is a hash of a list and a key; a list is what an
-- organisation owns, or what it has been granted. Written by listing.rs; nothing cascades here, and what is out of date
-- only costs a look, because every condition is checked on the study itself.
CREATE TABLE study_listing (
    entry    INTEGER NOT NULL,
    -- StudyDate and StudyTime as a number of 14 digits; 0 without a date.
    moment   INTEGER NOT NULL,
    study_id INTEGER NOT NULL,
    PRIMARY KEY (entry, moment, study_id)
) WITHOUT ROWID;

-- Which edition of the lists is written; an older one is written anew when the storage opens.
CREATE TABLE study_listing_edition (
    id      INTEGER PRIMARY KEY,
    edition INTEGER NOT NULL
);
INSERT INTO study_listing_edition (id, edition) VALUES (1, 0);

-- JSON array of the forms that names are matched in: 'P' + a whole person name, surname or given name, 'p' + any other
-- part of one; 'R' and 'r' for the referring physician.
ALTER TABLE study ADD COLUMN name_forms TEXT NOT NULL DEFAULT '[]';

-- When a series' performed procedure step began, and the items of its Request Attributes Sequence.
CREATE TABLE series_step (
    series_id    INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
    item_no      INTEGER NOT NULL,
    start_date   TEXT    NOT NULL,
    start_time   TEXT    NOT NULL,
    step_id      TEXT    NOT NULL,
    procedure_id TEXT    NOT NULL,
    PRIMARY KEY (series_id, item_no)
) WITHOUT ROWID;

DROP TABLE study_key;
DROP TABLE study_modality;
DROP INDEX study_by_moment;
DROP INDEX study_by_accession;
CREATE INDEX study_by_moment ON study (moment, id);
