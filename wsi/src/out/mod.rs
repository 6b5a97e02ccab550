//! How a slide's pixels go out: stored tiles as they are, and what is made of them for whoever cannot show those
//! (`frames`, kept by `derived`), or asks for another part, size or turn (`view`, `compose`).
//!
//! JPEG tiles at their own size are never decoded. Whatever is made says so: [`Output::derived`].

mod channels;
mod colours;
mod compose;
mod derived;
mod frames;
mod held;
mod view;

pub use colours::Colouring;
pub(crate) use colours::converted;
pub use compose::Form;
pub use derived::Counts;
pub(crate) use derived::{Derived, Work};
pub use frames::Seen;
pub(crate) use frames::{blocking, look, plain_look, shades_of};
pub use held::Held;
pub use view::{Quality, Rectangle, Turn, View, is_shown_as_stored, native_scale};

use bytes::Bytes;
use codec::CodecError;
use storage::StorageError;

use crate::SlideError;

/// JPEG quality of what is made for the eye: colour at full resolution, and no visible loss at 1:1.
pub(crate) const QUALITY: u8 = 90;

/// Pixels on their way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The file.
    pub bytes: Bytes,
    /// Its media type.
    pub media_type: &'static str,
    /// How it was made of what is stored, for the header `Farsight-Derived`; `None`: it is what is stored.
    pub derived: Option<String>,
}

/// What a codec's failure is to whoever asked for pixels.
pub(crate) fn undone(error: CodecError) -> SlideError {
    match error {
        CodecError::TimedOut | CodecError::WorkerLost => {
            SlideError::Storage(StorageError::Unavailable("the image codec did not finish".to_owned()))
        }
        CodecError::Unsupported(what) => SlideError::Unsupported(what),
        CodecError::OverLimit => SlideError::OverLimit("pixels of one frame"),
        CodecError::Damaged(_) => SlideError::Damaged("the image could not be rendered"),
    }
}
