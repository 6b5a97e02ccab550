//! Finding slides within a scope. A slide exists for a caller when its instances do.

use crate::out::{Counts, Derived, Seen};
use crate::revision::{Readers, Revision};
use crate::{AssociatedKind, Composition, LabelRight, Slide, SlideError};
use model::{Key, Matching, OrgId, Query, Reach, Scope, Sha256, SlideId, Uid};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use storage::{InstanceRef, Order, RecordQuery, Storage, Whereabouts};

/// Kind of the records that hold slides.
pub(crate) const KIND: &str = "slide";
/// How long a slide that was found is not looked for again: as long as a withdrawn grant may still show tiles.
const FRESH: Duration = Duration::from_secs(5);
/// How long a slide that was found is it also for an address of another revision.
const JUST_NOW: Duration = Duration::from_secs(1);
/// Slides that are looked for anew at once.
const LANES: usize = 16;
/// Slides that are remembered at most.
const REMEMBERED_MAX: usize = 4096;
/// Bytes of the maps of sparse levels that are remembered at most.
const MAPS_BYTES_MAX: usize = 64 << 20;
/// Study UIDs in one look-up of records.
const STUDIES_PER_QUERY: usize = 200;

/// Slides of a node. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub struct Slides {
    pub(crate) storage: Storage,
    remembered: Arc<Mutex<HashMap<(Viewpoint, SlideId), Remembered>>>,
    /// Whoever looks for a slide anew, one after the other.
    looking: Arc<[tokio::sync::Mutex<()>; LANES]>,
    /// Where the frames of sparse levels are, by the name that they are kept under.
    maps: Arc<Mutex<HashMap<Sha256, Arc<[u32]>>>>,
    /// What was made of stored frames.
    pub(crate) derived: Derived,
}

/// Whose eyes a slide was found with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Viewpoint {
    /// `None`: the node itself.
    viewer: Option<OrgId>,
    /// Only what this organisation owns.
    owner: Option<OrgId>,
    /// With labels.
    labels: bool,
}

impl Viewpoint {
    fn of(scope: &Scope) -> Self {
        let labels = scope.labels;
        match &scope.reach {
            Reach::Granted(viewer) => Self { viewer: Some(viewer.clone()), owner: None, labels },
            Reach::OwnedBy { viewer, owner } => {
                Self { viewer: Some(viewer.clone()), owner: Some(owner.clone()), labels }
            }
            Reach::Node => Self { viewer: None, owner: None, labels },
        }
    }
}

/// A slide within reach, with the proof of it for each level.
#[derive(Clone)]
pub(crate) struct Remembered {
    pub slide: Arc<Slide>,
    /// For each level the instances that hold its frames.
    pub levels: Arc<[Vec<InstanceRef>]>,
    /// What it consists of.
    pub revision: Revision,
    readers: Arc<Readers>,
    since: Instant,
}

impl Slides {
    /// The slides in a storage.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        let derived = Derived::new(storage.limits());
        Self { storage, remembered: Arc::default(), looking: Arc::default(), maps: Arc::default(), derived }
    }

    /// What was made of stored frames since the start.
    #[must_use]
    pub fn derived_counts(&self) -> Counts {
        self.derived.counts()
    }

    /// A slide that the scope owns or has been granted.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when there is none, or its instances are not within reach.
    pub async fn slide(&self, scope: &Scope, id: &SlideId) -> Result<Arc<Slide>, SlideError> {
        // Anew, so that a correction shows at once.
        Ok(self.look_up(scope, id).await?.slide)
    }

    /// All slides within reach, the last imported first; at most as many studies are looked through as
    /// [`model::Limits::query_rows_max`] says.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn slides(&self, scope: &Scope) -> Result<Vec<Arc<Slide>>, SlideError> {
        let most = self.storage.limits().query_rows_max;
        let mut studies = Vec::new();
        let mut offset = 0;
        loop {
            let mut query = Query::new(model::Level::Study, most.saturating_sub(offset).min(1000))
                .with(Key::ModalitiesInStudy, Matching::Single("SM".to_owned()));
            query.offset = offset;
            let page = self.storage.search(scope, &query).await?;
            let count = u32::try_from(page.rows.len()).unwrap_or(u32::MAX);
            studies.extend(page.rows.into_iter().filter_map(|row| {
                Some((
                    row.owner,
                    study_of(&row.attributes.tree_of(|tag| tag == dataset::tags::STUDY_INSTANCE_UID))?,
                ))
            }));
            offset = offset.saturating_add(count);
            if !page.more || count == 0 || offset >= most {
                break;
            }
        }
        let mut slides: Vec<_> = self.records_of(&studies).await?;
        // What a correction has moved elsewhere is seen where it is now.
        let seen: HashSet<&(OrgId, Uid)> = studies.iter().collect();
        slides.retain(|slide| seen.contains(&(slide.owner.clone(), slide.study.clone())));
        slides.sort_by(|a, b| (b.imported_at_ms, &b.id).cmp(&(a.imported_at_ms, &a.id)));
        Ok(slides)
    }

    /// Slides of one study, the last imported first; empty when it has none or is not within reach.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn slides_of_study(
        &self,
        scope: &Scope,
        owner: &OrgId,
        study: &Uid,
    ) -> Result<Vec<Arc<Slide>>, SlideError> {
        let mut found = self.slides_of_studies(scope, &[(owner.clone(), study.clone())]).await?;
        Ok(found.remove(&(owner.clone(), study.clone())).unwrap_or_default())
    }

    /// Slides of many studies (a page of a worklist) with few look-ups. Studies without slides, or out of reach, are
    /// not in the answer.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn slides_of_studies(
        &self,
        scope: &Scope,
        studies: &[(OrgId, Uid)],
    ) -> Result<HashMap<(OrgId, Uid), Vec<Arc<Slide>>>, SlideError> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for slide in self.records_of(studies).await? {
            let is_of_these =
                studies.iter().any(|(owner, study)| (owner, study) == (&slide.owner, &slide.study));
            if is_of_these && self.level_parts(scope, &slide, 0).await?.is_some() {
                found.entry((slide.owner.clone(), slide.study.clone())).or_default().push(slide);
            }
        }
        for slides in found.values_mut() {
            slides.sort_by(|a, b| (b.imported_at_ms, &b.id).cmp(&(a.imported_at_ms, &a.id)));
        }
        Ok(found)
    }

    /// The slide of the study that a file with this content was imported into by this owner, if there is one.
    pub(crate) async fn by_source(
        &self,
        owner: &OrgId,
        sha256: &model::Sha256,
    ) -> Result<Option<Slide>, SlideError> {
        let query = RecordQuery::new(KIND).with("source", source_key(owner, sha256));
        let records = self.storage.records(&Scope::node("slide import"), &query).await?;
        records.into_iter().next().map(|record| parse(record.body)).transpose()
    }

    /// A slide together with its levels' instances, remembered for some seconds.
    pub(crate) async fn reach(&self, scope: &Scope, id: &SlideId) -> Result<Remembered, SlideError> {
        let key = (Viewpoint::of(scope), id.clone());
        if let Some(found) = self.recall(&key) {
            return Ok(found);
        }
        // Rare, and large: a future that holds it is moved about for each tile.
        Box::pin(self.look_up(scope, id)).await
    }

    /// The same for an address that names a revision: when that is not the one that is remembered, the slide is looked for
    /// anew, and if it is another one, what the address meant is not there any more.
    pub(crate) async fn reach_at(
        &self,
        scope: &Scope,
        id: &SlideId,
        revision: Option<Revision>,
    ) -> Result<Remembered, SlideError> {
        let found = self.reach(scope, id).await?;
        let Some(revision) = revision.filter(|revision| *revision != found.revision) else {
            return Ok(found);
        };
        let found = Box::pin(self.look_again(scope, id)).await?;
        if found.revision == revision { Ok(found) } else { Err(SlideError::NotFound) }
    }

    /// A slide, and the revision that an address may name to mean these pixels for ever.
    ///
    /// # Errors
    /// As [`Slides::slide`].
    pub async fn slide_now(&self, scope: &Scope, id: &SlideId) -> Result<(Arc<Slide>, Revision), SlideError> {
        let found = self.look_up(scope, id).await?;
        Ok((found.slide, found.revision))
    }

    /// A slide whose layer, channels and revision an address names.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] also when it has no such layer or is another revision; [`SlideError::Invalid`] when the
    /// channels are none of it.
    pub async fn slide_seen(
        &self,
        scope: &Scope,
        id: &SlideId,
        seen: &Seen,
    ) -> Result<Arc<Slide>, SlideError> {
        let slide = self.reach_at(scope, id, seen.revision).await?.slide;
        if let Some(text) = &seen.channels {
            Composition::parse(&slide, text)?;
        }
        let has_layer = slide.levels.iter().any(|level| slide.shows(level, &seen.layer));
        if has_layer { Ok(slide) } else { Err(SlideError::NotFound) }
    }

    /// Has the audit chain know that the caller sees a slide. Asked for each tile: what was said a moment ago is not said
    /// again.
    pub(crate) fn note_seen(&self, scope: &Scope, found: &Remembered, instance: &InstanceRef) {
        if found.readers.is_new(&scope.actor) {
            self.storage.note_read(scope, instance);
        }
    }

    /// A slide as it was found a moment ago, or is found now: many tiles of a revision that is no more ask at once, and one of
    /// them looks for all.
    async fn look_again(&self, scope: &Scope, id: &SlideId) -> Result<Remembered, SlideError> {
        let key = (Viewpoint::of(scope), id.clone());
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let _turn = self.looking[hasher.finish() as usize % LANES].lock().await;
        match self.recall(&key).filter(|found| found.since.elapsed() < JUST_NOW) {
            Some(found) => Ok(found),
            None => self.look_up(scope, id).await,
        }
    }

    async fn look_up(&self, scope: &Scope, id: &SlideId) -> Result<Remembered, SlideError> {
        let key = (Viewpoint::of(scope), id.clone());
        let record = self.storage.record(&Scope::node("slide"), KIND, id.as_str()).await?;
        let slide =
            self.as_they_are_now(vec![parse(record.body)?]).await?.pop().ok_or(SlideError::NotFound)?;
        let slide = Arc::new(slide);
        let mut levels = Vec::with_capacity(slide.levels.len());
        for level in 0..slide.levels.len() {
            levels.push(self.level_parts(scope, &slide, level).await?.ok_or(SlideError::NotFound)?);
        }
        let revision = Revision::of(&slide, &levels);
        let (levels, readers) = (levels.into(), Arc::default());
        let found = Remembered { slide, levels, revision, readers, since: Instant::now() };
        self.remember(key, found.clone());
        Ok(found)
    }

    /// The instances of a level, when the scope reaches them as this owner's.
    async fn level_parts(
        &self,
        scope: &Scope,
        slide: &Slide,
        level: usize,
    ) -> Result<Option<Vec<InstanceRef>>, SlideError> {
        let Some(level) = slide.levels.get(level) else { return Ok(None) };
        // Another organisation may hold the same file under the same UIDs: only the slide's own instances count.
        let Some(narrowed) = narrowed(scope, &slide.owner) else { return Ok(None) };
        let mut parts = Vec::new();
        for (uid, _) in level.parts() {
            match self.storage.instance(&narrowed, &slide.study, &slide.series, uid).await {
                Ok(instance) if *instance.owner() == slide.owner => parts.push(instance),
                Ok(_) | Err(storage::StorageError::NotFound) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(parts))
    }

    /// Where the frames of a sparse level are, row by row.
    pub(crate) async fn map(&self, owner: &OrgId, name: &Sha256) -> Result<Arc<[u32]>, SlideError> {
        let recall = || self.maps.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(found) = recall() {
            return Ok(found);
        }
        let bytes = self.blob(owner, name).await?;
        let map: Arc<[u32]> =
            bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let mut maps = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        remember_map(&mut maps, *name, &map, MAPS_BYTES_MAX);
        Ok(map)
    }

    /// The instance of an associated image, when the scope reaches it and the right is there.
    pub(crate) async fn associated_instance(
        &self,
        scope: &Scope,
        right: LabelRight,
        id: &SlideId,
        kind: AssociatedKind,
    ) -> Result<InstanceRef, SlideError> {
        let slide = self.reach(scope, id).await?.slide;
        let is_own = scope.viewer().is_none_or(|viewer| *viewer == slide.owner);
        if kind.shows_identity() && (right == LabelRight::Withheld || !is_own) {
            return Err(SlideError::NotFound);
        }
        let image = slide.associated.iter().find(|image| image.kind == kind).ok_or(SlideError::NotFound)?;
        let narrowed = narrowed(scope, &slide.owner).ok_or(SlideError::NotFound)?;
        let instance = self.storage.instance(&narrowed, &image.study, &image.series, &image.instance).await?;
        if *instance.owner() == slide.owner { Ok(instance) } else { Err(SlideError::NotFound) }
    }

    /// Of these studies, the ones that hold only label and overview of a slide. They are no study that a person would
    /// look for, ask about or send: lists for people leave them out.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn label_studies(&self, studies: &[(OrgId, Uid)]) -> Result<HashSet<(OrgId, Uid)>, SlideError> {
        let slides = self.records_by("label_study", studies).await?;
        let apart = |slide: &Slide| {
            let image = slide.associated.iter().find(|image| image.study != slide.study)?;
            Some((slide.owner.clone(), image.study.clone()))
        };
        Ok(slides.iter().filter_map(apart).collect())
    }

    /// Slides that are in these studies or were acquired in one of them, as they are now, without regard to reach.
    async fn records_of(&self, studies: &[(OrgId, Uid)]) -> Result<Vec<Arc<Slide>>, SlideError> {
        let slides = self.records_by("study", &self.and_acquired_in(studies).await?).await?;
        Ok(self.as_they_are_now(slides).await?.into_iter().map(Arc::new).collect())
    }

    /// These studies and those that series of them were acquired in: slides are recorded under the latter.
    pub(crate) async fn and_acquired_in(
        &self,
        studies: &[(OrgId, Uid)],
    ) -> Result<Vec<(OrgId, Uid)>, SlideError> {
        let uids: Vec<Uid> = studies.iter().map(|(_, study)| study.clone()).collect();
        let mut all = studies.to_vec();
        for from in self.storage.acquired_in(&Scope::node("slide list"), &uids).await? {
            if !all.contains(&from) {
                all.push(from);
            }
        }
        Ok(all)
    }

    /// Slides with the study that their series is in now, and what it says of the patient: corrections may have changed
    /// both. A record keeps what was there when it was made. What is not there any more stays as it is recorded; nobody
    /// reaches it.
    async fn as_they_are_now(&self, mut slides: Vec<Slide>) -> Result<Vec<Slide>, SlideError> {
        let series: HashSet<Uid> = slides
            .iter()
            .flat_map(|slide| slide.associated.iter().map(|image| &image.series).chain([&slide.series]))
            .cloned()
            .collect();
        let series: Vec<Uid> = series.into_iter().collect();
        let mut now: HashMap<(OrgId, Uid), Vec<Whereabouts>> = HashMap::new();
        for found in self.storage.whereabouts(&Scope::node("slide list"), &series).await? {
            now.entry((found.owner.clone(), found.series.clone())).or_default().push(found);
        }
        let of = |owner: &OrgId, series: &Uid, study: &Uid| {
            let all = now.get(&(owner.clone(), series.clone()))?;
            all.iter().find(|found| found.study == *study).or(all.first())
        };
        for slide in &mut slides {
            for image in &mut slide.associated {
                if let Some(found) = of(&slide.owner, &image.series, &image.study) {
                    image.study = found.study.clone();
                }
            }
            if let Some(found) = of(&slide.owner, &slide.series, &slide.study) {
                let attributes = &found.study_attributes;
                let text = |tag| text_of(first_of(attributes, tag));
                slide.study = found.study.clone();
                slide.patient_name = name_of(first_of(attributes, "00100010"));
                slide.patient_id = text("00100020");
                slide.accession_number = text("00080050");
                slide.study_date = text("00080020");
                slide.description = text("00081030");
                slide.is_deidentified = text("00120062") == "YES";
            }
        }
        Ok(slides)
    }

    async fn records_by(
        &self,
        key: &'static str,
        studies: &[(OrgId, Uid)],
    ) -> Result<Vec<Slide>, SlideError> {
        let node = Scope::node("slide list");
        let mut slides = Vec::new();
        for part in studies.chunks(STUDIES_PER_QUERY) {
            let mut query = RecordQuery::new(KIND);
            query.keys.push((key, part.iter().map(|(owner, study)| study_key(owner, study)).collect()));
            query.order = Order::Descending;
            for record in self.storage.records(&node, &query).await? {
                slides.push(parse(record.body)?);
            }
        }
        Ok(slides)
    }

    fn recall(&self, key: &(Viewpoint, SlideId)) -> Option<Remembered> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(key).filter(|found| found.since.elapsed() < FRESH).cloned()
    }

    /// Has a slide looked for again by whoever asks next: something about it has changed.
    pub(crate) fn forget(&self, id: &SlideId) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|(_, of), _| of != id);
    }

    fn remember(&self, key: (Viewpoint, SlideId), found: Remembered) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, found| found.since.elapsed() < FRESH);
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
        }
        remembered.insert(key, found);
    }
}

/// Keeps a map, without the others when all together would take more than `bytes_max`, and not when it alone would.
fn remember_map(maps: &mut HashMap<Sha256, Arc<[u32]>>, name: Sha256, map: &Arc<[u32]>, bytes_max: usize) {
    let bytes: usize = maps.values().chain([map]).map(|map| size_of_val::<[u32]>(map)).sum();
    if bytes > bytes_max {
        maps.clear();
    }
    if size_of_val::<[u32]>(map) <= bytes_max {
        maps.insert(name, map.clone());
    }
}

/// The first value of an attribute of DICOM JSON.
fn first_of<'a>(
    attributes: &'a serde_json::Map<String, serde_json::Value>,
    tag: &str,
) -> Option<&'a serde_json::Value> {
    attributes.get(tag)?.get("Value")?.get(0)
}

fn text_of(value: Option<&serde_json::Value>) -> String {
    value.and_then(|value| value.as_str()).unwrap_or_default().trim().to_owned()
}

/// A person's name with its component groups.
fn name_of(value: Option<&serde_json::Value>) -> String {
    let group = |word: &str| value.and_then(|name| name.get(word)).and_then(|group| group.as_str());
    let groups = ["Alphabetic", "Ideographic", "Phonetic"].map(|word| group(word).unwrap_or_default());
    groups.join("=").trim_end_matches('=').to_owned()
}

/// The scope restricted to one owner; `None` when it is restricted to another already.
pub(crate) fn narrowed(scope: &Scope, owner: &OrgId) -> Option<Scope> {
    let reach = match &scope.reach {
        Reach::OwnedBy { owner: only, .. } if only != owner => return None,
        Reach::Granted(viewer) | Reach::OwnedBy { viewer, .. } => {
            Reach::OwnedBy { viewer: viewer.clone(), owner: owner.clone() }
        }
        Reach::Node => Reach::OwnedBy { viewer: owner.clone(), owner: owner.clone() },
    };
    Some(Scope { actor: scope.actor.clone(), reach, labels: scope.labels })
}

/// The key that finds a study's slides.
pub(crate) fn study_key(owner: &OrgId, study: &Uid) -> String {
    format!("{owner}/{study}")
}

/// The key that recognises a file that was imported before by the same owner.
pub(crate) fn source_key(owner: &OrgId, sha256: &model::Sha256) -> String {
    format!("{owner}/{sha256}")
}

fn study_of(attributes: &serde_json::Map<String, serde_json::Value>) -> Option<Uid> {
    Uid::parse(first_of(attributes, "0020000D")?.as_str()?).ok()
}

fn parse(body: serde_json::Value) -> Result<Slide, SlideError> {
    serde_json::from_value(body)
        .map_err(|_| SlideError::Storage(storage::StorageError::Corrupt("a slide's record")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_remembered_by_their_bytes() {
        let mut maps = HashMap::new();
        let name = |number: u8| Sha256::from_slice(&[number; 32]).unwrap();
        let map = |tiles: usize| -> Arc<[u32]> { vec![0; tiles].into() };
        for number in 0..200 {
            remember_map(&mut maps, name(number), &map(10), 4096);
            let bytes: usize = maps.values().map(|map| map.len() * 4).sum();
            assert!(bytes <= 4096, "{number}");
        }
        assert!(maps.len() > 64, "small ones are many");
        remember_map(&mut maps, name(201), &map(1025), 4096);
        assert!(maps.is_empty(), "one that is too large alone is not kept");
    }
}
