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
    bundle: Option<Arc<Bundle>>,
    _unpacked: Option<ScratchFolder>,
}

impl Opened {
    /// Opens what lies at a path.
    ///
    /// # Errors
    /// As [`Bundle::of`] and [`FileSource::open`].
    pub fn of(path: &Path, storage: &Storage) -> Result<Self, SlideError> {
        if let Some(bundle) = Bundle::of(path)?.map(Arc::new) {
            let files = u32::try_from(bundle.count()).ok();
            let (source, path) = (bundle.clone(), path.to_owned());
            return Ok(Self { source, path, files, bundle: Some(bundle), _unpacked: None });
        }
        let source: Arc<dyn ReadAt> = Arc::new(FileSource::open(path)?);
        if !bundle::is_archive(source.as_ref())? {
            return Ok(Self { source, path: path.to_owned(), files: None, bundle: None, _unpacked: None });
        }
        let folder = storage.scratch_folder()?;
        let (path, files) = bundle::unpack(source.clone(), folder.path())?;
        Ok(Self { source, path, files: Some(files), bundle: None, _unpacked: Some(folder) })
    }

    /// Whether several files are as they were when they were opened, as far as the file system says.
    pub fn is_unchanged(&self) -> bool {
        self.bundle.as_ref().is_none_or(|bundle| bundle.is_unchanged())
    }
}
