//! The folder itself: which files are there, and what is done with them.

use super::{DONE, FileState, REFUSED};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Folders below one another.
const DEPTH_MAX: usize = 8;
/// Entries that are looked at in one go.
const ENTRIES_MAX: usize = 200_000;
/// Names that promise a slide.
/// (Slides of several files are imported by hand: that all of them stand still is not known.)
const EXTENSIONS: [&str; 9] = ["svs", "tif", "tiff", "btf", "ndpi", "scn", "bif", "svslide", "dcm"];

/// A file that may be a slide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its path below the folder.
    pub name: String,
    pub bytes: u64,
    pub modified_ms: i64,
}

/// What is in the folder.
pub(super) struct Look {
    pub files: Vec<Found>,
    /// There is more than is looked at.
    pub is_cut_short: bool,
}

/// Looks through a folder, without following links and without what is put away or hidden.
pub(super) fn through(folder: &Path) -> io::Result<Look> {
    let mut look = Look { files: Vec::new(), is_cut_short: false };
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
            let Some(name) = name.to_str() else { continue };
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
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Found {
        name: path.strip_prefix(folder).ok()?.to_str()?.to_owned(),
        bytes: metadata.len(),
        modified_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
    })
    .filter(|found| found.bytes > 0)
}

fn is_named_slide(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Moves a file to where it is put away; another of the same name keeps its own. Returns where it is then.
pub(super) fn move_away(folder: &Path, name: &str, state: FileState) -> io::Result<PathBuf> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let place = folder.join(if state == FileState::Refused { REFUSED } else { DONE });
    fs::create_dir_all(&place)?;
    let base = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = base.rsplit_once('.').unwrap_or((&base, ""));
    for number in 0..1000 {
        let target = match number {
            0 => place.join(&base),
            number => place.join(format!("{stem}-{number}.{extension}")),
        };
        match renameat_with(CWD, folder.join(name), CWD, &target, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(target),
            Err(rustix::io::Errno::EXIST) => {}
            // Shares may not know how to refuse to replace: then what is there is looked for first.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
                if !target.exists() {
                    fs::rename(folder.join(name), &target)?;
                    return Ok(target);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Writes a note beside a file, unless it is there already.
pub(super) fn write_note(file: &Path, ending: &str, text: &str) -> io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    let path = file.with_file_name(name);
    let mut before = String::new();
    if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= 4096) {
        fs::File::open(&path)?.read_to_string(&mut before).ok();
        if before == text {
            return Ok(());
        }
    }
    // Whoever may write to the share may have put a link there: what it leads to is none of ours.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

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

    #[test]
    fn a_file_that_is_moved_away_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (content, expected) in [("1", "done/a.svs"), ("2", "done/a-1.svs")] {
            fs::write(root.join("a.svs"), content).unwrap();
            assert_eq!(move_away(root, "a.svs", FileState::Imported).unwrap(), root.join(expected));
            assert_eq!(fs::read_to_string(root.join(expected)).unwrap(), content);
        }
    }

    #[test]
    fn a_note_does_not_follow_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("precious"), "as it was").unwrap();
        std::os::unix::fs::symlink(root.join("precious"), root.join("a.svs.note")).unwrap();
        write_note(&root.join("a.svs"), ".note", "said").unwrap();
        write_note(&root.join("a.svs"), ".note", "said").unwrap();
        assert_eq!(fs::read_to_string(root.join("precious")).unwrap(), "as it was");
        assert_eq!(fs::read_to_string(root.join("a.svs.note")).unwrap(), "said");
    }
}
