//! Transfer syntaxes (PS3.5 §10, PS3.6 Table A-1).

use model::{Invalid, Uid};
use std::fmt;

/// A transfer syntax: any valid UID, with what Farsight knows about it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TransferSyntax(Uid);

/// How the elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Implicit VR Little Endian.
    ImplicitLittle,
    /// Explicit VR Little Endian (also inside every encapsulated syntax).
    ExplicitLittle,
    /// Explicit VR Big Endian (retired).
    ExplicitBig,
    /// Explicit VR Little Endian behind raw deflate (RFC 1951).
    DeflatedLittle,
}

/// Whether compression of a transfer syntax loses anything (PS3.5 §8.2, §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It does not.
    Never,
    /// It may hold a lossless codestream or a lossy one; what the object says counts.
    Perhaps,
    /// There is no lossless form of it.
    Always,
}

impl TransferSyntax {
    /// Implicit VR Little Endian.
    pub const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
    /// Explicit VR Little Endian.
    pub const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
    /// Deflated Explicit VR Little Endian.
    pub const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
    /// Explicit VR Big Endian.
    pub const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";
    /// JPEG Baseline.
    pub const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
    /// RLE Lossless.
    pub const RLE: &str = "1.2.840.10008.1.2.5";

    /// Parses a transfer syntax UID; unknown ones are allowed and count as encapsulated.
    ///
    /// # Errors
    /// [`Invalid`] when it is not a UID.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Uid::parse(text).map(Self)
    }

    /// Explicit VR Little Endian.
    #[must_use]
    pub fn explicit_little() -> Self {
        Self(Uid::parse(Self::EXPLICIT_LITTLE).unwrap_or_else(|_| unreachable!("a constant UID")))
    }

    /// The UID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The UID.
    #[must_use]
    pub fn uid(&self) -> &Uid {
        &self.0
    }

    /// How elements are written in it.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match self.as_str() {
            Self::IMPLICIT_LITTLE => Encoding::ImplicitLittle,
            Self::EXPLICIT_BIG => Encoding::ExplicitBig,
            Self::DEFLATED => Encoding::DeflatedLittle,
            _ => Encoding::ExplicitLittle,
        }
    }

    /// Whether its compression loses anything. One that is not known may.
    #[must_use]
    pub fn loss(&self) -> Loss {
        if !self.is_encapsulated() || self.as_str() == Self::RLE {
            return Loss::Never;
        }
        match self.as_str().strip_prefix("1.2.840.10008.1.2.4.") {
            // JPEG lossless, JPEG-LS lossless, JPEG 2000 lossless, JPEG XL lossless, High-Throughput JPEG 2000 lossless.
            Some("57" | "70" | "80" | "90" | "92" | "110" | "201" | "202") => Loss::Never,
            // JPEG baseline and extended, JPEG XL made of JPEG, MPEG2, MPEG-4, HEVC.
            Some("50" | "51" | "111") => Loss::Always,
            Some("100" | "101" | "102" | "103" | "104" | "105" | "106" | "107" | "108") => Loss::Always,
            _ => Loss::Perhaps,
        }
    }

    /// Whether pixel data is encapsulated (PS3.5 §A.4) in it.
    #[must_use]
    pub fn is_encapsulated(&self) -> bool {
        !matches!(
            self.as_str(),
            Self::IMPLICIT_LITTLE | Self::EXPLICIT_LITTLE | Self::DEFLATED | Self::EXPLICIT_BIG
        )
    }
}

impl fmt::Display for TransferSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TransferSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransferSyntax({})", self.as_str())
    }
}
