//! What is to be imported, open: one file, several that are one slide, or an archive of these.

use crate::SlideError;
use crate::bundle::{self, Bundle};
use crate::source::{FileSource, ReadAt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::Storage;
use storage::blob::ScratchFolder;

/// An original that is being imported.
pub(crate) struct Opened {
    /// What is kept.
    pub source: Arc<dyn ReadAt>,
    /// The file that a program opens which reads files by name.
    pub path: PathBuf,
    /// How many files it holds, when they are several.
    pub files: Option<u32>,
    lies: Lies,
    _unpacked: Option<ScratchFolder>,
}

/// Where it is read from.
enum Lies {
    InOne(Arc<FileSource>),
    InSeveral(Arc<Bundle>),
}

impl Opened {
    /// Opens what lies at a path.
    ///
    /// # Errors
    /// As [`Bundle::of`] and [`FileSource::open`]; [`SlideError::Incomplete`].
    pub fn of(path: &Path, storage: &Storage) -> Result<Self, SlideError> {
        if let Some(bundle) = Bundle::of(path)?.map(Arc::new) {
            check_whole(path)?;
            let files = u32::try_from(bundle.count()).ok();
            let (source, path) = (bundle.clone(), path.to_owned());
            return Ok(Self { source, path, files, lies: Lies::InSeveral(bundle), _unpacked: None });
        }
        let file = Arc::new(FileSource::open(path)?);
        let (source, lies): (Arc<dyn ReadAt>, _) = (file.clone(), Lies::InOne(file));
        if !bundle::is_archive(source.as_ref())? {
            return Ok(Self { source, path: path.to_owned(), files: None, lies, _unpacked: None });
        }
        let folder = storage.scratch_folder()?;
        let (path, files) = bundle::unpack(source.clone(), folder.path())?;
        check_whole(&path)?;
        Ok(Self { source, path, files: Some(files), lies, _unpacked: Some(folder) })
    }

    /// Device and number of the file that it is read from; of several, of the one that is opened.
    pub fn number(&self) -> Option<(u64, u64)> {
        match &self.lies {
            Lies::InOne(file) => file.number(),
            Lies::InSeveral(bundle) => bundle.number(),
        }
    }

    /// Whether it is as it was when it was opened, as far as the file system says: a scanner may still be writing.
    pub fn is_unchanged(&self) -> bool {
        match &self.lies {
            Lies::InOne(file) => file.is_unchanged(),
            Lies::InSeveral(bundle) => bundle.is_unchanged(),
        }
    }
}

/// Refuses a slide of several files that names one which is not there.
fn check_whole(path: &Path) -> Result<(), SlideError> {
    let is_whole = bundle::standing(path).is_none_or(|standing| standing.is_whole);
    if is_whole { Ok(()) } else { Err(SlideError::Incomplete) }
}
