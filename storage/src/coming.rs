//! Whether a study is still arriving: when its last instance came, and whether one that is too large for memory is on its
//! way. A small one is over sooner than anybody could ask.

use crate::db::{at, sql};
use crate::{Storage, StorageError};
use model::{OrgId, Uid};
use sqlx::Row as _;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Owner and Study Instance UID.
type Whose = (OrgId, Uid);

/// Large instances that arrive now, by their study.
#[derive(Debug, Default)]
pub(crate) struct Coming(Mutex<HashMap<Whose, usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct OnItsWay {
    all: Arc<Coming>,
    whose: Whose,
}

impl Coming {
    pub(crate) fn begin(self: &Arc<Self>, owner: &OrgId, study: Uid) -> OnItsWay {
        let whose = (owner.clone(), study);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(whose.clone()).or_default() += 1;
        OnItsWay { all: self.clone(), whose }
    }

    fn has(&self, whose: &Whose) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(whose)
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = all.get(&self.whose).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            all.remove(&self.whose);
        } else {
            all.insert(self.whose.clone(), left);
        }
    }
}

/// How far a study has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StudyArrival {
    /// When its last instance came, Unix milliseconds; `None` while there is none.
    pub last_ms: Option<i64>,
    /// Whether bytes of a large instance of it arrive now, by way of this process.
    pub is_coming: bool,
}

const PLACE: &str = "when a study arrived";

impl Storage {
    /// How far a study of this owner has arrived.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn study_arrival(&self, owner: &OrgId, study: &Uid) -> Result<StudyArrival, StorageError> {
        let text = "SELECT MAX(i.received_at_ms) FROM study s JOIN instance i ON i.study_id = s.id \
                    WHERE s.owner = $1 AND s.study_uid = $2";
        let row = sqlx::query(sql(text.to_owned()))
            .bind(owner.as_str())
            .bind(study.as_str())
            .fetch_one(&self.inner.db.readers)
            .await
            .map_err(at(PLACE))?;
        let last_ms = row.try_get::<Option<i64>, _>(0).map_err(at(PLACE))?;
        let is_coming = self.inner.coming.has(&(owner.clone(), study.clone()));
        Ok(StudyArrival { last_ms, is_coming })
    }
}
