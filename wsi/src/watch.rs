//! A folder that a scanner writes its slides to, on a share as a rule: looked through again and again, because shares tell
//! nobody that they have changed. A file is brought in when it has stood still for a while; what has been brought in before is
//! known by its name, length and time, so that a restart reads nothing twice.
//!
//! Nothing is ever deleted. A file stays where it is with a note beside it, or is moved to `done/` or `refused/` below the
//! folder, as it is configured.

mod look;
mod record;

pub use record::{FileState, FolderState, WatchedFile, WatchedFolder, status};

use crate::intake::bring::{Brought, Refusal, Why};
use crate::{ImportOptions, Outcome, SlideError, Slides};
use look::{Found, Held, Look};
use model::{OrgId, Scope, time_text};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use storage::Via;
use time::OffsetDateTime;
use tokio::time::Instant;

/// Where files go that have been brought in.
pub const DONE: &str = "done";
/// Where files go that were refused.
pub const REFUSED: &str = "refused";
/// What the name of a note beside a file ends with.
const NOTE: &str = ".farsight.txt";
/// The pause before another attempt at what may pass: a full disk, a share that broke off.
const PAUSE: Duration = Duration::from_secs(60);

/// What happens to a file that is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Afterwards {
    /// It stays, with a note beside it.
    #[default]
    Leave,
    /// It is moved to `done/` or `refused/`, the latter with a note.
    Move,
}

/// A folder to watch.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Where.
    pub folder: PathBuf,
    /// Whose slides these are.
    pub owner: OrgId,
    /// How names of files are to be read.
    pub name_pattern: Option<String>,
    /// How barcodes on labels are to be read.
    pub barcode_pattern: Option<String>,
    /// How long a file has to have stood still.
    pub stable_for: Duration,
    /// How often the folder is looked through.
    pub every: Duration,
    /// What happens to files that are done with.
    pub afterwards: Afterwards,
}

/// A file that was seen and is not done with.
struct Standing {
    found: Found,
    since: Instant,
    /// Not before.
    due: Instant,
    /// It has been said that some of its files are missing.
    is_noted: bool,
}

/// A watch at work.
struct Watcher {
    watch: Watch,
    slides: Slides,
    standing: HashMap<String, Standing>,
    tried: HashMap<String, bool>,
    state: FolderState,
    cannot_note: bool,
    /// Files that are done with, as they were then: bytes and time.
    done: HashMap<String, (u64, i64)>,
    /// Names that were not text, at the last look.
    unreadable_names: usize,
}

impl Watch {
    /// Watches until `shutdown` is done.
    pub async fn run(self, slides: Slides, shutdown: impl Future<Output = ()>) {
        let every = self.every;
        let mut watcher = Watcher {
            watch: self,
            slides,
            standing: HashMap::new(),
            tried: HashMap::new(),
            state: FolderState::Ok,
            cannot_note: false,
            done: HashMap::new(),
            unreadable_names: 0,
        };
        let watching = async {
            loop {
                if let Err(error) = watcher.look_once().await {
                    tracing::warn!(%error, "a watched folder is looked at again later");
                }
                tokio::time::sleep(every).await;
            }
        };
        // What is being imported when the node stops is begun again by the next one, and finds nothing half done.
        tokio::select! {
            () = shutdown => {}
            () = watching => {}
        }
    }
}

impl Watcher {
    /// Looks the folder through once and brings in what stands still.
    async fn look_once(&mut self) -> Result<(), SlideError> {
        let folder = self.watch.folder.clone();
        let looked = crate::grade::blocking(move || Ok(look::through(&folder))).await?;
        let seen = match looked {
            Ok(seen) => {
                self.folder_is(FolderState::Ok).await?;
                seen
            }
            Err(error) => {
                // Said once, and tried again for as long as it takes.
                if self.state == FolderState::Ok {
                    tracing::warn!(%error, folder = %self.watch.folder.display(), "a watched folder cannot be read");
                }
                return self.folder_is(FolderState::Unreachable).await;
            }
        };
        if seen.is_cut_short && !self.cannot_note {
            tracing::warn!(folder = %self.watch.folder.display(), "a watched folder holds more files than are looked at");
        }
        if seen.unreadable_names > self.unreadable_names {
            tracing::warn!(
                count = seen.unreadable_names,
                folder = %self.watch.folder.display(),
                "files in a watched folder have names that are not UTF-8 and are not imported: rename them"
            );
        }
        self.unreadable_names = seen.unreadable_names;
        let ready = self.still(seen);
        for found in ready {
            if !found.is_whole {
                self.note_missing(&found).await?;
                continue;
            }
            if self.is_done_with(&found).await? {
                self.standing.remove(&found.name);
                self.done.insert(found.name, (found.bytes, found.modified_ms));
                continue;
            }
            self.bring(found).await?;
        }
        Ok(())
    }

    /// Files that have not changed for long enough, oldest first.
    fn still(&mut self, seen: Look) -> Vec<Found> {
        let now = Instant::now();
        let names: HashSet<&str> = seen.files.iter().map(|found| found.name.as_str()).collect();
        self.standing.retain(|name, _| names.contains(name.as_str()));
        self.done.retain(|name, _| names.contains(name.as_str()));
        let mut ready = Vec::new();
        for found in seen.files {
            if self.done.get(&found.name) == Some(&(found.bytes, found.modified_ms)) {
                continue;
            }
            let standing = self.standing.entry(found.name.clone()).or_insert_with(|| Standing {
                found: found.clone(),
                since: now,
                due: now,
                is_noted: false,
            });
            if standing.found != found {
                *standing = Standing { found, since: now, due: now, is_noted: false };
                continue;
            }
            if now.duration_since(standing.since) >= self.watch.stable_for && now >= standing.due {
                ready.push(found);
            }
        }
        ready.sort_by_key(|found| found.modified_ms);
        ready
    }

    /// Says once that a slide of several files still lacks some: it is brought in when they are there and stand still.
    async fn note_missing(&mut self, found: &Found) -> Result<(), SlideError> {
        let Some(standing) = self.standing.get_mut(&found.name) else { return Ok(()) };
        if std::mem::replace(&mut standing.is_noted, true) {
            return Ok(());
        }
        self.note(found, FileState::Waiting, None, Some(Refusal::new(Why::Incomplete))).await
    }

    async fn is_done_with(&self, found: &Found) -> Result<bool, SlideError> {
        let known = record::file(&self.slides.storage, &self.watch, &found.name).await?;
        Ok(known.is_some_and(|(file, _)| {
            file.state.is_over() && (file.bytes, file.modified_ms) == (found.bytes, found.modified_ms)
        }))
    }

    async fn bring(&mut self, found: Found) -> Result<(), SlideError> {
        // Others were brought in since the look, which may have taken an hour.
        let (folder, seen) = (self.watch.folder.clone(), found.clone());
        let held = crate::grade::blocking(move || {
            let Some(held) = Held::of(&folder, &seen)? else { return Ok(None) };
            Ok(Some((held.number()?, Arc::new(held))))
        });
        let (number, held) = match held.await {
            Ok(Some(held)) => held,
            Ok(None) => {
                self.standing.remove(&found.name);
                return Ok(());
            }
            Err(error) => return self.later(&found, Refusal::from(&error)).await,
        };
        let (watch, slides) = (&self.watch, &self.slides);
        let attempt = format!("watched/{}", record::file_id(watch, &found.name));
        let options = ImportOptions {
            source_name: Path::new(&found.name).file_name().map(|name| name.to_string_lossy().into_owned()),
            name_pattern: watch.name_pattern.clone(),
            barcode_pattern: watch.barcode_pattern.clone(),
            expected_file: Some(number),
            ..ImportOptions::default()
        };
        self.note(&found, FileState::Importing, None, None).await?;
        let may = slides.may_try(&mut self.tried, attempt.clone()).await?;
        let scope = Scope::organisation(model::Actor::node("watched folder"), watch.owner.clone());
        let path = watch.folder.join(&found.name);
        let brought = if may {
            let file = (path.as_path(), Via::Import);
            slides
                .bring(&scope, &watch.owner, file, &options, &|_| {})
                .await
                .map_err(|error| Refusal::from(&error))
        } else {
            Err(Refusal::new(Why::GaveUp))
        };
        self.tried.remove(&attempt);
        slides.end_try(attempt).await?;
        match brought {
            Ok(brought) => {
                let (state, slide) = match brought {
                    Brought::Slide(imported) => {
                        let state = match imported.outcome {
                            Outcome::Imported => FileState::Imported,
                            Outcome::AlreadyThere => FileState::AlreadyThere,
                            Outcome::Contradicted => FileState::Contradicted,
                        };
                        (state, Some(imported.slide.id))
                    }
                    Brought::Instance(_) => (FileState::Imported, None),
                };
                self.note(&found, state, slide, None).await?;
                self.put_away(&found, held, state, None).await;
            }
            // The scanner goes on writing, or the share broke off: later.
            Err(refusal) if refusal.may_pass() || refusal.why == Why::Changed => {
                return self.later(&found, refusal).await;
            }
            Err(refusal) => {
                self.note(&found, FileState::Refused, None, Some(refusal.clone())).await?;
                self.put_away(&found, held, FileState::Refused, Some(&refusal)).await;
            }
        }
        self.standing.remove(&found.name);
        Ok(())
    }

    async fn later(&mut self, found: &Found, refusal: Refusal) -> Result<(), SlideError> {
        self.note(found, FileState::Waiting, None, Some(refusal)).await?;
        if let Some(standing) = self.standing.get_mut(&found.name) {
            standing.due = Instant::now() + PAUSE;
        }
        Ok(())
    }

    async fn note(
        &self,
        found: &Found,
        state: FileState,
        slide: Option<model::SlideId>,
        refusal: Option<Refusal>,
    ) -> Result<(), SlideError> {
        let file = WatchedFile {
            name: found.name.clone(),
            bytes: found.bytes,
            modified_ms: found.modified_ms,
            state,
            slide,
            refusal,
            at_ms: now_ms(),
        };
        record::put_file(&self.slides.storage, &self.watch, file).await
    }

    async fn folder_is(&mut self, state: FolderState) -> Result<(), SlideError> {
        record::put_folder(&self.slides.storage, &self.watch, state, now_ms()).await?;
        if self.state == FolderState::Unreachable && state == FolderState::Ok {
            tracing::info!(folder = %self.watch.folder.display(), "a watched folder can be read again");
        }
        self.state = state;
        Ok(())
    }

    /// Leaves a note, or moves the file. What cannot be done on a share that is read only is said once; the record has it.
    async fn put_away(
        &mut self,
        found: &Found,
        held: Arc<Held>,
        state: FileState,
        refusal: Option<&Refusal>,
    ) {
        let (folder, afterwards) = (self.watch.folder.clone(), self.watch.afterwards);
        let text = words(&found.name, state, refusal);
        let done = crate::grade::blocking(move || {
            let note = (state == FileState::Refused).then_some((NOTE, text.as_str()));
            match afterwards {
                Afterwards::Leave => held.note(NOTE, &text)?,
                Afterwards::Move => held.move_away(&folder, state, note)?,
            }
            Ok(())
        });
        if let Err(error) = done.await
            && !std::mem::replace(&mut self.cannot_note, true)
        {
            tracing::warn!(
                %error,
                folder = %self.watch.folder.display(),
                "files in a watched folder cannot be moved or noted; `farsight watch status` tells what became of them"
            );
        }
    }
}

/// A note for whoever looks into the folder.
fn words(name: &str, state: FileState, refusal: Option<&Refusal>) -> String {
    let name =
        Path::new(name).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match (state, refusal) {
        (FileState::Refused, Some(refusal)) => {
            let (zh, en) = refusal.why.words();
            let more =
                if refusal.detail.is_empty() { String::new() } else { format!(" ({})", refusal.detail) };
            format!("{name}\n未导入：{zh}\nNot imported: {en}{more}\n")
        }
        (FileState::AlreadyThere, _) => {
            format!("{name}\n此前已导入，未重复导入。\nImported before; nothing was done.\n")
        }
        (FileState::Contradicted, _) => format!(
            "{name}\n此前已导入，但登记的患者不同。切片等待确认身份。\n\
             Imported before, for another patient; the slide waits for somebody to say whose it is.\n"
        ),
        _ => format!("{name}\n已导入远见。\nImported into Farsight.\n"),
    }
}

fn now_ms() -> i64 {
    time_text::unix_ms(OffsetDateTime::now_utc())
}
