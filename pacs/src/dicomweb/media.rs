//! Media types of frames (PS3.18 Table 8.7.3-5), and the choice among those that a client takes.

use super::accept::MediaRange;
use dataset::TransferSyntax;

/// Native pixels, or any transfer syntax that is named with it.
pub const OCTETS: &str = "application/octet-stream";

/// How frames go out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Form {
    /// Media type of each part.
    pub media_type: String,
    /// Transfer syntax of each part.
    pub transfer_syntax: TransferSyntax,
    /// Whether the frame has to be decoded, and perhaps encoded, to get there.
    pub conversion: Conversion,
    /// Whether the answer is multipart.
    pub framing: Framing,
}

/// Whether a frame goes out as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// As stored.
    None,
    /// Decoded, and encoded again unless the target is native.
    ToTarget,
}

/// What is around the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// `multipart/related`.
    Multipart,
    /// The bytes alone; only for one frame.
    Single,
}

/// The media type of a frame in this transfer syntax.
#[must_use]
pub fn image_type(transfer_syntax: &str) -> &'static str {
    match transfer_syntax.strip_prefix("1.2.840.10008.1.2.") {
        Some("5") => "image/dicom-rle",
        Some("4.50" | "4.51" | "4.57" | "4.70") => "image/jpeg",
        Some("4.80" | "4.81") => "image/jls",
        Some("4.90" | "4.91") => "image/jp2",
        Some("4.92" | "4.93") => "image/jpx",
        Some("4.201" | "4.202" | "4.203") => "image/jphc",
        Some("4.110" | "4.111" | "4.112") => "image/jxl",
        Some("4.100" | "4.100.1" | "4.101" | "4.101.1") => "video/mpeg",
        Some(
            "4.102" | "4.102.1" | "4.103" | "4.103.1" | "4.104" | "4.104.1" | "4.105" | "4.105.1" | "4.106"
            | "4.106.1",
        ) => "video/mp4",
        Some("4.107" | "4.108") => "video/H265",
        _ => OCTETS,
    }
}

/// The lossless transfer syntaxes that a media type stands for when none is named, the most wanted first. HTJ2K comes
/// with resolutions in progression (RPCL), so that the beginning of a frame is a preview of it.
fn defaults(media_type: &str) -> &'static [&'static str] {
    match media_type {
        "image/dicom-rle" => &["1.2.840.10008.1.2.5"],
        "image/jpeg" => &["1.2.840.10008.1.2.4.70"],
        "image/jls" => &["1.2.840.10008.1.2.4.80"],
        "image/jp2" => &["1.2.840.10008.1.2.4.90"],
        "image/jphc" => &["1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.201"],
        "image/jxl" => &["1.2.840.10008.1.2.4.111", "1.2.840.10008.1.2.4.110"],
        OCTETS => &[TransferSyntax::EXPLICIT_LITTLE],
        _ => &[],
    }
}

/// Native frames have the same bytes in Implicit, Explicit and Deflated Explicit VR Little Endian.
fn is_native_little(syntax: &TransferSyntax) -> bool {
    matches!(
        syntax.as_str(),
        TransferSyntax::IMPLICIT_LITTLE | TransferSyntax::EXPLICIT_LITTLE | TransferSyntax::DEFLATED
    )
}

/// The form that the client likes best of those that can be had without loss: among equals, as stored.
/// `can_convert` says whether the frames can be had in a transfer syntax.
#[must_use]
pub fn choose(
    stored: &TransferSyntax,
    ranges: &[MediaRange],
    can_convert: &dyn Fn(&TransferSyntax) -> bool,
) -> Option<Form> {
    let mut rest = ranges;
    while let Some(first) = rest.first() {
        let equals = rest.iter().take_while(|range| range.q >= first.q).count();
        let (equal, others) = rest.split_at(equals);
        let form = equal
            .iter()
            .find_map(|range| as_stored(stored, range))
            .or_else(|| equal.iter().find_map(|range| converted(range, can_convert)));
        if form.is_some() {
            return form;
        }
        rest = others;
    }
    None
}

fn framing(range: &MediaRange) -> Framing {
    let says_anything = matches!(range.media_type.as_str(), "*/*" | "application/*");
    if range.is_multipart() || says_anything { Framing::Multipart } else { Framing::Single }
}

fn as_stored(stored: &TransferSyntax, range: &MediaRange) -> Option<Form> {
    let explicit = TransferSyntax::explicit_little();
    let goes_out_as = if is_native_little(stored) { &explicit } else { stored };
    let own_type = image_type(goes_out_as.as_str());
    let named = range.transfer_syntax().filter(|syntax| *syntax != "*");
    let is_named = named.is_none_or(|syntax| syntax == goes_out_as.as_str() || syntax == stored.as_str());
    if !is_named {
        return None;
    }
    let media_type = if range.part_type() == OCTETS {
        // Without a transfer syntax, octets mean native pixels.
        (range.transfer_syntax().is_some() || is_native_little(stored)).then_some(OCTETS)
    } else {
        range.covers(own_type).then_some(own_type)
    }?;
    Some(Form {
        media_type: media_type.to_owned(),
        transfer_syntax: goes_out_as.clone(),
        conversion: Conversion::None,
        framing: framing(range),
    })
}

fn converted(range: &MediaRange, can_convert: &dyn Fn(&TransferSyntax) -> bool) -> Option<Form> {
    let candidates: Vec<&str> = match range.transfer_syntax() {
        Some("*") => vec![],
        Some(named) => vec![named],
        None => defaults(range.part_type()).to_vec(),
    };
    candidates.into_iter().find_map(|candidate| {
        let target = TransferSyntax::parse(candidate).ok()?;
        let own_type = image_type(target.as_str());
        let media_type = if range.part_type() == OCTETS {
            OCTETS
        } else if range.covers(own_type) {
            own_type
        } else {
            return None;
        };
        can_convert(&target).then(|| Form {
            media_type: media_type.to_owned(),
            transfer_syntax: target,
            conversion: Conversion::ToTarget,
            framing: framing(range),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::accept::parse;
    use super::*;

    const JPEG: &str = "1.2.840.10008.1.2.4.50";
    const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
    const HTJ2K_RPCL: &str = "1.2.840.10008.1.2.4.202";
    const LITTLE: &str = TransferSyntax::EXPLICIT_LITTLE;

    /// `(media type, transfer syntax, conversion, framing)` or nothing, where native, JPEG-LS and HTJ2K can be made.
    fn check(stored: &str, accept: &str, expected: Option<(&str, &str, Conversion, Framing)>) {
        let can_convert = |to: &TransferSyntax| [LITTLE, JPEG_LS, HTJ2K_RPCL].contains(&to.as_str());
        let ranges = super::super::accept::accepted(&axum::http::HeaderMap::new(), Some(accept));
        let form = choose(&TransferSyntax::parse(stored).unwrap(), &ranges, &can_convert);
        let seen = form
            .as_ref()
            .map(|f| (f.media_type.as_str(), f.transfer_syntax.as_str(), f.conversion, f.framing));
        assert_eq!(seen, expected, "{stored} as {accept}");
        assert!(!parse(accept).is_empty());
    }

    #[test]
    fn the_stored_syntax_passes_through_whenever_it_is_accepted() {
        use Conversion::None as AsStored;
        use Framing::{Multipart, Single};
        let any_octets = "multipart/related; type=application/octet-stream; transfer-syntax=*";
        check(JPEG, any_octets, Some((OCTETS, JPEG, AsStored, Multipart)));
        check(LITTLE, any_octets, Some((OCTETS, LITTLE, AsStored, Multipart)));
        check(TransferSyntax::IMPLICIT_LITTLE, any_octets, Some((OCTETS, LITTLE, AsStored, Multipart)));
        check(JPEG, "*/*", Some(("image/jpeg", JPEG, AsStored, Multipart)));
        check(JPEG, "image/jpeg", Some(("image/jpeg", JPEG, AsStored, Single)));
        check(
            JPEG,
            "multipart/related; type=\"image/jpeg\"",
            Some(("image/jpeg", JPEG, AsStored, Multipart)),
        );
        let microscopy = "multipart/related; type=\"image/jls\", multipart/related; type=\"image/jp2\", \
            multipart/related; type=\"application/octet-stream\"; transfer-syntax=*, \
            multipart/related; type=\"image/jpeg\"; transfer-syntax=1.2.840.10008.1.2.4.50";
        check(JPEG, microscopy, Some((OCTETS, JPEG, AsStored, Multipart)));
    }

    #[test]
    fn another_syntax_is_made_when_only_that_is_accepted_or_liked_better() {
        use Conversion::ToTarget;
        use Framing::{Multipart, Single};
        let native = Some((OCTETS, LITTLE, ToTarget, Multipart));
        check(JPEG, "multipart/related; type=\"application/octet-stream\"", native);
        let explicit =
            format!("multipart/related; type=\"application/octet-stream\"; transfer-syntax={LITTLE}");
        check(JPEG, &explicit, native);
        let jls = Some(("image/jls", JPEG_LS, ToTarget, Multipart));
        check(JPEG, "multipart/related; type=\"image/jls\"", jls);
        check(LITTLE, "image/x-jls", Some(("image/jls", JPEG_LS, ToTarget, Single)));
        check(LITTLE, "image/jphc", Some(("image/jphc", HTJ2K_RPCL, ToTarget, Single)));
        let octets = format!("application/octet-stream; transfer-syntax={HTJ2K_RPCL}");
        check(LITTLE, &octets, Some((OCTETS, HTJ2K_RPCL, ToTarget, Single)));
        let liked = "application/octet-stream, image/jpeg;q=0.5";
        check(JPEG, liked, Some((OCTETS, LITTLE, ToTarget, Single)));
        check(LITTLE, "image/jpeg", None);
        check(LITTLE, "image/jp2", None);
    }
}
