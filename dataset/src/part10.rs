//! The DICOM file format (PS3.10 §7): reading the head of a stream, and writing our deterministic one.

use crate::{Refused, TransferSyntax};
use model::Uid;

/// Our Implementation Class UID (0002,0012): one for all versions, so that the same data set gives the same file.
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.164409264530871190653147720518926104193";
/// Our Implementation Version Name (0002,0013).
pub const IMPLEMENTATION_VERSION_NAME: &str = "FARSIGHT_010";

/// The longest head that is read.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const PREAMBLE_BYTES: usize = 128;
const PREFIX: &[u8; 4] = b"DICM";

/// What the file meta information says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    /// (0002,0010)
    pub transfer_syntax: TransferSyntax,
    /// (0002,0002), when valid.
    pub sop_class: Option<Uid>,
    /// (0002,0003), when valid.
    pub sop_instance: Option<Uid>,
}

/// Splits a stream of Part 10 bytes into file meta information and data set, in pieces of any size.
///
/// A stream that ends before the head was complete is not DICOM.
pub struct HeadReader {
    buffer: Vec<u8>,
    /// Where the next element of the meta information begins; 0 before the prefix was found.
    at: usize,
    /// Where (0002,0000) says that the meta information ends.
    declared_end: Option<usize>,
    transfer_syntax: Option<TransferSyntax>,
    sop_class: Option<Uid>,
    sop_instance: Option<Uid>,
}

impl HeadReader {
    /// A reader at the first byte of a file.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            at: 0,
            declared_end: None,
            transfer_syntax: None,
            sop_class: None,
            sop_instance: None,
        }
    }

    /// Takes the next bytes. `Some((meta, rest))` once, when the head is complete: `rest` is the part of what was fed
    /// that already belongs to the data set.
    ///
    /// # Errors
    /// [`Refused::NotDicom`] when there is no `DICM`, [`Refused::OverLimit`] when the head is longer than 64 KiB.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<(FileMeta, Vec<u8>)>, Refused> {
        let (taken, left) = bytes.split_at(bytes.len().min(HEAD_BYTES_MAX - self.buffer.len()));
        self.buffer.extend_from_slice(taken);
        if self.at == 0 && !self.find_prefix()? {
            return Ok(None);
        }
        while let Step::Next(next) = self.element()? {
            self.at = next;
            if self.is_at_deflated_data() {
                return self.complete(left).map(Some);
            }
        }
        match self.buffer.get(self.at..self.at + 2) {
            Some([2, 0]) | None if self.buffer.len() >= HEAD_BYTES_MAX => {
                Err(Refused::OverLimit("bytes of file meta information"))
            }
            Some([2, 0]) | None => Ok(None),
            Some(_) => self.complete(left).map(Some),
        }
    }

    fn find_prefix(&mut self) -> Result<bool, Refused> {
        let after_preamble = PREAMBLE_BYTES + PREFIX.len();
        if self.buffer.get(PREAMBLE_BYTES..after_preamble) == Some(PREFIX) {
            self.at = after_preamble;
        } else if self.buffer.len() >= after_preamble {
            if !self.buffer.starts_with(PREFIX) {
                return Err(Refused::NotDicom("there is no DICM after a preamble of 128 bytes"));
            }
            self.at = PREFIX.len(); // A file without its preamble.
        }
        Ok(self.at > 0)
    }

    /// Deflated data may begin with the bytes of group 0002: there the declared length must be believed.
    fn is_at_deflated_data(&self) -> bool {
        self.declared_end == Some(self.at)
            && self.transfer_syntax.as_ref().is_some_and(|syntax| syntax.as_str() == TransferSyntax::DEFLATED)
    }

    /// Reads the element at the current place, if it is of group 0002 and all there.
    fn element(&mut self) -> Result<Step, Refused> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some(&[2, 0, element_low, element_high, a, b, c, d]) = rest.first_chunk::<8>() else {
            return Ok(Step::Wait);
        };
        let (header, length) = match &[a, b] {
            b"OB" | b"OW" | b"UN" | b"UT" | b"SQ" => match rest.get(8..12).and_then(|l| l.first_chunk::<4>())
            {
                Some(length) => (12, u32::from_le_bytes(*length)),
                None => return Ok(Step::Wait),
            },
            vr if vr.iter().all(u8::is_ascii_uppercase) => (8, u32::from(u16::from_le_bytes([c, d]))),
            _ => (8, u32::from_le_bytes([a, b, c, d])), // Implicit VR: wrong, but unmistakable.
        };
        let end = usize::try_from(length).ok().and_then(|length| length.checked_add(header));
        let Some(end) = end.filter(|&end| self.at + end <= HEAD_BYTES_MAX) else {
            return Err(Refused::OverLimit("bytes of file meta information"));
        };
        let Some(value) = rest.get(header..end) else { return Ok(Step::Wait) };
        let text = || String::from_utf8_lossy(value).trim_matches([' ', '\0']).to_owned();
        match u16::from_le_bytes([element_low, element_high]) {
            0x0000 => {
                let length = value.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
                self.declared_end = length.and_then(|length| length.checked_add(self.at + end));
            }
            0x0002 => self.sop_class = Uid::parse(&text()).ok(),
            0x0003 => self.sop_instance = Uid::parse(&text()).ok(),
            0x0010 => self.transfer_syntax = TransferSyntax::parse(&text()).ok(),
            _ => {}
        }
        Ok(Step::Next(self.at + end))
    }

    fn complete(&mut self, left: &[u8]) -> Result<(FileMeta, Vec<u8>), Refused> {
        let transfer_syntax =
            self.transfer_syntax.clone().ok_or(Refused::MissingAttribute("TransferSyntaxUID"))?;
        let mut rest = self.buffer.split_off(self.at);
        rest.extend_from_slice(left);
        let meta = FileMeta {
            transfer_syntax,
            sop_class: self.sop_class.clone(),
            sop_instance: self.sop_instance.clone(),
        };
        Ok((meta, rest))
    }
}

enum Step {
    /// An element was read; the next begins there.
    Next(usize),
    /// No more elements, or not enough bytes.
    Wait,
}

impl Default for HeadReader {
    fn default() -> Self {
        Self::new()
    }
}

/// Preamble and file meta information of ours: the same arguments always give the same bytes.
#[must_use]
pub fn head(transfer_syntax: &TransferSyntax, sop_class: &Uid, sop_instance: &Uid) -> Vec<u8> {
    let mut group = Vec::with_capacity(256);
    group.extend_from_slice(b"\x02\x00\x01\x00OB\0\0\x02\0\0\0\x00\x01");
    for (element, vr, value) in [
        (0x02u8, b"UI", sop_class.as_str()),
        (0x03, b"UI", sop_instance.as_str()),
        (0x10, b"UI", transfer_syntax.as_str()),
        (0x12, b"UI", IMPLEMENTATION_CLASS_UID),
        (0x13, b"SH", IMPLEMENTATION_VERSION_NAME),
    ] {
        // UIDs have at most 64 characters, so the length always fits.
        let padded = value.len() + value.len() % 2;
        group.extend_from_slice(&[0x02, 0x00, element, 0x00]);
        group.extend_from_slice(vr);
        group.extend_from_slice(&[padded as u8, 0]);
        group.extend_from_slice(value.as_bytes());
        if padded > value.len() {
            group.push(0);
        }
    }
    let mut out = vec![0; PREAMBLE_BYTES];
    out.extend_from_slice(PREFIX);
    out.extend_from_slice(b"\x02\x00\x00\x00UL\x04\x00");
    out.extend_from_slice(&(group.len() as u32).to_le_bytes());
    out.extend_from_slice(&group);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uid(text: &str) -> Uid {
        Uid::parse(text).unwrap()
    }

    fn ours(syntax: &str) -> Vec<u8> {
        head(&TransferSyntax::parse(syntax).unwrap(), &uid("1.2.840.10008.5.1.4.1.1.2"), &uid("1.2.3"))
    }

    /// Feeds in pieces; the meta information and everything behind it.
    fn read(bytes: &[u8], piece: usize) -> Result<Option<(FileMeta, Vec<u8>)>, Refused> {
        let mut reader = HeadReader::new();
        let mut pieces = bytes.chunks(piece);
        while let Some(part) = pieces.next() {
            if let Some((meta, mut rest)) = reader.feed(part)? {
                pieces.for_each(|part| rest.extend_from_slice(part));
                return Ok(Some((meta, rest)));
            }
        }
        Ok(None)
    }

    #[test]
    fn our_head_is_read_back_in_pieces_of_any_size() {
        let body = b"\x08\x00\x05\x00CS\x00\x00";
        let mut file = ours(TransferSyntax::EXPLICIT_LITTLE);
        assert_eq!(file.len() % 2, 0);
        file.extend_from_slice(body);
        for piece in 1..=file.len() {
            let (meta, rest) = read(&file, piece).unwrap().unwrap();
            assert_eq!(meta.transfer_syntax, TransferSyntax::explicit_little());
            assert_eq!(meta.sop_class, Some(uid("1.2.840.10008.5.1.4.1.1.2")));
            assert_eq!((meta.sop_instance, rest), (Some(uid("1.2.3")), body.to_vec()));
        }
    }

    #[test]
    fn the_same_arguments_give_the_same_bytes() {
        let bytes = ours(TransferSyntax::EXPLICIT_LITTLE);
        assert_eq!(bytes, ours(TransferSyntax::EXPLICIT_LITTLE));
        assert_eq!(u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize, bytes.len() - 144);
        assert!(Uid::parse(IMPLEMENTATION_CLASS_UID).is_ok() && IMPLEMENTATION_VERSION_NAME.len() <= 16);
    }

    #[test]
    fn heads_of_the_field() {
        let body = b"\x08\x00\x05\x00";
        let whole = ours(TransferSyntax::EXPLICIT_LITTLE);
        let syntax = b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2\0";
        let cases: [(&str, Vec<u8>); 4] = [
            ("no group length", [&whole[..132], &whole[144..]].concat()),
            ("no preamble", whole[128..].to_vec()),
            ("wrong group length", [&whole[..140], &[9, 0, 0, 0], &whole[144..]].concat()),
            ("only a transfer syntax", [&[0; 128][..], b"DICM", syntax].concat()),
        ];
        for (what, file) in cases {
            let (meta, rest) = read(&[&file[..], body].concat(), 7).unwrap().unwrap();
            assert!(!meta.transfer_syntax.is_encapsulated(), "{what}");
            assert_eq!(rest, body, "{what}");
        }
    }

    #[test]
    fn deflated_data_that_looks_like_meta_information() {
        let file = [&ours(TransferSyntax::DEFLATED)[..], &[2, 0, 1, 0]].concat();
        for piece in [1, 1000] {
            assert_eq!(read(&file, piece).unwrap().unwrap().1, [2, 0, 1, 0]);
        }
    }

    #[test]
    fn what_is_not_a_dicom_file() {
        assert!(matches!(read(&[b'x'; 200], 9), Err(Refused::NotDicom(_))));
        assert_eq!(read(&[0; 100], 9), Ok(None), "too short to tell: the caller sees the end");
        let mut no_syntax = [&[0; 128][..], b"DICM"].concat();
        no_syntax.extend_from_slice(b"\x08\x00\x05\x00CS\0\0");
        assert_eq!(read(&no_syntax, 9), Err(Refused::MissingAttribute("TransferSyntaxUID")));
        let huge = [&[0; 128][..], b"DICM\x02\x00\x01\x00OB\0\0\xFE\xFF\xFF\xFF"].concat();
        assert!(matches!(read(&huge, 9), Err(Refused::OverLimit(_))));
        let mut endless = [&[0; 128][..], b"DICM"].concat();
        endless.extend(b"\x02\x00\x02\x01SH\x00\x00".repeat(20_000));
        assert!(matches!(read(&endless, 4096), Err(Refused::OverLimit(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tail in proptest::collection::vec(any::<u8>(), 0..200), piece in 1usize..50) {
            let mut file = [&[0; 128][..], b"DICM\x02\x00"].concat();
            file.extend(tail);
            prop_assert_eq!(read(&file, piece), read(&file, file.len()));
        }
    }
}
