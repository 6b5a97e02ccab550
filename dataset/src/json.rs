//! The DICOM JSON Model (PS3.18 Annex F), both ways, with bulk data by reference.

use crate::{Dataset, Refused, Tag};
use serde_json::{Map, Value as Json};

/// Where in the data set a bulk value is: the tags and 1-based item numbers that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkPath<'a> {
    /// `(sequence, item number)` from the outside in; empty at the top level.
    pub parents: &'a [(Tag, u32)],
    /// The element.
    pub tag: Tag,
}

/// A data set as a DICOM JSON object: keys are 8 upper-case hexadecimal digits, ascending. `bulk_uri` names a bulk
/// value, or `None` to leave the element out.
#[must_use]
pub fn to_json(_dataset: &Dataset, _bulk_uri: &dyn Fn(&BulkPath<'_>) -> Option<String>) -> Map<String, Json> {
    todo!()
}

/// A data set from a DICOM JSON object, encoded in UTF-8; BulkDataURI elements are left out.
///
/// # Errors
/// [`Refused`] for keys that are no tags, values that do not fit their VR, or nesting over 64.
pub fn from_json(_object: &Map<String, Json>) -> Result<Dataset, Refused> {
    todo!()
}

/// The text of a path, as it stands in a BulkDataURI: `7FE00010` or `00480105/1/00282000`.
#[must_use]
pub fn bulk_path_text(_path: &BulkPath<'_>) -> String {
    todo!()
}
