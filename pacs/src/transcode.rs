//! A stored instance in another transfer syntax (PS3.5 §10), without loss: what is read is as stored, what goes out is
//! made on the way and never kept.

mod attributes;
mod bits;
mod corrected;
mod source;

pub use attributes::split_off_behind;
use bits::BitPacker;
pub use source::{Source, scan};

use crate::seats::{self, PixelError, Seat};
use bytes::Bytes;
use codec::{CodecError, FrameFormat};
use dataset::syntax::Encoding;
use dataset::write::{Piece, element_header, pieces};
use dataset::{Dataset, Tag, TransferSyntax, VR, Value, tags};
use futures_util::{Stream, StreamExt as _, stream};
use std::collections::VecDeque;
use std::ops::Range;
use storage::{InstanceRef, Storage, StorageError};

/// Why an instance is not to be had in a transfer syntax.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscodeError {
    /// No way leads from the stored transfer syntax to this one.
    #[error("not to be had in that transfer syntax: {0}")]
    Impossible(&'static str),
    /// The first frame cannot be decoded or encoded.
    #[error(transparent)]
    Pixels(#[from] PixelError),
    /// What is stored could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Whether [`data_set`] may succeed: for choosing among the transfer syntaxes that a peer takes.
#[must_use]
pub fn is_possible(instance: &InstanceRef, to: &TransferSyntax) -> bool {
    let from = instance.syntax();
    if from == to {
        return true;
    }
    if matches!(to.encoding(), Encoding::ExplicitBig | Encoding::DeflatedLittle) {
        return false;
    }
    if instance.pixels().is_none() {
        // Without pixels only the elements are written anew; an encapsulated syntax has nothing to encapsulate.
        return !to.is_encapsulated();
    }
    if !from.is_encapsulated() && !to.is_encapsulated() {
        return true;
    }
    instance.frame_count() > 0 && is_possible_by_frame(instance, to)
}

/// Whether [`frame`] may succeed.
#[must_use]
pub fn is_possible_by_frame(instance: &InstanceRef, to: &TransferSyntax) -> bool {
    check_by_frame(instance, to).is_ok()
}

/// As [`is_possible_by_frame`], with the reason why not.
///
/// # Errors
/// [`PixelError`].
pub fn check_by_frame(instance: &InstanceRef, to: &TransferSyntax) -> Result<(), PixelError> {
    let format = seats::frame_format(instance.pixels())?;
    if format.is_float && to.is_encapsulated() {
        return Err(CodecError::Unsupported("encapsulating floating point pixels").into());
    }
    let to = match to.encoding() {
        _ if to.is_encapsulated() => to.as_str(),
        Encoding::ImplicitLittle | Encoding::ExplicitLittle => TransferSyntax::EXPLICIT_LITTLE,
        Encoding::ExplicitBig | Encoding::DeflatedLittle => {
            return Err(CodecError::Unsupported("frames of that transfer syntax").into());
        }
    };
    Ok(codec::check_transcode(instance.syntax().as_str(), &format, to)?)
}

/// One frame in another transfer syntax, and the Image Pixel module's view of it. No colours are converted, but for
/// those of a JPEG, whose decoder makes RGB of them.
///
/// # Errors
/// [`PixelError`].
pub async fn frame(
    storage: &Storage,
    instance: &InstanceRef,
    frame: u32,
    to: &TransferSyntax,
) -> Result<(Bytes, FrameFormat, Seat), PixelError> {
    let format = seats::frame_format(instance.pixels())?;
    let seat = seats::seat().await?;
    let bytes = storage.frame(instance, frame).await?;
    // Native frames are the same in every little endian syntax.
    let to = if to.is_encapsulated() { to.as_str() } else { TransferSyntax::EXPLICIT_LITTLE };
    let (from, to) = (instance.syntax().as_str().to_owned(), to.to_owned());
    let bytes_max = storage.limits().frame_pixel_bytes_max;
    let work = move || codec::transcode(&from, &bytes, &format, &to, bytes_max);
    let (encoded, seat) = seats::blocking(seat, work).await?;
    Ok((encoded.bytes.into(), encoded.format, seat))
}

/// The data set's bytes, without preamble and file meta information, in `to`: Explicit or Implicit VR Little Endian,
/// or a compressed syntax that the codec encodes without loss. As stored when `to` is the stored syntax.
///
/// The Image Pixel attributes say what the new bytes are, and whether they were lossy once; UIDs stay (PS3.3
/// §C.12.1.1.6: only a lossy compression makes a new instance). The stream ends with an error when something is found
/// damaged on the way, so a peer that got less than all of it must not be told that it has it.
///
/// # Errors
/// [`TranscodeError`] before the first byte: no way to `to`, or a first frame that cannot be decoded.
pub async fn data_set(
    storage: &Storage,
    instance: &InstanceRef,
    to: &TransferSyntax,
) -> Result<impl Stream<Item = Result<Bytes, StorageError>> + Send + use<>, TranscodeError> {
    let plan = plan(storage, instance, to).await?;
    let work = Work {
        source: Source::new(storage, instance),
        storage: storage.clone(),
        instance: instance.clone(),
        to: to.clone(),
        steps: plan.steps,
        format: plan.format,
        packer: BitPacker::default(),
    };
    let bytes =
        stream::try_unfold(work, |mut work| async move { Ok(work.next().await?.map(|bytes| (bytes, work))) });
    Ok(if instance.is_corrected() {
        corrected::stream(instance.clone(), to.clone(), bytes.boxed()).boxed()
    } else {
        bytes.boxed()
    })
}

/// What is written next.
enum Step {
    Bytes(Bytes),
    /// A range of the stored data set, in units of so many bytes that are turned around.
    Copy {
        range: Range<u64>,
        unit: usize,
    },
    /// The rest of a deflated data set, inflated.
    Inflate,
    /// Frames one after another, native.
    Native(Range<u32>),
    /// The same where they follow one another bit by bit, and the last byte of them.
    Bits(Range<u32>),
    /// Frames one after another, each an item.
    Items(Range<u32>),
}

struct Plan {
    steps: VecDeque<Step>,
    /// What every frame must be.
    format: Option<FrameFormat>,
}

async fn plan(
    storage: &Storage,
    instance: &InstanceRef,
    to: &TransferSyntax,
) -> Result<Plan, TranscodeError> {
    let from = instance.syntax();
    let only = |step| Ok(Plan { steps: VecDeque::from([step]), format: None });
    if from == to {
        return only(Step::Copy { range: 0..instance.file_length() - instance.head_length(), unit: 1 });
    }
    if !is_possible(instance, to) {
        return Err(TranscodeError::Impossible("no decoder, or no lossless encoder, for these pixels"));
    }
    if from.as_str() == TransferSyntax::DEFLATED && to.as_str() == TransferSyntax::EXPLICIT_LITTLE {
        return only(Step::Inflate);
    }
    let mut scanned = scan(storage, instance).await?.dataset;
    if from.is_encapsulated() {
        attributes::remove_encapsulated_icons(&mut scanned);
    }
    let is_by_frames = instance.pixels().is_some() && (from.is_encapsulated() || to.is_encapsulated());
    if !is_by_frames {
        if from.is_encapsulated() && scanned.get(tags::PIXEL_DATA).is_some() {
            return Err(TranscodeError::Impossible("its pixels are not described"));
        }
        let steps = steps_of(&scanned, from, to);
        return Ok(Plan { steps, format: None });
    }
    let (first, format, _seat) = frame(storage, instance, 0, to).await?;
    attributes::remove_pixel_data(&mut scanned);
    attributes::describe(&mut scanned, instance, &format, first.len() as u64);
    // What stands behind the pixels, such as padding or signatures of the bytes as they were, has a higher tag.
    let behind = attributes::split_off_behind(&mut scanned, tags::PIXEL_DATA);
    let mut steps = steps_of(&scanned, from, to);
    steps.extend(pixel_steps(instance, to, &format)?);
    steps.extend(steps_of(&behind, from, to));
    Ok(Plan { steps, format: Some(format) })
}

fn pixel_steps(
    instance: &InstanceRef,
    to: &TransferSyntax,
    format: &FrameFormat,
) -> Result<Vec<Step>, TranscodeError> {
    let frames = 0..instance.frame_count();
    if to.is_encapsulated() {
        // An empty Basic Offset Table (PS3.5 §A.4), then an item for each frame.
        let mut begin = dataset::write::pixel_data_header_encapsulated().to_vec();
        begin.extend_from_slice(b"\xFE\xFF\x00\xE0\0\0\0\0");
        let end = Bytes::from_static(b"\xFE\xFF\xDD\xE0\0\0\0\0");
        return Ok(vec![Step::Bytes(begin.into()), Step::Items(frames), Step::Bytes(end)]);
    }
    let frame_bytes = format.pixel_bytes().map_err(PixelError::from)?;
    let frame_bits = frame_bits(format);
    let is_packed = frames.len() > 1 && !frame_bits.is_multiple_of(8);
    let total = if is_packed {
        frame_bits.checked_mul(frames.len() as u64).map(|bits| bits.div_ceil(8))
    } else {
        frame_bytes.checked_mul(frames.len() as u64)
    };
    let total = total.filter(|&total| total < u64::from(u32::MAX) - 1);
    let Some(total) = total else {
        return Err(TranscodeError::Impossible("native pixel data of 4 GiB or more"));
    };
    let is_words = format.bits_allocated > 8 || to.encoding() == Encoding::ImplicitLittle;
    let vr = if is_words { VR::OW } else { VR::OB };
    let padded = u32::try_from(total + total % 2).unwrap_or(u32::MAX);
    let header = element_header(tags::PIXEL_DATA, vr, padded, to);
    let padding = Bytes::from(vec![0; usize::try_from(total % 2).unwrap_or(0)]);
    let frames = if is_packed { Step::Bits(frames) } else { Step::Native(frames) };
    Ok(vec![Step::Bytes(header.into()), frames, Step::Bytes(padding)])
}

/// Bits of an uncompressed frame.
fn frame_bits(format: &FrameFormat) -> u64 {
    let samples = u64::from(format.rows) * u64::from(format.columns) * u64::from(format.samples_per_pixel);
    samples.saturating_mul(format.bits_allocated.into())
}

fn steps_of(dataset: &Dataset, from: &TransferSyntax, to: &TransferSyntax) -> VecDeque<Step> {
    let is_big = from.encoding() == Encoding::ExplicitBig;
    let step = |piece| match piece {
        Piece::Bytes(bytes) => Step::Bytes(bytes.into()),
        Piece::Bulk { offset, length, vr } => {
            let unit = if is_big { unit_of(vr) } else { 1 };
            Step::Copy { range: offset..offset.saturating_add(length), unit }
        }
    };
    pieces(dataset, to).into_iter().map(step).collect()
}

/// Bytes that are one number, for turning big endian around (PS3.5 §7.3).
fn unit_of(vr: VR) -> usize {
    match vr {
        VR::US | VR::SS | VR::OW | VR::AT => 2,
        VR::UL | VR::SL | VR::FL | VR::OF | VR::OL => 4,
        VR::FD | VR::OD | VR::SV | VR::UV | VR::OV => 8,
        _ => 1,
    }
}

struct Work {
    source: Source,
    storage: Storage,
    instance: InstanceRef,
    to: TransferSyntax,
    steps: VecDeque<Step>,
    format: Option<FrameFormat>,
    packer: BitPacker,
}

impl Work {
    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        while let Some(step) = self.steps.pop_front() {
            let bytes = match step {
                Step::Bytes(bytes) => bytes,
                Step::Copy { range, unit } => self.copy(range, unit).await?,
                Step::Inflate => match self.source.next_inflated().await? {
                    Some(bytes) => {
                        self.steps.push_front(Step::Inflate);
                        bytes
                    }
                    None => Bytes::new(),
                },
                Step::Native(frames) => match self.frame(&frames).await? {
                    Some(bytes) => {
                        self.steps.push_front(Step::Native(frames.start + 1..frames.end));
                        bytes
                    }
                    None => Bytes::new(),
                },
                Step::Bits(frames) => match self.frame(&frames).await? {
                    Some(bytes) => {
                        self.steps.push_front(Step::Bits(frames.start + 1..frames.end));
                        let bits = self.format.as_ref().map_or(0, frame_bits);
                        self.packer.push(&bytes, bits).into()
                    }
                    None => self.packer.finish().into_iter().collect::<Vec<u8>>().into(),
                },
                Step::Items(frames) => match self.frame(&frames).await? {
                    Some(bytes) => {
                        self.steps.push_front(Step::Items(frames.start + 1..frames.end));
                        self.item(bytes)?
                    }
                    None => Bytes::new(),
                },
            };
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    async fn copy(&mut self, range: Range<u64>, unit: usize) -> Result<Bytes, StorageError> {
        let bytes = self.source.read(range.clone()).await?;
        if bytes.is_empty() {
            return Ok(bytes);
        }
        // Pieces begin at whole units as long as pieces are read in multiples of the largest.
        let next = range.start + bytes.len() as u64;
        self.steps.push_front(Step::Copy { range: next..range.end, unit });
        if unit == 1 {
            return Ok(bytes);
        }
        let mut turned = Vec::from(bytes);
        turned.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
        Ok(turned.into())
    }

    /// The first of these frames, which must be what the attributes before it said.
    async fn frame(&mut self, frames: &Range<u32>) -> Result<Option<Bytes>, StorageError> {
        if frames.is_empty() {
            return Ok(None);
        }
        let result = frame(&self.storage, &self.instance, frames.start, &self.to).await;
        let (bytes, format, _seat) = result.map_err(|error| match error {
            PixelError::Storage(error) => error,
            PixelError::Codec(CodecError::TimedOut | CodecError::WorkerLost) => {
                StorageError::Unavailable("the image codec did not finish".to_owned())
            }
            PixelError::Codec(_) | PixelError::NoPixels => {
                StorageError::Corrupt("a frame that cannot be decoded")
            }
        })?;
        if self.format.as_ref().is_some_and(|first| *first != format) {
            return Err(StorageError::Corrupt("frames of different kinds in one instance"));
        }
        Ok(Some(bytes))
    }

    /// A frame as an item (PS3.5 §A.4), of even length.
    fn item(&self, frame: Bytes) -> Result<Bytes, StorageError> {
        let padded = u32::try_from(frame.len() + frame.len() % 2)
            .map_err(|_| StorageError::OutOfResources("a frame of 4 GiB or more"))?;
        let mut item = Vec::with_capacity(frame.len() + 9);
        item.extend_from_slice(b"\xFE\xFF\x00\xE0");
        item.extend_from_slice(&padded.to_le_bytes());
        item.extend_from_slice(&frame);
        item.resize(padded as usize + 8, 0);
        Ok(item.into())
    }
}

/// Whether an element holds pixel data of an encapsulated object that are not the image's own.
fn holds_pixels(element: &dataset::Element) -> bool {
    element.tag == tags::PIXEL_DATA && matches!(element.value, Value::Bulk { .. })
}

/// Extended Offset Table, its lengths, its total: they describe fragments that are no more.
const OFFSET_TABLES: [Tag; 3] =
    [tags::EXTENDED_OFFSET_TABLE, tags::EXTENDED_OFFSET_TABLE_LENGTHS, Tag(0x7FE0, 0x0003)];
