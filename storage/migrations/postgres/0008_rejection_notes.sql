-- SOP Instance UID of the Key Object Selection that a correction was made by, or that was made of it; '' without one.
ALTER TABLE correction ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE INDEX correction_by_note ON correction (owner, note) WHERE note <> '';
