//! DICOMweb (PS3.18): QIDO-RS, WADO-RS, STOW-RS over one storage.
//!
//! A handler parses, asks storage within the caller's scope, and answers. Who the caller is was decided by the layer
//! that mounts this router: it puts an [`access::Caller`] into the request's extensions.

mod accept;
mod bulkdata;
mod capabilities;
mod conditions;
mod delete;
mod document;
#[cfg(test)]
mod forms_tests;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod media;
mod metadata;
mod multipart;
mod parts;
mod problem;
mod qidors;
mod rendered;
mod retrieve;
#[cfg(test)]
mod router_tests;
mod routes;
mod stow_metadata;
mod stowrs;
mod target;
#[cfg(test)]
mod uses_tests;
mod wado_uri;

pub use conditions::has_already;
pub use problem::{WebError, problem_response};
pub use rendered::seen::{Seen, Turn, picture};
pub use rendered::whole::{TiledError, TiledFile, TiledImages, TiledPart, TiledPicture, TiledProfile};
pub use routes::{router, wado_router};
