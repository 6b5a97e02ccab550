//! The folder itself: which files are there, and what is done with them.

use super::{DONE, FileState, REFUSED};
use crate::bundle::{self, Standing};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, mkdirat, openat, renameat_with, statat, unlinkat};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Folders below one another.
const DEPTH_MAX: usize = 8;
/// Entries that are looked at in one go.
const ENTRIES_MAX: usize = 200_000;
/// Names that promise a slide.
const EXTENSIONS: [&str; 12] =
    ["svs", "tif", "tiff", "btf", "ndpi", "scn", "bif", "svslide", "dcm", "mrxs", "vms", "vmu"];

/// A file that may be a slide, or the one of several that is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its path below the folder.
    pub name: String,
    /// Of all its files.
    pub bytes: u64,
    /// Of the one that has changed last.
    pub modified_ms: i64,
    /// Whether none of its files is missing.
    pub is_whole: bool,
}

/// What is in the folder.
pub(super) struct Look {
    pub files: Vec<Found>,
    /// There is more than is looked at.
    pub is_cut_short: bool,
    /// Slides whose names are not UTF-8: they are not brought in.
    pub unreadable_names: usize,
}

/// Looks through a folder, without following links and without what is put away or hidden.
pub(super) fn through(folder: &Path) -> io::Result<Look> {
    let mut look = Look { files: Vec::new(), is_cut_short: false, unreadable_names: 0 };
    let mut waiting = vec![(folder.to_owned(), 0)];
    let mut entries = 0;
    while let Some((path, depth)) = waiting.pop() {
        let listing = match fs::read_dir(&path) {
            // One folder that may not be read, or is gone by now, does not keep the others.
            Err(_) if depth > 0 => continue,
            listing => listing?,
        };
        for entry in listing {
            let entry = entry?;
            entries += 1;
            if entries > ENTRIES_MAX {
                look.is_cut_short = true;
                return Ok(look);
            }
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                look.unreadable_names += usize::from(is_named_slide(&name.to_string_lossy()));
                continue;
            };
            let Ok(kind) = entry.file_type() else { continue };
            let is_put_away = depth == 0 && (name == DONE || name == REFUSED);
            if name.starts_with('.') || is_put_away {
                continue;
            }
            if kind.is_dir() && depth < DEPTH_MAX {
                waiting.push((entry.path(), depth + 1));
            } else if kind.is_file() && is_named_slide(name) {
                look.files.extend(found(folder, &entry.path()));
            }
        }
    }
    Ok(look)
}

fn found(folder: &Path, path: &Path) -> Option<Found> {
    let metadata = fs::symlink_metadata(path).ok()?;
    found_as(path.strip_prefix(folder).ok()?.to_str()?, path, &metadata).filter(|found| found.bytes > 0)
}

/// What is found where a file is: with the others that belong to it, if it is one of several.
fn found_as(name: &str, path: &Path, metadata: &fs::Metadata) -> Option<Found> {
    let alone = Standing { bytes: metadata.len(), modified: metadata.modified().ok()?, is_whole: true };
    let standing = bundle::standing(path).unwrap_or(alone);
    let since = standing.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Found {
        name: name.to_owned(),
        bytes: standing.bytes,
        modified_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        is_whole: standing.is_whole,
    })
}

/// A file that was found, open: reached without following a link, and as it was when it was found. Whoever may write to the
/// share may have put something else in its place.
pub(super) struct Held {
    found: Found,
    path: PathBuf,
    folder: OwnedFd,
    base: String,
    file: fs::File,
}

impl Held {
    /// Opens a file that was found; `None` when it is another by now, or not the same any more.
    pub(super) fn of(root: &Path, found: &Found) -> io::Result<Option<Self>> {
        let path = Path::new(&found.name);
        let mut folder = openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        for part in path.parent().into_iter().flat_map(Path::components) {
            let Component::Normal(part) = part else { return Ok(None) };
            folder = openat(&folder, part, FOLDER, Mode::empty())?;
        }
        let Some(base) = path.file_name().and_then(|base| base.to_str()) else { return Ok(None) };
        // A pipe put in its place does not hold anybody up.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::File::from(openat(&folder, base, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        let place = root.join(path);
        let is_same = metadata.is_file() && found_as(&found.name, &place, &metadata).as_ref() == Some(found);
        Ok(is_same.then(|| Self { found: found.clone(), path: place, folder, base: base.to_owned(), file }))
    }

    /// Device and number of the file: the one that is to be read.
    pub(super) fn number(&self) -> io::Result<(u64, u64)> {
        let metadata = self.file.metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// Whether what has its name now is this file, as it was when it was found. Otherwise the next look finds it anew.
    fn is_still(&self) -> io::Result<bool> {
        let now = match statat(&self.folder, self.base.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => return Ok(false),
            now => now?,
        };
        let metadata = self.file.metadata()?;
        let is_as_found = found_as(&self.found.name, &self.path, &metadata).as_ref() == Some(&self.found);
        Ok((now.st_dev, now.st_ino) == self.number()? && is_as_found)
    }

    /// Leaves a note beside it, if it is still what was read.
    pub(super) fn note(&self, ending: &str, text: &str) -> io::Result<()> {
        if !self.is_still()? {
            return Ok(());
        }
        write_note(self.folder.as_fd(), &format!("{}{ending}", self.base), text)
    }

    /// Moves it to where it is put away, if it is still what was read, and leaves the note there that is given. Another file
    /// of the same name keeps its own.
    pub(super) fn move_away(
        &self,
        root: &Path,
        state: FileState,
        note: Option<(&str, &str)>,
    ) -> io::Result<()> {
        let root = openat(CWD, root, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let place = if state == FileState::Refused { REFUSED } else { DONE };
        match mkdirat(&root, place, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let place = openat(&root, place, FOLDER, Mode::empty())?;
        if !self.is_still()? {
            return Ok(());
        }
        let others = bundle::goes_along(&self.path);
        if !others.is_empty() {
            return self.move_all(place.as_fd(), &others, note);
        }
        let name = self.rename_into(place.as_fd())?;
        note.map_or(Ok(()), |(ending, text)| write_note(place.as_fd(), &format!("{name}{ending}"), text))
    }

    /// Moves it and what belongs to it into a new folder, where their names can stay what they are.
    fn move_all(
        &self,
        place: BorrowedFd<'_>,
        others: &[PathBuf],
        note: Option<(&str, &str)>,
    ) -> io::Result<()> {
        let stem = self.base.rsplit_once('.').map_or(self.base.as_str(), |(stem, _)| stem);
        for number in 0..1000 {
            let name = if number == 0 { stem.to_owned() } else { format!("{stem}-{number}") };
            match mkdirat(place, name.as_str(), Mode::from_raw_mode(0o777)) {
                Ok(()) => {}
                Err(rustix::io::Errno::EXIST) => continue,
                Err(error) => return Err(error.into()),
            }
            let new = openat(place, name.as_str(), FOLDER, Mode::empty())?;
            // The one that is opened goes last: until then the next look finds what is left.
            let names = others.iter().filter_map(|path| path.file_name()?.to_str());
            let names: Vec<&str> = names.chain([self.base.as_str()]).collect();
            for (at, one) in names.iter().enumerate() {
                if let Err(error) = rustix::fs::renameat(&self.folder, *one, &new, *one) {
                    // All together or none: what has gone comes back, to be tried again.
                    for gone in &names[..at] {
                        rustix::fs::renameat(&new, *gone, &self.folder, *gone).ok();
                    }
                    unlinkat(place, name.as_str(), AtFlags::REMOVEDIR).ok();
                    return Err(error.into());
                }
            }
            return note.map_or(Ok(()), |(ending, text)| {
                write_note(new.as_fd(), &format!("{}{ending}", self.base), text)
            });
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn rename_into(&self, place: BorrowedFd<'_>) -> io::Result<String> {
        use rustix::io::Errno;
        let (stem, extension) = self.base.rsplit_once('.').unwrap_or((&self.base, ""));
        for number in 0..1000 {
            let target = match number {
                0 => self.base.clone(),
                number => format!("{stem}-{number}.{extension}"),
            };
            let (from, to) = (self.base.as_str(), target.as_str());
            match renameat_with(&self.folder, from, place, to, RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(target),
                Err(Errno::EXIST) => {}
                // Shares may not know how to refuse to replace: then what is there is looked for first.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    if matches!(statat(place, to, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT)) {
                        rustix::fs::renameat(&self.folder, from, place, to)?;
                        return Ok(target);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// How a folder below the watched one is opened.
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn is_named_slide(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Writes a note into a folder, unless it is there already.
fn write_note(folder: BorrowedFd<'_>, name: &str, text: &str) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if let Ok(before) = openat(folder, name, flags, Mode::empty()).map(fs::File::from)
        && before.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= NOTE_BYTES_MAX)
    {
        let mut said = String::new();
        before.take(NOTE_BYTES_MAX).read_to_string(&mut said).ok();
        if said == text {
            return Ok(());
        }
    }
    // Whoever may write to the share may have put a link there: what it leads to is none of ours.
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let note = openat(folder, name, flags, Mode::from_raw_mode(0o666))?;
    fs::File::from(note).write_all(text.as_bytes())
}

/// Bytes of a note.
const NOTE_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_are_found_below_and_what_is_put_away_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for place in ["day/one", "done", "refused", ".hidden"] {
            fs::create_dir_all(root.join(place)).unwrap();
        }
        for name in
            ["day/one/a.svs", "b.NDPI", "c.txt", "done/d.svs", "refused/e.svs", ".hidden/f.svs", ".g.svs"]
        {
            fs::write(root.join(name), b"x").unwrap();
        }
        fs::write(root.join("empty.svs"), b"").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("link.svs")).unwrap();
        let mut names: Vec<_> = through(root).unwrap().files.into_iter().map(|found| found.name).collect();
        names.sort();
        assert_eq!(names, ["b.NDPI", "day/one/a.svs"]);
        assert!(through(&root.join("nowhere")).is_err());
    }

    fn held(root: &Path, name: &str) -> Held {
        let found = found(root, &root.join(name)).unwrap();
        Held::of(root, &found).unwrap().unwrap()
    }

    #[test]
    fn a_slide_of_several_files_is_found_once_and_moved_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for expected in ["done/s", "done/s-1"] {
            fs::write(root.join("s.vms"), "ImageFile=a.jpg\n").unwrap();
            let files = through(root).unwrap().files;
            assert_eq!((files.len(), files[0].is_whole), (1, false));
            fs::write(root.join("a.jpg"), b"1").unwrap();
            assert!(through(root).unwrap().files[0].is_whole);
            held(root, "s.vms").move_away(root, FileState::Imported, None).unwrap();
            for name in ["s.vms", "a.jpg"] {
                assert!(root.join(expected).join(name).exists() && !root.join(name).exists(), "{expected}");
            }
        }
        fs::create_dir(root.join("m")).unwrap();
        fs::write(root.join("m/Slidedat.ini"), b"[HIERARCHICAL]\n").unwrap();
        fs::write(root.join("m.mrxs"), b"picture").unwrap();
        let file = held(root, "m.mrxs");
        fs::write(root.join("m/Data0000.dat"), b"more").unwrap();
        file.move_away(root, FileState::Imported, None).unwrap();
        assert!(root.join("m.mrxs").exists(), "it has grown meanwhile");
        held(root, "m.mrxs").move_away(root, FileState::Refused, Some((".note", "why"))).unwrap();
        assert!(
            root.join("refused/m/m/Data0000.dat").exists() && root.join("refused/m/m.mrxs.note").exists()
        );
    }

    #[test]
    fn a_file_that_is_moved_away_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (content, expected) in [("1", "done/a.svs"), ("2", "done/a-1.svs")] {
            fs::create_dir_all(root.join("day")).unwrap();
            fs::write(root.join("day/a.svs"), content).unwrap();
            let file = held(root, "day/a.svs");
            file.move_away(root, FileState::Imported, Some((".note", "said"))).unwrap();
            assert_eq!(fs::read_to_string(root.join(expected)).unwrap(), content);
            assert_eq!(fs::read_to_string(root.join(format!("{expected}.note"))).unwrap(), "said");
        }
    }

    #[test]
    fn a_file_that_has_changed_or_was_exchanged_is_neither_read_nor_moved() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |content: &str| fs::write(root.join("a.svs"), content).unwrap();
        write("one");
        let seen = found(root, &root.join("a.svs")).unwrap();
        write("one and more");
        assert!(Held::of(root, &seen).unwrap().is_none(), "it has grown");
        let file = held(root, "a.svs");
        fs::rename(root.join("a.svs"), root.join("b.svs")).unwrap();
        write("another");
        file.move_away(root, FileState::Imported, None).unwrap();
        assert_eq!(fs::read_to_string(root.join("a.svs")).unwrap(), "another", "it stays");
        let file = held(root, "a.svs");
        write("another, and more");
        file.move_away(root, FileState::Imported, None).unwrap();
        file.note(".note", "imported").unwrap();
        assert!(root.join("a.svs").exists() && !root.join("a.svs.note").exists(), "it has grown meanwhile");
    }

    #[test]
    fn links_that_are_planted_lead_nowhere() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = folder.path();
        fs::create_dir(root.join("day")).unwrap();
        fs::write(root.join("day/a.svs"), "ours").unwrap();
        let seen = found(root, &root.join("day/a.svs")).unwrap();
        let file = held(root, "day/a.svs");
        std::os::unix::fs::symlink(outside.path(), root.join("done")).unwrap();
        assert!(file.move_away(root, FileState::Imported, None).is_err());
        assert!(root.join("day/a.svs").exists() && fs::read_dir(outside.path()).unwrap().next().is_none());
        fs::rename(root.join("day/a.svs"), outside.path().join("a.svs")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("a.svs"), root.join("day/a.svs")).unwrap();
        assert!(Held::of(root, &seen).is_err(), "the same file, by a link");
        fs::remove_dir_all(root.join("day")).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("day")).unwrap();
        assert!(Held::of(root, &seen).is_err(), "the same file, in a folder that is a link");
    }

    #[test]
    fn names_that_are_no_text_are_counted() {
        use std::os::unix::ffi::OsStrExt as _;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"\xD0\xC2.svs")), b"x").unwrap();
        let look = through(folder.path()).unwrap();
        assert_eq!((look.files.len(), look.unreadable_names), (0, 1));
    }

    #[test]
    fn a_note_does_not_follow_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("a.svs"), "slide").unwrap();
        fs::write(root.join("precious"), "as it was").unwrap();
        std::os::unix::fs::symlink(root.join("precious"), root.join("a.svs.note")).unwrap();
        let file = held(root, "a.svs");
        file.note(".note", "said").unwrap();
        file.note(".note", "said").unwrap();
        assert_eq!(fs::read_to_string(root.join("precious")).unwrap(), "as it was");
        assert_eq!(fs::read_to_string(root.join("a.svs.note")).unwrap(), "said");
    }
}
