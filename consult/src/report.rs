//! The report: what the reader writes, and the canonical bytes (RFC 8785) that are displayed, printed and signed.

use model::{Sha256, Uid};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What the reader writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportDraft {
    /// 影像所见 / 镜下所见
    pub findings: String,
    /// 诊断意见
    pub diagnosis: String,
    /// 建议
    pub recommendation: String,
    /// Identifier of the text template that was used.
    pub template: Option<String>,
    /// SOP Instance UIDs that were displayed.
    pub displayed: Vec<Uid>,
}

/// The report as it would be signed now.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// SHA-256 of `bytes`; goes with the signature request.
    pub canonical_sha256: Sha256,
    /// The canonical JSON as a value, for display.
    pub canonical: Json,
    /// The canonical JSON, exactly as it will be signed.
    pub bytes: Vec<u8>,
    /// Fields that must be filled before it can be signed: `findings`, `diagnosis`.
    pub missing: Vec<&'static str>,
}
