//! What is remembered for a while, all of it bounded. What another process changes shows within five seconds;
//! what it deletes is not handed out from then on (`Storage::require_kept`).

use crate::objects::FileName;
use crate::prepare::BulkPlaces;
use crate::read::InstanceRef;
use bytes::Bytes;
use model::{OrgId, Reach, Scope, Uid};
use moka::sync::Cache;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// The caches of one storage.
pub(crate) struct Caches {
    /// By reach, study, series and instance: whoever asks with another reach is looked up anew. With the generation at
    /// which the look-up began.
    instances: Cache<InstanceKey, (u64, InstanceRef)>,
    /// Raised by each change of this process after which a look-up may find something else.
    generation: AtomicU64,
    /// Series, by row, of which an instance was looked up a moment ago.
    pub series: Cache<i64, Arc<SeriesSeen>>,
    /// Rows of frame indexes, by instance, part and number.
    pub frame_chunks: Cache<(i64, i64, i64), Bytes>,
    /// Spans of frames in the inflated form of deflated data sets.
    pub inflated_frames: Cache<i64, Arc<dataset::FrameIndex>>,
    /// By instance.
    pub bulk_places: Cache<i64, Arc<BulkPlaces>>,
    pub files: Cache<FileName, Arc<File>>,
    /// Who looked at which study in the last five minutes.
    pub noted: Cache<(String, Option<OrgId>, Uid), ()>,
}

/// What was looked up last in a series.
pub(crate) struct SeriesSeen {
    /// Its Instance Number.
    pub number: AtomicI64,
    /// What stands around it is being looked up.
    pub is_busy: AtomicBool,
}

/// The organisations of a reach, and whether labels are seen, as a key.
type ReachKey = (Option<OrgId>, Option<OrgId>, bool);
pub(crate) type InstanceKey = (ReachKey, Uid, Uid, Uid);

const INSTANCE_SECONDS: u64 = 5;
const INSTANCE_BYTES_MAX: u64 = 16 << 20;
const SERIES_MAX: u64 = 1000;
const FRAME_CHUNK_BYTES_MAX: u64 = 64 << 20;
const BULK_PLACE_BYTES_MAX: u64 = 4 << 20;
const FILES_MAX: u64 = 512;
const NOTE_SECONDS: u64 = 300;
const NOTES_MAX: u64 = 50_000;

impl Caches {
    pub fn new() -> Self {
        Self {
            instances: Cache::builder()
                .max_capacity(INSTANCE_BYTES_MAX)
                .weigher(|_, (_, instance): &(u64, InstanceRef)| instance.0.weight())
                .time_to_live(Duration::from_secs(INSTANCE_SECONDS))
                .build(),
            generation: AtomicU64::new(0),
            series: Cache::builder()
                .max_capacity(SERIES_MAX)
                .time_to_live(Duration::from_secs(INSTANCE_SECONDS))
                .build(),
            frame_chunks: Cache::builder()
                .max_capacity(FRAME_CHUNK_BYTES_MAX)
                .weigher(|_, entries: &Bytes| u32::try_from(entries.len() + 64).unwrap_or(u32::MAX))
                .build(),
            inflated_frames: Cache::new(16),
            bulk_places: Cache::builder()
                .max_capacity(BULK_PLACE_BYTES_MAX)
                .weigher(|_, places: &Arc<BulkPlaces>| {
                    let bytes: usize = places.keys().map(|path| path.len() + 64).sum();
                    u32::try_from(bytes + 64).unwrap_or(u32::MAX)
                })
                .build(),
            files: Cache::builder().max_capacity(FILES_MAX).time_to_idle(Duration::from_secs(60)).build(),
            noted: Cache::builder()
                .max_capacity(NOTES_MAX)
                .time_to_live(Duration::from_secs(NOTE_SECONDS))
                .build(),
        }
    }

    /// To be asked before a look-up begins, for [`Caches::keep`].
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// What was looked up, unless something has changed since that look-up began.
    pub fn instance(&self, key: &InstanceKey) -> Option<InstanceRef> {
        let (generation, found) = self.instances.get(key)?;
        (generation == self.generation()).then_some(found)
    }

    /// Keeps what was looked up, and since which generation: nobody gets it when something has changed meanwhile.
    pub fn keep(&self, generation: u64, key: InstanceKey, found: InstanceRef) {
        self.instances.insert(key, (generation, found));
    }

    /// Grants have changed, or something was corrected, hidden or deleted: to be called after the commit and before
    /// anybody is told of it.
    pub fn forget_instances(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn reach_key(scope: &Scope) -> ReachKey {
    match &scope.reach {
        Reach::Granted(viewer) => (Some(viewer.clone()), None, scope.labels),
        Reach::OwnedBy { viewer, owner } => (Some(viewer.clone()), Some(owner.clone()), scope.labels),
        Reach::Node => (None, None, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{Instance, org, scope, store};
    use crate::{Correction, Reason, ReasonCode, Storage, StorageConfig, StorageError};

    #[tokio::test]
    async fn what_was_looked_up_before_a_change_is_not_found_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path(), model::Limits::default());
        let storage = Storage::open(config).await.unwrap();
        let (town, one) = (scope("town"), Instance::default());
        store(&storage, "town", &one).await;
        let (study, series, sop) = (one.study_uid(), one.series_uid(), one.instance_uid());

        // A reader whose look-up began before the change, and who keeps what it found only after it.
        let generation = storage.inner.caches.generation();
        let found = storage.instance(&town, &study, &series, &sop).await.unwrap();
        let hide = Correction::Hide { study: study.clone(), series: vec![], instances: vec![sop.clone()] };
        let why = Reason { code: ReasonCode::Quality, text: "motion".into() };
        storage.correct(&town, &org("town"), hide, why).await.unwrap();
        let key = (reach_key(&town), study.clone(), series.clone(), sop.clone());
        storage.inner.caches.keep(generation, key, found);

        let gone = storage.instance(&town, &study, &series, &sop).await;
        assert_eq!(gone.map(|_| ()), Err(StorageError::NotFound));
        storage.close().await;
    }
}
