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
        if !self.is_encapsulated() {
            return Loss::Never;
        }
        match self.as_str().strip_prefix("1.2.840.10008.1.2.").unwrap_or_default() {
            // Encapsulated uncompressed, RLE, SMPTE ST 2110 (uncompressed), Deflated Image Frame Compression.
            "1.98" | "5" | "7.1" | "7.2" | "7.3" | "8.1" => Loss::Never,
            // JPEG lossless, JPEG-LS lossless, JPEG 2000 lossless, JPEG XL lossless, High-Throughput JPEG 2000 lossless.
            "4.57" | "4.58" | "4.65" | "4.66" | "4.70" => Loss::Never,
            "4.80" | "4.90" | "4.92" | "4.110" | "4.201" | "4.202" => Loss::Never,
            // JPEG baseline and extended, with spectral selection, full progression and hierarchical; JPEG XL made of JPEG.
            "4.50" | "4.51" | "4.52" | "4.53" | "4.54" | "4.55" | "4.56" => Loss::Always,
            "4.59" | "4.60" | "4.61" | "4.62" | "4.63" | "4.64" | "4.111" => Loss::Always,
            // MPEG2, MPEG-4 and HEVC, fragmentable or not.
            "4.100" | "4.101" | "4.102" | "4.103" | "4.104" | "4.105" | "4.106" => Loss::Always,
            "4.100.1" | "4.101.1" | "4.102.1" | "4.103.1" | "4.104.1" | "4.105.1" | "4.106.1" => Loss::Always,
            "4.107" | "4.108" => Loss::Always,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every transfer syntax of PS3.6 Table A-1, retired ones included.
    #[test]
    fn it_is_known_of_every_registered_syntax_whether_it_loses_anything() {
        let never = "1.2.840.10008.1.2 1.2.840.10008.1.2.1 1.2.840.10008.1.2.1.98 1.2.840.10008.1.2.1.99 \
            1.2.840.10008.1.2.2 1.2.840.10008.1.2.4.57 1.2.840.10008.1.2.4.58 1.2.840.10008.1.2.4.65 \
            1.2.840.10008.1.2.4.66 1.2.840.10008.1.2.4.70 1.2.840.10008.1.2.4.80 1.2.840.10008.1.2.4.90 \
            1.2.840.10008.1.2.4.92 1.2.840.10008.1.2.4.110 1.2.840.10008.1.2.4.201 1.2.840.10008.1.2.4.202 \
            1.2.840.10008.1.2.5 1.2.840.10008.1.2.7.1 1.2.840.10008.1.2.7.2 1.2.840.10008.1.2.7.3 \
            1.2.840.10008.1.2.8.1";
        // Near-lossless JPEG-LS may have an error of nothing (PS3.5 §A.4.3); what is referenced, or in MIME, XML or Papyrus, is
        // compressed in any way.
        let perhaps = "1.2.840.10008.1.2.4.81 1.2.840.10008.1.2.4.91 1.2.840.10008.1.2.4.93 \
            1.2.840.10008.1.2.4.94 1.2.840.10008.1.2.4.95 1.2.840.10008.1.2.4.112 1.2.840.10008.1.2.4.203 \
            1.2.840.10008.1.2.4.204 1.2.840.10008.1.2.4.205 1.2.840.10008.1.2.6.1 1.2.840.10008.1.2.6.2 \
            1.2.840.10008.1.20 1.2.3.4";
        let always = "1.2.840.10008.1.2.4.50 1.2.840.10008.1.2.4.51 1.2.840.10008.1.2.4.52 1.2.840.10008.1.2.4.53 \
            1.2.840.10008.1.2.4.54 1.2.840.10008.1.2.4.55 1.2.840.10008.1.2.4.56 1.2.840.10008.1.2.4.59 \
            1.2.840.10008.1.2.4.60 1.2.840.10008.1.2.4.61 1.2.840.10008.1.2.4.62 1.2.840.10008.1.2.4.63 \
            1.2.840.10008.1.2.4.64 1.2.840.10008.1.2.4.100 1.2.840.10008.1.2.4.100.1 1.2.840.10008.1.2.4.101 \
            1.2.840.10008.1.2.4.101.1 1.2.840.10008.1.2.4.102 1.2.840.10008.1.2.4.102.1 1.2.840.10008.1.2.4.103 \
            1.2.840.10008.1.2.4.103.1 1.2.840.10008.1.2.4.104 1.2.840.10008.1.2.4.104.1 1.2.840.10008.1.2.4.105 \
            1.2.840.10008.1.2.4.105.1 1.2.840.10008.1.2.4.106 1.2.840.10008.1.2.4.106.1 1.2.840.10008.1.2.4.107 \
            1.2.840.10008.1.2.4.108 1.2.840.10008.1.2.4.111";
        let mut wrong = Vec::new();
        for (uids, loss) in [(never, Loss::Never), (perhaps, Loss::Perhaps), (always, Loss::Always)] {
            for uid in uids.split_whitespace() {
                let seen = TransferSyntax::parse(uid).unwrap().loss();
                if seen != loss {
                    wrong.push(format!("{uid} is {loss:?}, not {seen:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
