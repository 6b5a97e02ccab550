//! Fuzz targets of DICOMweb.

use super::accept;
use super::media;
use super::parts::Parts;
use super::qidors;
use super::routes::pairs;
use super::stow_metadata::metadata_of;
use super::stowrs::MetadataText;
use crate::fuzzing::run;
use axum::body::Body;
use bytes::Bytes;
use dataset::TransferSyntax;
use futures_util::{StreamExt as _, stream};
use model::{Level, Limits};

/// A `multipart/related` body with the boundary `x`: the first byte is the length of the pieces that it comes in.
///
/// # Panics
/// When pieces matter to a body that is whole.
pub fn multipart(input: &[u8]) {
    let Some((piece, bytes)) = input.split_first() else { return };
    let whole = parts(bytes, bytes.len().max(1));
    let pieces = parts(bytes, usize::from(*piece) + 1);
    assert_eq!(whole.is_some(), pieces.is_some(), "pieces");
    assert_eq!(whole, pieces);
    for (content_type, bytes) in whole.iter().flatten() {
        let _ = accept::parse(content_type);
        let Ok(text) = std::str::from_utf8(bytes) else { continue };
        let _ = metadata_of(text, MetadataText::Json);
        let _ = metadata_of(text, MetadataText::Xml);
    }
}

/// Content-Type and bytes of each part; `None` for a body that is broken.
fn parts(bytes: &[u8], piece: usize) -> Option<Vec<(String, Vec<u8>)>> {
    let pieces: Vec<_> = bytes.chunks(piece).map(Bytes::copy_from_slice).map(Ok::<_, axum::Error>).collect();
    run(async {
        let mut parts = Parts::new(Body::from_stream(stream::iter(pieces)), "x");
        let mut all = Vec::new();
        while let Some(mut part) = parts.next().await.ok()? {
            let mut bytes = Vec::new();
            while let Some(chunk) = part.bytes.next().await {
                bytes.extend_from_slice(&chunk.ok()?);
            }
            all.push((part.content_type, bytes));
        }
        Some(all)
    })
}

/// The query string of a search, at each level.
///
/// # Panics
/// When limits are exceeded.
pub fn query(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let limits = Limits::default();
    for (level, above) in [
        (Level::Study, None),
        (Level::Series, Some(Level::Study)),
        (Level::Instance, None),
        (Level::Instance, Some(Level::Series)),
    ] {
        if let Ok(search) = qidors::parse(&pairs(Some(text)), level, above, &limits) {
            assert!(search.query.limit <= limits.query_rows_max);
            assert!(search.query.filters.len() <= qidors::KEYS_MAX);
        }
    }
}

/// An Accept list.
///
/// # Panics
/// When a weight is none, or the form that is chosen is neither stored nor to be had.
pub fn accept(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let ranges = accept::accepted(&http::HeaderMap::new(), Some(text));
    assert!(ranges.iter().all(|range| range.q > 0.0 && range.q <= 1.0), "{ranges:?}");
    assert!(ranges.is_sorted_by(|a, b| a.q >= b.q));
    for stored in [TransferSyntax::EXPLICIT_LITTLE, TransferSyntax::JPEG_BASELINE, TransferSyntax::RLE] {
        let stored = TransferSyntax::parse(stored).expect("a constant UID");
        if let Some(form) = media::choose(&stored, &ranges, &|_| false) {
            assert_eq!(form.transfer_syntax.as_str(), stored.as_str());
        }
    }
}
