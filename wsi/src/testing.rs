//! Small TIFF and SVS files made in memory, for tests.

use crate::SlideError;
use crate::jpeg::{self, Bits, Colours};
use crate::jpeg_frame::Frame;
use crate::mcu::Units;
use crate::small_image::SmallImage;
use crate::source::ReadAt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub mod label;

/// Bytes as a file.
pub struct Memory(pub Vec<u8>);

impl ReadAt for Memory {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError> {
        const SHORT: SlideError = SlideError::Damaged("it ends before it should");
        let from = usize::try_from(offset).map_err(|_| SHORT)?;
        let end = from.checked_add(buffer.len()).ok_or(SHORT)?;
        buffer.copy_from_slice(self.0.get(from..end).ok_or(SHORT)?);
        Ok(())
    }
}

/// Bytes as a file that counts what is read of it.
pub struct Counted(Memory, AtomicU64);

impl Counted {
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(Memory(bytes), AtomicU64::new(0))
    }

    /// Bytes that have been read.
    pub fn read(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }
}

impl ReadAt for Counted {
    fn length(&self) -> u64 {
        self.0.length()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError> {
        self.1.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        self.0.read_at(offset, buffer)
    }
}

pub fn source(bytes: Vec<u8>) -> Arc<dyn ReadAt> {
    Arc::new(Memory(bytes))
}

/// A field's values, before they have a place.
#[derive(Debug, Clone)]
pub enum Field {
    Text(String),
    Bytes(Vec<u8>),
    Short(Vec<u16>),
    Long(Vec<u32>),
    SignedLong(i32),
    Long8(Vec<u64>),
    Float(f32),
}

/// Which kind of TIFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub is_big: bool,
    pub is_big_endian: bool,
    pub is_ndpi: bool,
}

pub const CLASSIC: Kind = Kind { is_big: false, is_big_endian: false, is_ndpi: false };
pub const NDPI: Kind = Kind { is_big: false, is_big_endian: false, is_ndpi: true };
pub const KINDS: [Kind; 4] = [
    CLASSIC,
    Kind { is_big: false, is_big_endian: true, is_ndpi: false },
    Kind { is_big: true, is_big_endian: false, is_ndpi: false },
    Kind { is_big: true, is_big_endian: true, is_ndpi: false },
];

/// Writes a TIFF: data first, directories behind it.
pub struct Builder {
    kind: Kind,
    bytes: Vec<u8>,
    directories: Vec<Vec<(u16, Field)>>,
}

impl Builder {
    pub fn new(kind: Kind) -> Self {
        Self { kind, bytes: vec![0; 16], directories: Vec::new() }
    }

    /// Puts bytes somewhere and returns their place.
    pub fn data(&mut self, bytes: &[u8]) -> u32 {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        at.try_into().unwrap()
    }

    pub fn directory(&mut self, fields: Vec<(u16, Field)>) {
        self.directories.push(fields);
    }

    fn uint(&self, value: u64, width: usize) -> Vec<u8> {
        if self.kind.is_big_endian {
            value.to_be_bytes()[8 - width..].to_vec()
        } else {
            value.to_le_bytes()[..width].to_vec()
        }
    }

    fn field(&self, field: &Field) -> (u16, u64, Vec<u8>) {
        match field {
            Field::Text(text) => (2, text.len() as u64 + 1, [text.as_bytes(), &[0]].concat()),
            Field::Bytes(bytes) => (7, bytes.len() as u64, bytes.clone()),
            Field::Short(values) => (
                3,
                values.len() as u64,
                values.iter().flat_map(|value| self.uint((*value).into(), 2)).collect(),
            ),
            Field::Long(values) => (
                4,
                values.len() as u64,
                values.iter().flat_map(|value| self.uint((*value).into(), 4)).collect(),
            ),
            Field::SignedLong(value) => (9, 1, self.uint((*value as u32).into(), 4)),
            Field::Float(value) => (11, 1, self.uint(value.to_bits().into(), 4)),
            Field::Long8(values) => {
                (16, values.len() as u64, values.iter().flat_map(|value| self.uint(*value, 8)).collect())
            }
        }
    }

    pub fn build(mut self) -> Vec<u8> {
        let (count_width, width) = if self.kind.is_big { (8, 8) } else { (2, 4) };
        // Where the place of the next directory has to be written.
        let mut link = if self.kind.is_big { 8 } else { 4 };
        for mut fields in std::mem::take(&mut self.directories) {
            fields.sort_by_key(|(tag, _)| *tag);
            let mut entries = Vec::new();
            for (tag, field) in &fields {
                let (field_type, count, mut value) = self.field(field);
                if value.len() > width {
                    let at = self.bytes.len() as u64;
                    self.bytes.extend_from_slice(&value);
                    value = self.uint(at, width);
                }
                value.resize(width, 0);
                entries.extend(self.uint((*tag).into(), 2));
                entries.extend(self.uint(field_type.into(), 2));
                entries.extend(self.uint(count, width));
                entries.extend(value);
            }
            let at = self.uint(self.bytes.len() as u64, width);
            self.bytes[link..link + width].copy_from_slice(&at);
            self.bytes.extend(self.uint(fields.len() as u64, count_width));
            self.bytes.extend(entries);
            link = self.bytes.len();
            let high_words = if self.kind.is_ndpi { 4 + 4 * fields.len() } else { 0 };
            self.bytes.extend(vec![0; width + high_words]);
        }
        let mark: &[u8] = if self.kind.is_big_endian { b"MM" } else { b"II" };
        self.bytes[..2].copy_from_slice(mark);
        let version = self.uint(if self.kind.is_big { 43 } else { 42 }, 2);
        self.bytes[2..4].copy_from_slice(&version);
        if self.kind.is_big {
            let sizes = [self.uint(8, 2), self.uint(0, 2)].concat();
            self.bytes[4..8].copy_from_slice(&sizes);
        }
        self.bytes
    }
}

/// A JPEG of coloured noise, 4:2:0, and the same with a restart marker after every so many units: the stream and where
/// its intervals begin.
pub fn noise_jpeg(width: u32, height: u32, interval: Option<u32>) -> (Vec<u8>, Vec<u32>) {
    other_noise_jpeg(7, width, height, interval)
}

/// The same, of another noise.
fn other_noise_jpeg(seed: u32, width: u32, height: u32, interval: Option<u32>) -> (Vec<u8>, Vec<u32>) {
    let mut state = seed;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let rgb: Vec<u8> = (0..width * height * 3).map(|_| noise()).collect();
    let whole = codec::encode_jpeg_rgb(&rgb, width, height, 80).unwrap();
    let frame = Frame::of(&whole).unwrap();
    let Some(interval) = interval else { return (whole, vec![u32::try_from(frame.scan).unwrap()]) };
    let units = frame.units(&whole).unwrap();
    let blocks = frame.order.len();
    let mut bytes = frame.tile_header(width as u16, height as u16);
    // DRI may stand anywhere before the scan.
    let dri = [0xFF, 0xDD, 0, 4, (interval >> 8) as u8, interval as u8];
    bytes.splice(2..2, dri);
    let mut starts = Vec::new();
    let count = width.div_ceil(frame.unit_size().0) * height.div_ceil(frame.unit_size().1);
    for (number, first) in (0..count).step_by(interval as usize).enumerate() {
        if number > 0 {
            bytes.extend([0xFF, 0xD0 + ((number - 1) % 8) as u8]);
        }
        starts.push(bytes.len().try_into().unwrap());
        let mut part = Units::default();
        part.append(&units, first as usize * blocks..(first + interval).min(count) as usize * blocks)
            .unwrap();
        let mut bits = Bits::after(bytes);
        part.write(&frame, &mut bits).unwrap();
        bytes = bits.finish();
    }
    bytes.extend([0xFF, 0xD9]);
    (bytes, starts)
}

/// An NDPI file of one level.
pub fn ndpi(width: u32, height: u32, interval: Option<u32>, is_listed: bool) -> Vec<u8> {
    let mut builder = Builder::new(NDPI);
    let (jpeg, starts) = noise_jpeg(width, height, interval);
    ndpi_image(&mut builder, (width, height), &jpeg, starts, is_listed, Vec::new());
    builder.build()
}

/// An NDPI file of focal planes: width, height and interval of each, and its height in nanometres.
pub fn ndpi_planes(planes: &[(u32, u32, u32, i32)]) -> Vec<u8> {
    let mut builder = Builder::new(NDPI);
    for (number, (width, height, interval, z_nm)) in (0..).zip(planes) {
        let (jpeg, starts) = other_noise_jpeg(number, *width, *height, Some(*interval));
        let more = vec![(65424, Field::SignedLong(*z_nm))];
        ndpi_image(&mut builder, (*width, *height), &jpeg, starts, true, more);
    }
    builder.build()
}

fn ndpi_image(
    builder: &mut Builder,
    (width, height): (u32, u32),
    jpeg: &[u8],
    starts: Vec<u32>,
    is_listed: bool,
    more: Vec<(u16, Field)>,
) {
    let at = builder.data(jpeg);
    let mut fields = vec![
        (256, Field::Long(vec![width])),
        (257, Field::Long(vec![height])),
        (259, Field::Short(vec![7])),
        (262, Field::Short(vec![6])),
        (273, Field::Long(vec![at])),
        (279, Field::Long(vec![jpeg.len() as u32])),
        (65420, Field::Long(vec![1])),
        (65421, Field::Float(20.0)),
    ];
    if is_listed {
        fields.push((65426, Field::Long(starts)));
    }
    fields.extend(more);
    builder.directory(fields);
}

/// How a test packs samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    Not,
    Lzw,
    Deflate,
}

/// An OME-TIFF of channels in 16 bits, each an image of one level.
#[derive(Debug, Clone)]
pub struct Ome {
    pub kind: Kind,
    pub packed: Packed,
    pub is_differenced: bool,
    /// Columns and rows of each channel.
    pub sizes: Vec<(u32, u32)>,
    pub tile: u32,
    /// Attributes of Pixels.
    pub pixels: String,
    /// What is in Pixels.
    pub inner: String,
    /// In the place of, or besides, the usual fields of each image.
    pub changes: Vec<(u16, Field)>,
}

impl Ome {
    /// So many channels of 100 × 80 pixels.
    pub fn of(channels: usize) -> Self {
        let inner: String =
            (0..channels).map(|number| format!("<Channel Name=\"Dye {number}\" Fluor=\"x\"/>")).collect();
        Self {
            kind: CLASSIC,
            packed: Packed::Not,
            is_differenced: false,
            sizes: vec![(100, 80); channels],
            tile: 32,
            pixels: format!("SizeC=\"{channels}\" PhysicalSizeX=\"0.5\" PhysicalSizeY=\"0.5\""),
            inner,
            changes: Vec::new(),
        }
    }

    /// The value of a pixel.
    pub fn value(channel: usize, x: u32, y: u32) -> u16 {
        (x * 517 + y * 1021 + channel as u32 * 9973) as u16
    }

    /// Samples of a tile, little endian.
    pub fn tile_of(&self, channel: usize, column: u32, row: u32) -> Vec<u8> {
        let (left, top) = (column * self.tile, row * self.tile);
        let at = |number: u32| Self::value(channel, left + number % self.tile, top + number / self.tile);
        (0..self.tile * self.tile).flat_map(|number| at(number).to_le_bytes()).collect()
    }

    fn packed(&self, samples: Vec<u8>) -> Vec<u8> {
        let mut values: Vec<u16> =
            samples.as_chunks::<2>().0.iter().map(|two| u16::from_le_bytes(*two)).collect();
        if self.is_differenced {
            for row in values.chunks_exact_mut(self.tile as usize) {
                for at in (1..row.len()).rev() {
                    row[at] = row[at].wrapping_sub(row[at - 1]);
                }
            }
        }
        let is_big = self.kind.is_big_endian;
        let bytes = |value: &u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
        let bytes: Vec<u8> = values.iter().flat_map(bytes).collect();
        match self.packed {
            Packed::Not => bytes,
            Packed::Lzw => {
                weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&bytes).unwrap()
            }
            Packed::Deflate => {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                std::io::Write::write_all(&mut encoder, &bytes).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    pub fn build(&self) -> Vec<u8> {
        let mut builder = Builder::new(self.kind);
        let text = format!("<OME><Image><Pixels {}>{}</Pixels></Image></OME>", self.pixels, self.inner);
        for (channel, (width, height)) in self.sizes.iter().enumerate() {
            let (mut offsets, mut counts) = (Vec::new(), Vec::new());
            for row in 0..height.div_ceil(self.tile) {
                for column in 0..width.div_ceil(self.tile) {
                    let tile = self.packed(self.tile_of(channel, column, row));
                    offsets.push(builder.data(&tile));
                    counts.push(tile.len() as u32);
                }
            }
            let compression = match self.packed {
                Packed::Not => 1,
                Packed::Lzw => 5,
                Packed::Deflate => 8,
            };
            let mut fields = vec![
                (256, Field::Long(vec![*width])),
                (257, Field::Long(vec![*height])),
                (258, Field::Short(vec![16])),
                (259, Field::Short(vec![compression])),
                (262, Field::Short(vec![1])),
                (277, Field::Short(vec![1])),
                (317, Field::Short(vec![1 + u16::from(self.is_differenced)])),
                (322, Field::Long(vec![self.tile])),
                (323, Field::Long(vec![self.tile])),
                (324, Field::Long(offsets)),
                (325, Field::Long(counts)),
            ];
            if channel == 0 {
                fields.push((270, Field::Text(text.clone())));
            }
            for (tag, field) in &self.changes {
                fields.retain(|(other, _)| other != tag);
                fields.push((*tag, field.clone()));
            }
            builder.directory(fields);
        }
        builder.build()
    }
}

/// What an SVS for a test looks like.
#[derive(Debug, Clone)]
pub struct Svs {
    pub kind: Kind,
    pub width: u16,
    pub height: u16,
    pub tile: u16,
    pub compression: u16,
    pub photometric: u16,
    pub description: String,
    /// Number of a tile of level 0 that the file leaves empty.
    pub empty_tile: Option<usize>,
    /// Replaces each tile of level 0.
    pub tile_bytes: Option<Vec<u8>>,
    pub label: Option<SmallImage>,
}

impl Default for Svs {
    fn default() -> Self {
        Self {
            kind: CLASSIC,
            width: 100,
            height: 80,
            tile: 32,
            compression: 7,
            photometric: 2,
            description:
                "Aperio Image Library v1\r\n100x80|AppMag = 40|MPP = 0.25|Date = 12/29/09|Time = 09:59:15"
                    .to_owned(),
            empty_tile: None,
            tile_bytes: None,
            label: Some(SmallImage {
                width: 30,
                height: 20,
                rgb: (0..30 * 20 * 3).map(|at| (at % 253) as u8).collect(),
                lossy: None,
            }),
        }
    }
}

impl Svs {
    /// Two levels (the second a quarter of the first's area), and a label of two uncompressed strips.
    pub fn build(&self) -> Vec<u8> {
        let mut builder = Builder::new(self.kind);
        self.level(&mut builder, self.width, self.height, self.empty_tile, &self.description);
        let description = "Aperio Image Library v1\n100x80 -> 50x40 - |AppMag = 40";
        self.level(&mut builder, self.width / 2, self.height / 2, None, description);
        if let Some(SmallImage { width, height, rgb, .. }) = &self.label {
            let rows = height * 3 / 5;
            let (first, second) = rgb.split_at((width * 3 * rows) as usize);
            let offsets = vec![builder.data(first), builder.data(second)];
            builder.directory(vec![
                (254, Field::Long(vec![1])),
                (256, Field::Short(vec![*width as u16])),
                (257, Field::Short(vec![*height as u16])),
                (258, Field::Short(vec![8, 8, 8])),
                (259, Field::Short(vec![1])),
                (262, Field::Short(vec![2])),
                (270, Field::Text(format!("Aperio Image Library v1\nlabel {width}x{height}"))),
                (273, Field::Long(offsets)),
                (277, Field::Short(vec![3])),
                (278, Field::Short(vec![rows as u16])),
                (279, Field::Long(vec![first.len() as u32, second.len() as u32])),
            ]);
        }
        builder.build()
    }

    fn level(&self, builder: &mut Builder, width: u16, height: u16, empty: Option<usize>, description: &str) {
        let colours = if self.photometric == 2 { Colours::Rgb } else { Colours::Ybr };
        let tile = self.tile_bytes.clone().unwrap_or_else(|| jpeg::white(self.tile, self.tile, colours));
        let tiles = usize::from(width.div_ceil(self.tile)) * usize::from(height.div_ceil(self.tile));
        let (mut offsets, mut counts) = (Vec::new(), Vec::new());
        for number in 0..tiles {
            if empty == Some(number) {
                offsets.push(0);
                counts.push(0);
            } else {
                // A comment makes every tile another one, of odd and even lengths.
                let comment =
                    [&[0xFF, 0xFE, 0, 4 + (number % 3) as u8][..], &vec![number as u8; 2 + number % 3]];
                let tile = [&tile[..2], &comment.concat(), &tile[2..]].concat();
                offsets.push(builder.data(&tile));
                counts.push(tile.len() as u32);
            }
        }
        builder.directory(vec![
            (256, Field::Short(vec![width])),
            (257, Field::Short(vec![height])),
            (258, Field::Short(vec![8, 8, 8])),
            (259, Field::Short(vec![self.compression])),
            (262, Field::Short(vec![self.photometric])),
            (270, Field::Text(description.to_owned())),
            (277, Field::Short(vec![3])),
            (322, Field::Short(vec![self.tile])),
            (323, Field::Short(vec![self.tile])),
            (324, Field::Long(offsets)),
            (325, Field::Long(counts)),
        ]);
    }
}

/// The real slide of the samples.
pub fn cmu_small_region() -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../sample-data/cache/demo/slides/CMU-1-Small-Region.svs");
    assert!(path.is_file(), "the sample slide is missing: run make samples");
    path
}
