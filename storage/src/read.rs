//! Reading what is kept. An [`InstanceRef`] exists only if the scope reached it, so reads through it need no more
//! proof.

use crate::{Storage, StorageError};
use bytes::Bytes;
use dataset::{PixelDescription, TransferSyntax};
use model::{OrgId, Scope, Sha256, Uid};
use std::ops::Range;
use std::sync::Arc;

/// An instance within reach.
#[derive(Debug, Clone)]
pub struct InstanceRef(pub(crate) Arc<InstanceRow>);

/// What the index knows of an instance.
#[derive(Debug, Clone)]
#[allow(dead_code)]
pub(crate) struct InstanceRow {
    pub id: i64,
    pub owner: OrgId,
    pub study: Uid,
    pub series: Uid,
    pub instance: Uid,
    pub sop_class: Uid,
    pub syntax: TransferSyntax,
    pub sha256: Sha256,
    pub head_length: u64,
    pub dataset_length: u64,
    pub pixels: Option<PixelDescription>,
    pub frame_count: u32,
}

impl InstanceRef {
    /// Owner organisation.
    #[must_use]
    pub fn owner(&self) -> &OrgId {
        &self.0.owner
    }
    /// Study Instance UID.
    #[must_use]
    pub fn study(&self) -> &Uid {
        &self.0.study
    }
    /// Series Instance UID.
    #[must_use]
    pub fn series(&self) -> &Uid {
        &self.0.series
    }
    /// SOP Instance UID.
    #[must_use]
    pub fn instance(&self) -> &Uid {
        &self.0.instance
    }
    /// SOP Class UID.
    #[must_use]
    pub fn sop_class(&self) -> &Uid {
        &self.0.sop_class
    }
    /// Transfer syntax that it is kept in.
    #[must_use]
    pub fn syntax(&self) -> &TransferSyntax {
        &self.0.syntax
    }
    /// SHA-256 of the data set's bytes as they arrived.
    #[must_use]
    pub fn sha256(&self) -> &Sha256 {
        &self.0.sha256
    }
    /// Image Pixel attributes; `None` without pixels.
    #[must_use]
    pub fn pixels(&self) -> Option<&PixelDescription> {
        self.0.pixels.as_ref()
    }
    /// Frames that can be read one by one.
    #[must_use]
    pub fn frame_count(&self) -> u32 {
        self.0.frame_count
    }
    /// Bytes of preamble and file meta information before the data set.
    #[must_use]
    pub fn head_length(&self) -> u64 {
        self.0.head_length
    }
    /// Bytes of the Part 10 file, head and data set.
    #[must_use]
    pub fn file_length(&self) -> u64 {
        self.0.head_length + self.0.dataset_length
    }
}

/// DICOM JSON metadata of one or more instances, as an array, ready to be sent.
#[derive(Debug, Clone)]
pub enum MetadataBody {
    /// One gzip stream (RFC 1952), put together from what ingest compressed.
    Gzip(Bytes),
    /// Plain text.
    Plain(Bytes),
}

/// Which form of metadata is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataForm {
    /// `Content-Encoding: gzip`.
    Gzip,
    /// Identity.
    Plain,
}

/// What people want to know of a study besides its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudySummary {
    /// Owner organisation.
    pub owner: OrgId,
    /// Study Instance UID.
    pub study: Uid,
    /// When its first instance arrived, Unix milliseconds.
    pub received_at_ms: i64,
}

impl Storage {
    /// The instances of a study, of one series, or one instance, in the order of series number, instance number, UID.
    /// The own organisation's study comes first when several visible organisations hold the same UID.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when nothing is within reach.
    pub async fn instances(
        &self,
        _scope: &Scope,
        _study: &Uid,
        _series: Option<&Uid>,
        _instance: Option<&Uid>,
    ) -> Result<Vec<InstanceRef>, StorageError> {
        todo!()
    }

    /// One instance; kept for some seconds in a small cache, so that frames and tiles do not query.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn instance(
        &self,
        _scope: &Scope,
        _study: &Uid,
        _series: &Uid,
        _instance: &Uid,
    ) -> Result<InstanceRef, StorageError> {
        todo!()
    }

    /// Metadata computed at ingest, of a study, one series or one instance.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn metadata(
        &self,
        _scope: &Scope,
        _study: &Uid,
        _series: Option<&Uid>,
        _instance: Option<&Uid>,
        _form: MetadataForm,
    ) -> Result<MetadataBody, StorageError> {
        todo!()
    }

    /// The bytes of one frame as stored, all its fragments joined, counted from 0. For a deflated data set the frame
    /// is inflated, bounded by the limits.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there is no such frame, [`StorageError::Corrupt`].
    pub async fn frame(&self, _instance: &InstanceRef, _frame: u32) -> Result<Bytes, StorageError> {
        todo!()
    }

    /// A range of the Part 10 file. Bytes in the page cache are read on the calling thread, others on a blocking one.
    /// At most 16 MiB at once; longer ranges are cut, so read on from there.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] outside the file, [`StorageError::Corrupt`].
    pub async fn read(&self, _instance: &InstanceRef, _range: Range<u64>) -> Result<Bytes, StorageError> {
        todo!()
    }

    /// Records that the caller looked at a study; calls within five minutes by the same actor make one audit row.
    pub fn note_read(&self, _scope: &Scope, _instance: &InstanceRef) {
        todo!()
    }
}
