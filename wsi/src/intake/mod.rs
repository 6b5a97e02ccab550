//! How files come in that are too large, or lines too poor, for one request: they arrive in pieces, are checked against the
//! SHA-256 that their sender has computed, and are brought in by a job that survives a restart, by the same path as
//! `farsight import`. Slides become slides; DICOM files become instances.
//!
//! `upload` is the side of whoever sends, `worker` does the jobs, `bring` tells what a file is.

pub mod bring;
mod of_study;
mod record;
pub mod upload;
mod worker;
#[cfg(test)]
mod worker_tests;

pub use bring::{Brought, Refusal, Why};
pub use of_study::OfStudy;
pub use record::{State, Upload};
pub use upload::{Finish, IntakeError, NewUpload, Receiving};

pub(crate) use upload::reserve;

use crate::Slides;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use storage::Storage;
use tokio::sync::Notify;
use uuid::Uuid;

/// Files that arrive. Cheap to clone; clones share who is writing what.
#[derive(Clone)]
pub struct Intake {
    storage: Storage,
    slides: Slides,
    settings: Arc<Settings>,
    /// Who writes which file now: told when somebody else wants to.
    writers: Arc<Mutex<HashMap<Uuid, Arc<Notify>>>>,
    /// New uploads are counted one after the other.
    creating: Arc<tokio::sync::Mutex<()>>,
    /// Something is to be done.
    work: Arc<Notify>,
}

/// What is configured for all files that arrive.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How names of files are to be read ([`crate::NamePattern`]).
    pub name_pattern: Option<String>,
    /// How barcodes on labels are to be read.
    pub barcode_pattern: Option<String>,
}

impl Intake {
    /// Over a storage; `slides` is the one that others use, so that they see at once what has changed.
    #[must_use]
    pub fn new(storage: Storage, slides: Slides, settings: Settings) -> Self {
        Self {
            storage,
            slides,
            settings: Arc::new(settings),
            writers: Arc::default(),
            creating: Arc::default(),
            work: Arc::default(),
        }
    }

    /// How names and barcodes are read.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
