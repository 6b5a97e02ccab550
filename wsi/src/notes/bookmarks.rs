//! Bookmarks: a field of view with a name and its picture. The picture is made once, from stored tiles, and kept, so that
//! a list is quick and a report can name its hash.

use super::annotations::TRIES;
use super::words::{NAME_CHARS_MAX, clean_text};
use super::{Author, FieldOfView, NoteError, OnBehalf};
use crate::{Slide, Slides};
use access::{Caller, notes};
use bytes::Bytes;
use model::{OrgId, Scope, Sha256, SlideId, Uid};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Record, RecordQuery, StorageError,
};
use time::OffsetDateTime;

/// Record kind.
const KIND: &str = "slide_bookmark";
/// Bookmarks that a list holds at most.
const LISTED_MAX: u32 = 2000;

/// The picture of a bookmark: derived from stored tiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPicture {
    /// SHA-256 of the JPEG file, under which it is kept.
    pub sha256: Sha256,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The level that it was made from.
    pub level: u32,
    /// SOP Instance UID of that level.
    pub instance: Uid,
}

/// A bookmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bookmark {
    /// Identifier.
    #[serde(skip)]
    pub id: String,
    /// Counts up from 1 with each change.
    #[serde(skip)]
    pub version: i64,
    /// The slide.
    pub slide: SlideId,
    /// What it is called.
    pub name: String,
    /// What is seen.
    pub view: FieldOfView,
    /// Its picture.
    pub picture: KeptPicture,
    /// Who made it. Nobody else changes it.
    pub author: Author,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: i64,
    /// When it was deleted, Unix milliseconds.
    pub deleted_at_ms: Option<i64>,
}

impl Slides {
    /// The bookmarks on a slide that the caller sees, in the order in which they were made.
    ///
    /// # Errors
    /// [`NoteError::NotFound`] when the slide is not within reach.
    pub async fn bookmarks(&self, caller: &Caller, id: &SlideId) -> Result<Vec<Bookmark>, NoteError> {
        let slide = self.reach(caller.scope(), id).await?.slide;
        let organisations = self.seen_ledgers(&slide, caller.organisation()).await?.organisations;
        if organisations.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = RecordQuery { limit: LISTED_MAX, ..RecordQuery::new(KIND) };
        query.keys.push(("on", organisations.iter().map(|org| place(id, org)).collect()));
        let records = self.storage.records(&Scope::node("slide notes"), &query).await?;
        records.into_iter().map(bookmark_of).collect()
    }

    /// Makes a bookmark, with its picture.
    ///
    /// # Errors
    /// [`NoteError`], among them [`NoteError::Invalid`] `view` or `name`, and [`NoteError::Full`].
    pub async fn bookmark(
        &self,
        caller: &Caller,
        id: &SlideId,
        name: &str,
        view: FieldOfView,
        on_behalf: Option<OnBehalf>,
        now: OffsetDateTime,
    ) -> Result<Bookmark, NoteError> {
        let slide = self.reach(caller.scope(), id).await?.slide;
        let author = self.author(caller, on_behalf).await?;
        let name = checked_name(name)?;
        view.check(slide.width(), slide.height())?;
        let view = view.complete(&slide);
        // Room is looked for before anything is made.
        self.ledger(id, &author.organisation).await?.totals.bookmark()?;
        let (jpeg, picture) = self.field_of_view(caller.scope(), id, &view).await?;
        self.storage.put_blob(caller.scope(), &author.organisation, &jpeg).await?;
        let bookmark = Bookmark {
            id: SlideId::new().to_string(),
            version: 1,
            slide: id.clone(),
            name,
            view,
            picture,
            author,
            created_at_ms: model::time_text::unix_ms(now),
            deleted_at_ms: None,
        };
        for _ in 0..TRIES {
            let mut ledger = self.ledger(id, &bookmark.author.organisation).await?;
            ledger.totals.bookmark()?;
            let change = Change {
                puts: vec![put(&bookmark, &slide, Expected::Absent)?, ledger.put()?],
                audit: vec![entry(&bookmark, AuditAction::Change, "made")],
                ..Change::default()
            };
            match self.storage.apply(caller.scope(), change).await {
                Ok(()) => return Ok(bookmark),
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NoteError::Busy)
    }

    /// Gives a bookmark of one's own another name; `version` is the one that was read.
    ///
    /// # Errors
    /// [`NoteError`], among them [`NoteError::Stale`] and [`NoteError::Forbidden`].
    pub async fn rename_bookmark(
        &self,
        caller: &Caller,
        id: &SlideId,
        bookmark: &str,
        version: i64,
        name: &str,
    ) -> Result<Bookmark, NoteError> {
        let name = checked_name(name)?;
        self.rewrite_bookmark(caller, id, bookmark, version, &|before| Bookmark {
            name: name.clone(),
            ..before
        })
        .await
    }

    /// Deletes a bookmark of one's own: it is kept, since a report may show it, and no longer listed.
    ///
    /// # Errors
    /// As [`Slides::rename_bookmark`].
    pub async fn delete_bookmark(
        &self,
        caller: &Caller,
        id: &SlideId,
        bookmark: &str,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<(), NoteError> {
        let at_ms = model::time_text::unix_ms(now);
        let marked = |before| Bookmark { deleted_at_ms: Some(at_ms), ..before };
        self.rewrite_bookmark(caller, id, bookmark, version, &marked).await.map(|_| ())
    }

    /// A bookmark that the caller sees, and the JPEG file of its picture.
    ///
    /// # Errors
    /// [`NoteError::NotFound`].
    pub async fn bookmark_picture(
        &self,
        caller: &Caller,
        id: &SlideId,
        bookmark: &str,
    ) -> Result<(Arc<Slide>, Bookmark, Bytes), NoteError> {
        let (slide, found) = self.seen_bookmark(caller, id, bookmark).await?;
        let (owner, name) = (&found.author.organisation, &found.picture.sha256);
        let length = self.storage.blob_length(owner, name).await?;
        let bytes = self.storage.read_blob(owner, name, 0..length).await?;
        if bytes.len() as u64 != length {
            return Err(StorageError::Corrupt("a bookmark's picture").into());
        }
        Ok((slide, found, bytes))
    }

    async fn seen_bookmark(
        &self,
        caller: &Caller,
        id: &SlideId,
        bookmark: &str,
    ) -> Result<(Arc<Slide>, Bookmark), NoteError> {
        let slide = self.reach(caller.scope(), id).await?.slide;
        SlideId::parse(bookmark).map_err(|_| NoteError::NotFound)?;
        let found = bookmark_of(self.storage.record(&Scope::node("slide notes"), KIND, bookmark).await?)?;
        let is_seen = found.slide == *id
            && notes::sees_note(caller.organisation(), &slide.owner, &found.author.organisation);
        if is_seen { Ok((slide, found)) } else { Err(NoteError::NotFound) }
    }

    async fn rewrite_bookmark(
        &self,
        caller: &Caller,
        id: &SlideId,
        bookmark: &str,
        version: i64,
        make: &(dyn Fn(Bookmark) -> Bookmark + Send + Sync),
    ) -> Result<Bookmark, NoteError> {
        for _ in 0..TRIES {
            let (slide, before) = self.seen_bookmark(caller, id, bookmark).await?;
            if before.deleted_at_ms.is_some() {
                return Err(NoteError::NotFound);
            }
            if !before.author.is(caller) {
                return Err(NoteError::Forbidden(
                    "只有作者本人可以修改书签 / only its author changes a bookmark",
                ));
            }
            if before.version != version {
                return Err(NoteError::Stale);
            }
            let mut ledger = self.ledger(id, &before.author.organisation).await?;
            let mut after = make(before);
            after.version = version + 1;
            let (action, word) = if after.deleted_at_ms.is_some() {
                ledger.totals.bookmarks = ledger.totals.bookmarks.saturating_sub(1);
                (AuditAction::Delete, "deleted")
            } else {
                (AuditAction::Change, "renamed")
            };
            let change = Change {
                puts: vec![put(&after, &slide, Expected::Version(version))?, ledger.put()?],
                audit: vec![entry(&after, action, word)],
                ..Change::default()
            };
            match self.storage.apply(caller.scope(), change).await {
                Ok(()) => return Ok(after),
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NoteError::Busy)
    }
}

fn checked_name(name: &str) -> Result<String, NoteError> {
    let why = "书签名称为 1 至 120 字，一行 / a name has 1 to 120 characters in one line";
    let name = clean_text(name, NAME_CHARS_MAX).filter(|name| !name.is_empty() && !name.contains('\n'));
    name.ok_or(NoteError::Invalid { field: "name", why })
}

fn place(slide: &SlideId, organisation: &OrgId) -> String {
    format!("{slide}/{organisation}")
}

fn bookmark_of(record: Record) -> Result<Bookmark, NoteError> {
    let mut found: Bookmark =
        serde_json::from_value(record.body).map_err(|_| StorageError::Corrupt("a bookmark"))?;
    (found.id, found.version) = (record.id, record.version);
    Ok(found)
}

fn put(bookmark: &Bookmark, slide: &Slide, expected: Expected) -> Result<Put, NoteError> {
    let organisation = &bookmark.author.organisation;
    let mut visible_to = vec![organisation.clone()];
    if slide.owner != *organisation {
        visible_to.push(slide.owner.clone());
    }
    let key = if bookmark.deleted_at_ms.is_some() { "was_on" } else { "on" };
    Ok(Put {
        kind: KIND,
        id: bookmark.id.clone(),
        expected,
        body: serde_json::to_value(bookmark).map_err(|_| StorageError::Corrupt("a bookmark"))?,
        keys: vec![(key, place(&bookmark.slide, organisation))],
        unique: Vec::new(),
        sort: bookmark.created_at_ms,
        visible_to,
    })
}

fn entry(bookmark: &Bookmark, action: AuditAction, word: &str) -> AuditEntry {
    AuditEntry {
        action,
        object: format!("bookmark/{}", bookmark.id),
        outcome: AuditOutcome::Success,
        detail: format!("{word} slide/{} version {}", bookmark.slide, bookmark.version),
    }
}
