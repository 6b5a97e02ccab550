//! Annotations on a slide: drawn, changed, deleted, listed. A change keeps the version before, a deletion is a mark.

use super::words::{Class, Colour, TEXT_CHARS_MAX, clean_text};
use super::{Author, NoteError, OnBehalf, Point, Shape, ShapeKind};
use crate::{Slide, Slides};
use access::{Caller, notes};
use model::{Scope, SlideId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Record, RecordQuery, StorageError,
};
use time::OffsetDateTime;

/// Record kind of annotations as they are now.
const KIND: &str = "slide_annotation";
/// Record kind of earlier versions.
const EARLIER_KIND: &str = "slide_annotation_was";
/// How often a write is tried while others of the same organisation write on the same slide.
pub(super) const TRIES: usize = 50;
/// Annotations that a list holds at most: of some organisations as many as each may have.
const LISTED_MAX: u32 = 8000;
/// Earlier versions that are listed at most, the newest first.
const EARLIER_LISTED_MAX: u32 = 200;

/// What somebody draws and writes.
#[derive(Debug, Clone)]
pub struct NewAnnotation {
    /// Its kind.
    pub kind: ShapeKind,
    /// Its points, pixels of level 0.
    pub points: Vec<Point>,
    /// What it is of.
    pub class: Class,
    /// `None`: the class's.
    pub colour: Option<Colour>,
    /// Words, or none.
    pub text: String,
}

/// An annotation as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// Identifier.
    #[serde(skip)]
    pub id: String,
    /// Counts up from 1 with each change.
    #[serde(skip)]
    pub version: i64,
    /// The slide.
    pub slide: SlideId,
    /// What was drawn.
    pub shape: Shape,
    /// What it is of.
    pub class: Class,
    /// Its colour.
    pub colour: Colour,
    /// Words, or empty.
    pub text: String,
    /// Who drew it. Nobody else changes it.
    pub author: Author,
    /// When it was drawn, Unix milliseconds.
    pub created_at_ms: i64,
    /// When this version was made, Unix milliseconds.
    pub changed_at_ms: i64,
    /// When it was deleted, Unix milliseconds.
    pub deleted_at_ms: Option<i64>,
}

/// The annotations that somebody sees on a slide.
#[derive(Debug, Clone)]
pub struct Annotations {
    /// The slide.
    pub slide: Arc<Slide>,
    /// In the order in which they were drawn.
    pub annotations: Vec<Annotation>,
}

impl Slides {
    /// A word that changes whenever something that the caller sees on this slide does: annotations and bookmarks.
    ///
    /// # Errors
    /// [`NoteError::NotFound`] when the slide is not within reach.
    pub async fn notes_revision(&self, caller: &Caller, id: &SlideId) -> Result<String, NoteError> {
        let slide = self.reach(caller.scope(), id).await?.slide;
        Ok(self.seen_ledgers(&slide, caller.organisation()).await?.revision)
    }

    /// The annotations that the caller sees on this slide.
    ///
    /// # Errors
    /// [`NoteError::NotFound`] when the slide is not within reach.
    pub async fn annotations(&self, caller: &Caller, id: &SlideId) -> Result<Annotations, NoteError> {
        let slide = self.reach(caller.scope(), id).await?.slide;
        let organisations = self.seen_ledgers(&slide, caller.organisation()).await?.organisations;
        if organisations.is_empty() {
            return Ok(Annotations { slide, annotations: Vec::new() });
        }
        let mut query = RecordQuery { limit: LISTED_MAX, ..RecordQuery::new(KIND) };
        query.keys.push(("on", organisations.iter().map(|org| format!("{id}/{org}")).collect()));
        let records = self.storage.records(&Scope::node("slide notes"), &query).await?;
        let annotations = records.into_iter().map(annotation_of).collect::<Result<_, _>>()?;
        Ok(Annotations { slide, annotations })
    }

    /// Draws.
    ///
    /// # Errors
    /// [`NoteError`], among them [`NoteError::Invalid`] `points`, `kind` or `text`, and [`NoteError::Full`].
    pub async fn annotate(
        &self,
        caller: &Caller,
        id: &SlideId,
        new: NewAnnotation,
        on_behalf: Option<OnBehalf>,
        now: OffsetDateTime,
    ) -> Result<Annotation, NoteError> {
        let drawn = self.annotate_all(caller, id, vec![new], on_behalf, now).await?;
        drawn.into_iter().next().ok_or(NoteError::NotFound)
    }

    /// Draws many at once: all of them or none.
    ///
    /// # Errors
    /// As [`Slides::annotate`].
    pub async fn annotate_all(
        &self,
        caller: &Caller,
        id: &SlideId,
        new: Vec<NewAnnotation>,
        on_behalf: Option<OnBehalf>,
        now: OffsetDateTime,
    ) -> Result<Vec<Annotation>, NoteError> {
        let slide = self.reach(caller.scope(), id).await?.slide;
        let author = self.author(caller, on_behalf).await?;
        let at_ms = model::time_text::unix_ms(now);
        let mut drawn = Vec::with_capacity(new.len());
        for new in new {
            let (shape, text) = checked(&new, &slide)?;
            drawn.push(Annotation {
                id: SlideId::new().to_string(),
                version: 1,
                slide: id.clone(),
                shape,
                class: new.class,
                colour: new.colour.unwrap_or_else(|| new.class.colour()),
                text,
                author: author.clone(),
                created_at_ms: at_ms,
                changed_at_ms: at_ms,
                deleted_at_ms: None,
            });
        }
        for _ in 0..TRIES {
            let mut ledger = self.ledger(id, &author.organisation).await?;
            let mut change = Change::default();
            for annotation in &drawn {
                ledger.totals.write(None, annotation.shape.points().len())?;
                change.puts.push(put(annotation, &slide, Expected::Absent)?);
                change.audit.push(entry(annotation, AuditAction::Change, "draw"));
                change.events.push(event(annotation, "drawn"));
            }
            change.puts.push(ledger.put()?);
            match self.storage.apply(caller.scope(), change).await {
                Ok(()) => return Ok(drawn),
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NoteError::Busy)
    }

    /// Changes an annotation of one's own; `version` is the one that was read.
    ///
    /// # Errors
    /// [`NoteError`], among them [`NoteError::Stale`] when it has changed since, and [`NoteError::Forbidden`] when it is
    /// somebody else's.
    pub async fn change_annotation(
        &self,
        caller: &Caller,
        id: &SlideId,
        annotation: &str,
        version: i64,
        new: NewAnnotation,
        now: OffsetDateTime,
    ) -> Result<Annotation, NoteError> {
        self.rewrite(caller, id, annotation, version, |before, slide| {
            let (shape, text) = checked(&new, slide)?;
            Ok(Annotation {
                shape,
                class: new.class,
                colour: new.colour.unwrap_or_else(|| new.class.colour()),
                text,
                changed_at_ms: model::time_text::unix_ms(now),
                ..before
            })
        })
        .await
    }

    /// Deletes an annotation of one's own: it is kept, and no longer shown.
    ///
    /// # Errors
    /// As [`Slides::change_annotation`].
    pub async fn delete_annotation(
        &self,
        caller: &Caller,
        id: &SlideId,
        annotation: &str,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<(), NoteError> {
        let at_ms = model::time_text::unix_ms(now);
        let marked = |before: Annotation, _: &Slide| {
            Ok(Annotation { changed_at_ms: at_ms, deleted_at_ms: Some(at_ms), ..before })
        };
        self.rewrite(caller, id, annotation, version, marked).await.map(|_| ())
    }

    /// One annotation with what it was before, the newest first.
    ///
    /// # Errors
    /// [`NoteError::NotFound`] when it is not there or not within reach.
    pub async fn annotation_versions(
        &self,
        caller: &Caller,
        id: &SlideId,
        annotation: &str,
    ) -> Result<Vec<Annotation>, NoteError> {
        let (_, now) = self.annotation(caller, id, annotation).await?;
        let mut query = RecordQuery::new(EARLIER_KIND).with("annotation", annotation);
        (query.order, query.limit) = (storage::Order::Descending, EARLIER_LISTED_MAX);
        let records = self.storage.records(&Scope::node("slide notes"), &query).await?;
        let mut versions = vec![now];
        for record in records {
            let version = record.id.rsplit_once('.').and_then(|(_, version)| version.parse().ok());
            let mut earlier = annotation_of(record)?;
            earlier.version = version.ok_or(StorageError::Corrupt("an earlier annotation"))?;
            annotation.clone_into(&mut earlier.id);
            versions.push(earlier);
        }
        Ok(versions)
    }

    /// An annotation within reach, deleted ones included, and its slide.
    async fn annotation(
        &self,
        caller: &Caller,
        id: &SlideId,
        annotation: &str,
    ) -> Result<(Arc<Slide>, Annotation), NoteError> {
        let slide = self.reach(caller.scope(), id).await?.slide;
        // Our own identifiers; anything else leads nowhere.
        SlideId::parse(annotation).map_err(|_| NoteError::NotFound)?;
        let record = self.storage.record(&Scope::node("slide notes"), KIND, annotation).await?;
        let found = annotation_of(record)?;
        let is_seen = found.slide == *id
            && notes::sees_note(caller.organisation(), &slide.owner, &found.author.organisation);
        if is_seen { Ok((slide, found)) } else { Err(NoteError::NotFound) }
    }

    async fn rewrite(
        &self,
        caller: &Caller,
        id: &SlideId,
        annotation: &str,
        version: i64,
        make: impl Fn(Annotation, &Slide) -> Result<Annotation, NoteError>,
    ) -> Result<Annotation, NoteError> {
        for _ in 0..TRIES {
            let (slide, before) = self.annotation(caller, id, annotation).await?;
            if before.deleted_at_ms.is_some() {
                return Err(NoteError::NotFound);
            }
            if !before.author.is(caller) || !notes::may_note(caller) {
                return Err(NoteError::Forbidden(
                    "只有作者本人可以修改标注 / only its author changes an annotation",
                ));
            }
            if before.version != version {
                return Err(NoteError::Stale);
            }
            let mut after = make(before.clone(), &slide)?;
            after.version = version + 1;
            let mut ledger = self.ledger(id, &before.author.organisation).await?;
            let points = before.shape.points().len();
            let is_deletion = after.deleted_at_ms.is_some();
            if is_deletion {
                ledger.totals.hide(points);
            } else {
                ledger.totals.write(Some(points), after.shape.points().len())?;
            }
            let (action, word) =
                if is_deletion { (AuditAction::Delete, "deleted") } else { (AuditAction::Change, "changed") };
            let change = Change {
                puts: vec![
                    put(&after, &slide, Expected::Version(version))?,
                    put_earlier(&before)?,
                    ledger.put()?,
                ],
                audit: vec![entry(&after, action, word)],
                events: vec![event(&after, word)],
                ..Change::default()
            };
            match self.storage.apply(caller.scope(), change).await {
                Ok(()) => return Ok(after),
                // The ledger has moved on, or the annotation: the next round tells.
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NoteError::Busy)
    }

    /// The caller as an author.
    pub(super) async fn author(
        &self,
        caller: &Caller,
        on_behalf: Option<OnBehalf>,
    ) -> Result<Author, NoteError> {
        let name = self.storage.organisation(caller.organisation()).await?.name;
        Author::of(caller, name, on_behalf)
            .ok_or(NoteError::Forbidden("您的角色不能在切片上标注 / your role does not draw on slides"))
    }
}

fn checked(new: &NewAnnotation, slide: &Slide) -> Result<(Shape, String), NoteError> {
    let shape = Shape::new(new.kind, new.points.clone(), slide.width(), slide.height())
        .map_err(|why| NoteError::Invalid { field: "points", why: why.0 })?;
    let text = clean_text(&new.text, TEXT_CHARS_MAX).ok_or(NoteError::Invalid {
        field: "text",
        why: "文字过长（最多 4000 字） / the text is too long (at most 4000 characters)",
    })?;
    Ok((shape, text))
}

fn annotation_of(record: Record) -> Result<Annotation, NoteError> {
    let mut found: Annotation =
        serde_json::from_value(record.body).map_err(|_| StorageError::Corrupt("an annotation"))?;
    (found.id, found.version) = (record.id, record.version);
    Ok(found)
}

fn body(annotation: &Annotation) -> Result<serde_json::Value, NoteError> {
    Ok(serde_json::to_value(annotation).map_err(|_| StorageError::Corrupt("an annotation"))?)
}

fn put(annotation: &Annotation, slide: &Slide, expected: Expected) -> Result<Put, NoteError> {
    let organisation = &annotation.author.organisation;
    let place = format!("{}/{organisation}", annotation.slide);
    let mut visible_to = vec![organisation.clone()];
    if slide.owner != *organisation {
        visible_to.push(slide.owner.clone());
    }
    Ok(Put {
        kind: KIND,
        id: annotation.id.clone(),
        expected,
        body: body(annotation)?,
        keys: vec![(if annotation.deleted_at_ms.is_some() { "was_on" } else { "on" }, place)],
        unique: Vec::new(),
        sort: annotation.created_at_ms,
        visible_to,
    })
}

fn put_earlier(annotation: &Annotation) -> Result<Put, NoteError> {
    Ok(Put {
        kind: EARLIER_KIND,
        id: format!("{}.{}", annotation.id, annotation.version),
        expected: Expected::Absent,
        body: body(annotation)?,
        keys: vec![("annotation", annotation.id.clone())],
        unique: Vec::new(),
        sort: annotation.version,
        visible_to: vec![annotation.author.organisation.clone()],
    })
}

fn entry(annotation: &Annotation, action: AuditAction, word: &str) -> AuditEntry {
    AuditEntry {
        action,
        object: format!("annotation/{}", annotation.id),
        outcome: AuditOutcome::Success,
        detail: format!("{word} slide/{} version {}", annotation.slide, annotation.version),
    }
}

/// What others may want to know; identifiers only.
fn event(annotation: &Annotation, word: &str) -> (&'static str, serde_json::Value) {
    let body = serde_json::json!({"id": annotation.id, "slide": annotation.slide, "what": word});
    ("slide_annotation", body)
}
