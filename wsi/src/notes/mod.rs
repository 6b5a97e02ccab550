//! What people leave on slides: regions with notes, bookmarks, and what they have seen. Kept as records; the slide's
//! instances are never touched.
//!
//! Who sees whose is decided in [`access::notes`]. Everything is bounded: by [`shape::POINTS_MAX`], the limits of
//! [`ledger`] and those of [`words`].

mod annotations;
mod author;
mod bookmarks;
mod bulk;
mod coverage;
mod error;
pub mod geojson;
pub mod ledger;
mod picture;
mod seen;
pub mod shape;
#[cfg(test)]
pub(crate) mod testing;
mod view;
pub mod words;

pub use annotations::{Annotation, Annotations, NewAnnotation};
pub use author::{Author, OnBehalf};
pub use bookmarks::{Bookmark, KeptPicture};
pub use coverage::{Coverage, Grid, STEPS};
pub use error::NoteError;
pub use seen::Seen;
pub use shape::{Point, Shape, ShapeKind};
pub use view::FieldOfView;
pub use words::{Class, Colour};
