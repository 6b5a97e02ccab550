//! Searching studies, series and instances within a scope.

use crate::{Storage, StorageError};
use model::{OrgId, Query, Scope};
use serde_json::{Map, Value as Json};

/// One row of an answer: DICOM JSON attributes of the row's level and of the levels above it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The organisation that owns it.
    pub owner: OrgId,
    /// DICOM JSON: every attribute of the level that is known (patient and study for a study; and series; and the
    /// whole instance without bulk), plus the maintained ones: ModalitiesInStudy (0008,0061), SOPClassesInStudy
    /// (0008,0062), NumberOfStudyRelatedSeries/Instances (0020,1206/1208), NumberOfSeriesRelatedInstances
    /// (0020,1209), InstanceAvailability ONLINE (0008,0056), and for an instance Rows, Columns, NumberOfFrames and
    /// (0008,3002) AvailableTransferSyntaxUID.
    pub attributes: Map<String, Json>,
    /// When the study, series or instance arrived first, Unix milliseconds.
    pub received_at_ms: i64,
    /// Whether an instance with the same UID and other content has been kept apart.
    pub has_conflict: bool,
}

/// Rows in a stable order.
#[derive(Debug, Clone)]
pub struct Page {
    /// At most `query.limit` rows.
    pub rows: Vec<Row>,
    /// Whether more match behind them.
    pub more: bool,
}

impl Storage {
    /// Searches. `query.limit` is capped by `Limits::query_rows_max`.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`]. No match is an empty page, never an error.
    pub async fn search(&self, _scope: &Scope, _query: &Query) -> Result<Page, StorageError> {
        todo!()
    }
}
