-- Consults are found by the patient of the requesting organisation: earlier reports are shown beside the one being written.
INSERT OR IGNORE INTO record_key (kind, name, value, id)
SELECT 'consult', 'patient', json_extract(body, '$.study.org') || '/' || json_extract(body, '$.patient.id'), id
FROM record
WHERE kind = 'consult' AND json_extract(body, '$.submitted_at') IS NOT NULL AND json_extract(body, '$.patient.id') <> '';
