//! Messages on a case, between whoever asks and whoever answers: text, marks on images, and an address that opens the
//! same view. Nobody outside the roles of the two organisations sees them.

mod thread;

use crate::record::Named;
use crate::report::clean;
use crate::{ConsultError, once};
use access::{Caller, Right};
use model::{ConsultId, OrgId, PersonId, SlideId, Uid};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Topic of events.
pub const TOPIC: &str = "message";

/// Characters of one message at most.
pub const TEXT_CHARS_MAX: usize = 100_000;
/// Marks in one message at most.
const MARKS_MAX: usize = 20;
/// Characters of a mark's label at most.
const LABEL_CHARS_MAX: usize = 200;
/// Bytes of an address at most.
const VIEW_BYTES_MAX: usize = 2_000;
/// Pixels of an image's side at most, for a mark.
const PIXELS_MAX: f64 = 10_000_000.0;

/// A point on an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mark {
    /// On a frame of an instance.
    Image {
        /// SOP Instance UID.
        instance: Uid,
        /// Frame, from 1.
        frame: u32,
        /// Column of the pixel, from 0.
        x_px: f64,
        /// Row of the pixel, from 0.
        y_px: f64,
        /// What is there; may be empty.
        #[serde(default)]
        label: String,
    },
    /// On a slide.
    Slide {
        /// The slide.
        slide: SlideId,
        /// Column of level 0, from 0.
        x_px: f64,
        /// Row of level 0, from 0.
        y_px: f64,
        /// What is there; may be empty.
        #[serde(default)]
        label: String,
    },
}

impl Mark {
    fn checked(mut self) -> Result<Self, ConsultError> {
        let invalid = |why| Err(ConsultError::Invalid { field: "marks", why });
        let (Self::Image { x_px, y_px, label, .. } | Self::Slide { x_px, y_px, label, .. }) = &mut self;
        if ![*x_px, *y_px].iter().all(|place| (0.0..=PIXELS_MAX).contains(place)) {
            return invalid("标记不在图像上 / a mark is outside the image");
        }
        if label.chars().count() > LABEL_CHARS_MAX {
            return invalid(
                "标记说明过长（最多 200 字） / the words of a mark are too long: 200 characters at most",
            );
        }
        *label = clean(label);
        match self {
            Self::Image { frame: 0, .. } => invalid("帧从 1 数起 / frames count from 1"),
            _ => Ok(self),
        }
    }
}

/// What somebody wants to say.
#[derive(Debug, Clone, Default)]
pub struct NewMessage {
    /// Sent again with the same UUID, it is the same message.
    pub once: Option<String>,
    /// The text; may be empty when there is a mark or an address.
    pub text: String,
    /// Marks on images.
    pub marks: Vec<Mark>,
    /// An address of the application that opens the same view, such as `/slides/ID?at=…`.
    pub view: Option<String>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Counts up from 1 within the consult.
    pub n: u64,
    /// Who wrote it.
    pub by: Named<PersonId>,
    /// For which organisation.
    pub organisation: Named<OrgId>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The text.
    pub text: String,
    /// Marks on images.
    pub marks: Vec<Mark>,
    /// An address of the application that opens the same view.
    pub view: Option<String>,
}

/// Some of a consult's messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// How many there are in all.
    pub count: u64,
    /// How many of them the caller has read: those up to this number.
    pub read: u64,
}

/// How many messages of a consult a person has not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The consult.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// How many.
    pub unread: u64,
}

/// Whether the caller's role may take part in conversations on consults at all.
#[must_use]
pub fn may_take_part(caller: &Caller) -> bool {
    let rights = [Right::Ask, Right::Read, Right::Review, Right::Coordinate];
    caller.as_person().is_some() && rights.iter().any(|right| caller.may(*right))
}

/// Whether this is an address within the application: never of another host, never a script.
fn is_own_address(address: &str) -> bool {
    let begins = ["/slides/", "/studies/", "/cases/"].iter().any(|start| address.starts_with(start));
    let is_plain = address.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'<' | b'>' | b'"'));
    begins
        && is_plain
        && address.len() <= VIEW_BYTES_MAX
        && !address.contains("//")
        && !address.contains("..")
}

impl NewMessage {
    fn checked(self) -> Result<Self, ConsultError> {
        if self.text.chars().count() > TEXT_CHARS_MAX {
            return Err(ConsultError::Invalid {
                field: "text",
                why: "文字过长（最多 100000 字） / too long: 100,000 characters at most",
            });
        }
        if self.marks.len() > MARKS_MAX {
            return Err(ConsultError::Invalid {
                field: "marks",
                why: "标记过多（最多 20 个） / 20 marks at most",
            });
        }
        let view = self.view.filter(|view| !view.is_empty());
        if view.as_deref().is_some_and(|view| !is_own_address(view)) {
            return Err(ConsultError::Invalid {
                field: "view",
                why: "只能链接到本系统的检查、切片或会诊 / links lead to studies, slides or cases of this system only",
            });
        }
        let marks = self.marks.into_iter().map(Mark::checked).collect::<Result<Vec<_>, _>>()?;
        let text = clean(&self.text);
        if text.is_empty() && marks.is_empty() && view.is_none() {
            return Err(ConsultError::Invalid { field: "text", why: "请写点什么 / write something" });
        }
        let once = once::checked(self.once.as_deref())?;
        Ok(Self { once, text, marks, view })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_this_application() {
        for own in ["/slides/s1?at=1,2&zoom=0.5", "/studies/town/1.2.3", "/cases/0199"] {
            assert!(is_own_address(own), "{own}");
        }
        for other in [
            "https://evil.example.org/slides/s1",
            "//evil.example.org/slides/s1",
            "/slides/../api/v1/session",
            "/slides//evil.example.org",
            "javascript:alert(1)",
            "/slides/s1\"onclick=",
            "/api/v1/session",
            "/slides/片",
            "",
        ] {
            assert!(!is_own_address(other), "{other}");
        }
        assert!(!is_own_address(&format!("/slides/{}", "a".repeat(VIEW_BYTES_MAX))));
    }

    #[test]
    fn what_people_write_stays_as_they_wrote_it() {
        let long = "危".repeat(TEXT_CHARS_MAX);
        for text in
            ["<script>alert(1)</script>", "\u{202E}从右到左\u{202C}", "𠮷野家 \u{1F600}", long.as_str()]
        {
            let new = NewMessage { text: text.to_owned(), ..NewMessage::default() };
            assert_eq!(new.checked().unwrap().text, text);
        }
        let field = |new: NewMessage| match new.checked() {
            Err(ConsultError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(NewMessage { text: format!("{long}!"), ..NewMessage::default() }), "text");
        assert_eq!(field(NewMessage { text: " \u{7} ".into(), ..NewMessage::default() }), "text");
        let view = Some("https://evil.example.org".to_owned());
        assert_eq!(field(NewMessage { text: "看".into(), view, ..NewMessage::default() }), "view");
    }

    #[test]
    fn a_mark_lies_on_an_image() {
        let slide = SlideId::parse("s1").unwrap();
        let mark =
            |x_px, label: &str| Mark::Slide { slide: slide.clone(), x_px, y_px: 0.0, label: label.into() };
        mark(12.5, "可疑腺体").checked().unwrap();
        for wrong in
            [mark(-1.0, ""), mark(f64::NAN, ""), mark(f64::INFINITY, ""), mark(1.0, &"a".repeat(201))]
        {
            assert!(wrong.checked().is_err());
        }
    }
}
