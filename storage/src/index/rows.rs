//! What is written at the end of a transaction, in one round trip.

use super::{Last, PLACE, Work, joined};
use crate::StorageError;
use crate::batch::Batch;
use crate::db::{Bound, to_i64};
use crate::writer::Durable;
use serde_json::json;

/// Rows in one statement.
const ROWS_MAX: usize = 64;

/// An instance whose rows are to be written.
pub(super) struct InstanceRows<'a> {
    pub new: &'a Durable,
    pub study_id: i64,
    pub series_id: i64,
}

impl InstanceRows<'_> {
    fn instance(&self) -> [Bound; 20] {
        let (new, p) = (self.new, &self.new.prepared);
        let (segment, segment_offset) = new.place_numbers();
        [
            new.arrival.owner.as_str().into(),
            p.instance.as_str().into(),
            self.study_id.into(),
            self.series_id.into(),
            p.sop_class.as_str().into(),
            p.instance_number.into(),
            new.syntax.as_str().into(),
            new.sha256.as_bytes().as_slice().into(),
            to_i64(new.head_length).into(),
            to_i64(new.dataset_length).into(),
            p.pixels.as_str().into(),
            p.frame_count.into(),
            p.is_fragmented.into(),
            new.arrival.via.word().into(),
            new.sender.as_str().into(),
            new.received_at_ms.into(),
            segment.into(),
            segment_offset.into(),
            p.carries_identity.into(),
            p.shows_label.into(),
        ]
    }

    fn metadata(&self) -> [Bound; 6] {
        let p = &self.new.prepared;
        [
            self.new.arrival.owner.as_str().into(),
            p.instance.as_str().into(),
            i64::from(p.metadata.crc32).into(),
            to_i64(p.metadata.text_length).into(),
            p.metadata.bytes.as_slice().into(),
            p.bulk.as_str().into(),
        ]
    }

    fn frame_chunks(&self) -> impl Iterator<Item = [Bound; 5]> {
        let (owner, p) = (&self.new.arrival.owner, &self.new.prepared);
        p.frame_chunks.iter().map(move |chunk| {
            [
                owner.as_str().into(),
                p.instance.as_str().into(),
                chunk.part.into(),
                chunk.chunk_no.into(),
                chunk.entries.as_slice().into(),
            ]
        })
    }
}

/// A row whose instance is in the index by then.
const ROW_OF_INSTANCE: &str = "((SELECT id FROM instance WHERE owner = ? AND sop_uid = ?),?,?,?)";

impl Work<'_> {
    /// Writes the rows of the instances so far.
    pub(crate) async fn write_rows(&mut self) -> Result<(), StorageError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new(self.db);
        self.put_rows(&mut batch);
        batch.execute(self.connection, PLACE).await
    }

    /// Writes what has been counted so far, and forgets which rows it has seen.
    pub(crate) async fn write_counts(&mut self) -> Result<(), StorageError> {
        let mut batch = Batch::new(self.db);
        self.put_counts(&mut batch);
        batch.execute(self.connection, PLACE).await
    }

    /// Writes rows, counters, events and the audit chain.
    pub async fn finish(mut self, last: Last) -> Result<(), StorageError> {
        let mut batch = Batch::new(self.db);
        self.put_rows(&mut batch);
        self.put_counts(&mut batch);
        let events = std::mem::take(&mut self.events);
        for some in events.chunks(ROWS_MAX) {
            batch.insert(
                "INSERT INTO outbox (at_ms, topic, body) VALUES ",
                "(?,?,?)",
                some.iter()
                    .map(|(topic, body)| [self.now_ms.into(), topic.as_str().into(), body.as_str().into()]),
            );
        }
        self.put_audits(&mut batch).await?;
        if last == Last::Commit {
            batch.add("COMMIT", []);
        }
        batch.execute(self.connection, PLACE).await
    }

    fn put_rows(&mut self, batch: &mut Batch) {
        let rows = std::mem::take(&mut self.rows);
        for some in rows.chunks(ROWS_MAX) {
            batch.insert(
                "INSERT INTO instance (owner, sop_uid, study_id, series_id, sop_class, instance_number, syntax, \
                 sha256, head_length, dataset_length, pixels, frame_count, is_fragmented, has_conflict, via, \
                 sender, received_at_ms, segment, segment_offset, carries_identity, shows_label) VALUES ",
                "(?,?,?,?,?,?,?,?,?,?,?,?,?,0,?,?,?,?,?,?,?)",
                some.iter().map(InstanceRows::instance),
            );
            batch.insert(
                "INSERT INTO instance_metadata (instance_id, crc32, text_length, chunk, bulk) VALUES ",
                "((SELECT id FROM instance WHERE owner = ? AND sop_uid = ?),?,?,?,?)",
                some.iter().map(InstanceRows::metadata),
            );
        }
        let mut frame_chunks = rows.iter().flat_map(InstanceRows::frame_chunks).peekable();
        while frame_chunks.peek().is_some() {
            batch.insert(
                "INSERT INTO frame_chunk (instance_id, part, chunk_no, entries) VALUES ",
                ROW_OF_INSTANCE,
                frame_chunks.by_ref().take(ROWS_MAX),
            );
        }
    }

    fn put_counts(&mut self, batch: &mut Batch) {
        let (studies, series) = (std::mem::take(&mut self.studies), std::mem::take(&mut self.series));
        let studies: Vec<_> = studies
            .values()
            .filter(|s| s.instances_added > 0)
            .map(|s| {
                json!([
                    s.id,
                    s.series_added,
                    s.instances_added,
                    joined(&s.modalities),
                    joined(&s.sop_classes)
                ])
            })
            .collect();
        let series: Vec<_> = series
            .values()
            .filter(|s| s.instances_added > 0)
            .map(|s| json!([s.id, s.instances_added]))
            .collect();
        let each = self.db.each();
        if !studies.is_empty() {
            batch.add(
                &format!(
                    "UPDATE study SET series_count = series_count + CAST(j.value ->> 1 AS BIGINT), \
                     instance_count = instance_count + CAST(j.value ->> 2 AS BIGINT), \
                     modalities = j.value ->> 3, sop_classes = j.value ->> 4 \
                     FROM {each} WHERE study.id = CAST(j.value ->> 0 AS BIGINT)"
                ),
                [json!(studies).to_string().into()],
            );
        }
        if !series.is_empty() {
            batch.add(
                &format!(
                    "UPDATE series SET instance_count = instance_count + CAST(j.value ->> 1 AS BIGINT) \
                     FROM {each} WHERE series.id = CAST(j.value ->> 0 AS BIGINT)"
                ),
                [json!(series).to_string().into()],
            );
        }
    }
}
