//! The DICOM JSON Model (PS3.18 Annex F), both ways, with bulk data by reference.

mod bulk;
mod read;
mod write;

pub use bulk::bulk_places;
pub use read::Place;

use crate::{Dataset, Refused, Tag, dictionary};
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
/// value, or `None` to leave the element out. (0008,0005) says ISO_IR 192, as JSON is UTF-8.
#[must_use]
pub fn to_json(dataset: &Dataset, bulk_uri: &dyn Fn(&BulkPath<'_>) -> Option<String>) -> Map<String, Json> {
    write::to_json(dataset, bulk_uri)
}

/// The text of [`to_json`], without the tree in between: several times faster, for metadata that is kept as text.
#[must_use]
pub fn to_json_text(dataset: &Dataset, bulk_uri: &dyn Fn(&BulkPath<'_>) -> Option<String>) -> String {
    write::to_text(dataset, bulk_uri)
}

/// A data set from a DICOM JSON object, encoded in UTF-8; BulkDataURI elements are left out.
///
/// Clients vary: a single value need not be in an array, `vr` may be absent for a standard attribute, numbers may be
/// strings and names may be plain text.
///
/// # Errors
/// [`Refused`] for keys that are no tags, values that do not fit their VR, or nesting over 64.
pub fn from_json(object: &Map<String, Json>) -> Result<Dataset, Refused> {
    read::from_json(object, &|_| Place::LeftOut)
}

/// The same with bulk data: `place_of` says where the value of a BulkDataURI is, as [`crate::Value::Bulk`] will.
///
/// # Errors
/// As [`from_json`], and [`Refused::Malformed`] when a value is missing.
pub fn from_json_with_bulk(
    object: &Map<String, Json>,
    place_of: &dyn Fn(&str) -> Place,
) -> Result<Dataset, Refused> {
    read::from_json(object, place_of)
}

/// The text of a path, as it stands in a BulkDataURI: `7FE00010` or `00480105/1/00282000`.
#[must_use]
pub fn bulk_path_text(path: &BulkPath<'_>) -> String {
    let mut text = String::with_capacity(8 + 12 * path.parents.len());
    for (tag, item) in path.parents {
        text.push_str(&dictionary::hex_of(*tag));
        text.push('/');
        text.push_str(&item.to_string());
        text.push('/');
    }
    text.push_str(&dictionary::hex_of(path.tag));
    text
}

/// The reverse of [`bulk_path_text`]: the parents and the tag; `None` when the text is no such path.
#[must_use]
pub fn parse_bulk_path(text: &str) -> Option<(Vec<(Tag, u32)>, Tag)> {
    let mut parents = Vec::new();
    let mut parts = text.split('/');
    loop {
        let tag = dictionary::tag_of_hex(parts.next()?)?;
        match parts.next() {
            None => return Some((parents, tag)),
            Some(item) => parents.push((tag, item.parse().ok().filter(|&item| item > 0)?)),
        }
    }
}

/// The element that a path leads to.
#[must_use]
pub fn element_at<'a>(dataset: &'a Dataset, path: &BulkPath<'_>) -> Option<&'a crate::Element> {
    let mut inner = dataset;
    for (tag, item) in path.parents {
        inner = inner.items(*tag).get(usize::try_from(*item).ok()?.checked_sub(1)?)?;
    }
    inner.get(path.tag)
}

#[cfg(test)]
mod tests;
