//! De-identified exports for teaching and research: projects with a secret of their own, what an export would hold, and the
//! export itself, streamed as a ZIP archive. The rules are `dataset::deidentify`'s (PS3.15 Annex E).

mod archive;
mod export;
mod instance;
mod project;
mod survey;
mod zip;

pub use archive::archive;
pub use export::{ARM_MS, Export, Purpose, arm, take};
pub use project::{NewProject, Project, close, create, list, project};
pub use survey::{Counts, StudySurvey, is_there, survey};

/// Studies of one export.
pub const STUDIES_MAX: usize = 200;
