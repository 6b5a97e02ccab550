//! What is remembered for a while, all of it bounded. What another process changes shows within five seconds.

use crate::objects::FileName;
use crate::prepare::BulkPlaces;
use crate::read::InstanceRef;
use bytes::Bytes;
use model::{OrgId, Reach, Scope, Uid};
use moka::sync::Cache;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;

/// The caches of one storage.
pub(crate) struct Caches {
    /// By reach, study, series and instance: whoever asks with another reach is looked up anew.
    pub instances: Cache<InstanceKey, InstanceRef>,
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

/// The organisations of a reach, as a key.
type ReachKey = (Option<OrgId>, Option<OrgId>);
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
                .weigher(|_, instance: &InstanceRef| instance.0.weight())
                .time_to_live(Duration::from_secs(INSTANCE_SECONDS))
                .build(),
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

    /// Grants have changed, or something was corrected, hidden or deleted.
    pub fn forget_instances(&self) {
        self.instances.invalidate_all();
    }
}

pub(crate) fn reach_key(scope: &Scope) -> ReachKey {
    match &scope.reach {
        Reach::Granted(viewer) => (Some(viewer.clone()), None),
        Reach::OwnedBy { viewer, owner } => (Some(viewer.clone()), Some(owner.clone())),
        Reach::Node => (None, None),
    }
}
