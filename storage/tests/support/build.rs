//! Instances to store, made in a few lines.

use dataset::write::to_bytes;
use dataset::{Dataset, TransferSyntax, VR, tags};
use model::{OrgId, Scope, Uid};
use storage::{Arrival, Storage, StorageError, Stored, Via};

/// CT Image Storage.
pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

/// What makes one instance differ from another.
#[derive(Clone)]
pub struct Instance {
    pub study: u32,
    pub series: u32,
    pub number: u32,
    pub name: &'static str,
    pub patient_id: &'static str,
    pub accession: &'static str,
    pub date: &'static str,
    pub time: &'static str,
    pub modality: &'static str,
    pub description: &'static str,
    /// Bytes of each native frame: `rows` × 16 columns × 16 bit.
    pub rows: u16,
    pub frames: u32,
    /// Seed of the pixels.
    pub seed: u8,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            study: 1,
            series: 1,
            number: 1,
            name: "Zhang^San=张^三",
            patient_id: "P001",
            accession: "A2001",
            date: "20260102",
            time: "101112",
            modality: "CT",
            description: "头部",
            rows: 16,
            frames: 2,
            seed: 1,
        }
    }
}

pub fn uid(text: &str) -> Uid {
    Uid::parse(text).expect("a UID")
}

impl Instance {
    pub fn study_uid(&self) -> Uid {
        uid(&format!("1.2.3.{}", self.study))
    }
    pub fn series_uid(&self) -> Uid {
        uid(&format!("1.2.3.{}.{}", self.study, self.series))
    }
    pub fn instance_uid(&self) -> Uid {
        uid(&format!("1.2.3.{}.{}.{}", self.study, self.series, self.number))
    }

    /// The bytes of one frame.
    pub fn frame(&self, frame: u32) -> Vec<u8> {
        let length = usize::from(self.rows) * 16 * 2;
        (0..length)
            .map(|i| (i as u8).wrapping_mul(7).wrapping_add(self.seed).wrapping_add(frame as u8))
            .collect()
    }

    pub fn dataset(&self) -> Dataset {
        let mut d = Dataset::new();
        d.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
        d.put_text(tags::SOP_CLASS_UID, VR::UI, CT);
        d.put_text(tags::SOP_INSTANCE_UID, VR::UI, self.instance_uid().as_str());
        d.put_text(tags::STUDY_DATE, VR::DA, self.date);
        d.put_text(tags::STUDY_TIME, VR::TM, self.time);
        d.put_text(tags::ACCESSION_NUMBER, VR::SH, self.accession);
        d.put_text(tags::MODALITY, VR::CS, self.modality);
        d.put_text(tags::STUDY_DESCRIPTION, VR::LO, self.description);
        d.put_text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "王^医生");
        d.put_text(tags::PATIENT_NAME, VR::PN, self.name);
        d.put_text(tags::PATIENT_ID, VR::LO, self.patient_id);
        d.put_text(tags::PATIENT_BIRTH_DATE, VR::DA, "19600229");
        d.put_text(tags::PATIENT_SEX, VR::CS, "F");
        d.put_text(tags::STUDY_INSTANCE_UID, VR::UI, self.study_uid().as_str());
        d.put_text(tags::SERIES_INSTANCE_UID, VR::UI, self.series_uid().as_str());
        d.put_text(tags::SERIES_NUMBER, VR::IS, &self.series.to_string());
        d.put_text(tags::INSTANCE_NUMBER, VR::IS, &self.number.to_string());
        d.put_u16(tags::SAMPLES_PER_PIXEL, &[1]);
        d.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
        d.put_text(tags::NUMBER_OF_FRAMES, VR::IS, &self.frames.to_string());
        d.put_u16(tags::ROWS, &[self.rows]);
        d.put_u16(tags::COLUMNS, &[16]);
        d.put_u16(tags::BITS_ALLOCATED, &[16]);
        d.put_u16(tags::BITS_STORED, &[12]);
        d.put_u16(tags::HIGH_BIT, &[11]);
        d.put_u16(tags::PIXEL_REPRESENTATION, &[0]);
        d
    }

    /// The data set with native pixels, Explicit VR Little Endian.
    pub fn bytes(&self) -> Vec<u8> {
        let mut d = self.dataset();
        let pixels: Vec<u8> = (0..self.frames).flat_map(|f| self.frame(f)).collect();
        d.put_bytes(tags::PIXEL_DATA, VR::OW, pixels);
        to_bytes(&d, &TransferSyntax::explicit_little())
    }

    /// The data set with each frame in fragments of these many bytes, as RLE Lossless would have them.
    pub fn encapsulated(&self, fragments_per_frame: usize) -> Vec<u8> {
        let rle = TransferSyntax::parse(TransferSyntax::RLE).expect("a syntax");
        let mut bytes = to_bytes(&self.dataset(), &rle);
        bytes.extend_from_slice(&dataset::write::pixel_data_header_encapsulated());
        let item = |bytes: &mut Vec<u8>, value: &[u8]| {
            bytes.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0]);
            bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
            bytes.extend_from_slice(value);
        };
        let mut offsets = Vec::new();
        let mut at = 0_u32;
        let mut items = Vec::new();
        for frame in 0..self.frames {
            offsets.extend_from_slice(&at.to_le_bytes());
            let frame = self.frame(frame);
            for piece in frame.chunks(frame.len().div_ceil(fragments_per_frame)) {
                item(&mut items, piece);
                at += 8 + piece.len() as u32;
            }
        }
        item(&mut bytes, &offsets);
        bytes.extend_from_slice(&items);
        bytes.extend_from_slice(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
        bytes
    }
}

pub fn org(text: &str) -> OrgId {
    OrgId::parse(text).expect("an organisation")
}

/// The scope of a person of an organisation.
pub fn scope(text: &str) -> Scope {
    let actor = model::Actor { kind: model::ActorKind::Person, id: format!("{text}-person"), address: None };
    Scope::organisation(actor, org(text))
}

/// Stores a bare data set as C-STORE would.
pub async fn store_as(
    storage: &Storage,
    owner: &str,
    instance: &Instance,
    bytes: &[u8],
    syntax: &str,
) -> Result<Stored, StorageError> {
    let arrival =
        Arrival { owner: org(owner), via: Via::Dimse, declared: Some((uid(CT), instance.instance_uid())) };
    let syntax = TransferSyntax::parse(syntax).expect("a syntax");
    let mut sink = storage.sink(&scope(owner), arrival, syntax).await?;
    for piece in bytes.chunks(60_000) {
        sink.write(piece).await?;
    }
    sink.commit().await
}

/// Stores an instance with native pixels.
pub async fn store(storage: &Storage, owner: &str, instance: &Instance) -> Stored {
    store_as(storage, owner, instance, &instance.bytes(), TransferSyntax::EXPLICIT_LITTLE)
        .await
        .expect("it is stored")
}
