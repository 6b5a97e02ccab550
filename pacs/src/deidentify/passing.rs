//! What of a study goes out, one instance after another, wherever it goes: the one path of archives and collections.

use super::instance::{self, Opened};
use super::survey::Looked;
use dataset::deidentify::Risk;
use model::Uid;
use std::collections::BTreeMap;
use storage::{InstanceRef, Storage, StorageError};

/// Where instances go.
pub(super) trait Destination {
    /// Why it takes no more.
    type Stop: From<StorageError>;

    /// Whether it takes an instance of this UID: it may have it already.
    fn wants(&self, uid: &Uid) -> bool;

    /// Takes one.
    ///
    /// # Errors
    /// When it takes no more, or a part of the node does not answer.
    async fn take(&mut self, passing: Passing<'_>) -> Result<Taken, Self::Stop>;
}

/// An instance on its way.
pub(super) struct Passing<'a> {
    /// Which it was.
    pub instance: &'a InstanceRef,
    /// Its UID from now on.
    pub uid: Uid,
    /// Of which series of those that go out, from 1.
    pub series: usize,
    /// Which instance of those that go out, from 1.
    pub number: u64,
    /// Its bytes.
    pub opened: Opened,
}

/// What became of an instance at its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is there.
    Yes,
    /// It could not be read to its end, or what came is refused: nothing of it is there.
    NotReadable,
}

/// What of a study has gone out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Instances that the destination has now.
    pub instances: u64,
    /// Of these, images that do not say that nothing is burned in.
    pub with_unsaid: u64,
    /// What did not go, by why.
    pub left_out: BTreeMap<String, u64>,
}

/// Lets a study pass. `with_risky`: images whose pixels may show identity, too, because somebody has looked at them; labels
/// and documents never do.
pub(super) async fn pass<D: Destination>(
    storage: &Storage,
    looked: &Looked,
    with_risky: bool,
    destination: &mut D,
) -> Result<Passed, D::Stop> {
    let by = &looked.deidentifier;
    let mut passed = Passed::default();
    let mut series: Vec<&Uid> = Vec::new();
    for (instance, risk) in &looked.instances {
        let goes = risk.is_passed() || (with_risky && risk.may_be_passed());
        if !goes {
            *passed.left_out.entry(word(*risk).to_owned()).or_default() += 1;
            continue;
        }
        let uid =
            Uid::parse(&by.uid(instance.instance().as_str())).map_err(|_| StorageError::Corrupt("a UID"))?;
        let taken = if destination.wants(&uid) {
            match instance::open(storage, instance, by).await {
                Ok(opened) => {
                    if series.last() != Some(&instance.series()) {
                        series.push(instance.series());
                    }
                    let (series, number) = (series.len(), passed.instances + 1);
                    destination.take(Passing { instance, uid, series, number, opened }).await?
                }
                // Deleted meanwhile, or not to be read: it is missing, and it is said.
                Err(StorageError::Refused(_) | StorageError::NotFound | StorageError::Corrupt(_)) => {
                    Taken::NotReadable
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            Taken::Yes
        };
        if taken == Taken::NotReadable {
            *passed.left_out.entry("not_readable".to_owned()).or_default() += 1;
            continue;
        }
        passed.instances += 1;
        passed.with_unsaid += u64::from(*risk != Risk::None);
    }
    Ok(passed)
}

fn word(risk: Risk) -> &'static str {
    match risk {
        Risk::None => "none",
        Risk::Unsaid => "unsaid",
        Risk::Likely => "likely_burned_in",
        Risk::BurnedIn => "burned_in",
        Risk::Label => "label",
        Risk::Document => "document",
    }
}
