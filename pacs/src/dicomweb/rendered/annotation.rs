//! What is written on a picture when it is asked for (PS3.18 §8.3.5.1.1): who the patient is and how the image was
//! made, in the words of the attributes, as corrected since they came. Values without labels, so that no language is
//! needed to read them.

use super::options::Annotation;
use crate::dicomweb::problem::WebError;
use codec::{Corner, Font, Place, Text};
use serde_json::Value as Json;
use std::path::Path;
use std::sync::OnceLock;

const WHITE: [u8; 3] = [255; 3];
/// Characters of a line.
const LINE_MAX: usize = 64;

/// Fonts with Chinese characters, best first: where Debian and Ubuntu put them, and which face of the file it is.
const FONTS: [(&str, u32); 5] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/opentype/source-han-sans/SourceHanSansSC-Regular.otf", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
];

/// The font that text on pictures is set in, read once.
///
/// # Errors
/// [`WebError::NotAcceptable`] when there is none; it says which package brings it.
pub fn font() -> Result<Font, WebError> {
    static FONT: OnceLock<Option<Font>> = OnceLock::new();
    let load =
        || FONTS.iter().find_map(|(path, face)| Font::new(std::fs::read(Path::new(path)).ok()?, *face).ok());
    FONT.get_or_init(load).clone().ok_or_else(|| {
        WebError::NotAcceptable(
            "no font with Chinese characters is installed (Debian: fonts-noto-cjk), so no text can be drawn"
                .into(),
        )
    })
}

/// The texts for a frame, counted from 0, of an instance with this metadata (DICOM JSON, one object).
#[must_use]
pub fn texts(annotation: &Annotation, metadata: &Json, frame: u32) -> Vec<Text> {
    let mut texts = Vec::new();
    let mut put = |corner, lines: Vec<String>| {
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).map(short).collect();
        if !lines.is_empty() {
            texts.push(Text { lines, place: Place::Corner(corner), ink: WHITE });
        }
    };
    let text = |tag: &str| text(metadata, tag);
    if annotation.has_patient {
        put(
            Corner::UpperLeft,
            vec![
                name(metadata),
                text("00100020"),
                joined(&[text("00100040"), text("00101010"), date(&text("00100030"))]),
            ],
        );
    }
    if annotation.has_technique {
        let number = |tag: &str, unit: &str| match text(tag) {
            value if value.is_empty() => value,
            value => format!("{value} {unit}"),
        };
        put(
            Corner::UpperRight,
            vec![
                text("00080080"),
                joined(&[text("00080070"), text("00081090")]),
                joined(&[date(&text("00080020")), time(&text("00080030"))]),
            ],
        );
        let frames: u32 = text("00280008").parse().unwrap_or(1);
        let place = [("Se", text("00200011")), ("Im", text("00200013"))];
        let place = place.iter().filter(|(_, n)| !n.is_empty()).map(|(what, n)| format!("{what} {n}"));
        let frame = (frames > 1).then(|| format!("Fr {}/{frames}", frame.saturating_add(1)));
        put(
            Corner::LowerLeft,
            vec![
                joined(&[text("00080060"), text("0008103E")]),
                joined(&[
                    number("00180060", "kV"),
                    number("00181152", "mAs"),
                    labelled("TR", &number("00180080", "ms")),
                    labelled("TE", &number("00180081", "ms")),
                    number("00180050", "mm"),
                ]),
                joined(&place.chain(frame).collect::<Vec<String>>()),
            ],
        );
    }
    texts
}

fn joined(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<String>>().join("  ")
}

fn labelled(label: &str, value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("{label} {value}") }
}

fn short(line: String) -> String {
    if line.chars().count() <= LINE_MAX {
        return line;
    }
    line.chars().take(LINE_MAX - 1).chain(['…']).collect()
}

/// The first value as text.
fn text(metadata: &Json, tag: &str) -> String {
    match &metadata[tag]["Value"][0] {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// 张三 Zhang San: the ideographic group, then the alphabetic one.
fn name(metadata: &Json) -> String {
    let groups = &metadata["00100010"]["Value"][0];
    let group = |name: &str, between: &str| {
        let parts = groups[name].as_str().unwrap_or_default().split('^').map(str::trim);
        parts.filter(|part| !part.is_empty()).collect::<Vec<&str>>().join(between)
    };
    joined(&[group("Ideographic", ""), group("Alphabetic", " ")])
}

/// 20250131 as 2025-01-31.
fn date(text: &str) -> String {
    match (text.get(..4), text.get(4..6), text.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => text.to_owned(),
    }
}

/// 093015.5 as 09:30:15.
fn time(text: &str) -> String {
    match (text.get(..2), text.get(2..4), text.get(4..6)) {
        (Some(hour), Some(minute), Some(second)) => format!("{hour}:{minute}:{second}"),
        (Some(hour), Some(minute), None) => format!("{hour}:{minute}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(annotation: &str, metadata: &Json) -> Vec<(Corner, Vec<String>)> {
        let texts = texts(&Annotation::parse(annotation), metadata, 2);
        texts
            .into_iter()
            .map(|text| match text.place {
                Place::Corner(corner) => (corner, text.lines),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_patient_and_a_technique_in_corners() {
        let metadata = json!({
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]},
            "00100020": {"vr": "LO", "Value": ["P001"]},
            "00100030": {"vr": "DA", "Value": ["19600229"]},
            "00100040": {"vr": "CS", "Value": ["F"]},
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "00080020": {"vr": "DA", "Value": ["20250131"]},
            "00080030": {"vr": "TM", "Value": ["0930"]},
            "00180060": {"vr": "DS", "Value": [120]},
            "00200011": {"vr": "IS", "Value": [3]},
            "00280008": {"vr": "IS", "Value": [5]},
        });
        let patient =
            (Corner::UpperLeft, vec!["张三  Zhang San".into(), "P001".into(), "F  1960-02-29".into()]);
        assert_eq!(lines("patient", &metadata), [patient]);
        let technique = [
            (Corner::UpperRight, vec!["2025-01-31  09:30".into()]),
            (Corner::LowerLeft, vec!["CT".into(), "120 kV".into(), "Se 3  Fr 3/5".into()]),
        ];
        assert_eq!(lines("technique", &metadata), technique);
        assert_eq!(lines("patient,technique", &json!({})), []);
        assert_eq!(lines("", &metadata), []);
    }

    #[test]
    fn the_font_has_chinese_characters() {
        let font = font().unwrap();
        for character in "张伟欧阳龘𠮷 Aµ".chars() {
            assert!(font.has(character), "{character}");
        }
    }
}
