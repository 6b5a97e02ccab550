//! Looking at strangers' instances may end the process (memory is taken, and the kernel decides). So each look is counted
//! before it begins, where the next process finds it: what has ended three of them is left alone, and the node goes on.

use crate::{SlideError, Slides};
use model::{Scope, time_text};
use std::collections::HashSet;
use storage::{Change, Expected, Put, StorageError};
use time::OffsetDateTime;

/// Kind of the records that count how often a node began to look at a study and did not end.
const ATTEMPT: &str = "slide_attempt";
/// Starts of a node that may look at a study: what ended three of them would end the fourth.
const ATTEMPTS_MAX: u64 = 3;

impl Slides {
    /// Counts, before a study is looked at, that this process begins: should it be ended by it, the next one knows.
    pub(crate) async fn may_try(&self, tried: &mut HashSet<String>, id: String) -> Result<bool, SlideError> {
        if tried.contains(&id) {
            return Ok(true);
        }
        let node = Scope::node("slides");
        let begun = match self.storage.record(&node, ATTEMPT, &id).await {
            Ok(record) => record.body.get("begun").and_then(serde_json::Value::as_u64).unwrap_or(0),
            Err(StorageError::NotFound) => 0,
            Err(error) => return Err(error.into()),
        };
        let put = Put {
            kind: ATTEMPT,
            id: id.clone(),
            expected: Expected::Anything,
            body: serde_json::json!({"begun": begun + 1}),
            keys: Vec::new(),
            unique: Vec::new(),
            sort: time_text::unix_ms(OffsetDateTime::now_utc()),
            visible_to: Vec::new(),
        };
        let may = begun < ATTEMPTS_MAX;
        if may {
            self.storage.apply(&node, Change { puts: vec![put], ..Change::default() }).await?;
        }
        tried.insert(id);
        Ok(may)
    }

    /// Forgets the count: the study has been looked at, or given up, and what arrives later counts anew.
    pub(crate) async fn end_try(&self, id: String) -> Result<(), SlideError> {
        let change = Change { removes: vec![(ATTEMPT, id)], ..Change::default() };
        match self.storage.apply(&Scope::node("slides"), change).await {
            // Another node forgot it first.
            Ok(()) | Err(StorageError::NotFound | StorageError::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::{Storage, StorageConfig};

    #[tokio::test]
    async fn what_has_ended_the_node_three_times_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path().join("data"), model::Limits::default());
        let slides = Slides::new(Storage::open(config).await.unwrap());
        let id = || "org/1.2.3".to_owned();
        for life in 0..ATTEMPTS_MAX {
            let mut tried = HashSet::new();
            // As often as it likes within one life: storage may be away for a while.
            for _ in 0..5 {
                assert!(slides.may_try(&mut tried, id()).await.unwrap(), "{life}");
            }
            assert!(slides.may_try(&mut tried, "org/1.2.4".to_owned()).await.unwrap(), "another study");
            slides.end_try("org/1.2.4".to_owned()).await.unwrap();
        }
        let mut tried = HashSet::new();
        assert!(!slides.may_try(&mut tried, id()).await.unwrap());
        assert!(tried.contains(&id()), "so that its count ends with the cursor's move");
        slides.end_try(id()).await.unwrap();
        slides.end_try(id()).await.unwrap();
        assert!(slides.may_try(&mut HashSet::new(), id()).await.unwrap(), "what arrives later counts anew");
    }
}
