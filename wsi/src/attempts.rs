//! Looking at strangers' instances may end the process (memory is taken, and the kernel decides). So each look is counted
//! before it begins, where the next process finds it: what has ended three of them is left alone, and the node goes on.

use crate::{SlideError, Slides};
use model::{OrgId, Scope, Uid, time_text};
use std::collections::HashMap;
use storage::{Change, Expected, Put, RecordQuery, StorageError};
use time::OffsetDateTime;

/// Kind of the records that count how often a node began to look at a study and did not end.
const ATTEMPT: &str = "slide_attempt";
/// Starts of a node that may look at a study: what ended three of them would end the fourth.
const ATTEMPTS_MAX: u64 = 3;

impl Slides {
    /// Counts, before a study is looked at, that this process begins: should it be ended by it, the next one knows.
    pub(crate) async fn may_try(
        &self,
        tried: &mut HashMap<String, bool>,
        id: String,
    ) -> Result<bool, SlideError> {
        if let Some(may) = tried.get(&id) {
            return Ok(*may);
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
        tried.insert(id, may);
        Ok(may)
    }

    /// Studies that a process began with and did not end.
    pub(crate) async fn begun_before(&self) -> Result<Vec<(OrgId, Uid)>, SlideError> {
        let records = self.storage.records(&Scope::node("slides"), &RecordQuery::new(ATTEMPT)).await?;
        let study = |id: &str| {
            let (owner, study) = id.split_once('/')?;
            OrgId::parse(owner).ok().zip(Uid::parse(study).ok())
        };
        Ok(records.iter().filter_map(|record| study(&record.id)).collect())
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
            let mut tried = HashMap::new();
            // As often as it likes within one life: storage may be away for a while.
            for _ in 0..5 {
                assert!(slides.may_try(&mut tried, id()).await.unwrap(), "{life}");
            }
            assert!(slides.may_try(&mut tried, "org/1.2.4".to_owned()).await.unwrap(), "another study");
            slides.end_try("org/1.2.4".to_owned()).await.unwrap();
        }
        let mut tried = HashMap::new();
        let begun: Vec<_> =
            slides.begun_before().await.unwrap().iter().map(|(o, s)| format!("{o}/{s}")).collect();
        assert_eq!(begun, [id()], "the next process finds it");
        assert!(!slides.may_try(&mut tried, id()).await.unwrap());
        assert!(!slides.may_try(&mut tried, id()).await.unwrap(), "however often it is asked");
        slides.end_try(id()).await.unwrap();
        slides.end_try(id()).await.unwrap();
        assert!(slides.may_try(&mut HashMap::new(), id()).await.unwrap(), "what arrives later counts anew");
    }
}
