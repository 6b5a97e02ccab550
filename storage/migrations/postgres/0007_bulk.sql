-- Where the values that metadata name by BulkDataURI stand in the data set: JSON, path to [offset, length]. '': not
-- known, for what was stored before this, or has no places of its own.
ALTER TABLE instance_metadata ADD COLUMN bulk TEXT NOT NULL DEFAULT '';
