//! Baseline JPEG scans taken apart at minimum coded units and put together anew (ITU-T T.81 §A.2, §F.2.2), without
//! dequantising: what each block codes stays, only the DC differences are counted from another block.

use crate::SlideError;
use crate::jpeg::Bits;
use crate::jpeg_frame::Frame;

const BROKEN: SlideError = SlideError::Damaged("the entropy-coded bits of a JPEG are broken");

/// Longest Huffman code.
const CODE_BITS_MAX: u32 = 16;
/// Codes of this length or shorter are found by one look.
const LOOK_BITS: u32 = 9;
/// DC differences have at most this many bits in baseline (T.81 Table F.1).
const DC_BITS_MAX: u8 = 11;

/// The symbol that ends a block.
pub(crate) const END_OF_BLOCK: u8 = 0;
/// DC values of samples of eight bits (T.81 §A.3.3), so that every difference has a code.
const DC_VALUES: std::ops::Range<i32> = -1024..1024;

/// A Huffman table, for both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Huffman {
    /// By the next bits: length of the code (0: longer) and its value.
    look: Vec<(u8, u8)>,
    /// By length: first code, one past the last code, and place of the first value.
    lengths: [(u32, u32, usize); CODE_BITS_MAX as usize + 1],
    values: Vec<u8>,
    /// By value: code and length; length 0 when there is none.
    codes: Vec<(u16, u8)>,
}

impl Huffman {
    /// From the body of a DHT segment behind Tc and Th: 16 counts, then the values. Returns how many bytes it took.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] for a table that no code can have.
    pub fn of(bytes: &[u8]) -> Result<(Self, usize), SlideError> {
        const BAD: SlideError = SlideError::Damaged("a Huffman table is broken");
        let (counts, rest) = bytes.split_at_checked(16).ok_or(BAD)?;
        let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
        let values = rest.get(..total).filter(|values| values.len() <= 256).ok_or(BAD)?.to_vec();
        let mut table = Self {
            look: vec![(0, 0); 1 << LOOK_BITS],
            lengths: [(0, 0, 0); CODE_BITS_MAX as usize + 1],
            codes: vec![(0, 0); 256],
            values,
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, count) in (1_u32..).zip(counts) {
            let first = code;
            for _ in 0..*count {
                if code >= 1 << length {
                    return Err(BAD);
                }
                let value = table.values[place];
                table.codes[usize::from(value)] = (code as u16, length as u8);
                if length <= LOOK_BITS {
                    let from = (code << (LOOK_BITS - length)) as usize;
                    table.look[from..from + (1 << (LOOK_BITS - length))].fill((length as u8, value));
                }
                code += 1;
                place += 1;
            }
            table.lengths[length as usize] = (first, code, place - usize::from(*count));
            code <<= 1;
        }
        Ok((table, 16 + total))
    }

    /// The body of a DHT segment, behind Tc and Th.
    pub fn body(&self) -> Vec<u8> {
        let count = |&(first, end, _): &(u32, u32, usize)| (end - first) as u8;
        self.lengths[1..].iter().map(count).chain(self.values.iter().copied()).collect()
    }

    /// Whether every DC difference of baseline has a code.
    pub fn has_all_dc(&self) -> bool {
        (0..=DC_BITS_MAX).all(|value| self.codes[usize::from(value)].1 > 0)
    }

    /// Whether a symbol has a code.
    pub fn has(&self, value: u8) -> bool {
        self.codes[usize::from(value)].1 > 0
    }

    fn put(&self, value: u8, bits: &mut Bits) -> Result<(), SlideError> {
        let (code, length) = self.codes[usize::from(value)];
        if length == 0 {
            return Err(BROKEN);
        }
        bits.put(code.into(), length.into());
        Ok(())
    }
}

/// How far a [`Reader`] is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct State {
    at: usize,
    held: u64,
    count: u32,
    missing: u32,
}

/// Bits of a restart interval, zero bytes after 0xFF taken out as they are read.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
    /// Zero bits that were added because the bytes are at their end.
    missing: u32,
}

impl<'a> Reader<'a> {
    /// Begins at the first bit of a restart interval.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::resume(bytes, State::default())
    }

    /// Goes on where another reader of the same bytes was.
    pub fn resume(bytes: &'a [u8], state: State) -> Self {
        Self { bytes, at: state.at, held: state.held, count: state.count, missing: state.missing }
    }

    /// Where to go on.
    pub fn state(&self) -> State {
        State { at: self.at, held: self.held, count: self.count, missing: self.missing }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let byte = match self.bytes.get(self.at..) {
                Some(&[0xFF, 0, ..]) => {
                    self.at += 2;
                    0xFF
                }
                // A marker ends the interval.
                Some(&[0xFF, ..]) | Some(&[]) | None => {
                    self.missing += 8;
                    0
                }
                Some(&[byte, ..]) => {
                    self.at += 1;
                    byte
                }
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    fn peek(&mut self, count: u32) -> u32 {
        if self.count < count {
            self.fill();
        }
        (self.held >> (self.count - count) & ((1 << count) - 1)) as u32
    }

    fn skip(&mut self, count: u32) -> Result<(), SlideError> {
        self.count -= count;
        // Beyond the end when bits that were made up have been used.
        if self.count < self.missing { Err(BROKEN) } else { Ok(()) }
    }

    fn take(&mut self, count: u32) -> Result<u32, SlideError> {
        let value = self.peek(count);
        self.skip(count)?;
        Ok(value)
    }

    fn symbol(&mut self, table: &Huffman) -> Result<u8, SlideError> {
        let bits = self.peek(CODE_BITS_MAX);
        let (length, value) = table.look[(bits >> (CODE_BITS_MAX - LOOK_BITS)) as usize];
        if length > 0 {
            self.skip(length.into())?;
            return Ok(value);
        }
        for length in LOOK_BITS + 1..=CODE_BITS_MAX {
            let code = bits >> (CODE_BITS_MAX - length);
            let (first, end, place) = table.lengths[length as usize];
            if (first..end).contains(&code) {
                self.skip(length)?;
                return Ok(table.values[place + (code - first) as usize]);
            }
        }
        Err(BROKEN)
    }
}

/// Coded blocks of minimum coded units: for each block the DC value, and its AC codes as they are in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Units {
    /// DC of each block, in the order of the scan.
    dc: Vec<i32>,
    /// AC: symbol and further bits of each code, blocks behind one another.
    ac: Vec<Code>,
    /// Where each block's codes end.
    ends: Vec<u32>,
}

/// A Huffman symbol with the bits behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Code {
    symbol: u8,
    bits: u16,
}

impl Units {
    /// Reads some units from where a restart interval has been read to. `dc` are the predictions of the components.
    ///
    /// # Errors
    /// [`SlideError::Damaged`].
    pub fn read(
        &mut self,
        reader: &mut Reader<'_>,
        frame: &Frame,
        dc: &mut [i32; 3],
        count: u32,
    ) -> Result<(), SlideError> {
        for _ in 0..count {
            for (component, prediction) in frame.components.iter().zip(dc.iter_mut()) {
                for _ in 0..component.blocks() {
                    self.block(reader, &component.dc, &component.ac, prediction)?;
                }
            }
        }
        Ok(())
    }

    fn block(
        &mut self,
        reader: &mut Reader<'_>,
        dc: &Huffman,
        ac: &Huffman,
        prediction: &mut i32,
    ) -> Result<(), SlideError> {
        let size = reader.symbol(dc)?;
        if size > DC_BITS_MAX {
            return Err(BROKEN);
        }
        let bits = if size == 0 { 0 } else { reader.take(size.into())? };
        *prediction += extend(bits, size);
        if !DC_VALUES.contains(prediction) {
            return Err(BROKEN);
        }
        self.dc.push(*prediction);
        let mut at = 1_u32;
        while at < 64 {
            let symbol = reader.symbol(ac)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            let bits = if size == 0 { 0 } else { reader.take(size.into())? };
            self.ac.push(Code { symbol, bits: bits as u16 });
            match (run, size) {
                (0, 0) => break,
                (15, 0) => at += 16,
                (_, 0) => return Err(BROKEN),
                _ => at += u32::from(run) + 1,
            }
            if at > 64 {
                return Err(BROKEN);
            }
        }
        self.ends.push(u32::try_from(self.ac.len()).map_err(|_| BROKEN)?);
        Ok(())
    }

    /// Appends blocks of another row.
    pub fn append(&mut self, other: &Self, blocks: std::ops::Range<usize>) -> Result<(), SlideError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let begin = blocks.start.checked_sub(1).map_or(0, |before| other.ends[before]);
        let end = *other.ends.get(blocks.end - 1).ok_or(BROKEN)?;
        let base = u32::try_from(self.ac.len()).map_err(|_| BROKEN)?;
        self.dc.extend_from_slice(&other.dc[blocks.clone()]);
        self.ac.extend_from_slice(&other.ac[begin as usize..end as usize]);
        self.ends.extend(other.ends[blocks].iter().map(|end| end - begin + base));
        Ok(())
    }

    /// Appends units that show nothing but the last colour, for what lies outside an image.
    pub fn pad(&mut self, frame: &Frame, count: u32) {
        let last = frame.last_of_each(&self.dc);
        for _ in 0..count {
            for component in &frame.order {
                self.dc.push(last[*component]);
                self.ac.push(Code { symbol: END_OF_BLOCK, bits: 0 });
                self.ends.push(u32::try_from(self.ac.len()).unwrap_or(u32::MAX));
            }
        }
    }

    /// Codes all blocks as one restart interval.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] when a table lacks a code.
    pub fn write(&self, frame: &Frame, bits: &mut Bits) -> Result<(), SlideError> {
        let mut predictions = [0; 3];
        let mut begin = 0;
        let order = frame.order.iter().cycle();
        for ((value, end), index) in self.dc.iter().zip(&self.ends).zip(order) {
            let component = &frame.components[*index];
            put_dc(&component.dc_out, value - predictions[*index], bits)?;
            predictions[*index] = *value;
            for code in self.ac.get(begin..*end as usize).ok_or(BROKEN)? {
                component.ac.put(code.symbol, bits)?;
                let size = code.symbol & 15;
                if size > 0 {
                    bits.put(code.bits.into(), size.into());
                }
            }
            begin = *end as usize;
        }
        Ok(())
    }
}

fn put_dc(table: &Huffman, difference: i32, bits: &mut Bits) -> Result<(), SlideError> {
    let size = (32 - difference.unsigned_abs().leading_zeros()) as u8;
    if size > DC_BITS_MAX {
        return Err(BROKEN);
    }
    table.put(size, bits)?;
    if size > 0 {
        // Negative numbers in one's complement (T.81 §F.1.2.1.1).
        let coded = if difference < 0 { difference - 1 } else { difference };
        bits.put(coded as u32 & ((1 << size) - 1), size.into());
    }
    Ok(())
}

/// The number that `size` bits stand for (T.81 §F.2.2.1, EXTEND).
fn extend(bits: u32, size: u8) -> i32 {
    let bits = bits as i32;
    if size > 0 && bits < 1 << (size - 1) { bits - (1 << size) + 1 } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise_jpeg;
    use codec::{FrameFormat, Photometric};

    fn pixels(jpeg: &[u8], width: u32, height: u32) -> Vec<u8> {
        let format = FrameFormat::eight_bit(height, width, 3, Photometric::YbrFull422);
        codec::decode(dataset::TransferSyntax::JPEG_BASELINE, jpeg, &format, 1 << 24).unwrap().bytes
    }

    #[test]
    fn a_jpeg_taken_apart_and_put_together_shows_the_same() {
        let (jpeg, _) = noise_jpeg(100, 70, None);
        let frame = Frame::of(&jpeg).unwrap();
        let units = frame.units(&jpeg).unwrap();
        let again = frame.tile(&units, 100, 70).unwrap();
        assert_eq!(pixels(&again, 100, 70), pixels(&jpeg, 100, 70));
        let frame_again = Frame::of(&again).unwrap();
        assert!(frame_again.is_quantised_like(&frame));
        assert_eq!(frame_again.units(&again).unwrap(), units);
    }

    #[test]
    fn restart_markers_change_nothing_that_is_seen() {
        let (whole, _) = noise_jpeg(96, 64, None);
        let (cut, starts) = noise_jpeg(96, 64, Some(3));
        assert_eq!(starts.len(), 8);
        assert_eq!(pixels(&cut, 96, 64), pixels(&whole, 96, 64), "libjpeg reads what the test builds");
    }

    #[test]
    fn a_table_without_all_dc_codes_is_replaced() {
        // Two codes only: a difference of 0 and one of 1 bit.
        let (table, taken) = Huffman::of(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(taken, 18);
        assert!(!table.has_all_dc() && table.has(1) && !table.has(2));
        assert_eq!(table.body(), [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn tables_that_no_code_can_have_are_refused() {
        assert!(Huffman::of(&[3; 10]).is_err(), "cut short");
        assert!(
            Huffman::of(&[[3; 1].as_slice(), &[0; 15], &[0, 1, 2]].concat()).is_err(),
            "three codes of one bit"
        );
        assert!(Huffman::of(&[255; 300]).is_err(), "more values than bytes");
    }

    #[test]
    fn broken_bits_are_refused_and_never_read_beyond() {
        let (jpeg, _) = noise_jpeg(64, 64, None);
        let frame = Frame::of(&jpeg).unwrap();
        for end in (frame.scan..jpeg.len() - 40).step_by(97) {
            assert!(frame.units(&jpeg[..end]).is_err(), "{end}");
        }
        for at in frame.scan..jpeg.len() {
            let mut damaged = jpeg.clone();
            damaged[at] ^= 0x55;
            let _ = frame.units(&damaged);
        }
    }
}
