//! Slides: readers of scanner files, pyramid geometry, import to DICOM VL Whole Slide Microscopy, tiles.
//!
//! Floor 4 of the house. This crate knows nothing of HTTP, DIMSE or SQL. It copies compressed tiles; it decodes
//! one to store it only where DICOM has no syntax for it and nothing is lost, or where OpenSlide alone can read it, and says
//! so. Label, overview and thumbnail, which are small, are stored without compression.
//!
//! A slide becomes one study: a series with one instance per level (and the thumbnail). Label and overview show who
//! the patient is, so they are kept in a study of their own, which a consult's grant of the slide does not reach.

mod adopt;
mod attempts;
mod barcode;
pub mod bundle;
pub mod calibration;
mod composed;
pub mod composite;
pub mod error;
pub mod frame_hashes;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod grade;
mod icc;
pub mod identify;
pub mod identity;
pub mod import;
mod import_steps;
pub mod intake;
mod jpeg;
mod jpeg2000;
mod jpeg_frame;
mod jpegxl;
pub mod layers;
pub mod likeness;
mod mcu;
pub mod notes;
mod opened;
pub mod openslide;
pub mod original;
pub mod out;
pub mod readers;
mod retile;
pub mod revision;
mod said_again;
pub mod slide;
pub mod slides;
pub mod small_image;
pub mod source;
mod spool;
pub mod tiff;
pub mod tile;
pub mod watch;
pub mod whereabouts;
mod xml;

mod dicom;
mod dicom_facts;
mod dicom_json;
#[cfg(test)]
mod end_to_end;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod received;
#[cfg(test)]
mod testing;

pub use composed::ComposedTile;
pub use composite::Composition;
pub use error::SlideError;
pub use frame_hashes::FramesChecked;
pub use grade::{Checked, Grade, GradeReport};
pub use identity::{Identity, NamePattern, Particulars};
pub use import::{ImportOptions, ImportedSlide, Outcome, Phase, Progress};
pub use intake::Intake;
pub use layers::{Channel, FocalPlane, LayerChoice};
pub use original::Original;
pub use revision::Revision;
pub use slide::{Associated, AssociatedKind, LabelRight, Level, Mpp, Slide};
pub use slides::Slides;
pub use tile::{Tile, TileForm};
pub use whereabouts::{TileRun, Whereabouts};

/// Kind and identifier of who did something, as records name them; never a name.
fn actor_text(actor: &model::Actor) -> String {
    use model::ActorKind::{Ae, Nobody, Node, Person, Token};
    let kind = match actor.kind {
        Person => "person",
        Token => "token",
        Ae => "ae",
        Nobody => "nobody",
        Node => "node",
    };
    format!("{kind}:{}", actor.id)
}
