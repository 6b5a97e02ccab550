//! The shape of a PDF, judged before it is read (ISO 32000-2 §7.5): one pass over the bytes, nothing kept but offsets.
//!
//! A PDF of a few kilobytes may make a reader hold gigabytes: many names for one large object, objects inside one
//! another's strings, object streams that list one member a thousand times. What is accepted here has none of that. Every
//! object stands outside of all others and is named at most once; there are no object streams and no cross-reference
//! streams (our files have none); what is not a stream's data is bounded. So what a strict reader makes of the file is
//! bounded by the file.

use std::collections::HashSet;

/// Tokens outside of streams: a report with all its pictures has some ten thousand.
const TOKENS_MAX: usize = 200_000;
/// Names that lead a reader beyond what is looked at here.
const REFUSED: [&[u8]; 4] = [b"ObjStm", b"XRef", b"XRefStm", b"Encrypt"];

/// Whether a file has the shape of ours.
pub(crate) fn is_sound(pdf: &[u8]) -> bool {
    let mut walk = Walk { pdf, at: 0, tokens: 0 };
    pdf.starts_with(b"%PDF-") && walk.file().is_some()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Number(Option<usize>),
    Name(&'a [u8]),
    Word(&'a [u8]),
    Text,
    Open(u8),
    Close(u8),
}

/// A dictionary's one number under a key.
#[derive(Default)]
struct Entry {
    is_there: bool,
    value: Option<usize>,
}

impl Entry {
    fn set(&mut self, value: Option<usize>) -> Option<()> {
        // The second of two would count for one reader, the first for another.
        let is_first = !std::mem::replace(&mut self.is_there, true);
        self.value = value;
        is_first.then_some(())
    }
}

struct Walk<'a> {
    pdf: &'a [u8],
    at: usize,
    tokens: usize,
}

impl<'a> Walk<'a> {
    fn file(&mut self) -> Option<()> {
        let (mut objects, mut tables, mut named) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut ends_with_start = false;
        loop {
            self.blank()?;
            if self.at == self.pdf.len() {
                return ends_with_start.then_some(());
            }
            let start = self.at;
            let token = self.token()?;
            ends_with_start = token == Token::Word(b"startxref");
            match token {
                Token::Number(Some(_)) => {
                    self.number()?;
                    self.word(b"obj")?;
                    self.object()?;
                    objects.insert(start);
                }
                Token::Word(b"xref") => {
                    for offset in self.table()? {
                        if !objects.contains(&offset) || !named.insert(offset) {
                            return None;
                        }
                    }
                    if let Some(previous) = self.trailer()?
                        && !tables.contains(&previous)
                    {
                        return None;
                    }
                    tables.insert(start);
                }
                Token::Word(b"startxref") => {
                    let table = self.number()?;
                    if !tables.contains(&table) {
                        return None;
                    }
                    self.blank_to_mark()?;
                }
                _ => return None,
            }
        }
    }

    /// An object behind `obj`, to its `endobj`.
    fn object(&mut self) -> Option<()> {
        let length = self.value(b"Length", &[b"endobj", b"stream"])?;
        if self.pdf[..self.at].ends_with(b"endobj") {
            return Some(());
        }
        let data = self.rest();
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n"))?;
        let behind = data.get(length?..)?;
        self.at = self.pdf.len() - behind.len();
        self.blank()?;
        self.word(b"endstream")?;
        self.word(b"endobj")
    }

    /// Tokens up to one of the words; gives the number that the outermost dictionary has under a key.
    fn value(&mut self, key: &[u8], ends: &[&[u8]]) -> Option<Option<usize>> {
        let (mut open, mut entry) = (Vec::new(), Entry::default());
        loop {
            match self.token()? {
                Token::Open(bracket) => open.push(bracket),
                Token::Close(bracket) => (open.pop()? == bracket).then_some(())?,
                Token::Name(name) if open == [b'<'] && name == key => entry.set(self.lone_number())?,
                Token::Word(word) if ends.contains(&word) && open.is_empty() => return Some(entry.value),
                Token::Word(b"true" | b"false" | b"null" | b"R")
                | Token::Number(_)
                | Token::Name(_)
                | Token::Text => {}
                Token::Word(_) => return None,
            }
            // A trailer ends with its dictionary.
            if ends.is_empty() && open.is_empty() {
                return Some(entry.value);
            }
        }
    }

    /// A number that is not the first half of a reference.
    fn lone_number(&mut self) -> Option<usize> {
        let start = self.at;
        let number = self.number();
        let behind = self.at;
        let is_lone = matches!(self.token(), Some(Token::Name(_) | Token::Close(b'<')));
        self.at = if number.is_some() { behind } else { start };
        number.filter(|_| is_lone)
    }

    /// A cross-reference table behind `xref`: the offsets of objects.
    fn table(&mut self) -> Option<Vec<usize>> {
        let mut offsets = Vec::new();
        self.blank()?;
        while self.rest().first()?.is_ascii_digit() {
            self.number()?;
            let count = self.number()?;
            self.blank()?;
            for _ in 0..count {
                // Ten digits, five digits, a letter, an end of line: 20 bytes (§7.5.4).
                let line = self.rest().first_chunk::<20>()?;
                let (offset, rest) = line.split_at(10);
                match rest {
                    [b' ', _, _, _, _, _, b' ', b'n', _, _] => offsets.push(decimal(offset)?),
                    [b' ', _, _, _, _, _, b' ', b'f', _, _] => {}
                    _ => return None,
                }
                self.at += 20;
                self.tokens += 1;
                (self.tokens <= TOKENS_MAX).then_some(())?;
            }
            self.blank()?;
        }
        Some(offsets)
    }

    /// `trailer` and its dictionary: where the table before is.
    fn trailer(&mut self) -> Option<Option<usize>> {
        self.word(b"trailer")?;
        self.blank()?;
        self.rest().starts_with(b"<<").then_some(())?;
        let start = self.at;
        let previous = self.value(b"Prev", &[])?;
        let has_previous = self.pdf[start..self.at].windows(5).any(|window| window == b"/Prev");
        (previous.is_some() || !has_previous).then_some(previous)
    }

    /// `%%EOF` in a line of its own.
    fn blank_to_mark(&mut self) -> Option<()> {
        let blanks = self.rest().iter().take_while(|byte| is_blank(**byte)).count();
        self.at += blanks;
        self.at += self.rest().starts_with(b"%%EOF").then_some(5)?;
        self.rest().first().is_none_or(|byte| is_blank(*byte)).then_some(())
    }

    fn rest(&self) -> &'a [u8] {
        &self.pdf[self.at..]
    }

    /// White space and comments. What a reader looks for from the end of the file may not stand in a comment.
    fn blank(&mut self) -> Option<()> {
        loop {
            match self.rest().first() {
                Some(byte) if is_blank(*byte) => self.at += 1,
                Some(b'%') => {
                    let length = self.rest().iter().take_while(|byte| !b"\r\n".contains(byte)).count();
                    let comment = &self.rest()[..length];
                    let has = |word: &[u8]| comment.windows(word.len()).any(|window| window == word);
                    (!has(b"xref") && !has(b"%%EOF")).then_some(())?;
                    self.at += length;
                }
                _ => return Some(()),
            }
        }
    }

    fn number(&mut self) -> Option<usize> {
        match self.token()? {
            Token::Number(value) => value,
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        (self.token()? == Token::Word(word)).then_some(())
    }

    fn token(&mut self) -> Option<Token<'a>> {
        self.blank()?;
        self.tokens += 1;
        let first = *self.rest().first().filter(|_| self.tokens <= TOKENS_MAX)?;
        let two = self.rest().get(..2).unwrap_or_default();
        let (token, length) = match (first, two) {
            (_, b"<<") => (Token::Open(b'<'), 2),
            (_, b">>") => (Token::Close(b'<'), 2),
            (b'[', _) => (Token::Open(b'['), 1),
            (b']', _) => (Token::Close(b'['), 1),
            (b'(', _) => (Token::Text, text_length(self.rest())?),
            (b'<', _) => (Token::Text, hexadecimal_length(self.rest())?),
            (b'/', _) => {
                let length = 1 + regular(&self.rest()[1..]);
                let name = &self.rest()[1..length];
                is_harmless(name).then_some(())?;
                (Token::Name(name), length)
            }
            _ => {
                let length = regular(self.rest());
                let word = self.rest().get(..length).filter(|word| !word.is_empty())?;
                let is_number = word.iter().all(|byte| byte.is_ascii_digit() || b"+-.".contains(byte));
                (if is_number { Token::Number(decimal(word)) } else { Token::Word(word) }, length)
            }
        };
        self.at += length;
        Some(token)
    }
}

/// Whether a name is none of those refused, however it is spelt (§7.3.5). What is looked for is spelt plainly.
fn is_harmless(name: &[u8]) -> bool {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escaped = digit(0).zip(digit(1)).filter(|_| *first == b'#');
        plain.push(escaped.map_or(*first, |(high, low)| (high << 4 | low) as u8));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    let is_plain = plain == name;
    !REFUSED.contains(&plain.as_slice())
        && (is_plain || ![&b"Length"[..], b"Prev"].contains(&plain.as_slice()))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    let is_decimal = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_decimal)?.parse().ok()
}

fn is_blank(byte: u8) -> bool {
    b" \t\n\r\0\x0C".contains(&byte)
}

fn regular(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| !is_blank(**byte) && !b"()<>[]{}/%".contains(byte)).count()
}

/// A literal string with its parentheses (§7.3.4.2).
fn text_length(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match bytes.get(at)? {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

fn hexadecimal_length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.iter().position(|byte| *byte == b'>')?;
    let is_hexadecimal = bytes[1..length].iter().all(|byte| byte.is_ascii_hexdigit() || is_blank(*byte));
    is_hexadecimal.then_some(length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of objects, each named as often as is said, with a table that points at them.
    fn file(objects: &[(&str, usize)], trailer: &str) -> Vec<u8> {
        let mut pdf = b"%PDF-1.7\n".to_vec();
        let mut lines = String::new();
        let mut count = 0;
        for (n, (body, times)) in objects.iter().enumerate() {
            let line = format!("{:010} 00000 n\r\n", pdf.len());
            lines.push_str(&line.repeat(*times));
            count += times;
            pdf.extend(format!("{} 0 obj\n{body}\nendobj\n", n + 1).bytes());
        }
        let at = pdf.len();
        let table = format!(
            "xref\n1 {count}\n{lines}trailer\n<</Root 1 0 R/Size 9{trailer}>>\nstartxref\n{at}\n%%EOF\n"
        );
        pdf.extend(table.bytes());
        pdf
    }

    #[test]
    fn an_object_is_named_once_and_hides_nothing() {
        let catalog = "<</Type/Catalog/Pages 2 0 R>>";
        let stream = "<</Length 11>>stream\n9 0 obj (x \nendstream";
        assert!(is_sound(&file(&[(catalog, 1), (stream, 1), ("[(a(b)\\)) <0A> 1.5 true]", 1)], "")));
        let wrong: [(&str, usize); 9] = [
            (stream, 2),
            ("<</Type/ObjStm/Length 1>>stream\n1\nendstream", 1),
            ("<</Type/Obj#53tm/Length 1>>stream\n1\nendstream", 1),
            ("<</Type/XRef/Length 1>>stream\n1\nendstream", 1),
            ("<</L#65ngth 3/Length 1>>stream\n1\nendstream", 1),
            ("<</Length 3/Length 1>>stream\n1\nendstream", 1),
            ("<</Length 1 0 R>>stream\n1\nendstream", 1),
            ("<</Length 99999>>stream\n1\nendstream", 1),
            ("(open", 1),
        ];
        for one in wrong {
            assert!(!is_sound(&file(&[(catalog, 1), one], "")), "{one:?}");
        }
        for trailer in ["/Prev 9", "/XRefStm 9", "/Encrypt 1 0 R", "/Prev 1 0 R"] {
            assert!(!is_sound(&file(&[(catalog, 1)], trailer)), "{trailer}");
        }
        let many = format!("[{}]", "0 ".repeat(TOKENS_MAX));
        assert!(!is_sound(&file(&[(catalog, 1), (&many, 1)], "")));
        // An entry that points into another object's text.
        let nested = file(&[(catalog, 1), ("(3 0 obj (deep) endobj)", 1)], "");
        let inner = nested.windows(5).position(|window| window == b"3 0 o").unwrap();
        let outer = nested.windows(5).position(|window| window == b"2 0 o").unwrap();
        let text = String::from_utf8(nested).unwrap();
        assert!(!is_sound(text.replace(&format!("{outer:010}"), &format!("{inner:010}")).as_bytes()));
        // Another way in, for who reads from the end.
        let mut second = file(&[(catalog, 1)], "");
        assert!(is_sound(&second));
        second.extend(b"% startxref\n9\n%%EOF\n");
        assert!(!is_sound(&second));
    }
}
