//! What was made of stored frames: kept up to so many bytes, made once however many ask for it at once, and by no more
//! at a time than the machine has processors.

use crate::SlideError;
use bytes::Bytes;
use model::Limits;
use moka::future::Cache;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use storage::StorageError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What an entry takes beside its key and its bytes.
const ENTRY_BYTES: usize = 160;
/// The longest that a request waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// The right to decode; held until the pixels are no longer needed.
pub(crate) struct Seat(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// How much work a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// A few tiles: what a viewer asks for by the dozen.
    Small,
    /// Many: never so many at once that small ones find no place.
    Large,
}

/// How often something was asked for and made, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Pictures that were made.
    pub made: u64,
    /// Stored frames that were decoded for them.
    pub frames_decoded: u64,
    /// Bytes that are kept.
    pub bytes_kept: u64,
}

#[derive(Clone)]
pub(crate) struct Derived {
    kept: Cache<String, Bytes>,
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    made: Arc<AtomicU64>,
    decoded: Arc<AtomicU64>,
}

impl Derived {
    pub fn new(limits: &Limits) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, |count| count.get().max(2));
        let weight = |key: &String, value: &Bytes| {
            u32::try_from(key.len() + value.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        Self {
            kept: Cache::builder().max_capacity(limits.derived_bytes_max).weigher(weight).build(),
            small: Arc::new(Semaphore::new(processors)),
            large: Arc::new(Semaphore::new(processors / 2)),
            made: Arc::default(),
            decoded: Arc::default(),
        }
    }

    /// What is kept under a key, or else made now. The key names the content that it is made of (by its SHA-256) and all
    /// that is done to it. Of many who ask at once one makes it and the others wait; if that one goes away, the next does.
    pub async fn get(
        &self,
        key: String,
        make: impl Future<Output = Result<Bytes, SlideError>>,
    ) -> Result<Bytes, SlideError> {
        let counted = async {
            self.made.fetch_add(1, Ordering::Relaxed);
            make.await
        };
        self.kept.try_get_with(key, counted).await.map_err(|error| SlideError::clone(&error))
    }

    /// Makes something that is too large to be kept.
    pub async fn make(
        &self,
        make: impl Future<Output = Result<Bytes, SlideError>>,
    ) -> Result<Bytes, SlideError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        make.await
    }

    /// Waits for a seat. Take it before frames are read, so that who waits holds nothing.
    pub async fn seat(&self, work: Work) -> Result<Seat, SlideError> {
        let seats = match work {
            Work::Small => &self.small,
            Work::Large => &self.large,
        };
        let busy = || StorageError::Unavailable("too many pictures are being made".to_owned());
        let seat = tokio::time::timeout(WAIT_MAX, seats.clone().acquire_owned()).await;
        Ok(Seat(seat.map_err(|_| busy())?.map_err(|_| busy())?))
    }

    pub fn note_decoded(&self, frames: usize) {
        self.decoded.fetch_add(frames as u64, Ordering::Relaxed);
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        Counts {
            made: self.made.load(Ordering::Relaxed),
            frames_decoded: self.decoded.load(Ordering::Relaxed),
            bytes_kept: self.kept.weighted_size(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(bytes: u64) -> Derived {
        Derived::new(&Limits { derived_bytes_max: bytes, ..Limits::default() })
    }

    #[tokio::test]
    async fn a_hundred_who_ask_at_once_have_it_made_once() {
        let derived = derived(1 << 20);
        let (start, _) = tokio::sync::broadcast::channel::<()>(1);
        let asked = (0..100).map(|_| {
            let (derived, mut started) = (derived.clone(), start.subscribe());
            tokio::spawn(async move {
                let _ = started.recv().await;
                let slow = async {
                    tokio::task::yield_now().await;
                    Ok(Bytes::from_static(b"tile"))
                };
                derived.get("a".to_owned(), slow).await
            })
        });
        let asked: Vec<_> = asked.collect();
        start.send(()).unwrap();
        for one in asked {
            assert_eq!(one.await.unwrap().unwrap(), "tile");
        }
        assert_eq!(derived.counts().made, 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let derived = derived(1 << 20);
        let failing = async { Err(SlideError::Damaged("no tile")) };
        assert_eq!(derived.get("a".into(), failing).await, Err(SlideError::Damaged("no tile")));
        let good = async { Ok(Bytes::from_static(b"tile")) };
        assert_eq!(derived.get("a".into(), good).await.unwrap(), "tile");
    }

    #[tokio::test]
    async fn no_more_is_kept_than_is_allowed() {
        let derived = derived(100_000);
        for number in 0..100 {
            let made = async { Ok(Bytes::from(vec![0; 10_000])) };
            derived.get(number.to_string(), made).await.unwrap();
        }
        derived.kept.run_pending_tasks().await;
        let kept = derived.counts().bytes_kept;
        assert!((1..=100_000).contains(&kept), "{kept}");
    }
}
