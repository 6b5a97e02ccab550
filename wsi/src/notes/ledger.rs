//! How much an organisation keeps on a slide: one small record that every write of theirs counts up, so that limits hold
//! however many write at once, and so that one look tells whether anything has changed.

use super::NoteError;
use crate::Slides;
use access::notes;
use model::{OrgId, Scope, SlideId};
use serde::{Deserialize, Serialize};
use storage::{Expected, Put, Record, RecordQuery, StorageError};

/// Record kind.
const KIND: &str = "slide_notes";
/// Annotations of one organisation on one slide at most.
pub const ANNOTATIONS_MAX: u64 = 1000;
/// Points of all of them at most.
pub const ALL_POINTS_MAX: u64 = 200_000;
/// Versions that are kept, deleted annotations and earlier versions included.
pub const VERSIONS_MAX: u64 = 20_000;
/// Points of all versions.
pub const VERSIONS_POINTS_MAX: u64 = 4_000_000;
/// Bookmarks of one organisation on one slide at most.
pub const BOOKMARKS_MAX: u64 = 200;
/// Bookmarks that were ever made: each has a picture that is kept.
pub const BOOKMARKS_EVER_MAX: u64 = 2000;

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    pub annotations: u64,
    pub points: u64,
    pub versions: u64,
    pub versions_points: u64,
    pub bookmarks: u64,
    pub bookmarks_ever: u64,
}

impl Totals {
    /// One version more of an annotation: `points` of it, where there were `before` (`None`: it is new).
    pub fn write(&mut self, before: Option<usize>, points: usize) -> Result<(), NoteError> {
        let points = points as u64;
        match before {
            Some(before) => self.points = self.points.saturating_sub(before as u64),
            None => self.annotations += 1,
        }
        self.points += points;
        self.versions += 1;
        self.versions_points += points;
        for (count, most, why) in [
            (self.annotations, ANNOTATIONS_MAX, "这张切片上的标注太多 / too many annotations on this slide"),
            (self.points, ALL_POINTS_MAX, "这张切片上标注的点太多 / too many points on this slide"),
            (self.versions, VERSIONS_MAX, "这张切片上的标注改动太多 / too many changes on this slide"),
            (
                self.versions_points,
                VERSIONS_POINTS_MAX,
                "这张切片上的标注改动太多 / too many changes on this slide",
            ),
        ] {
            if count > most {
                return Err(NoteError::Full(why));
            }
        }
        Ok(())
    }

    /// An annotation with so many points is no longer shown.
    pub fn hide(&mut self, points: usize) {
        self.annotations = self.annotations.saturating_sub(1);
        self.points = self.points.saturating_sub(points as u64);
    }

    /// One bookmark more.
    pub fn bookmark(&mut self) -> Result<(), NoteError> {
        self.bookmarks += 1;
        self.bookmarks_ever += 1;
        if self.bookmarks > BOOKMARKS_MAX || self.bookmarks_ever > BOOKMARKS_EVER_MAX {
            return Err(NoteError::Full("这张切片上的书签太多 / too many bookmarks on this slide"));
        }
        Ok(())
    }
}

/// What an organisation keeps on a slide, as it was read.
pub(super) struct Ledger {
    slide: SlideId,
    organisation: OrgId,
    version: i64,
    pub totals: Totals,
}

impl Ledger {
    fn of(record: &Record) -> Result<Self, NoteError> {
        let (slide, organisation) =
            record.id.split_once('.').ok_or(StorageError::Corrupt("a ledger of notes"))?;
        let damaged = |_| StorageError::Corrupt("a ledger of notes");
        Ok(Self {
            slide: SlideId::parse(slide).map_err(damaged)?,
            organisation: OrgId::parse(organisation).map_err(damaged)?,
            version: record.version,
            totals: serde_json::from_value(record.body.clone())
                .map_err(|_| StorageError::Corrupt("a ledger of notes"))?,
        })
    }

    /// The record, to be written with what it counts, or nothing is.
    pub fn put(&self) -> Result<Put, NoteError> {
        Ok(Put {
            kind: KIND,
            id: format!("{}.{}", self.slide, self.organisation),
            expected: if self.version == 0 { Expected::Absent } else { Expected::Version(self.version) },
            body: serde_json::to_value(&self.totals)
                .map_err(|_| StorageError::Corrupt("a ledger of notes"))?,
            keys: vec![("slide", self.slide.to_string())],
            unique: Vec::new(),
            sort: 0,
            visible_to: vec![self.organisation.clone()],
        })
    }
}

/// Whose notes on a slide somebody sees.
pub(super) struct Seen {
    /// The organisations whose notes they see, as far as there are any.
    pub organisations: Vec<OrgId>,
    /// Changes with everything that changes.
    pub revision: String,
}

impl Slides {
    /// What an organisation keeps on a slide.
    pub(super) async fn ledger(&self, slide: &SlideId, organisation: &OrgId) -> Result<Ledger, NoteError> {
        let id = format!("{slide}.{organisation}");
        match self.storage.record(&Scope::node("slide notes"), KIND, &id).await {
            Ok(record) => Ledger::of(&record),
            Err(StorageError::NotFound) => Ok(Ledger {
                slide: slide.clone(),
                organisation: organisation.clone(),
                version: 0,
                totals: Totals::default(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Whose notes on a slide `viewer` sees.
    pub(super) async fn seen_ledgers(&self, slide: &crate::Slide, viewer: &OrgId) -> Result<Seen, NoteError> {
        let query = RecordQuery::new(KIND).with("slide", slide.id.as_str());
        let mut seen = Seen { organisations: Vec::new(), revision: String::new() };
        for record in self.storage.records(&Scope::node("slide notes"), &query).await? {
            let ledger = Ledger::of(&record)?;
            if notes::sees_note(viewer, &slide.owner, &ledger.organisation) {
                // What others have is not to be guessed from numbers: only a change shows.
                seen.revision.push_str(&format!("{}:{};", ledger.organisation, ledger.version));
                seen.organisations.push(ledger.organisation);
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slide_is_full_at_some_point_and_deleting_makes_room() {
        let mut totals = Totals::default();
        for _ in 0..ANNOTATIONS_MAX {
            totals.write(None, 4).unwrap();
        }
        assert!(matches!(totals.clone().write(None, 4), Err(NoteError::Full(_))));
        totals.write(Some(4), 8).unwrap();
        totals.hide(8);
        totals.write(None, 4).unwrap();
        assert_eq!((totals.annotations, totals.points), (ANNOTATIONS_MAX, 4 * ANNOTATIONS_MAX));
        assert!(matches!(totals.write(Some(4), ALL_POINTS_MAX as usize), Err(NoteError::Full(_))));
    }

    #[test]
    fn changing_for_ever_comes_to_an_end() {
        let mut totals = Totals::default();
        totals.write(None, 1).unwrap();
        let refused = (0..VERSIONS_MAX).find_map(|_| totals.write(Some(1), 1).err());
        assert!(matches!(refused, Some(NoteError::Full(_))));
    }
}
