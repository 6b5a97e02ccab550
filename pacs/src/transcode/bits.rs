//! Frames of single bits that follow one another without a gap (PS3.5 §8.1.1), most of them beginning within a byte.

/// Puts frames together bit by bit, the first in the least significant bit of a byte.
#[derive(Debug, Default)]
pub struct BitPacker {
    /// Bits that do not fill a byte yet.
    waiting: u8,
    count: u32,
}

impl BitPacker {
    /// The bytes that are full after a frame of so many bits, which begins on a byte.
    pub fn push(&mut self, frame: &[u8], bits: u64) -> Vec<u8> {
        let mut full = Vec::with_capacity(frame.len() + 1);
        let mut left = bits;
        for byte in frame {
            let taken = u32::try_from(left.min(8)).unwrap_or(8);
            left -= u64::from(taken);
            let own = u16::from(*byte) & ((1 << taken) - 1);
            let [low, high] = (u16::from(self.waiting) | own << self.count).to_le_bytes();
            self.count += taken;
            self.waiting = low;
            if self.count >= 8 {
                full.push(low);
                self.waiting = high;
                self.count -= 8;
            }
        }
        full
    }

    /// The last byte, if one is left over.
    pub fn finish(&mut self) -> Option<u8> {
        let last = (self.count > 0).then_some(self.waiting);
        *self = Self::default();
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_nine_bits_become_one_run() {
        let mut packer = BitPacker::default();
        let mut bytes = Vec::new();
        // Ones only in the second, and at both ends of the third; what is behind a frame's bits does not count.
        for frame in [[0x00, 0xFE], [0xFF, 0x01], [0x01, 0xFF]] {
            bytes.extend(packer.push(&frame, 9));
        }
        bytes.extend(packer.finish());
        let expected: u32 = 0b1_0000_0001 << 18 | 0b1_1111_1111 << 9;
        assert_eq!(bytes, expected.to_le_bytes());
        assert_eq!(packer.finish(), None);
        assert_eq!(packer.push(&[0xAB, 0xCD], 16), [0xAB, 0xCD]);
    }
}
