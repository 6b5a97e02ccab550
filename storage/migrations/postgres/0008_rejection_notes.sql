-- SOP Instance UID of the Key Object Selection that a correction was made by, or that was made of it; '' without one.
ALTER TABLE correction ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE INDEX correction_by_note ON correction (owner, note) WHERE note <> '';

-- Objects that show the patient in pixels or documents, which a correction cannot change; counted when it is made.
ALTER TABLE correction ADD COLUMN identity_inside BIGINT NOT NULL DEFAULT 0;
-- 1: its pixels or its document show the patient, as far as its attributes tell. Of what was indexed before, only the
-- SOP classes tell: PDF, CDA and Secondary Capture.
ALTER TABLE instance ADD COLUMN carries_identity BIGINT NOT NULL DEFAULT 0;
UPDATE instance SET carries_identity = 1 WHERE sop_class IN ('1.2.840.10008.5.1.4.1.1.104.1',
    '1.2.840.10008.5.1.4.1.1.104.2', '1.2.840.10008.5.1.4.1.1.7', '1.2.840.10008.5.1.4.1.1.7.1',
    '1.2.840.10008.5.1.4.1.1.7.2', '1.2.840.10008.5.1.4.1.1.7.3', '1.2.840.10008.5.1.4.1.1.7.4');
