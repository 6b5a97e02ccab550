//! The one ingest path: bytes → scanner → object durable → one index transaction → acknowledged.

use crate::objects::{TempFile, io_error};
use crate::prepare::{Prepared, prepare};
use crate::writer::{Arrived, Content};
use crate::{Storage, StorageError};
use dataset::charset::Assumed;
use dataset::part10::{HeadReader, head};
use dataset::{Refused, Scanned, Scanner, TransferSyntax};
use model::{Actor, OrgId, Scope, Sha256, Uid};
use sha2::Digest as _;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use tokio::task::JoinHandle;

/// How an instance came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// C-STORE.
    Dimse,
    /// STOW-RS.
    Stow,
    /// Upload in the web application.
    Upload,
    /// `farsight import`, demo content.
    Import,
    /// Made by this node, such as a slide converted to DICOM.
    Derived,
}

impl Via {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Dimse => "dimse",
            Self::Stow => "stow",
            Self::Upload => "upload",
            Self::Import => "import",
            Self::Derived => "derived",
        }
    }
}

/// What is known of an instance before its first byte.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The organisation that will own it.
    pub owner: OrgId,
    /// How it came.
    pub via: Via,
    /// Affected SOP Class and SOP Instance UIDs that the sender declared; a data set that says otherwise is refused.
    pub declared: Option<(Uid, Uid)>,
}

/// Bytes that an instance may hold in memory; a longer one goes through a temporary file in pieces of this size.
pub(crate) const MEMORY_BYTES_MAX: usize = 1 << 20;

/// Takes an instance's bytes. Dropped without [`Sink::commit`], it leaves nothing behind.
pub struct Sink {
    storage: Storage,
    actor: Actor,
    arrival: Arrival,
    /// The only study that it may belong to.
    study: Option<Uid>,
    /// What its texts are taken for where their label says nothing of use.
    assumed: Option<Assumed>,
    stage: Stage,
}

enum Stage {
    /// Inside preamble and file meta information.
    Head(HeadReader),
    /// Inside the data set.
    Body(Box<Body>),
    /// A rule was broken.
    Over,
}

struct Body {
    syntax: TransferSyntax,
    scanner: Scanner,
    hash: sha2::Sha256,
    length: u64,
    /// Bytes of our head in front of the data set, in the buffer or the file; empty while the UIDs are not known.
    head: Vec<u8>,
    buffer: Vec<u8>,
    spill: Spill,
}

/// The temporary file of an instance that is too large for memory.
enum Spill {
    None,
    /// A piece is being written; the buffer comes back empty.
    Writing(JoinHandle<std::io::Result<(TempFile, Vec<u8>)>>),
}

/// What became of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored and durable.
    Stored,
    /// The same bytes were there already; nothing changed.
    AlreadyThere,
    /// The same SOP Instance UID with other content is there: this one is kept apart and flagged, not in its place.
    KeptApart,
}

/// An instance that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID.
    pub series: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
    /// SOP Class UID.
    pub sop_class: Uid,
    /// SHA-256 of the data set's bytes as they arrived.
    pub sha256: Sha256,
    /// What became of it.
    pub outcome: Outcome,
}

impl Storage {
    /// Begins an instance whose data set comes bare, in a known transfer syntax (C-STORE).
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn sink(
        &self,
        scope: &Scope,
        arrival: Arrival,
        syntax: TransferSyntax,
    ) -> Result<Sink, StorageError> {
        let known = arrival.declared.clone();
        let body = Body::new(self, syntax, known);
        Ok(self.new_sink(scope, arrival, Stage::Body(Box::new(body))))
    }

    /// Begins an instance that comes as a Part 10 file (STOW-RS, import, upload).
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn sink_part10(&self, scope: &Scope, arrival: Arrival) -> Result<Sink, StorageError> {
        Ok(self.new_sink(scope, arrival, Stage::Head(HeadReader::new())))
    }

    fn new_sink(&self, scope: &Scope, arrival: Arrival, stage: Stage) -> Sink {
        Sink { storage: self.clone(), actor: scope.actor.clone(), arrival, study: None, assumed: None, stage }
    }
}

impl Sink {
    /// Lets the instance belong to this study only (STOW-RS to `/studies/{study}`); [`Sink::commit`] refuses another.
    pub fn expect_study(&mut self, study: Uid) {
        self.study = Some(study);
    }

    /// Takes texts that are unlabelled, or labelled ISO_IR 100, for what this sender is known to write. The bytes stay
    /// as they are; the index and the metadata get the right Unicode.
    pub fn assume_charset(&mut self, assumed: Assumed) {
        self.assumed = Some(assumed);
    }

    /// Takes the next bytes, of any length.
    ///
    /// # Errors
    /// [`StorageError::Refused`] as soon as a rule is broken; [`StorageError::OutOfResources`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let result = self.take(bytes).await;
        if result.is_err() {
            self.stage = Stage::Over;
        }
        result
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        match &mut self.stage {
            Stage::Over => Err(Refused::NotDicom("it has been refused already").into()),
            Stage::Body(body) => body.take(&self.storage, bytes).await,
            Stage::Head(reader) => {
                let Some((meta, rest)) = reader.feed(bytes)? else { return Ok(()) };
                let known = self.arrival.declared.clone().or_else(|| meta.sop_class.zip(meta.sop_instance));
                let mut body = Box::new(Body::new(&self.storage, meta.transfer_syntax, known));
                body.take(&self.storage, &rest).await?;
                self.stage = Stage::Body(body);
                Ok(())
            }
        }
    }

    /// The end: returns when the object is durable and the index transaction is committed, together with whatever
    /// else was waiting (group commit).
    ///
    /// # Errors
    /// [`StorageError`]; nothing is stored then.
    pub async fn commit(self) -> Result<Stored, StorageError> {
        let Self { storage, actor, arrival, study, assumed, stage } = self;
        let body = match stage {
            Stage::Body(body) => *body,
            Stage::Head(_) => return Err(Refused::NotDicom("it ends before its data set begins").into()),
            Stage::Over => return Err(Refused::NotDicom("it has been refused already").into()),
        };
        let Body { syntax, scanner, hash, length, head, buffer, spill } = body;
        let content = match spill {
            Spill::None => Content::Memory(buffer),
            spill => {
                let (temp, _) = write_piece(spill.idle(&storage).await?, buffer).await?;
                Content::File(temp)
            }
        };
        let finish = {
            let syntax = syntax.clone();
            move || -> Result<_, StorageError> {
                let mut scanned: Scanned = scanner.finish()?;
                if let Some(assumed) = assumed {
                    scanned.dataset.assume_charset(assumed);
                }
                let prepared = prepare(scanned, &syntax)?;
                check_declared(&arrival, &prepared)?;
                if study.is_some_and(|expected| expected != prepared.study) {
                    return Err(Refused::NotDicom("its Study Instance UID is not the requested one").into());
                }
                Ok((prepared, arrival))
            }
        };
        let (prepared, arrival) = blocking(finish).await??;
        let right_head = dataset::part10::head(&syntax, &prepared.sop_class, &prepared.instance);
        let content = if right_head == head {
            content
        } else {
            let storage = storage.clone();
            let right_head = right_head.clone();
            blocking(move || replace_head(&storage, content, head.len(), &right_head)).await??
        };
        let arrived = Arrived {
            actor,
            arrival,
            syntax,
            sha256: Sha256(hash.finalize().into()),
            head_length: right_head.len() as u64,
            dataset_length: length,
            prepared,
            content,
        };
        storage.ingest(arrived).await
    }
}

/// Runs work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StorageError::Unavailable("a working thread has stopped".to_owned()))
}

fn check_declared(arrival: &Arrival, prepared: &Prepared) -> Result<(), Refused> {
    match &arrival.declared {
        Some((class, _)) if *class != prepared.sop_class => {
            Err(Refused::MissingAttribute("the SOP Class UID is not the declared one"))
        }
        Some((_, instance)) if *instance != prepared.instance => {
            Err(Refused::MissingAttribute("the SOP Instance UID is not the declared one"))
        }
        _ => Ok(()),
    }
}

/// Puts another head in front: for the rare instance whose UIDs were not known, or not true, before its data set.
fn replace_head(
    storage: &Storage,
    content: Content,
    old_length: usize,
    new: &[u8],
) -> Result<Content, StorageError> {
    let place = "writing an arriving instance";
    match content {
        Content::Memory(buffer) => {
            let mut whole = Vec::with_capacity(buffer.len() + new.len());
            whole.extend_from_slice(new);
            whole.extend_from_slice(buffer.get(old_length..).unwrap_or_default());
            Ok(Content::Memory(whole))
        }
        Content::File(mut old) => {
            let mut copy = || -> std::io::Result<TempFile> {
                let mut temp = storage.objects().temp()?;
                temp.file.write_all(new)?;
                old.file.seek(SeekFrom::Start(old_length as u64))?;
                let mut piece = vec![0; MEMORY_BYTES_MAX];
                loop {
                    let count = old.file.read(&mut piece)?;
                    if count == 0 {
                        return Ok(temp);
                    }
                    temp.file.write_all(piece.get(..count).unwrap_or_default())?;
                }
            };
            copy().map(Content::File).map_err(|e| io_error(&e, place))
        }
    }
}

impl Body {
    fn new(storage: &Storage, syntax: TransferSyntax, known: Option<(Uid, Uid)>) -> Self {
        let scanner = Scanner::new(&syntax, storage.limits());
        let head = known.map(|(class, instance)| head(&syntax, &class, &instance)).unwrap_or_default();
        Self {
            syntax,
            scanner,
            hash: sha2::Sha256::new(),
            length: 0,
            buffer: head.clone(),
            head,
            spill: Spill::None,
        }
    }

    async fn take(&mut self, storage: &Storage, bytes: &[u8]) -> Result<(), StorageError> {
        for piece in bytes.chunks(MEMORY_BYTES_MAX) {
            self.length = self.length.saturating_add(piece.len() as u64);
            if self.length > storage.limits().object_bytes_max {
                return Err(Refused::OverLimit("bytes of one object").into());
            }
            self.scanner.feed(piece)?;
            self.hash.update(piece);
            if self.buffer.len() + piece.len() > MEMORY_BYTES_MAX {
                self.spill(storage).await?;
            }
            self.buffer.extend_from_slice(piece);
        }
        Ok(())
    }

    /// Hands the buffer to a thread that writes it, and goes on with the one that comes back from the piece before.
    async fn spill(&mut self, storage: &Storage) -> Result<(), StorageError> {
        let (temp, empty) = std::mem::replace(&mut self.spill, Spill::None).idle(storage).await?;
        let full = std::mem::replace(&mut self.buffer, empty);
        self.spill = Spill::Writing(tokio::task::spawn_blocking(move || write_all(temp, full)));
        Ok(())
    }
}

impl Spill {
    /// Waits for the piece before; makes the file at the first one.
    async fn idle(self, storage: &Storage) -> Result<(TempFile, Vec<u8>), StorageError> {
        let place = "writing an arriving instance";
        match self {
            Self::None => {
                let storage = storage.clone();
                let temp =
                    blocking(move || storage.objects().temp()).await?.map_err(|e| io_error(&e, place))?;
                Ok((temp, Vec::new()))
            }
            Self::Writing(task) => match task.await {
                Ok(written) => written.map_err(|e| io_error(&e, place)),
                Err(_) => Err(StorageError::Unavailable("a writing thread has stopped".to_owned())),
            },
        }
    }
}

fn write_all(mut temp: TempFile, mut piece: Vec<u8>) -> std::io::Result<(TempFile, Vec<u8>)> {
    temp.file.write_all(&piece)?;
    piece.clear();
    Ok((temp, piece))
}

async fn write_piece(
    (temp, _): (TempFile, Vec<u8>),
    piece: Vec<u8>,
) -> Result<(TempFile, Vec<u8>), StorageError> {
    blocking(move || write_all(temp, piece)).await?.map_err(|e| io_error(&e, "writing an arriving instance"))
}
