//! Studies without identity, for teaching and research: projects with a secret of their own, what an export would hold, the
//! export itself, streamed as a ZIP archive, and collections that studies are put into. The rules are `dataset::deidentify`'s
//! (PS3.15 Annex E).

mod archive;
mod export;
mod instance;
mod keeper;
mod passing;
mod placement;
mod project;
mod survey;
mod zip;

pub use archive::archive;
pub use export::{ARM_MS, Export, Purpose, arm, take};
pub use keeper::Keeper;
pub use placement::{
    Listed, Placement, State as PlacementState, Wish, collections, placement, placements, put, take_out,
};
pub use project::{NewProject, Project, close, create, list, project};
pub use survey::{Counts, StudySurvey, is_there, survey};

/// Studies of one export.
pub const STUDIES_MAX: usize = 200;
