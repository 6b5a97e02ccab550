//! The Native DICOM Model (PS3.19 §A.1) as XML, from and to the DICOM JSON Model, which says the same.

use crate::dictionary;
use crate::{Refused, Tag};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value as Json};

const NAMESPACE: &str = "http://dicom.nema.org/PS3.19/models/NativeDICOM";
/// Elements of XML within each other: 64 sequences are three levels each.
const DEPTH_MAX: usize = 200;
const GROUPS: [&str; 3] = ["Alphabetic", "Ideographic", "Phonetic"];
const COMPONENTS: [&str; 5] = ["FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"];

/// A data set that is in DICOM JSON as a document of its own.
#[must_use]
pub fn from_json(object: &Map<String, Json>) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><NativeDicomModel xml:space=\"preserve\" xmlns=\"{NAMESPACE}\">"
    );
    let mut open = vec![Open { members: object.iter(), items: None }];
    while let Some(top) = open.last_mut() {
        if let Some((items, number)) = &mut top.items {
            if let Some(item) = items.next() {
                *number += 1;
                out.push_str(&format!("<Item number=\"{number}\">"));
                if let Json::Object(item) = item {
                    open.push(Open { members: item.iter(), items: None });
                } else {
                    out.push_str("</Item>");
                }
            } else {
                top.items = None;
                out.push_str("</DicomAttribute>");
            }
            continue;
        }
        let Some((key, member)) = top.members.next() else {
            open.pop();
            out.push_str(if open.is_empty() { "</NativeDicomModel>" } else { "</Item>" });
            continue;
        };
        let vr = member["vr"].as_str().unwrap_or("UN");
        begin(&mut out, key, vr);
        match &member["Value"] {
            Json::Array(items) if vr == "SQ" => {
                top.items = Some((items.iter(), 0));
                continue;
            }
            Json::Array(values) => {
                values.iter().zip(1..).for_each(|(json, number)| value(&mut out, vr, json, number));
            }
            _ => content(&mut out, member),
        }
        out.push_str("</DicomAttribute>");
    }
    out
}

struct Open<'a> {
    members: serde_json::map::Iter<'a>,
    /// The items of the sequence that is being written, and how many are done.
    items: Option<(std::slice::Iter<'a, Json>, u32)>,
}

fn begin(out: &mut String, key: &str, vr: &str) {
    out.push_str(&format!("<DicomAttribute tag=\"{}\" vr=\"{}\"", escaped(key), escaped(vr)));
    if let Some(keyword) = dictionary::tag_of_hex(key).and_then(dictionary::keyword) {
        out.push_str(&format!(" keyword=\"{keyword}\""));
    }
    out.push('>');
}

fn content(out: &mut String, member: &Json) {
    if let Some(uri) = member["BulkDataURI"].as_str() {
        out.push_str(&format!("<BulkData uri=\"{}\"/>", escaped(uri)));
    } else if let Some(base64) = member["InlineBinary"].as_str() {
        out.push_str(&format!("<InlineBinary>{}</InlineBinary>", escaped(base64)));
    }
}

fn value(out: &mut String, vr: &str, json: &Json, number: u32) {
    if vr == "PN" {
        out.push_str(&format!("<PersonName number=\"{number}\">"));
        for group in GROUPS {
            let Some(name) = json[group].as_str() else { continue };
            out.push_str(&format!("<{group}>"));
            for (component, text) in COMPONENTS.iter().zip(name.split('^')) {
                if !text.is_empty() {
                    out.push_str(&format!("<{component}>{}</{component}>", escaped(text)));
                }
            }
            out.push_str(&format!("</{group}>"));
        }
        out.push_str("</PersonName>");
        return;
    }
    let text = match json {
        Json::Null => String::new(),
        Json::String(text) => escaped(text),
        other => other.to_string(),
    };
    out.push_str(&format!("<Value number=\"{number}\">{text}</Value>"));
}

/// Text as XML has it; control characters that XML 1.0 cannot express are left out.
fn escaped(text: &str) -> String {
    let is_allowed = |c: &char| *c >= ' ' || matches!(c, '\t' | '\n' | '\r');
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(is_allowed) {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

/// What is being read.
enum Reading {
    /// The data set, or an item of a sequence.
    Object(Map<String, Json>),
    Attribute {
        key: String,
        vr: String,
        content: Content,
    },
    /// A `Value`, with its number.
    Value(usize, String),
    /// `InlineBinary`.
    Binary(String),
    /// A `PersonName`, with its number.
    Name(usize, Map<String, Json>),
    /// A component group: its name and components.
    Group(&'static str, [String; 5]),
    /// A component of a name: its place.
    Component(usize, String),
    /// `BulkData`.
    Bulk(String),
}

enum Content {
    Values(Vec<Json>),
    Other(&'static str, String),
}

fn malformed<T>(why: &'static str) -> Result<T, Refused> {
    Err(Refused::Malformed { at: 0, why })
}

/// A document of the Native DICOM Model as DICOM JSON. Entities other than XML's own five are refused, and no document
/// type is looked at.
///
/// # Errors
/// [`Refused`] when it is no such document, or nested too deeply.
pub fn to_json(text: &str) -> Result<Map<String, Json>, Refused> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Reading> = Vec::new();
    loop {
        match reader.read_event() {
            Err(_) => return malformed("the metadata are not well-formed XML"),
            Ok(Event::Start(start)) => {
                if open.len() >= DEPTH_MAX {
                    return Err(Refused::OverLimit("nesting of sequences"));
                }
                open.push(started(&start, open.last())?);
            }
            Ok(Event::End(_)) => {
                let Some(ended) = open.pop() else { return malformed("an XML element ends twice") };
                match (ended, open.last_mut()) {
                    (Reading::Object(object), None) => return Ok(object),
                    (ended, Some(parent)) => join(ended, parent)?,
                    (_, None) => return malformed("the XML is no NativeDicomModel"),
                }
            }
            Ok(Event::Text(text)) => put_text(open.last_mut(), &text.xml_content(XmlVersion::Implicit1_0)),
            Ok(Event::CData(text)) => put_text(open.last_mut(), &text.xml_content(XmlVersion::Implicit1_0)),
            Ok(Event::GeneralRef(reference)) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => Some(character),
                    Ok(None) => predefined(&reference.xml_content(XmlVersion::Implicit1_0)),
                    Err(_) => None,
                };
                let Some(character) = character else { return malformed("an XML entity is not known") };
                put_text(open.last_mut(), character.encode_utf8(&mut [0; 4]));
            }
            Ok(Event::Eof) => return malformed("the XML ends before its root does"),
            Ok(_) => {}
        }
    }
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

fn put_text(place: Option<&mut Reading>, more: &str) {
    if let Some(Reading::Value(_, text) | Reading::Binary(text) | Reading::Component(_, text)) = place {
        text.push_str(more);
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start.try_get_attribute(name).ok()??;
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

fn started(start: &BytesStart<'_>, parent: Option<&Reading>) -> Result<Reading, Refused> {
    let local = start.local_name();
    let name: &str = local.as_ref();
    let number = || attribute(start, "number").and_then(|n| n.parse::<usize>().ok()).unwrap_or(1);
    Ok(match (name, parent) {
        ("NativeDicomModel", None) => Reading::Object(Map::new()),
        ("DicomAttribute", Some(Reading::Object(_))) => {
            let tag: Option<Tag> = attribute(start, "tag").and_then(|tag| dictionary::tag_of_hex(&tag));
            let Some(tag) = tag else { return malformed("an XML attribute has no tag") };
            let vr = attribute(start, "vr").unwrap_or_else(|| "UN".to_owned());
            Reading::Attribute { key: dictionary::hex_of(tag), vr, content: Content::Values(Vec::new()) }
        }
        ("Item", Some(Reading::Attribute { .. })) => Reading::Object(Map::new()),
        ("Value", Some(Reading::Attribute { .. })) => Reading::Value(number(), String::new()),
        ("PersonName", Some(Reading::Attribute { .. })) => Reading::Name(number(), Map::new()),
        ("InlineBinary", Some(Reading::Attribute { .. })) => Reading::Binary(String::new()),
        ("BulkData", Some(Reading::Attribute { .. })) => {
            let uri = attribute(start, "uri").or_else(|| attribute(start, "uuid"));
            let Some(uri) = uri else { return malformed("BulkData has no uri") };
            Reading::Bulk(uri)
        }
        (name, Some(Reading::Name(..))) => match GROUPS.iter().find(|group| **group == name) {
            Some(group) => Reading::Group(group, Default::default()),
            None => return malformed("a person name has an unknown group"),
        },
        (name, Some(Reading::Group(..))) => {
            match COMPONENTS.iter().position(|component| *component == name) {
                Some(place) => Reading::Component(place, String::new()),
                None => return malformed("a person name has an unknown component"),
            }
        }
        _ => return malformed("an XML element is not where the model has it"),
    })
}

/// Puts what has ended into what is around it.
fn join(ended: Reading, parent: &mut Reading) -> Result<(), Refused> {
    match (ended, parent) {
        (Reading::Attribute { key, vr, content }, Reading::Object(object)) => {
            let mut member = Map::new();
            member.insert("vr".to_owned(), vr.into());
            match content {
                Content::Values(values) if values.is_empty() => {}
                Content::Values(values) => {
                    member.insert("Value".to_owned(), values.into());
                }
                Content::Other(name, text) => {
                    member.insert(name.to_owned(), text.into());
                }
            }
            object.insert(key, member.into());
        }
        (ended, Reading::Attribute { content, .. }) => match (ended, content) {
            (Reading::Binary(text), content) => {
                let text = text.split_ascii_whitespace().collect();
                *content = Content::Other("InlineBinary", text);
            }
            (Reading::Bulk(uri), content) => *content = Content::Other("BulkDataURI", uri),
            (Reading::Object(item), Content::Values(values)) => values.push(item.into()),
            (Reading::Value(number, text), Content::Values(values)) => put_at(values, number, text.into())?,
            (Reading::Name(number, groups), Content::Values(values)) => {
                put_at(values, number, groups.into())?;
            }
            _ => return malformed("an XML attribute has both values and bulk data"),
        },
        (Reading::Group(name, components), Reading::Name(_, groups)) => {
            let text = components.join("^");
            groups.insert(name.to_owned(), text.trim_end_matches('^').into());
        }
        (Reading::Component(place, text), Reading::Group(_, components)) => {
            if let Some(component) = components.get_mut(place) {
                *component = text;
            }
        }
        _ => return malformed("an XML element is not where the model has it"),
    }
    Ok(())
}

/// Values come in order, but empty ones may be left out.
fn put_at(values: &mut Vec<Json>, number: usize, value: Json) -> Result<(), Refused> {
    const GAP_MAX: usize = 64;
    let place = number.saturating_sub(1);
    if place < values.len() || place > values.len() + GAP_MAX {
        return malformed("the values of an XML attribute are not in order");
    }
    values.resize(place, Json::Null);
    values.push(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use proptest::prelude::*;
    use serde_json::json;

    fn object(json: Json) -> Map<String, Json> {
        match json {
            Json::Object(object) => object,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn xml_as_the_standard_has_it() {
        let json = object(json!({
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]},
            "00102160": {"vr": "SH", "Value": ["a<b & \"c\""]},
            "00280010": {"vr": "US", "Value": [512]},
            "7FE00010": {"vr": "OW", "BulkDataURI": "/dicom-web/x?a=1&b=2"},
        }));
        let xml = from_json(&json);
        for part in [
            "<DicomAttribute tag=\"00100010\" vr=\"PN\" keyword=\"PatientName\"><PersonName number=\"1\">\
             <Alphabetic><FamilyName>Zhang</FamilyName><GivenName>San</GivenName></Alphabetic>\
             <Ideographic><FamilyName>张</FamilyName><GivenName>三</GivenName></Ideographic></PersonName>",
            "<Value number=\"1\">a&lt;b &amp; &quot;c&quot;</Value>",
            "<Value number=\"1\">512</Value>",
            "<BulkData uri=\"/dicom-web/x?a=1&amp;b=2\"/>",
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
        let back = to_json(&xml).unwrap();
        assert_eq!(back["00100010"], json["00100010"]);
        assert_eq!(back["00102160"]["Value"][0], "a<b & \"c\"");
        assert_eq!(back["7FE00010"], json["7FE00010"]);
    }

    #[test]
    fn what_is_no_native_model() {
        let attribute = |inside: &str| {
            format!(
                "<NativeDicomModel><DicomAttribute tag=\"00100020\" vr=\"LO\">{inside}</DicomAttribute></NativeDicomModel>"
            )
        };
        assert!(to_json(&attribute("<Value number=\"1\">A</Value>")).is_ok());
        for bad in [
            "".to_owned(),
            "<x/>".to_owned(),
            "<NativeDicomModel>".to_owned(),
            "<NativeDicomModel><Value/></NativeDicomModel>".to_owned(),
            "<NativeDicomModel><DicomAttribute vr=\"LO\"/></NativeDicomModel>".to_owned(),
            attribute("<Value number=\"4000000000\">A</Value>"),
            attribute("<Value number=\"1\">&unknown;</Value>"),
            attribute("<BulkData/>"),
            attribute("<Value number=\"1\">A</Value><BulkData uri=\"x\"/><Value number=\"1\">A</Value>"),
        ] {
            assert!(to_json(&bad).is_err(), "{bad}");
        }
        let deep = "<Item><DicomAttribute tag=\"00400275\" vr=\"SQ\">".repeat(150);
        let deep = format!("<NativeDicomModel><DicomAttribute tag=\"00400275\" vr=\"SQ\">{deep}");
        assert_eq!(to_json(&deep), Err(Refused::OverLimit("nesting of sequences")));
    }

    #[test]
    fn entities_that_a_document_declares_are_not_looked_at() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><NativeDicomModel>\
            <DicomAttribute tag=\"00100020\" vr=\"LO\"><Value number=\"1\">&b;</Value></DicomAttribute></NativeDicomModel>";
        assert!(to_json(bomb).is_err());
    }

    proptest! {
        #[test]
        fn there_and_back(dataset in crate::testing::any_dataset()) {
            let first = json::to_json(&dataset, &|_| None);
            let back = to_json(&from_json(&first)).unwrap();
            let (first, back) = (json::from_json(&first).unwrap(), json::from_json(&back).unwrap());
            prop_assert_eq!(json::to_json(&back, &|_| None), json::to_json(&first, &|_| None));
        }
    }
}
