//! XML that scanners write into their files: read as a stream of elements, without recursion, entities or namespaces.

use crate::SlideError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Elements within each other.
const DEPTH_MAX: usize = 64;
/// Attributes of one element: each is compared with all before it.
const ATTRIBUTES_MAX: usize = 256;
/// Elements in all.
const ELEMENTS_MAX: usize = 1_000_000;

const BROKEN: SlideError = SlideError::Damaged("the XML in it is broken");

/// An element that begins, or the text in it.
pub(crate) enum Node<'a> {
    /// Its attributes.
    Begin(&'a Attributes),
    /// Text, trimmed and not empty.
    Text(&'a str),
    /// The element ends.
    End,
}

/// An element's attributes, by local name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<(String, String)>);

impl Attributes {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A number, when the attribute is one.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.trim().parse().ok()
    }
}

/// A text that is kept as base64 of UTF-8, as scanners keep barcodes; `None` for anything else.
pub(crate) fn base64_text(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
}

/// Calls `visit(path, node)` in the order of the document; the path is the local names from the root to the element.
///
/// # Errors
/// [`SlideError::Damaged`] for what is no XML, [`SlideError::OverLimit`] for too deep or too much of it, and what
/// `visit` says.
pub(crate) fn walk(
    text: &str,
    mut visit: impl FnMut(&[String], Node<'_>) -> Result<(), SlideError>,
) -> Result<(), SlideError> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut elements = 0;
    loop {
        match reader.read_event().map_err(|_| BROKEN)? {
            Event::Start(start) => {
                elements += 1;
                enter(&mut path, &start, elements)?;
                visit(&path, Node::Begin(&attributes(&start)?))?;
            }
            Event::Empty(start) => {
                elements += 1;
                enter(&mut path, &start, elements)?;
                visit(&path, Node::Begin(&attributes(&start)?))?;
                visit(&path, Node::End)?;
                path.pop();
            }
            Event::Text(bytes) => {
                let text = bytes.as_ref().trim();
                if !text.is_empty() {
                    visit(&path, Node::Text(text))?;
                }
            }
            Event::CData(bytes) => visit(&path, Node::Text(bytes.as_ref()))?,
            Event::End(_) => {
                visit(&path, Node::End)?;
                path.pop().ok_or(BROKEN)?;
            }
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err(BROKEN),
            _ => {}
        }
    }
}

fn enter(path: &mut Vec<String>, start: &BytesStart<'_>, elements: usize) -> Result<(), SlideError> {
    if path.len() >= DEPTH_MAX || elements > ELEMENTS_MAX {
        return Err(SlideError::OverLimit("the XML in it"));
    }
    path.push(start.local_name().as_ref().to_owned());
    Ok(())
}

fn attributes(start: &BytesStart<'_>) -> Result<Attributes, SlideError> {
    let mut found = Vec::new();
    for attribute in start.attributes() {
        if found.len() >= ATTRIBUTES_MAX {
            return Err(SlideError::OverLimit("the XML in it"));
        }
        let attribute = attribute.map_err(|_| BROKEN)?;
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|_| BROKEN)?;
        found.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    Ok(Attributes(found))
}
