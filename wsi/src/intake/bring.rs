//! One file, whatever it is: a DICOM file is stored as it is, everything else has to be a slide.

use crate::{ImportOptions, ImportedSlide, Phase, Progress, SlideError, Slides};
use model::{OrgId, Scope};
use serde::{Deserialize, Serialize};
use std::path::Path;
use storage::{Arrival, StorageError, Stored, Via};
use tokio::io::AsyncReadExt as _;

/// Bytes that tell what a file is.
const HEAD_BYTES: usize = 132;
/// Attempts at a file that somebody else imports: a claim of theirs runs out before.
const BUSY_ATTEMPTS_MAX: u32 = 60;
/// Attempts at a file that cannot be read, because of the disk or of too many open files.
const UNREADABLE_ATTEMPTS_MAX: u32 = 20;

/// What became of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Brought {
    /// A slide.
    Slide(Box<ImportedSlide>),
    /// An instance.
    Instance(Stored),
}

/// Why a file was not taken, as a word that pages have sentences for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No slide, and no DICOM file.
    NotASlide,
    /// A slide of a kind that nobody here reads.
    Unsupported,
    /// Broken, or cut short.
    Damaged,
    /// One of several files of a slide, without the others.
    Incomplete,
    /// Too large.
    OverLimit,
    /// It changed while it was read.
    Changed,
    /// It did not arrive as it was sent.
    Checksum,
    /// A DICOM file that breaks the standard's rules.
    NotDicom,
    /// Something else with the same identifiers is there.
    Conflict,
    /// The same file is being imported by somebody else just now.
    Busy,
    /// The disk is full.
    NoRoom,
    /// It could not be read.
    Unreadable,
    /// It has ended the node several times.
    GaveUp,
    /// A part of the node does not answer.
    Unavailable,
    /// A fault of the node.
    Internal,
}

impl Why {
    /// What is wrong and what to do, in Chinese and English: for notes beside files and for the command line.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotASlide => (
                "这不是切片文件，也不是 DICOM 文件。请确认选对了文件。",
                "it is neither a slide nor a DICOM file; check that it is the right file",
            ),
            Self::Unsupported => (
                "暂不支持这种切片格式。请在扫描仪软件中导出为 DICOM 或 SVS/TIFF。",
                "this kind of slide cannot be read; export DICOM, SVS or TIFF from the scanner's program",
            ),
            Self::Damaged => (
                "文件已损坏或不完整。请从扫描仪重新复制或重新扫描。",
                "it is damaged or incomplete; copy it from the scanner again, or scan again",
            ),
            Self::Incomplete => (
                "这种切片由多个文件组成，缺少其余文件。请连同所属文件夹一起放入或上传。",
                "this slide is of several files, and some are missing; bring them together, with their folder",
            ),
            Self::OverLimit => (
                "超出本系统的大小限制。请联系管理员。",
                "it is over a limit of this node; ask its administrator",
            ),
            Self::Changed => (
                "导入过程中文件发生了变化。请待扫描结束后再试。",
                "it changed while it was read; wait until the scan has ended",
            ),
            Self::Checksum => (
                "传输后内容与原文件不一致。请重新上传。",
                "it did not arrive as it was sent; upload it again",
            ),
            Self::NotDicom => (
                "DICOM 文件不符合标准。请联系设备厂商。",
                "this DICOM file breaks the standard's rules; ask the maker of the device",
            ),
            Self::Conflict => (
                "已存在标识相同而内容不同的数据。请联系管理员。",
                "other content with the same identifiers is there; ask the administrator",
            ),
            Self::Busy => (
                "同一文件正在被导入，将自动重试。",
                "the same file is being imported just now; it is tried again",
            ),
            Self::NoRoom => (
                "磁盘空间不足，有空间后会自动继续。",
                "the disk is full; it goes on by itself when there is room",
            ),
            Self::Unreadable => ("文件无法读取，将自动重试。", "it cannot be read; it is tried again"),
            Self::GaveUp => (
                "处理此文件时系统多次中断，已停止重试。请联系管理员。",
                "it has ended the node several times and is left alone; ask the administrator",
            ),
            Self::Unavailable => {
                ("系统暂时不可用，将自动重试。", "a part of the node does not answer; it is tried again")
            }
            Self::Internal => ("系统内部错误。请联系管理员。", "a fault of the node; ask its administrator"),
        }
    }
}

/// Why, and what the reader of the file says to it in English; never personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The word.
    pub why: Why,
    /// More of it.
    pub detail: String,
}

impl Refusal {
    /// With no more to say.
    #[must_use]
    pub fn new(why: Why) -> Self {
        Self { why, detail: String::new() }
    }

    /// Whether the same file may be taken later, without anybody doing something about it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.attempts_max() > 1
    }

    /// How often the same file is tried: as often as it takes where only the node lacks something.
    #[must_use]
    pub fn attempts_max(&self) -> u32 {
        match self.why {
            Why::NoRoom | Why::Unavailable => u32::MAX,
            Why::Busy => BUSY_ATTEMPTS_MAX,
            Why::Unreadable => UNREADABLE_ATTEMPTS_MAX,
            _ => 1,
        }
    }

    /// Whether it says nothing of the file: what has arrived over hours is kept then, for another attempt.
    #[must_use]
    pub fn keeps_file(&self) -> bool {
        matches!(self.why, Why::Busy | Why::Unreadable | Why::GaveUp | Why::Internal)
    }
}

impl From<&SlideError> for Refusal {
    fn from(error: &SlideError) -> Self {
        let (why, detail) = match error {
            SlideError::NotASlide(text) => (Why::NotASlide, (*text).to_owned()),
            SlideError::Unsupported(text) => (Why::Unsupported, (*text).to_owned()),
            SlideError::Incomplete => (Why::Incomplete, String::new()),
            SlideError::Damaged(text) => (Why::Damaged, (*text).to_owned()),
            SlideError::OverLimit(text) => (Why::OverLimit, (*text).to_owned()),
            SlideError::Conflict(crate::import::BEING_IMPORTED) => (Why::Busy, String::new()),
            SlideError::Conflict(text) | SlideError::Invalid(text) | SlideError::Refused(text) => {
                (Why::Conflict, (*text).to_owned())
            }
            SlideError::Changed => (Why::Changed, String::new()),
            SlideError::Checksum => (Why::Checksum, String::new()),
            SlideError::NotFound => (Why::Unreadable, "it is not there".to_owned()),
            SlideError::Io(std::io::ErrorKind::StorageFull) => (Why::NoRoom, String::new()),
            SlideError::Io(kind) => (Why::Unreadable, kind.to_string()),
            SlideError::Storage(StorageError::OutOfResources(_)) => (Why::NoRoom, String::new()),
            SlideError::Storage(StorageError::Unavailable(_)) => (Why::Unavailable, String::new()),
            SlideError::Storage(StorageError::Refused(refused)) => (Why::NotDicom, refused.to_string()),
            SlideError::Storage(StorageError::Conflict(text)) => (Why::Conflict, (*text).to_owned()),
            SlideError::Storage(_) => (Why::Internal, String::new()),
        };
        Self { why, detail }
    }
}

/// Whether a file begins as DICOM does (PS3.10 §7.1), also when its preamble is a TIFF header.
#[must_use]
pub fn is_dicom(head: &[u8]) -> bool {
    head.get(128..132) == Some(b"DICM")
}

impl Slides {
    /// Brings in one file for an owner.
    ///
    /// # Errors
    /// As [`Slides::import`]; [`SlideError::Storage`] with [`StorageError::Refused`] for a DICOM file that is refused.
    pub async fn bring(
        &self,
        scope: &Scope,
        owner: &OrgId,
        (path, via): (&Path, Via),
        options: &ImportOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Brought, SlideError> {
        if scope.viewer().is_some_and(|viewer| viewer != owner) {
            return Err(SlideError::NotFound);
        }
        let mut file = tokio::fs::File::open(path).await?;
        let metadata = file.metadata().await?;
        if options.expected_file.is_some_and(|number| number != number_of(&metadata)) {
            return Err(SlideError::Changed);
        }
        let mut head = Vec::with_capacity(HEAD_BYTES);
        (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head).await?;
        if !is_dicom(&head) {
            drop(file);
            let imported = self.import(scope, owner, path, options, progress).await?;
            return Ok(Brought::Slide(Box::new(imported)));
        }
        let total = metadata.len();
        let mut hash = Hashing::of(options);
        let arrival = Arrival { owner: owner.clone(), via, declared: None };
        let mut sink = self.storage.sink_part10(scope, arrival).await?;
        let mut piece = head;
        let mut done = 0;
        while !piece.is_empty() {
            hash.update(&piece);
            sink.write(&piece).await?;
            done += piece.len() as u64;
            progress(Progress { phase: Phase::Reading, done, total });
            piece.clear();
            (&mut file).take(PIECE_BYTES).read_to_end(&mut piece).await?;
        }
        if done != total {
            return Err(SlideError::Changed);
        }
        hash.check()?;
        let stored = sink.commit().await?;
        Ok(Brought::Instance(stored))
    }
}

fn number_of(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

const PIECE_BYTES: u64 = 1 << 20;

/// The hash of a file whose sender has said what it is.
struct Hashing(Option<(model::Sha256, sha2::Sha256)>);

impl Hashing {
    fn of(options: &ImportOptions) -> Self {
        Self(options.expected_sha256.map(|expected| (expected, <sha2::Sha256 as sha2::Digest>::new())))
    }

    fn update(&mut self, bytes: &[u8]) {
        if let Some((_, hasher)) = &mut self.0 {
            sha2::Digest::update(hasher, bytes);
        }
    }

    fn check(self) -> Result<(), SlideError> {
        let is_as_sent = self.0.is_none_or(|(expected, hasher)| {
            expected == model::Sha256(sha2::Digest::finalize(hasher).into())
        });
        if is_as_sent { Ok(()) } else { Err(SlideError::Checksum) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::CodecError;

    #[test]
    fn what_says_nothing_of_the_file_does_not_cost_it() {
        use std::io::ErrorKind::{Other, StorageFull};
        let check = |error: SlideError, expected: (Why, bool, bool)| {
            let refusal = Refusal::from(&error);
            assert_eq!((refusal.why, refusal.may_pass(), refusal.keeps_file()), expected, "{error}");
        };
        check(SlideError::Conflict(crate::import::BEING_IMPORTED), (Why::Busy, true, true));
        check(SlideError::Conflict("other content"), (Why::Conflict, false, false));
        check(SlideError::Io(Other), (Why::Unreadable, true, true));
        check(SlideError::Io(StorageFull), (Why::NoRoom, true, false));
        check(SlideError::Storage(StorageError::Corrupt("a record")), (Why::Internal, false, true));
        check(SlideError::Damaged("cut short"), (Why::Damaged, false, false));
        let by_codec = |error| SlideError::of_codec(SlideError::Damaged("a tile"))(error);
        check(by_codec(CodecError::TimedOut), (Why::Unreadable, true, true));
        check(by_codec(CodecError::WorkerLost), (Why::Unreadable, true, true));
        check(by_codec(CodecError::Damaged("a marker")), (Why::Damaged, false, false));
        assert!(Refusal::new(Why::GaveUp).keeps_file());
    }
}
