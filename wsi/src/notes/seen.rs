//! Which slides a person has opened, when, and what of them was on the screen. For that person alone.

use super::NoteError;
use super::annotations::TRIES;
use super::coverage::{Coverage, Grid};
use crate::Slides;
use access::Caller;
use model::{PersonId, Scope, SlideId};
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, StorageError};
use time::OffsetDateTime;

/// Record kind.
const KIND: &str = "slide_seen";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    first_at_ms: i64,
    last_at_ms: i64,
    openings: u64,
    coverage: Coverage,
}

/// What a person has seen of a slide.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// When it was opened first, Unix milliseconds; `None`: never.
    pub first_at_ms: Option<i64>,
    /// When something of it was seen last.
    pub last_at_ms: Option<i64>,
    /// How often it was opened.
    pub openings: u64,
    /// The slide's grid.
    pub grid: Grid,
    /// What was on the screen.
    pub coverage: Coverage,
}

impl Slides {
    /// What the caller has seen of a slide.
    ///
    /// # Errors
    /// [`NoteError::NotFound`] when the slide is not within reach; [`NoteError::Forbidden`] for programs.
    pub async fn seen(&self, caller: &Caller, id: &SlideId) -> Result<Seen, NoteError> {
        let person = person(caller)?;
        let slide = self.reach(caller.scope(), id).await?.slide;
        let grid = Grid::of(slide.width(), slide.height());
        let (_, kept) = self.kept(id, person, &grid).await?;
        Ok(shown(kept, grid))
    }

    /// The caller has opened a slide.
    ///
    /// # Errors
    /// As [`Slides::seen`].
    pub async fn open(&self, caller: &Caller, id: &SlideId, now: OffsetDateTime) -> Result<Seen, NoteError> {
        self.see(caller, id, None, now).await
    }

    /// The caller has had this on the screen; `steps` as [`Coverage::parse`] reads them.
    ///
    /// # Errors
    /// As [`Slides::seen`], and [`NoteError::Invalid`] `steps` when they are not of this slide's grid.
    pub async fn cover(
        &self,
        caller: &Caller,
        id: &SlideId,
        steps: &[String],
        now: OffsetDateTime,
    ) -> Result<Seen, NoteError> {
        self.see(caller, id, Some(steps), now).await
    }

    async fn see(
        &self,
        caller: &Caller,
        id: &SlideId,
        steps: Option<&[String]>,
        now: OffsetDateTime,
    ) -> Result<Seen, NoteError> {
        let person = person(caller)?;
        let slide = self.reach(caller.scope(), id).await?.slide;
        let grid = Grid::of(slide.width(), slide.height());
        let invalid = NoteError::Invalid {
            field: "steps",
            why: "不是这张切片的网格 / not the grid of this slide",
        };
        let news = steps.map(|steps| Coverage::parse(steps, &grid).ok_or(invalid)).transpose()?;
        let now_ms = model::time_text::unix_ms(now);
        for _ in 0..TRIES {
            let (expected, kept) = self.kept(id, person, &grid).await?;
            let mut kept = kept.unwrap_or_else(|| Kept {
                first_at_ms: now_ms,
                last_at_ms: now_ms,
                openings: 0,
                coverage: Coverage::none(&grid),
            });
            kept.last_at_ms = kept.last_at_ms.max(now_ms);
            // What parts were seen adds nothing to who opened it, which is on the chain.
            let audit = match &news {
                Some(news) => {
                    kept.coverage.merge(news);
                    Vec::new()
                }
                None => {
                    kept.openings += 1;
                    vec![opened(id)]
                }
            };
            let put = Put {
                kind: KIND,
                id: record_id(id, person),
                expected,
                body: serde_json::to_value(&kept).map_err(|_| StorageError::Corrupt("what was seen"))?,
                keys: vec![("person", person.to_string())],
                unique: Vec::new(),
                sort: kept.last_at_ms,
                // Theirs, for whomever they act.
                visible_to: Vec::new(),
            };
            let change = Change { puts: vec![put], audit, ..Change::default() };
            match self.storage.apply_unseen(caller.scope(), change).await {
                Ok(()) => return Ok(shown(Some(kept), grid)),
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NoteError::Busy)
    }

    async fn kept(
        &self,
        id: &SlideId,
        person: &PersonId,
        grid: &Grid,
    ) -> Result<(Expected, Option<Kept>), NoteError> {
        let id = record_id(id, person);
        let record = match self.storage.record(&Scope::node("slide notes"), KIND, &id).await {
            Ok(record) => record,
            Err(StorageError::NotFound) => return Ok((Expected::Absent, None)),
            Err(error) => return Err(error.into()),
        };
        let mut kept: Kept =
            serde_json::from_value(record.body).map_err(|_| StorageError::Corrupt("what was seen"))?;
        kept.coverage = Coverage::parse(&kept.coverage.to_texts(), grid).unwrap_or(Coverage::none(grid));
        Ok((Expected::Version(record.version), Some(kept)))
    }
}

fn person(caller: &Caller) -> Result<&PersonId, NoteError> {
    let person = caller.as_person().ok_or(NoteError::Forbidden("only people see slides"))?;
    Ok(&person.id)
}

fn record_id(slide: &SlideId, person: &PersonId) -> String {
    format!("{slide}.{person}")
}

fn opened(slide: &SlideId) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Read,
        object: format!("slide/{slide}"),
        outcome: AuditOutcome::Success,
        detail: "opened".to_owned(),
    }
}

fn shown(kept: Option<Kept>, grid: Grid) -> Seen {
    match kept {
        None => {
            Seen { first_at_ms: None, last_at_ms: None, openings: 0, grid, coverage: Coverage::none(&grid) }
        }
        Some(kept) => Seen {
            first_at_ms: Some(kept.first_at_ms),
            last_at_ms: Some(kept.last_at_ms),
            openings: kept.openings,
            grid,
            coverage: kept.coverage,
        },
    }
}
