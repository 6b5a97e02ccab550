//! The report's page: PDF/A-3b set by typst from the canonical report, which is attached with its signatures.

use std::path::PathBuf;

/// Where fonts are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fonts {
    /// Directories, searched with their sub-directories.
    pub directories: Vec<PathBuf>,
}

impl Default for Fonts {
    fn default() -> Self {
        Self { directories: vec![PathBuf::from("/usr/share/fonts"), PathBuf::from("/usr/local/share/fonts")] }
    }
}

/// Why a page could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// No Chinese font in the directories.
    #[error("no Chinese font was found in {directories}: install the package fonts-noto-cjk")]
    NoFont {
        /// Where it was looked for.
        directories: String,
    },
    /// The text cannot be set, for example because no font has one of its characters.
    #[error("the page could not be set: {0}")]
    Set(String),
}

/// Sets pages; holds the fonts, so make one per process.
pub struct Printer {}

impl Printer {
    /// Finds the fonts.
    ///
    /// # Errors
    /// [`PdfError::NoFont`].
    pub fn new(_fonts: &Fonts) -> Result<Self, PdfError> {
        unimplemented!()
    }
}
