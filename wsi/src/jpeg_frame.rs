//! The headers of a baseline JPEG of three components in one scan (ITU-T T.81 §B.2), as far as its entropy-coded bits
//! depend on them; and the headers of tiles that are cut out of it.

use crate::SlideError;
use crate::jpeg::{self, Bits, Colours, marker};
use crate::mcu::{END_OF_BLOCK, Huffman, Reader, Units};

/// A table with a code for every DC difference (T.81 Table K.3): counts by length, then values.
const ALL_DC: [u8; 28] =
    [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// One component of the scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    identifier: u8,
    /// Sampling factors.
    horizontal: u8,
    vertical: u8,
    /// Quantisation table's number.
    quantisation: u8,
    /// Table of the DC differences in the file, and in tiles.
    pub dc: Huffman,
    pub dc_out: Huffman,
    pub ac: Huffman,
}

/// The headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub width: u16,
    pub height: u16,
    pub components: Vec<Component>,
    /// The component of each block of a unit.
    pub order: Vec<usize>,
    /// Units between restart markers; 0 when there are none.
    pub restart_interval: u16,
    pub colours: Colours,
    /// Where the entropy-coded bits begin.
    pub scan: usize,
    /// DQT segments.
    quantisation: Vec<u8>,
    /// Values of quantisation tables by number.
    quantisers: Vec<Option<Vec<u8>>>,
    /// Bodies of Huffman tables by class (DC, AC) and number.
    tables: [[Option<Vec<u8>>; 4]; 2],
}

const BROKEN: SlideError = SlideError::Damaged("the headers of a JPEG are broken");

impl Frame {
    /// Reads headers up to the end of the first SOS segment.
    ///
    /// # Errors
    /// [`SlideError::Unsupported`] for what is not baseline, of three components in one scan; [`SlideError::Damaged`].
    pub fn of(bytes: &[u8]) -> Result<Self, SlideError> {
        let head = jpeg::head(bytes).map_err(|_| BROKEN)?;
        if !jpeg::is_baseline(&head) || head.components != 3 {
            return Err(SlideError::Unsupported("a JPEG that is not baseline with three components"));
        }
        let mut frame = Self {
            width: head.width,
            height: head.height,
            components: Vec::new(),
            order: Vec::new(),
            restart_interval: 0,
            colours: head.colours(),
            scan: 0,
            quantisation: Vec::new(),
            quantisers: vec![None; 4],
            tables: Default::default(),
        };
        let mut declared = Vec::new();
        for range in &head.segments {
            let segment = bytes.get(range.clone()).ok_or(BROKEN)?;
            let (code, body) = (*segment.get(1).ok_or(BROKEN)?, segment.get(4..).ok_or(BROKEN)?);
            match code {
                marker::SOF0 => declared = body.get(6..15).ok_or(BROKEN)?.as_chunks::<3>().0.to_vec(),
                marker::DHT => frame.huffman(body)?,
                marker::DQT => frame.quantisation(segment, body)?,
                marker::DRI => {
                    frame.restart_interval = u16::from_be_bytes(*body.first_chunk().ok_or(BROKEN)?)
                }
                _ => {}
            }
        }
        frame.scan_header(bytes.get(head.scan..).ok_or(BROKEN)?, &declared)?;
        frame.scan += head.scan;
        Ok(frame)
    }

    fn huffman(&mut self, mut body: &[u8]) -> Result<(), SlideError> {
        while let Some((&number, rest)) = body.split_first() {
            let (_, taken) = Huffman::of(rest)?;
            let slot = self
                .tables
                .get_mut(usize::from(number >> 4))
                .and_then(|class| class.get_mut(usize::from(number & 15)));
            *slot.ok_or(BROKEN)? = Some(rest[..taken].to_vec());
            body = &rest[taken..];
        }
        Ok(())
    }

    fn quantisation(&mut self, segment: &[u8], mut body: &[u8]) -> Result<(), SlideError> {
        while let Some((&number, rest)) = body.split_first() {
            if number >> 4 != 0 {
                return Err(SlideError::Unsupported("a JPEG with quantisers of 16 bits"));
            }
            let values = rest.get(..64).ok_or(BROKEN)?;
            *self.quantisers.get_mut(usize::from(number)).ok_or(BROKEN)? = Some(values.to_vec());
            body = &rest[64..];
        }
        self.quantisation.extend_from_slice(segment);
        Ok(())
    }

    fn scan_header(&mut self, bytes: &[u8], declared: &[[u8; 3]]) -> Result<(), SlideError> {
        let length =
            usize::from(u16::from_be_bytes([*bytes.get(2).ok_or(BROKEN)?, *bytes.get(3).ok_or(BROKEN)?]));
        let body = bytes.get(4..2 + length).ok_or(BROKEN)?;
        self.scan = 2 + length;
        let &[3, i0, t0, i1, t1, i2, t2, 0, 63, 0] = body else {
            return Err(SlideError::Unsupported("a JPEG of several scans"));
        };
        for ([identifier, sampling, quantisation], (selected, tables)) in
            declared.iter().copied().zip([(i0, t0), (i1, t1), (i2, t2)])
        {
            let (horizontal, vertical) = (sampling >> 4, sampling & 15);
            let has_quantiser = self.quantisers.get(usize::from(quantisation)).is_some_and(Option::is_some);
            if identifier != selected
                || !(1..=4).contains(&horizontal)
                || !(1..=4).contains(&vertical)
                || !has_quantiser
            {
                return Err(BROKEN);
            }
            let table = |class: usize, number: u8| {
                let body =
                    self.tables[class].get(usize::from(number)).and_then(Option::as_deref).ok_or(BROKEN)?;
                Ok::<_, SlideError>(Huffman::of(body)?.0)
            };
            let (dc, ac) = (table(0, tables >> 4)?, table(1, tables & 15)?);
            if !ac.has(END_OF_BLOCK) {
                return Err(SlideError::Unsupported("a JPEG whose tables have no end of block"));
            }
            let dc_out = if dc.has_all_dc() { dc.clone() } else { Huffman::of(&ALL_DC)?.0 };
            self.order.extend(std::iter::repeat_n(
                self.components.len(),
                usize::from(horizontal) * usize::from(vertical),
            ));
            self.components.push(Component {
                identifier,
                horizontal,
                vertical,
                quantisation,
                dc,
                dc_out,
                ac,
            });
        }
        // T.81 §B.2.3.
        if self.components.len() != 3 || self.order.len() > 10 {
            return Err(BROKEN);
        }
        Ok(())
    }

    /// Pixels of a minimum coded unit.
    pub fn unit_size(&self) -> (u32, u32) {
        let most = |factor: fn(&Component) -> u8| self.components.iter().map(factor).max().unwrap_or(1);
        (u32::from(most(|c| c.horizontal)) * 8, u32::from(most(|c| c.vertical)) * 8)
    }

    /// The last DC value of each component.
    pub fn last_of_each(&self, dc: &[i32]) -> [i32; 3] {
        let mut last = [0; 3];
        let from = dc.len().saturating_sub(self.order.len());
        for (component, value) in self.order.iter().zip(&dc[from..]) {
            last[*component] = *value;
        }
        last
    }

    /// Whether another frame codes its coefficients for the same quantisers, sampling and colours.
    pub fn is_quantised_like(&self, other: &Self) -> bool {
        let alike = |a: &Component, b: &Component| {
            (a.horizontal, a.vertical) == (b.horizontal, b.vertical)
                && self.quantisers.get(usize::from(a.quantisation))
                    == other.quantisers.get(usize::from(b.quantisation))
        };
        self.colours == other.colours
            && self.components.iter().zip(&other.components).all(|(a, b)| alike(a, b))
    }

    /// What stands before the entropy-coded bits of a tile.
    pub fn tile_header(&self, width: u16, height: u16) -> Vec<u8> {
        let mut bytes = jpeg::prefix(&[], self.colours == Colours::Rgb);
        bytes.extend_from_slice(&self.quantisation);
        let [h1, h0] = height.to_be_bytes();
        let [w1, w0] = width.to_be_bytes();
        let mut frame = vec![8, h1, h0, w1, w0, 3];
        let mut scan = vec![3];
        let mut tables = Vec::new();
        for (number, component) in (0_u8..).zip(&self.components) {
            let sampling = component.horizontal << 4 | component.vertical;
            frame.extend([component.identifier, sampling, component.quantisation]);
            // Baseline has two tables of each class; what two components share is written once.
            let slot = number.min(1);
            scan.extend([component.identifier, slot << 4 | slot]);
            if number < 2 {
                tables.push((slot, component.dc_out.body()));
                tables.push((0x10 | slot, component.ac.body()));
            }
        }
        scan.extend([0, 63, 0]);
        jpeg::segment(&mut bytes, marker::SOF0, &frame);
        for (number, body) in tables {
            jpeg::segment(&mut bytes, marker::DHT, &[&[number], body.as_slice()].concat());
        }
        jpeg::segment(&mut bytes, marker::SOS, &scan);
        bytes
    }

    /// Whether the second and third component share their tables, as [`Frame::tile_header`] takes for granted.
    pub fn shares_chroma_tables(&self) -> bool {
        let [_, a, b] = self.components.as_slice() else { return false };
        a.dc == b.dc && a.ac == b.ac
    }

    /// A tile of its own.
    ///
    /// # Errors
    /// [`SlideError::Damaged`].
    pub fn tile(&self, units: &Units, width: u16, height: u16) -> Result<Vec<u8>, SlideError> {
        let mut bits = Bits::after(self.tile_header(width, height));
        units.write(self, &mut bits)?;
        let mut bytes = bits.finish();
        bytes.extend_from_slice(&[0xFF, marker::EOI]);
        Ok(bytes)
    }

    /// The units of a whole JPEG without restart markers.
    ///
    /// # Errors
    /// [`SlideError::Damaged`].
    pub fn units(&self, bytes: &[u8]) -> Result<Units, SlideError> {
        let (across, down) = self.unit_size();
        let count = u32::from(self.width).div_ceil(across) * u32::from(self.height).div_ceil(down);
        let mut units = Units::default();
        let mut reader = Reader::new(bytes.get(self.scan..).ok_or(BROKEN)?);
        units.read(&mut reader, self, &mut [0; 3], count)?;
        Ok(units)
    }
}

impl Component {
    /// Blocks in a unit.
    pub fn blocks(&self) -> u32 {
        u32::from(self.horizontal) * u32::from(self.vertical)
    }
}
