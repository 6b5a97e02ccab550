//! What stands in the head of the shared memory: a job, and its answer.
//!
//! Numbers are little endian, texts have a length before them. The worker reads the node's job as a program reads its
//! own data; the node reads a worker's answer as it would read a stranger's.

use super::region::HEAD_BYTES;
use crate::{CodecError, FrameFormat, Photometric};
use std::sync::Mutex;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A frame of syntax `from` to pixels.
    Decode,
    /// The beginning of a frame of syntax `from` to the pixels of a smaller image, halved `parameter` times.
    Reduce,
    /// Pixels to a frame of syntax `to`.
    Encode,
    /// A frame of syntax `from` to one of syntax `to`.
    Transcode,
    /// 8-bit pixels to baseline JPEG of quality `parameter`.
    Jpeg,
    /// What only tests ask for: the data name it.
    #[cfg(test)]
    Probe,
}

impl Kind {
    const ALL: &[Self] = &[
        Self::Decode,
        Self::Reduce,
        Self::Encode,
        Self::Transcode,
        Self::Jpeg,
        #[cfg(test)]
        Self::Probe,
    ];
}

/// One job.
#[derive(Debug, Clone)]
pub(crate) struct Job<'a> {
    pub kind: Kind,
    /// The transfer syntax of `data`, where that matters.
    pub from: &'a str,
    /// The transfer syntax of the answer, where that matters.
    pub to: &'a str,
    pub format: &'a FrameFormat,
    /// The number that goes with the kind, where there is one.
    pub parameter: u8,
    pub pixel_bytes_max: u64,
    /// The frame or the pixels.
    pub data: &'a [u8],
}

/// What a job makes: pixels or a frame, and the format that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub bytes: Vec<u8>,
    pub format: FrameFormat,
}

/// How much an answer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Exactly(u64),
    AtMost(u64),
}

impl Length {
    pub fn bound(self) -> u64 {
        match self {
            Self::Exactly(bytes) | Self::AtMost(bytes) => bytes,
        }
    }

    fn admits(self, bytes: u64) -> bool {
        match self {
            Self::Exactly(expected) => bytes == expected,
            Self::AtMost(most) => bytes <= most,
        }
    }
}

impl Job<'_> {
    /// What its answer may hold. A codec without gain adds markers, tables and escapes: half as much again is ample.
    pub(super) fn answer_length(&self) -> Result<Length, CodecError> {
        let pixels = self.format.pixel_bytes()?;
        Ok(match self.kind {
            Kind::Decode => Length::Exactly(pixels),
            Kind::Reduce => Length::Exactly(self.answer_format().pixel_bytes()?),
            // A JPEG may hold long application segments, and RLE of one column takes two bytes for one.
            Kind::Encode | Kind::Transcode => {
                Length::AtMost(pixels.saturating_mul(2).saturating_add(1 << 20))
            }
            Kind::Jpeg => Length::AtMost(pixels + pixels / 2 + 65_536),
            #[cfg(test)]
            Kind::Probe => Length::AtMost(pixels),
        })
    }
}

impl Job<'_> {
    /// The shape that its answer must have.
    fn answer_format(&self) -> FrameFormat {
        match self.kind {
            Kind::Reduce => self.format.reduced(u32::from(self.parameter)),
            _ => self.format.clone(),
        }
    }

    /// Whether the answer may be by plane although the question was not: RLE has no other way.
    fn may_become_planar(&self) -> bool {
        matches!(self.kind, Kind::Encode | Kind::Transcode)
    }
}

/// A job as the worker reads it; its data are read apart.
pub(super) struct Order {
    pub number: u64,
    pub kind: Kind,
    pub from: String,
    pub to: String,
    pub format: FrameFormat,
    pub parameter: u8,
    pub pixel_bytes_max: u64,
    pub data_bytes: u64,
}

const PHOTOMETRIC: [Photometric; 9] = [
    Photometric::Monochrome1,
    Photometric::Monochrome2,
    Photometric::PaletteColor,
    Photometric::Rgb,
    Photometric::YbrFull,
    Photometric::YbrFull422,
    Photometric::YbrIct,
    Photometric::YbrRct,
    Photometric::Xyb,
];

fn put_text(head: &mut Vec<u8>, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(200)];
    head.push(bytes.len() as u8);
    head.extend_from_slice(bytes);
}

fn put_format(head: &mut Vec<u8>, format: &FrameFormat) {
    head.extend_from_slice(&format.rows.to_le_bytes());
    head.extend_from_slice(&format.columns.to_le_bytes());
    for number in [format.samples_per_pixel, format.bits_allocated, format.bits_stored] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    let photometric = PHOTOMETRIC.iter().position(|known| *known == format.photometric).unwrap_or(0);
    head.extend_from_slice(&[format.is_signed.into(), format.is_planar.into(), photometric as u8]);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn short(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn format(&mut self) -> Option<FrameFormat> {
        Some(FrameFormat {
            rows: self.take().map(u32::from_le_bytes)?,
            columns: self.take().map(u32::from_le_bytes)?,
            samples_per_pixel: self.short()?,
            bits_allocated: self.short()?,
            bits_stored: self.short()?,
            is_signed: self.flag()?,
            // Floating point pixels are never compressed.
            is_float: false,
            is_planar: self.flag()?,
            photometric: *PHOTOMETRIC.get(usize::from(self.byte()?))?,
        })
    }
}

/// The head of a job.
pub(super) fn write_job(number: u64, job: &Job<'_>) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(&number.to_le_bytes());
    head.push(Kind::ALL.iter().position(|kind| *kind == job.kind).unwrap_or(0) as u8);
    put_text(&mut head, job.from);
    put_text(&mut head, job.to);
    put_format(&mut head, job.format);
    head.push(job.parameter);
    head.extend_from_slice(&job.pixel_bytes_max.to_le_bytes());
    head.extend_from_slice(&(job.data.len() as u64).to_le_bytes());
    head
}

/// `None` when the head holds no job.
pub(super) fn read_job(head: &[u8; HEAD_BYTES]) -> Option<Order> {
    let mut reader = Reader(head);
    Some(Order {
        number: reader.long()?,
        kind: *Kind::ALL.get(usize::from(reader.byte()?))?,
        from: reader.text()?.to_owned(),
        to: reader.text()?.to_owned(),
        format: reader.format()?,
        parameter: reader.byte()?,
        pixel_bytes_max: reader.long()?,
        data_bytes: reader.long()?,
    })
}

/// The head of an answer.
pub(super) fn write_answer(number: u64, result: &Result<Output, CodecError>) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(&number.to_le_bytes());
    match result {
        Ok(output) => {
            head.push(0);
            put_format(&mut head, &output.format);
            head.extend_from_slice(&(output.bytes.len() as u64).to_le_bytes());
        }
        Err(error) => {
            let (status, reason) = match error {
                CodecError::Unsupported(reason) => (1, *reason),
                CodecError::Damaged(reason) => (2, *reason),
                CodecError::OverLimit => (3, ""),
                // A worker has no pool of its own.
                CodecError::TimedOut | CodecError::WorkerLost => (2, "the codec gave up"),
            };
            head.push(status);
            put_text(&mut head, reason);
        }
    }
    head
}

/// The answer to job `number`, as a stranger's word: `None` when it is nonsense. On success, the format, and how many
/// bytes of data belong to it.
pub(super) fn read_answer(
    head: &[u8; HEAD_BYTES],
    number: u64,
    job: &Job<'_>,
    length: Length,
) -> Option<Result<(FrameFormat, usize), CodecError>> {
    let mut reader = Reader(head);
    if reader.long()? != number {
        return None;
    }
    match reader.byte()? {
        0 => {
            let format = reader.format()?;
            let bytes = reader.long()?;
            (length.admits(bytes) && is_same_shape(&format, job))
                .then_some(Ok((format, usize::try_from(bytes).ok()?)))
        }
        1 => Some(Err(CodecError::Unsupported(reason(reader.text()?)?))),
        2 => Some(Err(CodecError::Damaged(reason(reader.text()?)?))),
        3 => Some(Err(CodecError::OverLimit)),
        _ => None,
    }
}

/// Colours may change, and by plane may become by pixel; the rest may not.
fn is_same_shape(answer: &FrameFormat, job: &Job<'_>) -> bool {
    let FrameFormat { photometric, is_planar, .. } = *answer;
    *answer == FrameFormat { photometric, is_planar, ..job.answer_format() }
        && (!is_planar || job.format.is_planar || job.may_become_planar())
}

/// A worker's reason as one of this program's few texts. There are some dozens of them; a worker that invents more
/// gets no memory for them.
fn reason(text: &str) -> Option<&'static str> {
    const REASONS_MAX: usize = 256;
    const TOO_MANY: &str = "the codec refuses it";
    static KNOWN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    if text.chars().any(char::is_control) {
        return None;
    }
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(reason) = known.iter().find(|reason| **reason == text) {
        return Some(reason);
    }
    if known.len() >= REASONS_MAX {
        return Some(TOO_MANY);
    }
    let reason: &'static str = Box::leak(text.to_owned().into_boxed_str());
    known.push(reason);
    Some(reason)
}
