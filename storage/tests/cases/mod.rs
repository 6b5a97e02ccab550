//! The cases of the conformance suite, by subject.

mod audit;
mod condition;
mod correct;
mod directory;
mod fsck;
mod ingest;
mod jobs;
mod lost_answer;
mod patients;
mod reading;
mod record;
mod rejection;
mod scope;
mod search;
mod search_model;
mod search_plans;
mod segment;

pub use audit::*;
pub use condition::*;
pub use correct::*;
pub use directory::*;
pub use fsck::*;
pub use ingest::*;
pub use jobs::*;
pub use lost_answer::*;
pub use patients::*;
pub use reading::*;
pub use record::*;
pub use rejection::*;
pub use scope::*;
pub use search::*;
pub use search_model::*;
pub use search_plans::*;
pub use segment::*;
