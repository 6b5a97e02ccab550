//! Slides of several files (MIRAX, Hamamatsu VMS and VMU), kept as one: an archive (POSIX tar, "ustar") of the file that is
//! opened and of those that belong to it, byte for byte, which is the same for the same files and is never written before
//! it is kept: [`Bundle`] is read as if it lay there.
//!
//! Names come from strangers. Only plain names of regular files are taken, on the way in and on the way out, and no link is
//! followed.

mod standing;
mod zip;

pub(crate) use standing::{Standing, goes_along, standing};

use crate::SlideError;
use crate::source::ReadAt;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of one slide; each is open while it is imported.
const MEMBERS_MAX: usize = 512;
/// Bytes of a file's name, as an archive's header takes them.
const NAME_BYTES_MAX: usize = 100;
/// Bytes of a list of files (a VMS file).
const LIST_BYTES_MAX: u64 = 1 << 20;
/// A header, and what content is padded to.
const BLOCK: u64 = 512;

const ODD_NAME: SlideError = SlideError::Unsupported("a file that belongs to it has a name that is not kept");
const MISSING: SlideError = SlideError::Incomplete;

/// A slide's files as one archive.
pub struct Bundle {
    members: Vec<Member>,
    length: u64,
}

struct Member {
    header: tar::Header,
    file: File,
    /// Of the header in the archive.
    start: u64,
    length: u64,
    modified: Option<std::time::SystemTime>,
}

/// How a slide's files belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A picture `a.mrxs` and a folder `a`.
    Mirax,
    /// A list `a.vms` or `a.vmu` of files beside it.
    Hamamatsu,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "mrxs" => Some(Self::Mirax),
            "vms" | "vmu" => Some(Self::Hamamatsu),
            _ => None,
        }
    }
}

/// What belongs to the file that is opened, when it is one of several that a slide is made of: a folder, or files.
#[must_use]
pub fn beside(path: &Path) -> Vec<PathBuf> {
    match Kind::of(path) {
        Some(Kind::Mirax) => vec![path.with_extension("")],
        Some(Kind::Hamamatsu) => {
            let named = list(path).unwrap_or_default();
            named.into_iter().filter_map(|name| path.parent().map(|folder| folder.join(name))).collect()
        }
        None => Vec::new(),
    }
}

/// The files that are kept with the one that is opened; none when it is one by itself, or its others are not in order.
#[must_use]
pub fn members(path: &Path) -> Vec<PathBuf> {
    let (Ok(Some(bundle)), Some(folder)) = (Bundle::of(path), path.parent()) else { return Vec::new() };
    let others = bundle.members.iter().skip(1);
    others.filter_map(|member| Some(folder.join(member.header.path().ok()?))).collect()
}

/// Whether a file of this name is opened as the first of several.
pub(crate) fn is_named_as_one_of_several(path: &Path) -> bool {
    Kind::of(path).is_some()
}

impl Bundle {
    /// Opens the files of a slide; `None` when it is of one file.
    ///
    /// # Errors
    /// [`SlideError::Incomplete`] when one is missing, [`SlideError::Unsupported`] for odd names and links,
    /// [`SlideError::OverLimit`], [`SlideError::Io`].
    pub fn of(path: &Path) -> Result<Option<Self>, SlideError> {
        let Some(kind) = Kind::of(path) else { return Ok(None) };
        let own = plain(path.file_name().and_then(|name| name.to_str()).ok_or(ODD_NAME)?)?;
        let folder = path.parent().ok_or(ODD_NAME)?;
        let mut bundle = Self { members: Vec::new(), length: 2 * BLOCK };
        bundle.add(own.to_owned(), open(folder, own)?)?;
        match kind {
            Kind::Mirax => {
                let inner = path.with_extension("");
                let prefix = plain(inner.file_name().and_then(|name| name.to_str()).ok_or(ODD_NAME)?)?;
                for name in names_in(&inner)? {
                    bundle.add(format!("{prefix}/{name}"), open(&inner, &name)?)?;
                }
            }
            Kind::Hamamatsu => {
                for name in list(path)? {
                    bundle.add(name.clone(), open(folder, &name)?)?;
                }
            }
        }
        Ok(Some(bundle))
    }

    fn add(&mut self, name: String, file: File) -> Result<(), SlideError> {
        if self.members.len() == MEMBERS_MAX {
            return Err(SlideError::OverLimit("files that belong to it"));
        }
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ODD_NAME);
        }
        let mut header = tar::Header::new_ustar();
        header.set_path(&name).map_err(|_| ODD_NAME)?;
        header.set_size(metadata.len());
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        const BIG: SlideError = SlideError::OverLimit("the length of its files");
        let start = self.length - 2 * BLOCK;
        let taken = metadata.len().checked_next_multiple_of(BLOCK).ok_or(BIG)?;
        self.length =
            self.length.checked_add(BLOCK).and_then(|length| length.checked_add(taken)).ok_or(BIG)?;
        let (length, modified) = (metadata.len(), metadata.modified().ok());
        self.members.push(Member { header, file, start, length, modified });
        Ok(())
    }

    /// Device and number of the file that is opened.
    pub(crate) fn number(&self) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = self.members.first()?.file.metadata().ok()?;
        Some((metadata.dev(), metadata.ino()))
    }

    /// Files.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// Whether no file has changed since they were opened, as far as the file system says.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.members.iter().all(|member| {
            let now = member.file.metadata();
            now.is_ok_and(|now| now.len() == member.length && now.modified().ok() == member.modified)
        })
    }

    /// Reads from one member, or from the end of the archive; how many bytes.
    fn read_some(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SlideError> {
        let index = self.members.partition_point(|member| member.start <= offset);
        let member = index.checked_sub(1).map(|index| &self.members[index]);
        let end = self.members.get(index).map_or(self.length, |next| next.start);
        let room = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..room];
        let within = member.map_or(offset, |member| offset - member.start);
        let (header, length) = member.map_or((None, 0), |member| (Some(&member.header), member.length));
        if let Some(header) = header.filter(|_| within < BLOCK) {
            let rest = &header.as_bytes()[within as usize..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            return Ok(count);
        }
        let within = within - BLOCK.min(within);
        match member.filter(|_| within < length) {
            Some(member) => {
                let count = usize::try_from(length - within).unwrap_or(usize::MAX).min(buffer.len());
                member.file.read_exact_at(&mut buffer[..count], within)?;
                Ok(count)
            }
            None => {
                buffer.fill(0);
                Ok(buffer.len())
            }
        }
    }
}

impl ReadAt for Bundle {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> Result<(), SlideError> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.length);
        end.ok_or(SlideError::Damaged("it ends before it should"))?;
        while !buffer.is_empty() {
            let count = self.read_some(offset, buffer)?;
            buffer = &mut buffer[count..];
            offset += count as u64;
        }
        Ok(())
    }
}

/// A name without a folder, that every file system and archive takes.
fn plain(name: &str) -> Result<&str, SlideError> {
    let is_plain = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '\0'])
        && !name.chars().any(char::is_control);
    if is_plain { Ok(name) } else { Err(ODD_NAME) }
}

/// Opens a file of a folder, not through a link and without waiting for another program.
fn open(folder: &Path, name: &str) -> Result<File, SlideError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::open(folder.join(name), flags, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        Err(rustix::io::Errno::NOENT) => Err(MISSING),
        Err(rustix::io::Errno::LOOP) => Err(ODD_NAME),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// Names of the files in a folder, in order; what else is in it is no part of the slide.
fn names_in(folder: &Path) -> Result<Vec<String>, SlideError> {
    let kind = std::fs::symlink_metadata(folder).map_err(|_| MISSING)?;
    if !kind.is_dir() {
        return Err(MISSING);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if is_hidden || !entry.file_type()?.is_file() {
            continue;
        }
        if names.len() == MEMBERS_MAX {
            return Err(SlideError::OverLimit("files that belong to it"));
        }
        names.push(plain(name.to_str().ok_or(ODD_NAME)?)?.to_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// The files that a VMS or VMU file names, in order, each once.
fn list(path: &Path) -> Result<Vec<String>, SlideError> {
    let own = path.file_name().and_then(|name| name.to_str()).ok_or(ODD_NAME)?;
    let file = open(path.parent().ok_or(ODD_NAME)?, own)?;
    let mut bytes = Vec::new();
    file.take(LIST_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIST_BYTES_MAX {
        return Err(SlideError::OverLimit("the list of its files"));
    }
    named(&String::from_utf8_lossy(&bytes))
}

fn named(text: &str) -> Result<Vec<String>, SlideError> {
    const KEYS: [&str; 4] = ["imagefile", "mapfile", "macroimage", "optimisationfile"];
    let mut names = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let key = key.trim().to_ascii_lowercase();
        // ImageFile, and ImageFile(1,0) and so on.
        let key = key.split('(').next().unwrap_or_default();
        let value = value.trim();
        if !KEYS.contains(&key) || value.is_empty() {
            continue;
        }
        let name = plain(value)?.to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() > MEMBERS_MAX {
            return Err(SlideError::OverLimit("files that belong to it"));
        }
    }
    Ok(names)
}

/// Reads from the beginning to the end.
pub(crate) struct FromStart {
    source: Arc<dyn ReadAt>,
    at: u64,
}

impl FromStart {
    pub fn of(source: Arc<dyn ReadAt>) -> Self {
        Self { source, at: 0 }
    }
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.source.length() - self.at;
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        self.source.read_at(self.at, &mut buffer[..count]).map_err(io::Error::other)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Whether a file is an archive as [`Bundle`] is one, or a zip, by what is in it.
///
/// # Errors
/// [`SlideError::Io`].
pub(crate) fn is_archive(source: &dyn ReadAt) -> Result<bool, SlideError> {
    let mut header = [0; BLOCK as usize];
    if source.length() < BLOCK {
        return Ok(false);
    }
    source.read_at(0, &mut header)?;
    Ok(header[257..].starts_with(b"ustar") || zip::begins_as(&header))
}

/// Writes the files of an archive into an empty folder: one of ours, or one that somebody made of a slide's files. The
/// path of the file to open, and how many there are.
///
/// # Errors
/// [`SlideError::Unsupported`] for links, other special files, odd names and deeper folders; [`SlideError::NotASlide`] when no
/// file in it is one to open; [`SlideError::OverLimit`], [`SlideError::Damaged`], [`SlideError::Io`].
pub(crate) fn unpack(source: Arc<dyn ReadAt>, folder: &Path) -> Result<(PathBuf, u32), SlideError> {
    let mut into = Unpacking { folder, first: None, count: 0 };
    let mut head = [0; 4];
    source.read_at(0, &mut head)?;
    if zip::begins_as(&head) {
        zip::unpack(&source, &mut into)?
    } else {
        unpack_tar(source, &mut into)?
    }
    let first = into.first.ok_or(SlideError::NotASlide("an archive without a slide of several files"))?;
    Ok((first, into.count))
}

const SEVERAL: SlideError = SlideError::Unsupported("an archive of several slides; bring each by itself");
const ODD: SlideError = SlideError::Unsupported("an archive that holds other than a slide's files");

/// Bytes of what stands before a file in an archive and says more of it: its name.
const EXTENSION_BYTES_MAX: u64 = 64 << 10;

fn unpack_tar(source: Arc<dyn ReadAt>, into: &mut Unpacking<'_>) -> Result<(), SlideError> {
    const CUT: SlideError = SlideError::Damaged("its archive is cut short");
    into.check_room(source.length())?;
    let mut archive = tar::Archive::new(FromStart::of(source));
    let mut long_name = None;
    // Raw: otherwise names of any length are read into memory.
    for entry in archive.entries().map_err(|_| CUT)?.raw(true) {
        let mut entry = entry.map_err(|_| CUT)?;
        match entry.header().entry_type() {
            tar::EntryType::Regular => {}
            tar::EntryType::Directory => {
                long_name = None;
                continue;
            }
            tar::EntryType::XGlobalHeader => continue,
            kind @ (tar::EntryType::GNULongName | tar::EntryType::XHeader) => {
                if entry.size() > EXTENSION_BYTES_MAX {
                    return Err(SlideError::OverLimit("a name in its archive"));
                }
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(|_| CUT)?;
                let is_gnu = kind == tar::EntryType::GNULongName;
                let name = if is_gnu { Some(bytes) } else { name_of_pax(&bytes)? };
                long_name = name.or(long_name);
                continue;
            }
            _ => return Err(ODD),
        }
        let mut name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
        let name = String::from_utf8(name).map_err(|_| ODD_NAME)?;
        let Some(mut file) = into.file(&name)? else { continue };
        if io::copy(&mut entry, &mut file)? != entry.size() {
            return Err(CUT);
        }
    }
    Ok(())
}

/// The name that an extended header (POSIX.1-2017, pax) gives the file after it.
fn name_of_pax(bytes: &[u8]) -> Result<Option<Vec<u8>>, SlideError> {
    let mut name = None;
    for record in tar::PaxExtensions::new(bytes) {
        let record = record.map_err(|_| SlideError::Damaged("a header of its archive"))?;
        match record.key_bytes() {
            b"path" => name = Some(record.value_bytes().to_owned()),
            // The length in the header is not the file's then.
            key if key == b"size" || key.starts_with(b"GNU.sparse") => return Err(ODD),
            _ => {}
        }
    }
    Ok(name)
}

/// An archive on its way into a folder. A slide's files lie at the top of it, or in one folder there.
struct Unpacking<'a> {
    folder: &'a Path,
    /// The file that is opened.
    first: Option<PathBuf>,
    count: u32,
}

impl Unpacking<'_> {
    /// Refuses before anything is written what the disk has no room for: the files, the instances that are made of them, and a
    /// reserve.
    fn check_room(&self, bytes: u64) -> Result<(), SlideError> {
        let disk = rustix::fs::statvfs(self.folder).map_err(io::Error::from)?;
        let [free, all] = [disk.f_bavail, disk.f_blocks].map(|blocks| blocks.saturating_mul(disk.f_frsize));
        room(bytes, free, all)
    }

    /// A new file for what has this name; `None` for what is no part of a slide.
    fn file(&mut self, name: &str) -> Result<Option<File>, SlideError> {
        let name = name.strip_prefix("./").unwrap_or(name);
        let mut parts: Vec<&str> = name.split('/').collect();
        let last = parts.pop().unwrap_or_default();
        // What some systems add to every archive.
        if last.starts_with("._") || last == ".DS_Store" || parts.first() == Some(&"__MACOSX") {
            return Ok(None);
        }
        if self.count as usize == MEMBERS_MAX {
            return Err(SlideError::OverLimit("files that belong to it"));
        }
        if parts.len() > 2 {
            return Err(ODD);
        }
        let mut path = self.folder.to_owned();
        for part in &parts {
            path.push(plain(part)?);
            if !path.is_dir() {
                std::fs::create_dir(&path)?;
            }
        }
        path.push(plain(last)?);
        let new = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        let file = new.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => ODD,
            _ => error.into(),
        })?;
        self.count += 1;
        if parts.len() < 2 && Kind::of(&path).is_some() {
            if self.first.is_some() {
                return Err(SEVERAL);
            }
            self.first = Some(path);
        }
        Ok(Some(file))
    }
}

/// Whether files of so many bytes fit on a disk of which so many are free, of all.
fn room(bytes: u64, free: u64, all: u64) -> Result<(), SlideError> {
    let needed = bytes.saturating_mul(2).saturating_add(crate::intake::reserve(all));
    match needed {
        // It would be tried for ever.
        needed if needed > all => Err(SlideError::OverLimit("what is packed in its archive")),
        needed if needed > free => Err(SlideError::Io(io::ErrorKind::StorageFull)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
