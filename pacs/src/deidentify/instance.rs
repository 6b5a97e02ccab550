//! One instance, de-identified: a new head and front, then its pixels as they are kept.

use bytes::Bytes;
use dataset::deidentify::{Deidentifier, Pixels};
use dataset::{Refused, TransferSyntax, part10};
use model::Uid;
use std::collections::VecDeque;
use std::io::Read as _;
use storage::{Handout, InstanceRef, Storage, StorageError};

/// Bytes of a data set that are read first to find what is in front of its pixels, and at most.
const PREFIX_BYTES: u64 = 256 << 10;
const PREFIX_BYTES_MAX: u64 = 64 << 20;

/// An instance whose front has been written.
pub(super) struct Opened {
    /// What is here already.
    here: VecDeque<Bytes>,
    rest: Option<Rest>,
}

/// Where the pixels come from: the object, from this byte of its file on.
struct Rest {
    handout: Box<Handout>,
    at: u64,
    pixels: Pixels,
}

/// Opens an instance.
///
/// # Errors
/// [`StorageError::Refused`] when it cannot be de-identified.
pub(super) async fn open(
    storage: &Storage,
    instance: &InstanceRef,
    deidentifier: &Deidentifier,
) -> Result<Opened, StorageError> {
    let handout = storage.handout(instance).await?;
    let uid = Uid::parse(&deidentifier.uid(instance.instance().as_str()))
        .map_err(|_| StorageError::Corrupt("a UID"))?;
    if instance.syntax().as_str() == TransferSyntax::DEFLATED {
        return inflated(storage, instance, &handout, deidentifier, &uid).await;
    }
    let length = handout.file_length() - handout.head_length();
    let mut wanted = PREFIX_BYTES;
    loop {
        let prefix = read_all(storage, &handout, wanted.min(length)).await?;
        let (syntax, by) = (instance.syntax().clone(), deidentifier.clone());
        let work = move || by.front(&syntax, &prefix, length);
        let found = tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| StorageError::Unavailable("de-identifying".to_owned()))??;
        if let Some(front) = found {
            let head = part10::head(instance.syntax(), instance.sop_class(), &uid);
            let at = handout.head_length() + front.resume_at;
            let pixels = Pixels::new(instance.syntax())?;
            let rest = Rest { handout: Box::new(handout), at, pixels };
            return Ok(Opened { here: [head.into(), front.bytes.into()].into(), rest: Some(rest) });
        }
        if wanted >= length || wanted >= PREFIX_BYTES_MAX {
            return Err(Refused::OverLimit("bytes in front of the pixels").into());
        }
        wanted = wanted.saturating_mul(8).min(PREFIX_BYTES_MAX);
    }
}

impl Opened {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self, storage: &Storage) -> Result<Option<Bytes>, StorageError> {
        if let Some(bytes) = self.here.pop_front() {
            return Ok(Some(bytes));
        }
        let Some(Rest { handout, at, pixels }) = &mut self.rest else { return Ok(None) };
        loop {
            let end = handout.file_length();
            if pixels.is_done() || *at >= end {
                return Ok(None);
            }
            let piece = storage.read_handout(handout, *at..end.min(*at + (1 << 20))).await?;
            if piece.is_empty() {
                return Err(StorageError::Corrupt("an object is shorter than its row says"));
            }
            *at += piece.len() as u64;
            let passed = pixels.pass(&piece)?;
            if !passed.is_empty() {
                return Ok(Some(passed.into()));
            }
        }
    }
}

/// The first bytes of the data set as it is handed out.
async fn read_all(storage: &Storage, handout: &Handout, count: u64) -> Result<Vec<u8>, StorageError> {
    let (mut at, end) = (handout.head_length(), handout.head_length() + count);
    let mut bytes = Vec::new();
    while at < end {
        let piece = storage.read_handout(handout, at..end).await?;
        if piece.is_empty() {
            return Err(StorageError::Corrupt("an object is shorter than its row says"));
        }
        at += piece.len() as u64;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// A deflated data set goes out in Explicit VR Little Endian.
async fn inflated(
    storage: &Storage,
    instance: &InstanceRef,
    handout: &Handout,
    deidentifier: &Deidentifier,
    uid: &Uid,
) -> Result<Opened, StorageError> {
    let length = handout.file_length() - handout.head_length();
    if length > PREFIX_BYTES_MAX {
        return Err(Refused::OverLimit("bytes of a deflated data set").into());
    }
    let deflated = read_all(storage, handout, length).await?;
    let by = deidentifier.clone();
    let work = move || -> Result<[Vec<u8>; 2], StorageError> {
        let mut plain = Vec::new();
        let mut inflate = flate2::read::DeflateDecoder::new(&deflated[..]).take(PREFIX_BYTES_MAX + 1);
        inflate.read_to_end(&mut plain).map_err(|_| StorageError::Corrupt("a deflated data set"))?;
        if plain.len() as u64 > PREFIX_BYTES_MAX {
            return Err(Refused::OverLimit("bytes of a deflated data set").into());
        }
        let syntax = TransferSyntax::explicit_little();
        let front = by
            .front(&syntax, &plain, plain.len() as u64)?
            .ok_or(StorageError::Corrupt("a deflated data set"))?;
        let at = usize::try_from(front.resume_at).unwrap_or(usize::MAX);
        let passed = Pixels::new(&syntax)?.pass(plain.get(at..).unwrap_or_default())?;
        Ok([front.bytes, passed])
    };
    let [front, passed] = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StorageError::Unavailable("de-identifying".to_owned()))??;
    let head = part10::head(&TransferSyntax::explicit_little(), instance.sop_class(), uid);
    Ok(Opened { here: [head, front, passed].map(Bytes::from).into(), rest: None })
}
