//! Indexing again what is kept: a segment that a dead process had not settled, or everything when the index is lost.
//!
//! Whatever is whole and not indexed goes through the committing writer, like what has just arrived. Nothing is erased
//! by [`Storage::rebuild`].

use crate::ingest::{Arrival, Outcome, Stored, Via, blocking};
use crate::objects::{ObjectName, Shelf, io_error};
use crate::prepare::prepare;
use crate::segment::entry::Header;
use crate::segment::walk::{Found, Walk};
use crate::segment::{Placed, SegmentId};
use crate::store::{is_entry_indexed, is_indexed};
use crate::writer::{Durable, ToCommit};
use crate::{Storage, StorageError};
use dataset::charset::Assumed;
use dataset::part10::HeadReader;
use dataset::{Refused, Scanner, TransferSyntax};
use model::{Actor, ActorKind, AeTitle, Limits};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;
use tokio::sync::oneshot;

/// What a rebuild did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Objects looked at.
    pub objects: u64,
    /// Of them, those that the index had not.
    pub indexed: u64,
    /// Of them, those that cannot be indexed: their bytes do not have their hash, or are no data set.
    pub unusable: u64,
    /// Of the unusable, those whose bytes are what arrived, and which this version or these limits refuse.
    pub refused: u64,
}

const PLACE: &str = "looking through what is kept";
const PIECE_BYTES: usize = 1 << 20;

/// What becomes of entries of a segment whose bytes are not those that their header tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damaged {
    /// Their process died before they were whole (then nobody was told that they are stored), or the disk has lost them.
    Erase,
    /// They stay, for `fsck` to tell of.
    Leave,
}

impl Storage {
    /// Indexes every object that the index does not know, in the order in which they arrived: the first of several of
    /// one SOP Instance UID is the one that is shown. `progress` is told the objects looked at.
    ///
    /// Records, accounts and the audit chain are not in the objects: they come from a backup of the index.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot go on.
    pub async fn rebuild(&self, progress: &(dyn Fn(u64) + Send + Sync)) -> Result<Rebuilt, StorageError> {
        let mut rebuilt = Rebuilt::default();
        self.rebuild_named(&mut rebuilt, progress).await?;
        // 24 bytes for each entry: a million of them are no burden.
        let mut entries: Vec<(i64, SegmentId, u64)> = Vec::new();
        for segment in self.segments().await? {
            let mut walk = self.walk(segment).await?;
            loop {
                let (next, again) = step(walk).await?;
                walk = again;
                match next {
                    None => break,
                    Some(Found::Object(header)) => {
                        entries.push((header.received_at_ms, segment, header.offset))
                    }
                    Some(_) => {}
                }
            }
        }
        entries.sort_unstable();
        for (_, segment, offset) in entries {
            self.settle_at(segment, offset, Damaged::Leave, &mut rebuilt).await?;
            progress(rebuilt.objects);
        }
        Ok(rebuilt)
    }

    /// Looks through segments that nobody appends to any more and that may hold what the index does not know; what it does
    /// not know is indexed in the order of arrival. Gives the segments that hold what cannot be indexed now and is whole:
    /// it was acknowledged, perhaps, and a later start is to look again.
    pub(crate) async fn settle_segments(
        &self,
        segments: impl Iterator<Item = SegmentId>,
    ) -> Result<BTreeSet<SegmentId>, StorageError> {
        let mut unknown: Vec<(i64, SegmentId, u64)> = Vec::new();
        let mut tails = Vec::new();
        for segment in segments {
            let mut walk = match self.walk(segment).await {
                // Its process died before there was a file.
                Err(StorageError::Corrupt(_)) => continue,
                other => other?,
            };
            loop {
                let (found, again) = step(walk).await?;
                walk = again;
                match found {
                    None => break,
                    Some(Found::Object(header)) => {
                        let place = (segment, header.offset);
                        if !is_entry_indexed(&self.inner.db, &header.owner, &header.sha256, place).await? {
                            unknown.push((header.received_at_ms, segment, header.offset));
                        }
                    }
                    Some(Found::Erased { .. } | Found::Rubbish { .. }) => {}
                }
            }
            tails.push((segment, walk.tail));
        }
        unknown.sort_unstable();
        let mut rebuilt = Rebuilt::default();
        let mut refusing = BTreeSet::new();
        for (_, segment, offset) in unknown {
            let refused = rebuilt.refused;
            self.settle_at(segment, offset, Damaged::Erase, &mut rebuilt).await?;
            if rebuilt.refused > refused {
                refusing.insert(segment);
            }
        }
        tracing::info!(
            segments = tails.len(),
            indexed = rebuilt.indexed,
            torn = rebuilt.unusable - rebuilt.refused,
            refused = rebuilt.refused,
            "segments are settled"
        );
        let storage = self.clone();
        blocking(move || {
            tails.into_iter().try_for_each(|(segment, tail)| storage.objects().segments.cut(segment, tail))
        })
        .await?
        .map_err(|e| io_error(&e, PLACE))?;
        Ok(refusing)
    }

    /// Has the entry at a place indexed if it is not.
    async fn settle_at(
        &self,
        segment: SegmentId,
        offset: u64,
        damaged: Damaged,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), StorageError> {
        let mut walk = self.walk(segment).await?;
        walk.go_to(offset);
        let (found, walk) = step(walk).await?;
        if let Some(Found::Object(header)) = found {
            self.settle_entry(walk, *header, damaged, rebuilt).await?;
        }
        Ok(())
    }

    pub(crate) async fn segments(&self) -> Result<Vec<SegmentId>, StorageError> {
        let storage = self.clone();
        let listed = blocking(move || storage.objects().segments.list()).await?;
        Ok(listed.map_err(|e| io_error(&e, PLACE))?.0)
    }

    pub(crate) async fn walk(&self, segment: SegmentId) -> Result<Walk, StorageError> {
        let storage = self.clone();
        blocking(move || storage.objects().segments.walk(segment)).await?.map_err(|e| io_error(&e, PLACE))
    }

    /// Has an entry indexed if it is not.
    async fn settle_entry(
        &self,
        walk: Walk,
        header: Header,
        damaged: Damaged,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), StorageError> {
        rebuilt.objects += 1;
        let place = (header.segment, header.offset);
        if is_entry_indexed(&self.inner.db, &header.owner, &header.sha256, place).await? {
            return Ok(());
        }
        let limits = self.limits().clone();
        let assumed = self.assumed_of(&header).await?;
        let durable = blocking(move || durable_of(&walk, &header, assumed, &limits)).await?;
        match durable.map_err(|e| io_error(&e, PLACE))? {
            Recovered::Durable(durable) => {
                self.index(*durable).await?;
                rebuilt.indexed += 1;
            }
            Recovered::Refused(reason) => {
                rebuilt.unusable += 1;
                rebuilt.refused += 1;
                tracing::error!(
                    segment = %place.0,
                    offset = place.1,
                    reason,
                    "an instance that was received whole cannot be indexed now; it is kept: raise the limit that it \
                     breaks or run the version that took it, then restart or run rebuild"
                );
            }
            Recovered::Torn => {
                rebuilt.unusable += 1;
                if damaged == Damaged::Erase {
                    let storage = self.clone();
                    blocking(move || storage.objects().segments.erase(&[place]))
                        .await?
                        .map_err(|e| io_error(&e, PLACE))?;
                }
            }
        }
        Ok(())
    }

    /// What the texts of a device are taken for where their label says nothing of use, as when they arrived.
    async fn assumed_of(&self, header: &Header) -> Result<Option<Assumed>, StorageError> {
        let title = header.sender.strip_prefix("ae:").and_then(|title| AeTitle::parse(title).ok());
        let Some(title) = title else { return Ok(None) };
        match self.device(&title).await {
            Ok(device) if device.organisation == header.owner => {
                Ok(device.assumed_character_set.as_deref().and_then(Assumed::parse))
            }
            Ok(_) | Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn index(&self, durable: Durable) -> Result<Stored, StorageError> {
        let (answer, result) = oneshot::channel();
        let closed = || StorageError::Unavailable("the storage is closed".to_owned());
        let work = ToCommit::Instances(vec![(Box::new(durable), answer)], None);
        self.inner.writer.commit.send(work).await.map_err(|_| closed())?;
        result.await.map_err(|_| closed())?
    }

    /// Files named by their content, from before there were segments.
    async fn rebuild_named(
        &self,
        rebuilt: &mut Rebuilt,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), StorageError> {
        for name in self.names_on(Shelf::Objects).await? {
            let Some(name) = ObjectName::parse(&name) else { continue };
            rebuilt.objects += 1;
            progress(rebuilt.objects);
            if is_indexed(&self.inner.db, &name).await? {
                continue;
            }
            let (path, limits) = (self.objects().path(&name), self.limits().clone());
            match blocking(move || durable_of_file(path, name, &limits))
                .await?
                .map_err(|e| io_error(&e, PLACE))?
            {
                Some(durable) => {
                    let stored = self.index(durable).await?;
                    rebuilt.indexed += u64::from(stored.outcome != Outcome::AlreadyThere);
                }
                None => rebuilt.unusable += 1,
            }
        }
        Ok(())
    }
}

/// One step of a walk, on a thread that may block.
pub(crate) async fn step(mut walk: Walk) -> Result<(Option<Found>, Walk), StorageError> {
    blocking(move || {
        let found = walk.next();
        (found, walk)
    })
    .await
    .and_then(|(found, walk)| Ok((found.map_err(|e| io_error(&e, PLACE))?, walk)))
}

fn rebuilder() -> Actor {
    Actor { kind: ActorKind::Node, id: "rebuild".to_owned(), address: None }
}

/// What an entry is good for.
enum Recovered {
    /// This is what the index needs of it.
    Durable(Box<Durable>),
    /// Its bytes are not what the header says.
    Torn,
    /// Its bytes are what the header says, and cannot be indexed for this reason: it was taken by another version or under
    /// other limits.
    Refused(String),
}

fn durable_of(
    walk: &Walk,
    header: &Header,
    assumed: Option<Assumed>,
    limits: &Limits,
) -> io::Result<Recovered> {
    if !walk.is_whole(header)? {
        return Ok(Recovered::Torn);
    }
    let (Some(syntax), Some(via)) = (header.syntax(), header.via()) else {
        return Ok(Recovered::Refused("its transfer syntax or how it came is unknown".to_owned()));
    };
    let scanner = Scanner::new(&syntax, limits);
    let prepared = scan(walk.file(), walk.dataset_range(header), scanner)?.and_then(|scanner| {
        let mut scanned = scanner.finish()?;
        if let Some(assumed) = assumed {
            scanned.dataset.assume_charset(assumed);
        }
        prepare(scanned, &syntax)
    });
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(refused) => return Ok(Recovered::Refused(refused.to_string())),
    };
    Ok(Recovered::Durable(Box::new(Durable {
        actor: rebuilder(),
        arrival: Arrival { owner: header.owner.clone(), via, declared: None },
        syntax,
        sha256: header.sha256,
        head_length: header.head_length,
        dataset_length: header.dataset_length,
        sender: header.sender.clone(),
        received_at_ms: header.received_at_ms,
        prepared,
        place: Some(Placed::found(header.segment, header.offset)),
    })))
}

/// Feeds a range of a file; the inner error when a rule is broken.
fn scan(
    file: &File,
    range: std::ops::Range<u64>,
    mut scanner: Scanner,
) -> io::Result<Result<Scanner, Refused>> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = range.start;
    while at < range.end {
        let count = usize::try_from(range.end - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let room = piece.get_mut(..count).unwrap_or_default();
        file.read_exact_at(room, at)?;
        if let Err(refused) = scanner.feed(room) {
            return Ok(Err(refused));
        }
        at += count as u64;
    }
    Ok(Ok(scanner))
}

/// The same of a file named by its content. Who sent it, only the index knew.
fn durable_of_file(path: PathBuf, name: ObjectName, limits: &Limits) -> io::Result<Option<Durable>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let Some((syntax, head_length)) = head_of(&file, metadata.len())? else { return Ok(None) };
    let dataset_length = metadata.len().saturating_sub(head_length);
    if crate::segment::walk::hash_range(&file, head_length, dataset_length)? != Some(*name.sha256.as_bytes())
    {
        return Ok(None);
    }
    let scanner = Scanner::new(&syntax, limits);
    let Ok(scanner) = scan(&file, head_length..metadata.len(), scanner)? else { return Ok(None) };
    let Ok(prepared) = scanner.finish().and_then(|scanned| prepare(scanned, &syntax)) else {
        return Ok(None);
    };
    Ok(Some(Durable {
        actor: rebuilder(),
        arrival: Arrival { owner: name.owner, via: Via::Import, declared: None },
        syntax,
        sha256: name.sha256,
        head_length,
        dataset_length,
        sender: "node:rebuild".to_owned(),
        received_at_ms: metadata.mtime().saturating_mul(1000),
        prepared,
        place: None,
    }))
}

/// Transfer syntax and length of a Part 10 file's head.
fn head_of(file: &File, length: u64) -> io::Result<Option<(TransferSyntax, u64)>> {
    let count = usize::try_from(length).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
    let mut beginning = vec![0; count];
    file.read_exact_at(&mut beginning, 0)?;
    let read: Result<_, Refused> = HeadReader::new().feed(&beginning);
    Ok(read
        .ok()
        .flatten()
        .map(|(meta, rest)| (meta.transfer_syntax, (count as u64).saturating_sub(rest.len() as u64))))
}
