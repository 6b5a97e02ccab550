//! The places of the values that a BulkDataURI stands for.

use super::{BulkPath, bulk_path_text};
use crate::{Dataset, Element, Tag, Value};
use std::slice::Iter;

/// Every value that stays in the object: its path as [`bulk_path_text`] writes it, its offset in the data set, and its
/// length in bytes, in the order of the data set. Empty values are none.
#[must_use]
pub fn bulk_places(dataset: &Dataset) -> Vec<(String, u64, u64)> {
    let mut places = Vec::new();
    let mut parents: Vec<(Tag, u32)> = Vec::new();
    // What is to come at each level; the sequence that leads below, and its items to come, stand beside the level below.
    let mut open: Vec<(Iter<'_, Element>, Iter<'_, Dataset>)> = vec![(dataset.elements().iter(), [].iter())];
    while let Some((elements, items)) = open.last_mut() {
        let Some(Element { tag, value, .. }) = elements.next() else {
            if let (Some(item), Some((_, number))) = (items.next(), parents.last_mut()) {
                *number = number.saturating_add(1);
                *elements = item.elements().iter();
            } else {
                open.pop();
                parents.pop();
            }
            continue;
        };
        match value {
            Value::Bulk { offset, length } if *length > 0 => {
                let path = bulk_path_text(&BulkPath { parents: &parents, tag: *tag });
                places.push((path, *offset, *length));
            }
            Value::Items(items) => {
                parents.push((*tag, 0));
                open.push(([].iter(), items.iter()));
            }
            Value::Bulk { .. } | Value::Bytes(_) => {}
        }
    }
    places
}
