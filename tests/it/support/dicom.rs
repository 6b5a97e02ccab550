//! DICOM files made by hand, byte by byte, so that a test knows what it sent, and can send what no library would.

use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Explicit VR Little Endian.
pub const EXPLICIT_VR_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
/// CT Image Storage.
pub const CT_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";

/// A UID of its own under 2.25 (PS3.5 §B.2).
pub fn new_uid() -> String {
    format!("2.25.{}", uuid::Uuid::new_v4().as_u128())
}

/// A small CT image; a builder with something sensible in every field.
#[derive(Clone, Debug)]
pub struct Ct {
    pub study: String,
    pub series: String,
    pub instance: String,
    pub patient_name: String,
    pub patient_id: String,
    pub accession: String,
    pub study_date: String,
    pub number: u16,
    pub rows: u16,
    pub seed: u8,
    pub photometric: &'static str,
    /// Body Part Examined, or nothing.
    pub body_part: &'static str,
    /// SNOMED CT code of the Anatomic Region, or nothing.
    pub region: &'static str,
}

impl Ct {
    /// One image of a new study of 张三.
    pub fn new() -> Self {
        let study = new_uid();
        Self {
            series: new_uid(),
            instance: new_uid(),
            patient_name: "Zhang^San=张^三".into(),
            patient_id: format!("P{}", &study[study.len() - 9..]),
            accession: format!("A{}", &study[study.len() - 9..]),
            study,
            study_date: "20261120".into(),
            number: 1,
            rows: 16,
            seed: 0,
            photometric: "MONOCHROME2",
            body_part: "",
            region: "",
        }
    }

    /// As many images of one series.
    pub fn series_of(self, count: u16) -> Vec<Self> {
        (1..=count)
            .map(|number| Self { instance: new_uid(), number, seed: number as u8, ..self.clone() })
            .collect()
    }

    /// With another patient's name.
    pub fn named(self, patient_name: &str) -> Self {
        Self { patient_name: patient_name.into(), ..self }
    }

    /// As many rows and columns.
    pub fn sized(self, rows: u16) -> Self {
        Self { rows, ..self }
    }

    /// With the least value white.
    pub fn low_white(self) -> Self {
        Self { photometric: "MONOCHROME1", ..self }
    }

    /// The pixels, 16 bit little endian.
    pub fn pixels(&self) -> Vec<u8> {
        let count = usize::from(self.rows) * usize::from(self.rows);
        (0..count)
            .flat_map(|i| ((i * 7 + usize::from(self.seed) * 31) as u16 & 0x0FFF).to_le_bytes())
            .collect()
    }

    /// The data set.
    pub fn data_set(&self) -> Elements {
        let rows = self.rows.to_le_bytes();
        let us = |value: u16| value.to_le_bytes();
        Elements::default()
            .text(0x0008_0005, "CS", "ISO_IR 192")
            .text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL")
            .text(0x0008_0016, "UI", CT_IMAGE_STORAGE)
            .text(0x0008_0018, "UI", &self.instance)
            .text(0x0008_0020, "DA", &self.study_date)
            .text(0x0008_0030, "TM", "101500")
            .text(0x0008_0050, "SH", &self.accession)
            .text(0x0008_0060, "CS", "CT")
            .text(0x0008_0090, "PN", "")
            .text(0x0008_1030, "LO", "胸部平扫")
            .text(0x0008_103E, "LO", "肺窗")
            .anatomy(0x0008_2218, self.region)
            .text(0x0010_0010, "PN", &self.patient_name)
            .text(0x0010_0020, "LO", &self.patient_id)
            .text(0x0010_0030, "DA", "19680301")
            .text(0x0010_0040, "CS", "M")
            .text(0x0010_1010, "AS", "058Y")
            .given(0x0018_0015, "CS", self.body_part)
            .text(0x0020_000D, "UI", &self.study)
            .text(0x0020_000E, "UI", &self.series)
            .text(0x0020_0010, "SH", "1")
            .text(0x0020_0011, "IS", "1")
            .text(0x0020_0013, "IS", &self.number.to_string())
            .text(0x0020_0032, "DS", &format!("0\\0\\{}", self.number))
            .text(0x0020_0037, "DS", "1\\0\\0\\0\\1\\0")
            .element(0x0028_0002, "US", &us(1))
            .text(0x0028_0004, "CS", self.photometric)
            .element(0x0028_0010, "US", &rows)
            .element(0x0028_0011, "US", &rows)
            .text(0x0028_0030, "DS", "0.5\\0.5")
            .element(0x0028_0100, "US", &us(16))
            .element(0x0028_0101, "US", &us(12))
            .element(0x0028_0102, "US", &us(11))
            .element(0x0028_0103, "US", &us(0))
            .text(0x0028_1050, "DS", "2048")
            .text(0x0028_1051, "DS", "4096")
            .element(0x7FE0_0010, "OW", &self.pixels())
    }

    /// The file.
    pub fn file(&self) -> Part10 {
        Part10::new(&self.instance, self.data_set().bytes)
    }

    /// `/dicom-web/studies/…/series/…/instances/…`
    pub fn path(&self) -> String {
        format!("/dicom-web/studies/{}/series/{}/instances/{}", self.study, self.series, self.instance)
    }
}

/// Elements in Explicit VR Little Endian.
#[derive(Clone, Default, Debug)]
pub struct Elements {
    /// As written so far.
    pub bytes: Vec<u8>,
}

impl Elements {
    /// A value of text, padded.
    pub fn text(self, tag: u32, vr: &str, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == "UI" { 0 } else { b' ' });
        }
        self.element(tag, vr, &bytes)
    }

    /// A value of text, if there is one.
    pub fn given(self, tag: u32, vr: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.text(tag, vr, value) }
    }

    /// A sequence of one SNOMED CT code, if there is one.
    pub fn anatomy(self, tag: u32, code: &str) -> Self {
        if code.is_empty() {
            return self;
        }
        let code = Self::default().text(0x0008_0100, "SH", code).text(0x0008_0102, "SH", "SCT");
        let code = code.text(0x0008_0104, "LO", "Anatomy").bytes;
        let mut item = vec![0xFE, 0xFF, 0x00, 0xE0];
        item.extend(u32::try_from(code.len()).expect("a short item").to_le_bytes());
        item.extend(code);
        self.element(tag, "SQ", &item)
    }

    /// Any value.
    pub fn element(self, tag: u32, vr: &str, value: &[u8]) -> Self {
        let length = u32::try_from(value.len()).expect("a short value");
        let mut this = self.header(tag, vr, length);
        this.bytes.extend_from_slice(value);
        this
    }

    /// A header alone, whatever length it declares.
    pub fn header(mut self, tag: u32, vr: &str, length: u32) -> Self {
        self.bytes.extend_from_slice(&((tag >> 16) as u16).to_le_bytes());
        self.bytes.extend_from_slice(&(tag as u16).to_le_bytes());
        self.bytes.extend_from_slice(vr.as_bytes());
        if ["OB", "OW", "SQ", "UN", "UT", "OF", "OD", "OL", "UC", "UR", "OV"].contains(&vr) {
            self.bytes.extend_from_slice(&[0, 0]);
            self.bytes.extend_from_slice(&length.to_le_bytes());
        } else {
            let short = u16::try_from(length).expect("a 16-bit length");
            self.bytes.extend_from_slice(&short.to_le_bytes());
        }
        self
    }

    /// Sequences of undefined length, each in an item of the one before, never closed.
    pub fn nested(mut self, depth: usize) -> Self {
        for _ in 0..depth {
            self = self.header(0x0040_A730, "SQ", u32::MAX);
            self.bytes.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
        }
        self
    }
}

/// A Part 10 file (PS3.10 §7.1).
#[derive(Clone, Debug)]
pub struct Part10 {
    /// The whole file.
    pub bytes: Vec<u8>,
    data_set_at: usize,
}

impl AsRef<[u8]> for Part10 {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Part10 {
    /// A CT image's file around any data set.
    pub fn new(instance: &str, data_set: Vec<u8>) -> Self {
        Self::in_syntax(instance, EXPLICIT_VR_LITTLE_ENDIAN, data_set)
    }

    /// The same in any transfer syntax.
    pub fn in_syntax(instance: &str, syntax: &str, data_set: Vec<u8>) -> Self {
        let meta = Elements::default()
            .element(0x0002_0001, "OB", &[0, 1])
            .text(0x0002_0002, "UI", CT_IMAGE_STORAGE)
            .text(0x0002_0003, "UI", instance)
            .text(0x0002_0010, "UI", syntax)
            .text(0x0002_0012, "UI", "2.25.1")
            .bytes;
        let mut bytes = vec![0; 128];
        bytes.extend_from_slice(b"DICM");
        let length = u32::try_from(meta.len()).expect("a short meta group");
        bytes.extend_from_slice(&Elements::default().element(0x0002_0000, "UL", &length.to_le_bytes()).bytes);
        bytes.extend_from_slice(&meta);
        let data_set_at = bytes.len();
        bytes.extend_from_slice(&data_set);
        Self { bytes, data_set_at }
    }

    /// A file as it came; the meta group's length says where the data set begins.
    pub fn parse(bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.get(128..132), Some(b"DICM".as_slice()), "a Part 10 file");
        let length = u32::from_le_bytes(bytes[140..144].try_into().expect("four bytes")) as usize;
        Self { data_set_at: 144 + length, bytes }
    }

    /// The same under another SOP Instance UID of the same length, wherever the UID stands: several samples are the
    /// same image in different syntaxes.
    pub fn into_another_instance(mut self) -> Self {
        let tag_and_vr = b"\x02\x00\x03\x00UI";
        let at =
            self.bytes.windows(6).position(|w| w == tag_and_vr).expect("a Media Storage SOP Instance UID");
        let length = usize::from(u16::from_le_bytes([self.bytes[at + 6], self.bytes[at + 7]]));
        let old: Vec<u8> = self.bytes[at + 8..at + 8 + length].iter().copied().filter(|b| *b != 0).collect();
        let digits = format!("{:040}", uuid::Uuid::new_v4().as_u128());
        let mut new = old.clone();
        let changed = old.len().saturating_sub(old.iter().position(|b| *b == b'.').unwrap_or(0) + 2).min(9);
        let from = new.len() - changed;
        for (place, digit) in new[from..].iter_mut().zip(digits.bytes().rev()) {
            // Dots stay where they are, and no component begins with a zero.
            if *place != b'.' {
                *place = b'1' + (digit - b'0') % 9;
            }
        }
        let mut from = 0;
        while let Some(found) = self.bytes[from..].windows(old.len()).position(|w| w == old) {
            self.bytes[from + found..from + found + old.len()].copy_from_slice(&new);
            from += found + old.len();
        }
        self
    }

    /// The data set's bytes.
    pub fn data_set(&self) -> &[u8] {
        &self.bytes[self.data_set_at..]
    }

    /// SHA-256 of the data set, in hexadecimal: what a report names as evidence.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.data_set()))
    }

    /// The first `length` bytes.
    pub fn truncated(mut self, length: usize) -> Self {
        self.bytes.truncate(length);
        self
    }

    /// Writes it into a folder.
    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, &self.bytes).expect("a file");
        path
    }
}
