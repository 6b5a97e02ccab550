//! Values that may have been left in the object, and lookup tables (PS3.3 §C.11.1, §C.11.2).

use crate::dicomweb::problem::WebError;
use crate::transcode;
use bytes::Bytes;
use codec::Table;
use dataset::syntax::Encoding;
use dataset::{Dataset, Element, Tag, Value, tags};
use storage::{InstanceRef, Storage};

/// Bytes of a lookup table: 65536 entries of 16 bits.
pub const TABLE_BYTES_MAX: u64 = 1 << 17;

/// The bytes of a value, wherever they are; none when there are too many.
pub async fn value(
    storage: &Storage,
    instance: &InstanceRef,
    element: Option<&Element>,
    bytes_max: u64,
) -> Result<Option<Bytes>, WebError> {
    let (offset, length) = match element.map(|element| &element.value) {
        Some(Value::Bytes(bytes)) => return Ok(Some(bytes.clone())),
        Some(Value::Bulk { offset, length }) if *length <= bytes_max => (*offset, *length),
        _ => return Ok(None),
    };
    let mut source = transcode::Source::new(storage, instance);
    let (mut bytes, end) = (Vec::new(), offset.saturating_add(length));
    while (bytes.len() as u64) < length {
        bytes.extend_from_slice(&source.read(offset + bytes.len() as u64..end).await?);
    }
    let are_words = element.is_some_and(|element| element.vr == dataset::VR::OW);
    if are_words && instance.syntax().encoding() == Encoding::ExplicitBig {
        bytes.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    }
    Ok(Some(bytes.into()))
}

/// The numbers of a LUT Descriptor: entries, first value mapped, bits. The first value is signed if the pixels are, and
/// may have been read as unsigned (PS3.3 §C.11.1.1.1).
pub fn descriptor(dataset: &Dataset, tag: Tag) -> Option<(usize, i32, u16)> {
    let numbers = dataset.numbers(tag);
    let [entries, first, bits] = numbers.as_slice() else { return None };
    let entries = if *entries == 0.0 { 65536 } else { *entries as i64 };
    // Entries read as a signed number.
    let entries = if entries < 0 { entries + 65536 } else { entries };
    Some((usize::try_from(entries).ok()?, *first as i32, (*bits as u16).clamp(8, 16)))
}

/// A Modality, VOI or Presentation LUT: the first item of its sequence.
pub async fn table(
    storage: &Storage,
    instance: &InstanceRef,
    items: &[Dataset],
) -> Result<Option<Table>, WebError> {
    let Some(item) = items.first() else { return Ok(None) };
    let damaged = || WebError::Undecodable("its lookup table is damaged".into());
    let (count, first, bits) = descriptor(item, tags::LUT_DESCRIPTOR).ok_or_else(damaged)?;
    let bytes = value(storage, instance, item.get(tags::LUT_DATA), TABLE_BYTES_MAX).await?;
    let bytes = bytes.ok_or_else(damaged)?;
    let entries: Vec<u16> = if bytes.len() < count * 2 {
        bytes.iter().take(count).map(|byte| u16::from(*byte)).collect()
    } else {
        bytes.as_chunks::<2>().0.iter().take(count).map(|pair| u16::from_le_bytes(*pair)).collect()
    };
    if entries.len() < count { Err(damaged()) } else { Ok(Some(Table { first, entries, bits })) }
}
