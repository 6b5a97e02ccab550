//! SHA-256 of every frame of a slide, kept so that `slide check` finds a frame that is not what it was, also of a slide that
//! came as DICOM, which has no scanner's file to be compared with.
//!
//! One blob for each instance: 32 bytes for each frame, in order. They are made when an import proves a slide, or by the first
//! check of one that has none, once its frames are found to be what came. Nothing reads them to show a tile
//! (decision 23).

use crate::grade::blocking;
use crate::import::{Phase, Progress};
use crate::{Slide, SlideError, Slides};
use bytes::Bytes;
use model::{OrgId, Scope, Sha256, time_text};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256 as Hasher};
use std::collections::BTreeMap;
use storage::{Change, Expected, InstanceRef, Put, Storage, StorageError};
use time::OffsetDateTime;

/// Kind of the records that say which blobs hold a slide's hashes.
const KIND: &str = "slide_frame_hashes";
/// Bytes of a hash.
const HASH_BYTES: usize = 32;
/// Frames that are read and hashed together.
const FRAMES_PER_STEP: u32 = 64;

/// By the SHA-256 of an instance, the blob of its frames' hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct FrameHashes {
    instances: BTreeMap<Sha256, Sha256>,
}

/// What came of reading a slide's frames and hashing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FramesChecked {
    /// Frames whose SHA-256 was compared with the one that is kept.
    pub compared: u64,
    /// Of these, the ones that are equal.
    pub equal: u64,
    /// Frames whose SHA-256 is kept from now on.
    pub noted: u64,
}

/// Hashes of the frames of instances that a comparison with the scanner's file has just read.
#[derive(Debug, Default)]
pub(crate) struct JustRead {
    /// By the SHA-256 of the instance.
    pub hashes: BTreeMap<Sha256, Vec<u8>>,
    /// Whether all were equal to the file's, so that nothing else has to show that they are what came.
    pub are_what_came: bool,
}

/// The hashes of frames, one after another.
pub(crate) fn hashes_of(frames: &[Bytes]) -> Vec<u8> {
    frames.iter().flat_map(|frame| <[u8; HASH_BYTES]>::from(Hasher::digest(frame))).collect()
}

impl FrameHashes {
    /// Keeps the hashes of an instance's frames.
    pub async fn keep(
        &mut self,
        storage: &Storage,
        owner: &OrgId,
        instance: &InstanceRef,
        hashes: &[u8],
    ) -> Result<(), SlideError> {
        let blob = storage.put_blob(&Scope::node("slides"), owner, hashes).await?;
        self.instances.insert(*instance.sha256(), blob);
        Ok(())
    }

    /// The record of a slide.
    pub fn put(&self, slide: &Slide, expected: Expected) -> Result<Put, SlideError> {
        let body = serde_json::to_value(self)
            .map_err(|_| SlideError::Storage(StorageError::Corrupt("a slide's frame hashes")))?;
        Ok(Put {
            kind: KIND,
            id: slide.id.to_string(),
            expected,
            body,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: time_text::unix_ms(OffsetDateTime::now_utc()),
            visible_to: vec![slide.owner.clone()],
        })
    }
}

impl Slides {
    /// Compares the SHA-256 of every frame of these instances with the one that is kept; reads what was not `just_read`. Of
    /// instances that have none, they are kept from now on if they are what came: by the comparison with the scanner's file,
    /// or by the instance's own SHA-256.
    ///
    /// # Errors
    /// [`SlideError::Storage`]; [`StorageError::Corrupt`] of an instance that is not what came.
    pub(crate) async fn check_frames(
        &self,
        slide: &Slide,
        instances: &[InstanceRef],
        mut just_read: JustRead,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<FramesChecked, SlideError> {
        let node = Scope::node("slides");
        let (mut kept, expected) = match self.storage.record(&node, KIND, slide.id.as_str()).await {
            Err(StorageError::NotFound) => (FrameHashes::default(), Expected::Absent),
            Err(error) => return Err(error.into()),
            Ok(record) => {
                let kept = serde_json::from_value(record.body);
                let kept = kept.map_err(|_| StorageError::Corrupt("a slide's frame hashes"))?;
                (kept, Expected::Version(record.version))
            }
        };
        let total = instances.iter().map(|instance| u64::from(instance.frame_count())).sum();
        let (mut checked, mut done) = (FramesChecked::default(), 0);
        for instance in instances {
            let before = match kept.instances.get(instance.sha256()) {
                Some(blob) => match self.blob(&slide.owner, blob).await {
                    Err(SlideError::Storage(StorageError::NotFound)) => {
                        return Err(StorageError::Corrupt("a slide's frame hashes").into());
                    }
                    blob => Some(blob?),
                },
                None => None,
            };
            let compared = just_read.hashes.remove(instance.sha256());
            match (&before, &compared) {
                (None, None) => is_what_came(&self.storage, instance).await?,
                // The report says that tiles differ; which hashes would be right nobody knows.
                (None, Some(_)) if !just_read.are_what_came => continue,
                _ => {}
            }
            let hashes = match compared {
                Some(hashes) => hashes,
                None => {
                    let told =
                        |frames| progress(Progress { phase: Phase::Proving, done: done + frames, total });
                    hashes_of_instance(&self.storage, instance, &told).await?
                }
            };
            let frames = u64::from(instance.frame_count());
            done += frames;
            match before {
                Some(before) => {
                    let pairs = before.chunks(HASH_BYTES).zip(hashes.chunks(HASH_BYTES));
                    checked.compared += frames;
                    checked.equal += pairs.filter(|(before, now)| before == now).count() as u64;
                }
                None => {
                    kept.keep(&self.storage, &slide.owner, instance, &hashes).await?;
                    checked.noted += frames;
                }
            }
        }
        if checked.noted > 0 {
            let put = kept.put(slide, expected)?;
            match self.storage.apply(&node, Change { puts: vec![put], ..Change::default() }).await {
                // Another check was first: the same hashes are kept.
                Ok(()) | Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(checked)
    }

    /// A blob as a whole.
    pub(crate) async fn blob(&self, owner: &OrgId, name: &Sha256) -> Result<Vec<u8>, SlideError> {
        let length = self.storage.blob_length(owner, name).await?;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let piece = self.storage.read_blob(owner, name, bytes.len() as u64..length).await?;
            if piece.is_empty() {
                return Err(SlideError::Storage(StorageError::Corrupt("a blob that is shorter than it was")));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// The hashes of all frames of an instance.
pub(crate) async fn hashes_of_instance(
    storage: &Storage,
    instance: &InstanceRef,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Vec<u8>, SlideError> {
    let mut hashes = Vec::with_capacity(instance.frame_count() as usize * HASH_BYTES);
    let mut next = 0;
    while next < instance.frame_count() {
        let mut frames = Vec::new();
        let end = instance.frame_count().min(next.saturating_add(FRAMES_PER_STEP));
        let mut bytes = 0;
        while next < end && bytes < crate::grade::STEP_BYTES_MAX {
            let frame = storage.frame(instance, next).await?;
            bytes += frame.len();
            frames.push(frame);
            next += 1;
        }
        hashes.extend(blocking(move || Ok(hashes_of(&frames))).await?);
        progress(next.into());
    }
    Ok(hashes)
}

/// Refuses an instance whose data set has another SHA-256 than the one that it is kept under.
async fn is_what_came(storage: &Storage, instance: &InstanceRef) -> Result<(), SlideError> {
    let (mut at, end) = (instance.head_length(), instance.file_length());
    let mut hasher = Hasher::new();
    while at < end {
        let piece = storage.read(instance, at..end).await?;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        hasher = blocking(move || {
            hasher.update(&piece);
            Ok(hasher)
        })
        .await?;
    }
    let found: [u8; HASH_BYTES] = hasher.finalize().into();
    if found == instance.sha256().0 {
        Ok(())
    } else {
        Err(SlideError::Storage(StorageError::Corrupt("an instance is not what came")))
    }
}
