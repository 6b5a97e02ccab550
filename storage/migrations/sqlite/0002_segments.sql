-- Where an instance's entry stands: the number of its segment and the offset in it. Segment 0: a file of its own, named by
-- its content, from before there were segments.
ALTER TABLE instance ADD COLUMN segment INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instance ADD COLUMN segment_offset INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instance_apart ADD COLUMN segment INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instance_apart ADD COLUMN segment_offset INTEGER NOT NULL DEFAULT 0;

-- Objects whose rows have been deleted and whose bytes are to be erased.
CREATE TABLE erasure (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    owner          TEXT NOT NULL,
    sha256         BLOB NOT NULL,
    segment        INTEGER NOT NULL,
    segment_offset INTEGER NOT NULL
);
