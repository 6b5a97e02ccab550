//! What a sender that labels its texts wrongly really sends.

use encoding_rs::{EUC_KR, Encoding, GB18030, SHIFT_JIS, UTF_8};

/// What bytes above 0x7F are when (0008,0005) says nothing of use or `ISO_IR 100`: what a sender that is known to
/// label wrongly really sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assumed {
    /// GB18030, and so GBK and GB2312.
    Gb18030,
    /// UTF-8.
    Utf8,
    /// EUC-KR with its extension UHC, as Korean systems have it without escape sequences.
    EucKr,
    /// Shift_JIS, as Japanese systems have it, which is none of DICOM's.
    ShiftJis,
}

impl Assumed {
    /// The names that [`Assumed::parse`] knows, for people.
    pub const NAMES: &'static str = "GB18030, GBK, GB2312, UTF-8, EUC-KR, SHIFT_JIS";

    /// From a name or the defined term that means the same.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match super::normalised(name).as_str() {
            "GB18030" | "GBK" | "GB2312" | "ISO 2022 IR 58" => Self::Gb18030,
            "UTF 8" | "UTF8" | "ISO IR 192" => Self::Utf8,
            "EUC KR" | "ISO 2022 IR 149" => Self::EucKr,
            "SHIFT JIS" | "SJIS" | "ISO IR 13" => Self::ShiftJis,
            _ => return None,
        })
    }

    /// Specific Character Set of an answer to such a peer: the one of DICOM's that it is likeliest to read.
    #[must_use]
    pub fn answer_terms(self) -> &'static str {
        match self {
            Self::Gb18030 => "GB18030",
            Self::Utf8 => "ISO_IR 192",
            Self::EucKr => "\\ISO 2022 IR 149",
            Self::ShiftJis => "ISO 2022 IR 13\\ISO 2022 IR 87",
        }
    }

    /// The text, if the bytes are valid.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        let encoding: &'static Encoding = match self {
            Self::Gb18030 => GB18030,
            Self::Utf8 => UTF_8,
            Self::EucKr => EUC_KR,
            Self::ShiftJis => SHIFT_JIS,
        };
        encoding.decode_without_bom_handling_and_without_replacement(bytes).map(std::borrow::Cow::into_owned)
    }
}
