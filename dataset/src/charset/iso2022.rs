//! Code extension by ISO 2022 escape sequences (PS3.5 §6.1.2.5): a state machine over raw bytes.

use super::PersonName;
use super::sets::{Double, Place, Set};

/// ESC.
pub(super) const ESCAPE: u8 = 0x1B;

/// What bytes mean at one point of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CodeElements {
    /// Bytes 21 to 7E; `None` is ASCII.
    g0: Option<G0>,
    /// Bytes 80 to FF.
    g1: Set,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum G0 {
    Double(Double),
    /// JIS X 0201 katakana in G0, which is not DICOM's but occurs.
    Katakana,
}

impl CodeElements {
    /// What is in effect at the beginning of a value and after each reset: the first set; and, because many senders
    /// omit the escape sequence, the first declared set that has a G1 where the first has none.
    fn initial(sets: &[Set]) -> Self {
        let has_g1 = |set: &&Set| match set {
            Set::Ascii => false,
            Set::Double(double) => double.place() == Place::G1,
            Set::Single(_) | Set::Katakana => true,
        };
        Self { g0: None, g1: sets.iter().find(has_g1).copied().unwrap_or(Set::Ascii) }
    }

    fn designate(&mut self, set: Set, place: Place) {
        match (place, set) {
            (Place::G1, _) => self.g1 = set,
            (Place::G0, Set::Double(double)) => self.g0 = Some(G0::Double(double)),
            (Place::G0, _) => self.g0 = None,
        }
    }
}

/// An escape sequence after its ESC: the set, its place, and the length without ESC.
fn escape_sequence(after: &[u8]) -> Option<(Set, Place, usize)> {
    for set in Set::ALL {
        for &(sequence, place) in set.escapes() {
            if after.starts_with(sequence) {
                return Some((set, place, sequence.len()));
            }
        }
    }
    None
}

/// Whether a byte, read as ASCII, ends what an escape sequence has begun (PS3.5 §6.1.2.5.3).
fn is_reset(byte: u8, pn: PersonName) -> bool {
    match byte {
        b'\\' | b'\t' | b'\n' | 0x0C | b'\r' => true,
        b'^' | b'=' => pn == PersonName::Yes,
        _ => false,
    }
}

/// Decodes a value; bytes that mean nothing become U+FFFD, unknown escape sequences are left out.
pub(super) fn decode(sets: &[Set], bytes: &[u8], pn: PersonName) -> String {
    let initial = CodeElements::initial(sets);
    let mut state = initial;
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        if byte == ESCAPE {
            let after = rest.get(1..).unwrap_or_default();
            at += 1;
            if let Some((set, place, length)) = escape_sequence(after) {
                state.designate(set, place);
                at += length;
            } else if after.starts_with(b"(I") {
                state.g0 = Some(G0::Katakana);
                at += 2;
            }
            continue;
        }
        let run = match (byte, state.g0) {
            (0x80.., _) => {
                let run = run_of(rest, |b| b >= 0x80);
                decode_g1(state.g1, run, &mut out);
                run.len()
            }
            (0x21..=0x7E, Some(G0::Double(double))) => {
                let run = run_of(rest, |b| (0x21..=0x7E).contains(&b));
                double.decode(run, &mut out);
                run.len()
            }
            (0x21..=0x5F, Some(G0::Katakana)) => {
                decode_g1(Set::Katakana, &[byte | 0x80], &mut out);
                1
            }
            _ => {
                if is_reset(byte, pn) {
                    state = initial;
                }
                out.push(char::from(byte));
                1
            }
        };
        at += run.max(1);
    }
    out
}

fn run_of(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> &[u8] {
    let length = bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len());
    bytes.get(..length).unwrap_or_default()
}

fn decode_g1(set: Set, run: &[u8], out: &mut String) {
    match set {
        Set::Single(single) => single.decode(run, out),
        Set::Double(double) => double.decode(run, out),
        Set::Katakana => out.extend(run.iter().map(|&byte| match byte {
            0xA1..=0xDF => {
                char::from_u32(0xFF61 + u32::from(byte - 0xA1)).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => char::REPLACEMENT_CHARACTER,
        })),
        Set::Ascii => match std::str::from_utf8(run) {
            Ok(text) => out.push_str(text),
            Err(_) => out.extend(run.iter().map(|&byte| char::from(byte))),
        },
    }
}

/// Encodes a value with the declared sets, the first that has a character winning; what none has becomes `?`.
pub(super) fn encode(sets: &[Set], text: &str, pn: PersonName) -> Vec<u8> {
    // Unlike a reader, a writer may rely on no escape sequence having been omitted.
    let initial = CodeElements { g0: None, g1: CodeElements::initial(sets.get(..1).unwrap_or_default()).g1 };
    let initial = match initial.g1 {
        Set::Double(_) => CodeElements { g1: Set::Ascii, ..initial },
        _ => initial,
    };
    let mut state = initial;
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            if state.g0.is_some() {
                out.extend_from_slice(b"\x1B(B");
                state.g0 = None;
            }
            let byte = u32::from(character) as u8;
            out.push(byte);
            if is_reset(byte, pn) {
                state = initial;
            }
        } else if !encode_extended(sets, character, &mut state, &mut out) {
            if state.g0.take().is_some() {
                out.extend_from_slice(b"\x1B(B");
            }
            out.push(b'?');
        }
    }
    if state.g0.is_some() {
        out.extend_from_slice(b"\x1B(B");
    }
    out
}

fn encode_extended(sets: &[Set], character: char, state: &mut CodeElements, out: &mut Vec<u8>) -> bool {
    for &set in sets {
        let mut bytes = Vec::with_capacity(2);
        let found = match set {
            Set::Ascii => false,
            Set::Single(single) => single.encode(character, &mut bytes),
            Set::Double(double) => double.encode(character, &mut bytes),
            Set::Katakana => match u32::from(character) {
                code @ 0xFF61..=0xFF9F => {
                    bytes.push((code - 0xFF61) as u8 + 0xA1);
                    true
                }
                _ => false,
            },
        };
        if !found {
            continue;
        }
        let Some(&(sequence, place)) = set.escapes().first() else { continue };
        let mut wanted = *state;
        wanted.designate(set, place);
        if wanted != *state {
            out.push(ESCAPE);
            out.extend_from_slice(sequence);
            *state = wanted;
        }
        out.extend_from_slice(&bytes);
        return true;
    }
    false
}
