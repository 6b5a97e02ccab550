//! What a modality would be answered, for people who want to see it before they walk over to the modality.

use super::book::{OrderFilter, page};
use super::matching::Worklist;
use super::order::OrderState;
use model::Scope;
use serde_json::{Map, Value as Json};
use storage::{Storage, StorageError};

/// Orders of one look into the records.
const PAGE: u32 = 200;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The keys are no identifier; the text is the Error Comment that a modality would get.
    #[error("{0}")]
    BadKeys(&'static str),
    /// Storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a C-FIND of the Modality Worklist model (PS3.4 Annex K) with these keys, as DICOM JSON, is answered: DICOM JSON
/// objects, at most `rows_max`, and whether there are more.
///
/// # Errors
/// [`AskError`].
pub async fn ask(
    storage: &Storage,
    scope: &Scope,
    keys: &Map<String, Json>,
    rows_max: usize,
) -> Result<(Vec<Map<String, Json>>, bool), AskError> {
    let identifier =
        dataset::json::from_json(keys).map_err(|_| AskError::BadKeys("the keys are no DICOM JSON"))?;
    let worklist = Worklist::parse(&identifier).map_err(AskError::BadKeys)?;
    let (from, to) = worklist.days();
    let mut filter =
        OrderFilter { state: Some(OrderState::Scheduled), from, to, limit: PAGE, ..OrderFilter::default() };
    let mut rows = Vec::new();
    loop {
        let found = page(storage, scope, &filter).await?;
        for answer in found.orders.iter().filter_map(|order| worklist.answer(order)) {
            if rows.len() == rows_max {
                return Ok((rows, true));
            }
            rows.push(dataset::json::to_json(&answer, &|_| None));
        }
        if !found.more {
            return Ok((rows, false));
        }
        filter.offset = filter.offset.saturating_add(PAGE);
    }
}
