//! Patients across hospitals: which identities (a Patient ID of an owner and its issuer) are of one person.
//!
//! Nothing that was stored changes, and no person is kept anywhere: what is kept are pairs of identities, each linked, apart
//! or open, and every act that made them so. A person is what links connect, computed within a scope each time: whoever
//! sees no study of an identity learns neither of it nor through it.

mod decide;
mod facts;
mod read;
mod settle;

pub use facts::{Number, Sign};
pub use read::{IdentityView, PairAct, PairView, PersonLink, PersonStudy, PersonView};

use crate::{Change, Storage, StorageError};
use model::Scope;

/// A step that the committing writer takes as part of a [`Change`].
#[derive(Debug, Clone)]
pub enum PatientStep {
    /// Work out whose studies are that have come or changed, and what follows from that.
    Settle {
        /// At most so many.
        studies_max: i64,
    },
    /// Two are the same person, or are not.
    Decide {
        /// One identity.
        one: String,
        /// The other.
        other: String,
        /// Whether they are the same person.
        is_same: bool,
        /// The last act on the pair that whoever decides has seen; 0 without one.
        seen: i64,
        /// Why, in words; may be empty.
        reason: String,
    },
    /// Take a decision back: the pair is as it was before.
    Undo {
        /// Which act.
        act: i64,
        /// Why, in words; may be empty.
        reason: String,
    },
}

/// What is done to a pair; states with whether a person decided.
struct Act<'a> {
    kind: &'static str,
    before: (&'a str, bool),
    after: (&'a str, bool),
    undoes: i64,
    reason: &'a str,
}

const PLACE: &str = "telling patients apart";
/// Newest studies of an identity whose numbers count.
const STUDIES_COMPARED_MAX: i64 = 8;
/// Studies that are settled in one transaction.
const STUDIES_SETTLED_MAX: i64 = 32;
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// Two identities in the order in which pairs name them.
fn ordered<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    if one <= other { (one, other) } else { (other, one) }
}

/// Whether a text is an identity's name.
fn is_identity(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Storage {
    /// Works out whose the studies are that have come or changed since: a few of them. Whether more are left.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn settle_patients(&self) -> Result<bool, StorageError> {
        if !self.has_unsettled_studies().await? {
            return Ok(false);
        }
        let step = PatientStep::Settle { studies_max: STUDIES_SETTLED_MAX };
        self.apply(&Scope::node("patients"), Change { patients: vec![step], ..Change::default() }).await?;
        self.has_unsettled_studies().await
    }

    /// Decides about two identities that are both within the scope.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when one of them is not; [`StorageError::Conflict`] when somebody has decided since `seen`.
    pub async fn decide_patients(
        &self,
        scope: &Scope,
        (one, other): (&str, &str),
        is_same: bool,
        seen: i64,
        reason: &str,
    ) -> Result<(), StorageError> {
        if !is_identity(one) || !is_identity(other) {
            return Err(StorageError::NotFound);
        }
        let (one, other, reason) = (one.to_owned(), other.to_owned(), reason.to_owned());
        let step = PatientStep::Decide { one, other, is_same, seen, reason };
        self.apply(scope, Change { patients: vec![step], ..Change::default() }).await
    }

    /// Takes a decision back.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when one of the two is out of sight; [`StorageError::Conflict`] when it no longer stands.
    pub async fn undo_patients(&self, scope: &Scope, act: i64, reason: &str) -> Result<(), StorageError> {
        let step = PatientStep::Undo { act, reason: reason.to_owned() };
        self.apply(scope, Change { patients: vec![step], ..Change::default() }).await
    }
}
