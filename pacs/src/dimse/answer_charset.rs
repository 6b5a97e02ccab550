//! The character set of a C-FIND answer: the one of the question where it can express the answer, else UTF-8.
//!
//! PS3.4 §C.4.1.1.3.2: an SCP may answer in another set than the one asked for, as long as it says so. A `?` in place
//! of a character would make one patient look like another, so an answer with a name that the asked set does not have
//! is in ISO_IR 192, which has all.

use dataset::charset::{CharacterSets, PersonName};
use dataset::{Dataset, Element, VR, Value, tags};

const UTF8: &str = "ISO_IR 192";

/// What the question was asked in.
#[derive(Debug, Clone)]
pub(crate) struct AnswerIn {
    terms: String,
    sets: CharacterSets,
}

impl AnswerIn {
    /// By the question's own label; where that is known to say nothing of use, by what the peer really writes.
    pub(crate) fn asked_by(identifier: &Dataset) -> Self {
        let terms = match identifier.charset().assumed() {
            Some(assumed) => assumed.answer_terms().to_owned(),
            None => identifier
                .get(tags::SPECIFIC_CHARACTER_SET)
                .and_then(Element::bytes)
                .map(|bytes| String::from_utf8_lossy(bytes).trim_end_matches([' ', '\0']).to_owned())
                .unwrap_or_default(),
        };
        let sets = CharacterSets::from_values(&terms.split('\\').collect::<Vec<_>>());
        Self { terms, sets }
    }

    /// The elements of an answer, which are in UTF-8, in the set of the question; and the terms that say what they are
    /// in. Texts in items keep the answer's set only if they are ASCII, so others make it UTF-8.
    pub(crate) fn encode(&self, answer: Dataset) -> (Dataset, &str) {
        if self.sets == CharacterSets::utf8() {
            return (answer, UTF8);
        }
        match self.encoded(&answer) {
            // The label is needed only where there is something to label, but a peer may expect its own back.
            Some(encoded) if !self.terms.is_empty() => (encoded, &self.terms),
            // Only ASCII, of which UTF-8 is the extension.
            _ => (answer, UTF8),
        }
    }

    fn encoded(&self, answer: &Dataset) -> Option<Dataset> {
        let mut encoded = Dataset::new();
        for element in answer.elements() {
            let value = match &element.value {
                Value::Bytes(bytes) if is_text(element.vr) && !bytes.is_ascii() => {
                    let person_name = if element.vr == VR::PN { PersonName::Yes } else { PersonName::No };
                    let text = answer.text(element.tag)?;
                    let mut bytes = self.sets.try_encode(&text, person_name)?;
                    if bytes.len() % 2 == 1 {
                        bytes.push(b' ');
                    }
                    Value::Bytes(bytes.into())
                }
                Value::Items(items) if !items.iter().all(is_ascii) => return None,
                value => value.clone(),
            };
            encoded.put(Element { tag: element.tag, vr: element.vr, value });
        }
        Some(encoded)
    }
}

fn is_text(vr: VR) -> bool {
    matches!(vr, VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT)
}

/// Whether no text of an item, however deep, needs a label.
fn is_ascii(item: &Dataset) -> bool {
    let mut waiting = vec![item];
    while let Some(dataset) = waiting.pop() {
        for element in dataset.elements() {
            match &element.value {
                Value::Bytes(bytes) if is_text(element.vr) && !bytes.is_ascii() => return false,
                Value::Items(items) => waiting.extend(items),
                _ => {}
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(terms: &str) -> AnswerIn {
        let mut identifier = Dataset::new();
        identifier.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, terms);
        AnswerIn::asked_by(&identifier)
    }

    /// The bytes of a name in the answer to a question in `terms`, and the answer's own label.
    fn name(terms: &str, name: &str) -> (Vec<u8>, String) {
        let mut answer = Dataset::new();
        answer.put_text(tags::PATIENT_NAME, VR::PN, name);
        let asked = question(terms);
        let (answer, label) = asked.encode(answer);
        (answer.get(tags::PATIENT_NAME).unwrap().bytes().unwrap().to_vec(), label.to_owned())
    }

    #[test]
    fn an_answer_is_in_the_set_of_its_question_if_that_has_every_character() {
        for (terms, text, bytes, label) in [
            ("ISO_IR 192", "张^三", "张^三 ".as_bytes(), "ISO_IR 192"),
            ("GB18030", "张^三", b"\xd5\xc5^\xc8\xfd ", "GB18030"),
            ("GB18030", "𠮷", b"\x95\x34\xb2\x35", "GB18030"),
            ("GBK", "誠", b"\xd5\x5c", "GBK"),
            ("GBK", "𠮷", "𠮷".as_bytes(), "ISO_IR 192"),
            ("\\ISO 2022 IR 58", "张^三", b"\x1b$)A\xd5\xc5^\x1b$)A\xc8\xfd ", "\\ISO 2022 IR 58"),
            ("\\ISO 2022 IR 87", "山田", b"\x1b$B;3ED\x1b(B", "\\ISO 2022 IR 87"),
            ("\\ISO 2022 IR 149", "홍", b"\x1b$)C\xc8\xab", "\\ISO 2022 IR 149"),
            ("ISO_IR 100", "Jérôme", b"J\xe9r\xf4me", "ISO_IR 100"),
            ("ISO_IR 100", "张", "张 ".as_bytes(), "ISO_IR 192"),
            ("ISO_IR 166", "สม", b"\xca\xc1", "ISO_IR 166"),
            ("ISO_IR 203", "Œ€", b"\xbc\xa4", "ISO_IR 203"),
            ("KLINGON", "张", "张 ".as_bytes(), "ISO_IR 192"),
            ("", "张", "张 ".as_bytes(), "ISO_IR 192"),
        ] {
            assert_eq!(name(terms, text), (bytes.to_vec(), label.to_owned()), "{text} asked in {terms}");
        }
    }

    #[test]
    fn a_peer_that_labels_wrongly_is_answered_in_what_it_writes() {
        let mut identifier = Dataset::new();
        identifier.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100");
        identifier.assume_charset(dataset::charset::Assumed::Gb18030);
        assert_eq!(AnswerIn::asked_by(&identifier).terms, "GB18030");
        let mut identifier = Dataset::new();
        identifier.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 144");
        identifier.assume_charset(dataset::charset::Assumed::Gb18030);
        assert_eq!(AnswerIn::asked_by(&identifier).terms, "ISO_IR 144", "a label that says something counts");
    }
}
