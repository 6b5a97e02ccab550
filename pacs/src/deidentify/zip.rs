//! A ZIP archive (APPNOTE 6.3.10) written in one go: files are stored, their sums follow them, and nothing but the list of
//! names is kept in memory. With the 64-bit fields, so that neither size nor number has a limit.

use bytes::Bytes;

/// General purpose flags: sums follow the file; names are UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// 2020-01-01 00:00 in MS-DOS form: when an export was made is nobody's business.
const DOS_DATE: u16 = (40 << 9) | (1 << 5) | 1;
/// Version 4.5: the 64-bit fields.
const VERSION: u16 = 45;

/// An archive that is being written.
#[derive(Default)]
pub(super) struct Zip {
    written: u64,
    entries: Vec<Entry>,
    current: Option<Entry>,
    sum: crc32fast::Hasher,
}

struct Entry {
    name: String,
    offset: u64,
    length: u64,
    crc32: u32,
}

impl Zip {
    /// Begins a file.
    pub fn begin(&mut self, name: &str) -> Bytes {
        let mut out = Vec::new();
        out.extend(0x0403_4b50_u32.to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        out.extend(FLAGS.to_le_bytes());
        out.extend([0, 0, 0, 0]);
        out.extend(DOS_DATE.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        // Sizes are in the 64-bit field, and there they are not known yet.
        out.extend([0xFF; 8]);
        out.extend((name.len() as u16).to_le_bytes());
        out.extend(20_u16.to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend(1_u16.to_le_bytes());
        out.extend(16_u16.to_le_bytes());
        out.extend([0; 16]);
        self.current = Some(Entry { name: name.to_owned(), offset: self.written, length: 0, crc32: 0 });
        self.sum = crc32fast::Hasher::new();
        self.put(out)
    }

    /// Bytes of the file, as they go out.
    pub fn data(&mut self, bytes: Bytes) -> Bytes {
        self.sum.update(&bytes);
        if let Some(entry) = &mut self.current {
            entry.length += bytes.len() as u64;
        }
        self.written += bytes.len() as u64;
        bytes
    }

    /// Ends the file.
    pub fn end(&mut self) -> Bytes {
        let Some(mut entry) = self.current.take() else { return Bytes::new() };
        entry.crc32 = std::mem::take(&mut self.sum).finalize();
        let mut out = Vec::new();
        out.extend(0x0807_4b50_u32.to_le_bytes());
        out.extend(entry.crc32.to_le_bytes());
        out.extend(entry.length.to_le_bytes());
        out.extend(entry.length.to_le_bytes());
        self.entries.push(entry);
        self.put(out)
    }

    /// Ends the archive.
    pub fn finish(&mut self) -> Bytes {
        let start = self.written;
        let mut out = Vec::new();
        for entry in &self.entries {
            out.extend(0x0201_4b50_u32.to_le_bytes());
            out.extend(VERSION.to_le_bytes());
            out.extend(VERSION.to_le_bytes());
            out.extend(FLAGS.to_le_bytes());
            out.extend([0, 0, 0, 0]);
            out.extend(DOS_DATE.to_le_bytes());
            out.extend(entry.crc32.to_le_bytes());
            out.extend([0xFF; 8]);
            out.extend((entry.name.len() as u16).to_le_bytes());
            out.extend(28_u16.to_le_bytes());
            // Comment, disk, attributes.
            out.extend([0; 10]);
            out.extend([0xFF; 4]);
            out.extend_from_slice(entry.name.as_bytes());
            out.extend(1_u16.to_le_bytes());
            out.extend(24_u16.to_le_bytes());
            out.extend(entry.length.to_le_bytes());
            out.extend(entry.length.to_le_bytes());
            out.extend(entry.offset.to_le_bytes());
        }
        let (length, count) = (out.len() as u64, self.entries.len() as u64);
        let end = start + length;
        out.extend(0x0606_4b50_u32.to_le_bytes());
        out.extend(44_u64.to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        out.extend([0; 8]);
        for number in [count, count, length, start] {
            out.extend(number.to_le_bytes());
        }
        out.extend(0x0706_4b50_u32.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend(end.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
        out.extend(0x0605_4b50_u32.to_le_bytes());
        out.extend([0; 4]);
        out.extend([0xFF; 12]);
        out.extend([0; 2]);
        self.put(out)
    }

    fn put(&mut self, out: Vec<u8>) -> Bytes {
        self.written += out.len() as u64;
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_what_it_should_be_byte_for_byte() {
        let mut zip = Zip::default();
        let mut out = Vec::new();
        for (name, content) in [("a/1.dcm", &b"one"[..]), ("说明.txt", &b""[..])] {
            out.extend(zip.begin(name));
            out.extend(zip.data(Bytes::copy_from_slice(content)));
            out.extend(zip.end());
        }
        out.extend(zip.finish());
        assert_eq!(zip.written, out.len() as u64);
        let find = |mark: &[u8]| out.windows(4).filter(|window| window == &mark).count();
        assert_eq!([find(b"PK\x03\x04"), find(b"PK\x07\x08"), find(b"PK\x01\x02")], [2, 2, 2]);
        let locator = out.len() - 22 - 20;
        let at = u64::from_le_bytes(out[locator + 8..locator + 16].try_into().unwrap()) as usize;
        assert_eq!(&out[at..at + 4], b"PK\x06\x06");
        let directory = u64::from_le_bytes(out[at + 48..at + 56].try_into().unwrap()) as usize;
        assert_eq!(&out[directory..directory + 4], b"PK\x01\x02");
    }
}
