//! The one ingest path: bytes → scanner → object durable → one index transaction → acknowledged.

use crate::coming::OnItsWay;
use crate::objects::io_error;
use crate::prepare::{Prepared, prepare};
use crate::segment::OwnSegment;
use crate::segment::buffer::Buffer;
use crate::writer::{Arrived, Content};
use crate::{Storage, StorageError};
use dataset::charset::Assumed;
use dataset::part10::HeadReader;
use dataset::{Refused, Scanned, Scanner, TransferSyntax, tags};
use model::{Actor, Limits, OrgId, Scope, Sha256, Uid};
use sha2::Digest as _;
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
    /// A study of another organisation without its identity, for a teaching collection.
    Deidentified,
}

impl Via {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Dimse => "dimse",
            Self::Stow => "stow",
            Self::Upload => "upload",
            Self::Import => "import",
            Self::Derived => "derived",
            Self::Deidentified => "deidentified",
        }
    }

    /// The reverse of [`Via::word`].
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Dimse, Self::Stow, Self::Upload, Self::Import, Self::Derived, Self::Deidentified]
            .into_iter()
            .find(|via| via.word() == word)
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
    owner: OrgId,
    /// Told to whoever asks whether its study is still arriving, once it is too large for memory.
    on_its_way: Option<OnItsWay>,
    syntax: TransferSyntax,
    scanner: Scanner,
    hash: sha2::Sha256,
    length: u64,
    /// What has not been written yet; of a small instance, everything.
    buffer: Buffer,
    spill: Spill,
}

/// The segment of an instance that is too large for memory.
enum Spill {
    None,
    /// A piece is being written; the buffer comes back empty.
    Writing(JoinHandle<std::io::Result<(OwnSegment, Buffer)>>),
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
        let body = Body::new(self, arrival.owner.clone(), syntax);
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

    /// Where the next bytes of a bare data set may be put: at least one, and no more than a few hundred thousand. Then
    /// [`Sink::filled`] says how many they were.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub async fn room(&mut self) -> Result<&mut [u8], StorageError> {
        match &mut self.stage {
            Stage::Body(body) => body.room(&self.storage).await,
            Stage::Head(_) => Err(Refused::NotDicom("its data set has not begun").into()),
            Stage::Over => Err(Refused::NotDicom("it has been refused already").into()),
        }
    }

    /// So many bytes have been put where [`Sink::room`] said.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub fn filled(&mut self, count: usize) -> Result<(), StorageError> {
        let Stage::Body(body) = &mut self.stage else { return Ok(()) };
        let result = body.filled(self.storage.limits(), count);
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
                let mut body =
                    Box::new(Body::new(&self.storage, self.arrival.owner.clone(), meta.transfer_syntax));
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
        // It is on its way until the index has it.
        let Body { syntax, scanner, hash, length, buffer, spill, owner: _, on_its_way: _on_its_way } = body;
        let content = match spill {
            Spill::None => Content::Memory(buffer),
            spill => {
                let (own, _) = spill.idle(&storage).await?;
                let (own, spare) = write_piece(own, buffer).await?;
                Content::Own(own, spare)
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
        // A hop to another thread costs more than the index's part of a small instance.
        let (prepared, arrival) = match &content {
            Content::Memory(_) => finish()?,
            Content::Own(..) => blocking(finish).await??,
        };
        let arrived = Arrived {
            actor,
            arrival,
            syntax,
            sha256: Sha256(hash.finalize().into()),
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

impl Body {
    fn new(storage: &Storage, owner: OrgId, syntax: TransferSyntax) -> Self {
        let scanner = Scanner::new(&syntax, storage.limits());
        Self {
            owner,
            on_its_way: None,
            syntax,
            scanner,
            hash: sha2::Sha256::new(),
            length: 0,
            buffer: storage.objects().segments.pool.take(),
            spill: Spill::None,
        }
    }

    async fn take(&mut self, storage: &Storage, bytes: &[u8]) -> Result<(), StorageError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.room(storage).await?;
            let (piece, after) = rest.split_at(room.len().min(rest.len()));
            if let Some(room) = room.get_mut(..piece.len()) {
                room.copy_from_slice(piece);
            }
            self.filled(storage.limits(), piece.len())?;
            rest = after;
        }
        Ok(())
    }

    /// The free part of the buffer, made free if there is none.
    async fn room(&mut self, storage: &Storage) -> Result<&mut [u8], StorageError> {
        if self.buffer.room().is_empty() {
            self.spill(storage).await?;
        }
        Ok(self.buffer.room())
    }

    /// Looks at what has come while it is in the processor's cache.
    fn filled(&mut self, limits: &Limits, count: usize) -> Result<(), StorageError> {
        let piece = self.buffer.filled(count);
        self.length = self.length.saturating_add(piece.len() as u64);
        if self.length > limits.object_bytes_max {
            return Err(Refused::OverLimit("bytes of one object").into());
        }
        self.scanner.feed(piece)?;
        self.hash.update(piece);
        Ok(())
    }

    /// Hands the buffer to a thread that writes it, and goes on with the one that comes back from the piece before.
    async fn spill(&mut self, storage: &Storage) -> Result<(), StorageError> {
        if self.on_its_way.is_none() {
            let study = self.scanner.uid(tags::STUDY_INSTANCE_UID);
            self.on_its_way = study.map(|study| storage.inner.coming.begin(&self.owner, study));
        }
        let (own, empty) = std::mem::replace(&mut self.spill, Spill::None).idle(storage).await?;
        let full = std::mem::replace(&mut self.buffer, empty);
        self.spill = Spill::Writing(tokio::task::spawn_blocking(move || write(own, full)));
        Ok(())
    }
}

impl Spill {
    /// Waits for the piece before; makes the segment at the first one.
    async fn idle(self, storage: &Storage) -> Result<(OwnSegment, Buffer), StorageError> {
        match self {
            Self::None => {
                let spare = storage.objects().segments.pool.take();
                let storage = storage.clone();
                let own = blocking(move || storage.objects().segments.own()).await?;
                Ok((own.map_err(|e| io_error(&e, WRITING))?, spare))
            }
            Self::Writing(task) => match task.await {
                Ok(written) => written.map_err(|e| io_error(&e, WRITING)),
                Err(_) => Err(StorageError::Unavailable("a writing thread has stopped".to_owned())),
            },
        }
    }
}

const WRITING: &str = "writing an arriving instance";

fn write(mut own: OwnSegment, mut piece: Buffer) -> std::io::Result<(OwnSegment, Buffer)> {
    own.write(&mut piece)?;
    Ok((own, piece))
}

async fn write_piece(own: OwnSegment, piece: Buffer) -> Result<(OwnSegment, Buffer), StorageError> {
    blocking(move || write(own, piece)).await?.map_err(|e| io_error(&e, WRITING))
}
