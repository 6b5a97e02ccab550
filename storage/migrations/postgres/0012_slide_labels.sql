-- Whether an image of a slide shows its label (LABEL and OVERVIEW, or Specimen Label in Image): 0 no, 1 yes, 2 not
-- looked at yet, which counts as yes. What was indexed before is looked at when the storage opens.
ALTER TABLE instance ADD COLUMN shows_label BIGINT NOT NULL DEFAULT 0;
UPDATE instance SET shows_label = 2 WHERE sop_class = '1.2.840.10008.5.1.4.1.1.77.1.6';
CREATE INDEX instance_with_label ON instance (study_id, series_id) WHERE shows_label <> 0;
