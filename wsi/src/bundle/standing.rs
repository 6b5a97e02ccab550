//! How the files of a slide stand while a scanner writes them: how many bytes there are, when one of them has changed last, and
//! whether any is still missing.

use super::{Kind, LIST_BYTES_MAX, list, names_in, open};
use crate::SlideError;
use std::fs::Metadata;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What names the other files in a MIRAX slide's folder.
const SLIDEDAT: &str = "Slidedat.ini";

/// All files of a slide, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Bytes of all of them.
    pub bytes: u64,
    /// When one of them has changed last.
    pub modified: SystemTime,
    /// Whether every file is there that the slide itself names.
    pub is_whole: bool,
}

/// How the files stand of a slide of several; `None` for one file by itself, and for what cannot be looked at now.
pub(crate) fn standing(path: &Path) -> Option<Standing> {
    let kind = Kind::of(path)?;
    let mut standing = Standing { bytes: 0, modified: SystemTime::UNIX_EPOCH, is_whole: true };
    standing.add(&std::fs::symlink_metadata(path).ok()?)?;
    let (folder, names, wanted) = match kind {
        Kind::Mirax => {
            let inner = path.with_extension("");
            let names = match names_in(&inner) {
                Ok(names) => names,
                Err(SlideError::Incomplete) => Vec::new(),
                Err(SlideError::Io(_)) => return None,
                // Nothing will make it whole: it is refused for what it is.
                Err(_) => return Some(standing),
            };
            let wanted = named_by_slidedat(&inner).unwrap_or_else(|_| vec![SLIDEDAT.to_owned()]);
            (inner, names, wanted)
        }
        Kind::Hamamatsu => {
            let names = list(path).ok()?;
            (path.parent()?.to_owned(), names.clone(), names)
        }
    };
    for name in &names {
        match std::fs::symlink_metadata(folder.join(name)) {
            Ok(metadata) => standing.add(&metadata)?,
            Err(_) => standing.is_whole = false,
        }
    }
    standing.is_whole &= !wanted.is_empty() && wanted.iter().all(|name| names.contains(name));
    Some(standing)
}

impl Standing {
    fn add(&mut self, metadata: &Metadata) -> Option<()> {
        self.bytes = self.bytes.checked_add(metadata.len())?;
        self.modified = self.modified.max(metadata.modified().ok()?);
        self.is_whole &= metadata.is_file();
        Some(())
    }
}

/// The index and data files that a MIRAX slide's list names, and the list.
fn named_by_slidedat(folder: &Path) -> Result<Vec<String>, SlideError> {
    let mut bytes = Vec::new();
    open(folder, SLIDEDAT)?.take(LIST_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut names = vec![SLIDEDAT.to_owned()];
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let number = key.trim().strip_prefix("FILE_");
        let is_data = number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        if is_data || key.trim() == "INDEXFILE" {
            names.push(value.trim().to_owned());
        }
    }
    Ok(names)
}

/// What lies beside the file that is opened and goes where it goes: a folder, or files.
pub(crate) fn goes_along(path: &Path) -> Vec<PathBuf> {
    super::beside(path).into_iter().filter(|path| std::fs::symlink_metadata(path).is_ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_mirax_slide_is_whole_when_every_file_is_there_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mrxs");
        let is_whole = || standing(&path).unwrap().is_whole;
        fs::write(&path, b"picture").unwrap();
        assert!(!is_whole(), "no folder yet");
        fs::create_dir(folder.path().join("a")).unwrap();
        let put = |name: &str, content: &str| fs::write(folder.path().join("a").join(name), content).unwrap();
        put("Data0000.dat", "1");
        assert!(!is_whole(), "nothing says what belongs to it");
        put(
            "Slidedat.ini",
            "\u{feff}[HIERARCHICAL]\r\nINDEXFILE = Index.dat\r\n[DATAFILE]\r\nFILE_COUNT = 2\r\nFILE_0 = Data0000.dat\r\nFILE_1 = Data0001.dat\r\n",
        );
        put("Index.dat", "2");
        assert!(!is_whole(), "the second data file");
        put("Data0001.dat", "3");
        assert!(is_whole());
        let before = standing(&path).unwrap();
        put("Data0001.dat", "33");
        assert_eq!(standing(&path).unwrap().bytes, before.bytes + 1);
    }

    #[test]
    fn a_slide_that_is_never_taken_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mrxs");
        fs::write(&path, b"picture").unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a").join("x".repeat(120)), b"1").unwrap();
        assert!(standing(&path).unwrap().is_whole);
        let refused = crate::bundle::Bundle::of(&path).err();
        assert!(matches!(refused, Some(SlideError::Unsupported(_))), "{refused:?}");
    }

    #[test]
    fn a_list_is_whole_when_its_files_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.vms");
        fs::write(&path, "ImageFile=a.jpg\nMacroImage=m.jpg\n").unwrap();
        fs::write(folder.path().join("a.jpg"), b"1").unwrap();
        assert!(!standing(&path).unwrap().is_whole);
        fs::write(folder.path().join("m.jpg"), b"22").unwrap();
        let now = standing(&path).unwrap();
        assert!(now.is_whole);
        assert_eq!(now.bytes, fs::metadata(&path).unwrap().len() + 3);
        assert_eq!(standing(&folder.path().join("a.jpg")), None);
    }
}
