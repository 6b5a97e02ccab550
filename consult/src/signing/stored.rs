//! The signed report as it is kept.

use crate::record::Consult;
use crate::verify::Brought;
use crate::{ConsultError, cms};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{ConsultId, OrgId, Sha256};
use serde::{Deserialize, Serialize};
use storage::{Expected, Put, Record};

/// Record kind of signed reports.
pub const KIND: &str = "report";

/// A signed report as it is kept. Everything binary is base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredReport {
    pub consult: ConsultId,
    pub version: u32,
    pub canonical: String,
    pub reader: String,
    pub reviewer: Option<String>,
    /// The page is a blob of the reading organisation.
    pub pdf_owner: OrgId,
    pub pdf_sha256: Sha256,
    /// Whether a signature waits for its time stamp.
    #[serde(default)]
    pub pending_time_stamp: bool,
}

impl StoredReport {
    pub fn of(record: &Record) -> Result<Self, ConsultError> {
        serde_json::from_value(record.body.clone()).map_err(|_| damaged())
    }

    /// The canonical JSON.
    pub fn canonical(&self) -> Result<Vec<u8>, ConsultError> {
        decode(&self.canonical)
    }

    /// Both detached signatures as they are brought to be judged.
    pub fn brought(&self) -> Result<Brought, ConsultError> {
        let mut signatures = vec![decode(&self.reader)?];
        if let Some(reviewer) = &self.reviewer {
            signatures.push(decode(reviewer)?);
        }
        Ok(Brought { canonical: self.canonical()?, signatures, page: None, pictures: Vec::new() })
    }

    /// As a record, seen by the requesting side only when the report is released.
    pub fn put(&self, consult: &Consult, id: String, expected: Expected) -> Result<Put, ConsultError> {
        let mut visible_to = vec![consult.reading.id.clone()];
        if consult.state.is_released() && consult.requesting.id != consult.reading.id {
            visible_to.push(consult.requesting.id.clone());
        }
        let sha256 = cms::sha256(&self.canonical()?);
        Ok(Put {
            kind: KIND,
            id,
            expected,
            body: serde_json::to_value(self).map_err(|_| ConsultError::Failed("the report has no JSON"))?,
            keys: vec![("consult", consult.id.to_string()), ("sha256", sha256.to_string())],
            unique: Vec::new(),
            sort: 0,
            visible_to,
        })
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Result<Vec<u8>, ConsultError> {
    BASE64.decode(text).map_err(|_| damaged())
}

pub(crate) fn damaged() -> ConsultError {
    ConsultError::Failed("the signed report is damaged")
}
