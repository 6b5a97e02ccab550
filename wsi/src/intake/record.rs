//! An upload as it is kept.

use crate::intake::Refusal;
use crate::{Particulars, SlideError};
use model::{Actor, OrgId, Sha256, SlideId, Uid};
use serde::{Deserialize, Serialize};
use storage::{Expected, Put, StorageError};
use uuid::Uuid;

/// Kind of the records.
pub(super) const KIND: &str = "upload";

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum State {
    /// Bytes are arriving, or the sender has not said yet that it is done.
    Receiving,
    /// Waits for its turn, or is read and compared with its SHA-256.
    Checking,
    /// Is being brought in.
    Importing,
    /// Put off: the node lacks something; it goes on by itself.
    Waiting {
        /// What is lacking.
        refusal: Refusal,
    },
    /// Is there.
    Ready {
        /// The slide, if it is one.
        slide: Option<SlideId>,
        /// Study Instance UID.
        study: Uid,
        /// `imported`, `already_there`, `contradicted`, `stored` or `kept_apart`.
        outcome: String,
    },
    /// Was not taken.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

impl State {
    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Ready { .. } | Self::Refused { .. })
    }

    /// Whether what has arrived is of no use any more.
    #[must_use]
    pub fn is_done_with_file(&self) -> bool {
        match self {
            Self::Ready { .. } => true,
            Self::Refused { refusal } => !refusal.keeps_file(),
            _ => false,
        }
    }

    /// Whether the sender may say that it is done: for the first time, or again after what says nothing of the file.
    pub(super) fn may_finish(&self) -> bool {
        *self == Self::Receiving || (self.is_over() && !self.is_done_with_file())
    }
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// Its identifier.
    pub id: Uuid,
    /// For whom.
    pub owner: OrgId,
    /// By whom; only they go on with it.
    pub by: Actor,
    /// The file's name.
    pub name: String,
    /// Bytes in all.
    pub bytes: u64,
    /// What the sender recognises its file by.
    pub fingerprint: String,
    /// What its SHA-256 has to be, when the sender has said so.
    pub sha256: Option<Sha256>,
    /// Whose it is, as far as the sender says.
    pub of: Particulars,
    /// The sender has been asked whose it is, and does not know.
    #[serde(default)]
    pub is_unknown: bool,
    /// Study Description that the sender gives.
    pub description: Option<String>,
    /// How far it is.
    pub state: State,
    /// Of being brought in, from 0 to 100.
    pub percent: u8,
    /// When it began, Unix milliseconds.
    pub created_at_ms: i64,
}

impl Upload {
    /// What its owner finds it by.
    pub(super) fn actor_key(actor: &Actor) -> String {
        crate::actor_text(actor)
    }

    pub(super) fn put(&self, expected: Expected) -> Result<Put, StorageError> {
        let unfinished = (!self.state.is_over()).then(|| ("unfinished", self.owner.to_string()));
        Ok(Put {
            kind: KIND,
            id: self.id.to_string(),
            expected,
            body: serde_json::to_value(self).map_err(|_| StorageError::Corrupt("an upload"))?,
            keys: unfinished.into_iter().chain([("by", Self::actor_key(&self.by))]).collect(),
            unique: Vec::new(),
            sort: self.created_at_ms,
            visible_to: vec![self.owner.clone()],
        })
    }

    pub(super) fn parse(body: serde_json::Value) -> Result<Self, SlideError> {
        serde_json::from_value(body).map_err(|_| SlideError::Storage(StorageError::Corrupt("an upload")))
    }
}
