-- Consults are found by the patient of the requesting organisation: earlier reports are shown beside the one being written.
INSERT INTO record_key (kind, name, value, id)
SELECT 'consult', 'patient', (body::json #>> '{study,org}') || '/' || (body::json #>> '{patient,id}'), id
FROM record
WHERE kind = 'consult' AND (body::json ->> 'submitted_at') IS NOT NULL AND (body::json #>> '{patient,id}') <> ''
ON CONFLICT DO NOTHING;
