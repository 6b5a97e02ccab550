//! Reading a PDF that anybody may have made. The parser reads every object at once, so what it is given is bounded first:
//! our reports have neither object streams, cross-reference streams (ISO 32000-1 §7.5.7, §7.5.8) nor encryption, few
//! objects, and few tokens; and what the objects take is counted while they are read.

use super::PDF_BYTES_MAX;
use lopdf::{Document, LoadOptions, Object};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Streams in a PDF: ours have some dozens.
const STREAMS_MAX: usize = 256;
/// Entries of all cross-reference tables: ours have some hundreds.
const ENTRIES_MAX: usize = 4096;
/// White space and delimiters that do not grow with the file, and the share of its bytes beside: of noise it is 1 in 16.
const TOKENS_MAX: usize = 65_536;
const TOKENS_SHARE: usize = 8;
/// Bytes that one stream may grow to while the file's structure is read: nothing of ours grows then.
const STRUCTURE_BYTES_MAX: usize = 16 << 10;
/// Bytes that all objects may take beside what the file itself has.
const OBJECT_BYTES_MAX: usize = 32 << 20;

/// One file is read at a time: the parser's filter has no state of its own.
static READING: Mutex<()> = Mutex::new(());
static LEFT: AtomicUsize = AtomicUsize::new(0);
static IS_REFUSED: AtomicBool = AtomicBool::new(false);

/// Reads a PDF's structure, within bounds.
pub(super) fn load(pdf: &[u8]) -> Result<Document, &'static str> {
    const FOREIGN: &str = "PDF 的结构不是本系统的报告";
    if pdf.len() > PDF_BYTES_MAX {
        return Err("PDF 太大");
    }
    if !is_plain(pdf) {
        return Err(FOREIGN);
    }
    let options = LoadOptions {
        max_decompressed_size: Some(STRUCTURE_BYTES_MAX),
        filter: Some(within_budget),
        strict: true,
        ..LoadOptions::default()
    };
    let _reading = READING.lock().unwrap_or_else(PoisonError::into_inner);
    LEFT.store(pdf.len().saturating_add(OBJECT_BYTES_MAX), Ordering::SeqCst);
    IS_REFUSED.store(false, Ordering::SeqCst);
    let document = Document::load_mem_with_options(pdf, options).map_err(|_| "PDF 无法读取")?;
    if IS_REFUSED.load(Ordering::SeqCst) { Err(FOREIGN) } else { Ok(document) }
}

/// Called with every object as it is read, on any thread, before an object stream is inflated.
fn within_budget(id: (u32, u16), object: &mut Object) -> Option<((u32, u16), Object)> {
    let is_container = object.as_stream().is_ok_and(|stream| stream.dict.has_type(b"ObjStm"));
    let size = weight(object);
    let take = |left: usize| left.checked_sub(size);
    if is_container || LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
        IS_REFUSED.store(true, Ordering::SeqCst);
        return None;
    }
    // The parser keeps what it has lent, not what is given back.
    Some((id, Object::Null))
}

/// About how many bytes an object takes. The parser bounds how deep they nest.
fn weight(object: &Object) -> usize {
    let dictionary = |all: &lopdf::Dictionary| -> usize {
        all.iter().map(|(key, value)| 64 + key.len() + weight(value)).sum()
    };
    size_of::<Object>()
        + match object {
            Object::String(bytes, _) | Object::Name(bytes) => bytes.len(),
            Object::Array(all) => all.iter().map(weight).sum(),
            Object::Dictionary(all) => dictionary(all),
            Object::Stream(stream) => stream.content.len() + dictionary(&stream.dict),
            _ => 0,
        }
}

/// Whether the file's outline is that of ours, told without reading objects.
fn is_plain(pdf: &[u8]) -> bool {
    let names = names_decoded(pdf);
    let has = |name: &[u8]| find(&names, name).next().is_some();
    let tokens =
        pdf.iter().filter(|byte| byte.is_ascii_whitespace() || b"\0[]()<>{}/%".contains(byte)).count();
    find(pdf, b"endstream").count() <= STREAMS_MAX
        && tokens <= TOKENS_MAX + pdf.len() / TOKENS_SHARE
        && find(pdf, b" n").count() <= ENTRIES_MAX + pdf.len() / (1 << 12)
        && ![&b"/ObjStm"[..], b"/XRef", b"/Encrypt"].into_iter().any(has)
        && [&b"startxref"[..], b"/Prev"].into_iter().all(|word| leads_to_tables(&names, word, pdf))
}

/// Whether what follows each of these words is where a cross-reference table stands: a stream is none.
fn leads_to_tables(names: &[u8], word: &[u8], pdf: &[u8]) -> bool {
    find(names, word).all(|at| {
        let rest = names.get(at + word.len()..).unwrap_or_default().trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let place = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse::<usize>().ok());
        place.and_then(|place| pdf.get(place..)).is_some_and(|there| there.starts_with(b"xref"))
    })
}

fn find<'a>(bytes: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(word.len()).enumerate().filter(move |(_, window)| *window == word).map(|(at, _)| at)
}

/// With `#xx` (ISO 32000-1 §7.3.5) as the character that it stands for.
fn names_decoded(pdf: &[u8]) -> Vec<u8> {
    let digit = |at: usize| pdf.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::with_capacity(pdf.len()), 0);
    while let Some(byte) = pdf.get(at) {
        let pair = digit(at + 1).zip(digit(at + 2)).filter(|_| *byte == b'#');
        decoded.push(pair.and_then(|(high, low)| u8::try_from(high << 4 | low).ok()).unwrap_or(*byte));
        at += if pair.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with these objects, each at the offset that its table says `copies` times.
    fn file(objects: &[Vec<u8>], copies: usize) -> Vec<u8> {
        let mut pdf = b"%PDF-1.7\n".to_vec();
        let mut entries = String::new();
        for (n, object) in objects.iter().enumerate() {
            for _ in 0..copies {
                entries += &format!("{:010} 00000 n \n", pdf.len());
            }
            pdf.extend(format!("{} 0 obj\n", n + 1).into_bytes());
            pdf.extend(object);
            pdf.extend(b"\nendobj\n");
        }
        let table = pdf.len();
        let size = objects.len() * copies + 1;
        pdf.extend(
            format!("xref\n0 {size}\n0000000000 65535 f \n{entries}trailer\n<</Size {size}/Root 1 0 R>>\n")
                .bytes(),
        );
        pdf.extend(format!("startxref\n{table}\n%%EOF\n").bytes());
        pdf
    }

    #[test]
    fn what_grows_while_it_is_read_is_refused() {
        let catalog = b"<</Type/Catalog>>".to_vec();
        assert!(load(&file(std::slice::from_ref(&catalog), 1)).is_ok());
        let container = |name: &str| {
            let content = "2 0 2 0 2 0 [1 2 3]";
            format!("<</Type/{name}/N 3/First 12/Length {}>>\nstream\n{content}\nendstream", content.len())
                .into_bytes()
        };
        for name in ["ObjStm", "Obj#53tm", "#4fbjStm", "XRef"] {
            assert!(load(&file(&[catalog.clone(), container(name)], 1)).is_err(), "{name}");
        }
        // The same object many times over; very many small ones.
        let large = [b"(".to_vec(), vec![b'a'; 100_000], b")".to_vec()].concat();
        assert!(load(&file(&[catalog.clone(), large], 2_000)).is_err());
        let small = [b"[".to_vec(), b"1 ".repeat(200_000), b"]".to_vec()].concat();
        assert!(load(&file(&[catalog, small], 1)).is_err());
    }
}
