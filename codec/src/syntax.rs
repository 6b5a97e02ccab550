//! Which transfer syntaxes share a coding (PS3.5 §A, PS3.6 §A).

/// Explicit VR Little Endian: what frames are decoded to.
pub(crate) const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";

/// Deflated Image Frame Compression: each frame is deflated by itself (PS3.5 §A.4.14).
pub(crate) const DEFLATED_FRAME: &str = "1.2.840.10008.1.2.8.1";
/// JPEG Baseline (Process 1).
pub(crate) const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
/// JPEG XL Lossless.
pub(crate) const JPEG_XL_LOSSLESS: &str = "1.2.840.10008.1.2.4.110";
/// JPEG XL JPEG Recompression.
pub(crate) const JPEG_XL_RECOMPRESSION: &str = "1.2.840.10008.1.2.4.111";

/// The families of transfer syntaxes that share a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    LittleEndian,
    BigEndian,
    Deflated,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
    JpegXl,
}

/// What [`crate::encode`] can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    LittleEndian,
    Deflated,
    Rle,
    JpegLossless,
    JpegLs,
    Jpeg2000,
    Htj2k,
    JpegXl,
}

/// A UID may carry its padding.
pub(crate) fn trimmed(transfer_syntax: &str) -> &str {
    transfer_syntax.trim_end_matches(['\0', ' '])
}

/// The decoder's family; `None` where there is no decoder.
pub(crate) fn family(transfer_syntax: &str) -> Option<Family> {
    match trimmed(transfer_syntax) {
        // Implicit, explicit, encapsulated uncompressed, and deflated (inflated before it comes here).
        "1.2.840.10008.1.2"
        | EXPLICIT_LITTLE_ENDIAN
        | "1.2.840.10008.1.2.1.98"
        | "1.2.840.10008.1.2.1.99" => Some(Family::LittleEndian),
        "1.2.840.10008.1.2.2" => Some(Family::BigEndian),
        DEFLATED_FRAME => Some(Family::Deflated),
        "1.2.840.10008.1.2.5" => Some(Family::Rle),
        JPEG_BASELINE | "1.2.840.10008.1.2.4.51" | "1.2.840.10008.1.2.4.57" | "1.2.840.10008.1.2.4.70" => {
            Some(Family::Jpeg)
        }
        "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => Some(Family::JpegLs),
        "1.2.840.10008.1.2.4.90"
        | "1.2.840.10008.1.2.4.91"
        | "1.2.840.10008.1.2.4.201"
        | "1.2.840.10008.1.2.4.202"
        | "1.2.840.10008.1.2.4.203" => Some(Family::Jpeg2000),
        JPEG_XL_LOSSLESS | JPEG_XL_RECOMPRESSION | "1.2.840.10008.1.2.4.112" => Some(Family::JpegXl),
        _ => None,
    }
}

/// Whether frames are JPEG of a process that begins with a discrete cosine transform.
pub(crate) fn is_dct(transfer_syntax: &str) -> bool {
    matches!(trimmed(transfer_syntax), JPEG_BASELINE | "1.2.840.10008.1.2.4.51")
}

/// Why there is no decoder.
pub(crate) fn undecodable(transfer_syntax: &str) -> &'static str {
    match trimmed(transfer_syntax) {
        "1.2.840.10008.1.2.4.92" | "1.2.840.10008.1.2.4.93" => {
            "JPEG 2000 Part 2 multi-component, where one codestream holds several frames"
        }
        _ => "transfer syntax",
    }
}

/// The encoder; `None` where there is none, as for everything that is lossy by its name.
pub(crate) fn target(transfer_syntax: &str) -> Option<Target> {
    Some(match trimmed(transfer_syntax) {
        "1.2.840.10008.1.2"
        | EXPLICIT_LITTLE_ENDIAN
        | "1.2.840.10008.1.2.1.98"
        | "1.2.840.10008.1.2.1.99" => Target::LittleEndian,
        DEFLATED_FRAME => Target::Deflated,
        "1.2.840.10008.1.2.5" => Target::Rle,
        "1.2.840.10008.1.2.4.70" => Target::JpegLossless,
        "1.2.840.10008.1.2.4.80" => Target::JpegLs,
        "1.2.840.10008.1.2.4.90" => Target::Jpeg2000,
        "1.2.840.10008.1.2.4.201" | "1.2.840.10008.1.2.4.202" => Target::Htj2k,
        JPEG_XL_LOSSLESS => Target::JpegXl,
        _ => return None,
    })
}

/// Whether every frame of `from` is a frame of `to` as it stands: a lossless process is one of those that the wider
/// transfer syntax allows (PS3.5 §A.4), and uncompressed little endian frames are the same bytes everywhere.
pub(crate) fn is_within(from: &str, to: &str) -> bool {
    let (from, to) = (trimmed(from), trimmed(to));
    if from == to {
        return true;
    }
    if family(from) == Some(Family::LittleEndian) && family(to) == Some(Family::LittleEndian) {
        return true;
    }
    let Some(from) = from.strip_prefix("1.2.840.10008.1.2.4.") else { return false };
    let Some(to) = to.strip_prefix("1.2.840.10008.1.2.4.") else { return false };
    matches!(
        (from, to),
        ("70", "57")
            | ("80", "81")
            | ("90", "91")
            | ("202", "201" | "203")
            | ("201", "203")
            | ("110" | "111", "112")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_encoded_can_be_decoded() {
        for last in 0..=300 {
            for uid in [format!("1.2.840.10008.1.2.{last}"), format!("1.2.840.10008.1.2.4.{last}")] {
                assert!(target(&uid).is_none() || family(&uid).is_some(), "{uid}");
            }
        }
    }

    #[test]
    fn a_narrower_syntax_is_within_a_wider_one_and_not_the_other_way() {
        let uid = |last: u16| format!("1.2.840.10008.1.2.4.{last}");
        for (narrow, wide) in [(70, 57), (80, 81), (90, 91), (202, 201), (201, 203)] {
            assert!(is_within(&uid(narrow), &uid(wide)));
            assert!(!is_within(&uid(wide), &uid(narrow)));
        }
        assert!(is_within("1.2.840.10008.1.2\0", EXPLICIT_LITTLE_ENDIAN));
        assert!(!is_within("1.2.840.10008.1.2.2", EXPLICIT_LITTLE_ENDIAN));
    }
}
