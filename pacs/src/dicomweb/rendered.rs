//! WADO-RS rendered resources and thumbnails (PS3.18 §10.4.1.1.3): for the eye, always derived, never stored.

pub mod look;
pub mod options;
mod profile;
pub mod state;

use super::conditions::{self, Freshness, entity_tag, not_modified};
use super::document;
use super::frames::{frame_list, instance_of};
use super::multipart::{self, Part, PartBytes};
use super::problem::WebError;
use super::target::Target;
use crate::seats::{self, PixelError, blocking};
use access::Right;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use codec::Render;
use look::{Look, Need, window_of};
use options::{Options, Profile};
use state::Applied;
use std::sync::Arc;
use storage::{InstanceRef, Storage};

const THUMBNAIL_SIZE: u32 = 256;
/// Images of one request at most.
const IMAGES_PER_REQUEST_MAX: usize = 10_000;

/// One picture to be made.
#[derive(Clone)]
pub struct Job {
    instance: InstanceRef,
    /// Counted from 0.
    frame: u32,
    options: Options,
    applied: Option<Arc<Applied>>,
}

/// `…/rendered` of a study, a series, an instance, or some of its frames.
pub async fn rendered(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    if target.instance.is_none() {
        return rendered_many(&storage, &target, query.as_deref(), &headers).await;
    }
    let instance = instance_of(&storage, &target).await?;
    storage.note_read(&target.scope, &instance);
    if document::is_document(&instance) {
        return document::answer(&storage, &instance, query.as_deref(), &headers).await;
    }
    let options = Options::parse(query.as_deref(), &headers, None)?;
    if instance.sop_class().as_str() == state::GRAYSCALE {
        let jobs = jobs_of_state(&storage, &target, &instance, &options).await?;
        return answer(&storage, jobs, &headers).await;
    }
    let frames = match target.rest.as_str() {
        "" if options.is_multipart => (0..instance.frame_count()).collect(),
        "" => vec![0],
        list => frame_list(list, instance.frame_count())?,
    };
    let jobs = frames.into_iter().map(|frame| Job::new(&instance, frame, &options)).collect();
    answer(&storage, jobs, &headers).await
}

/// Every frame of every image below a study or series.
async fn rendered_many(
    storage: &Storage,
    target: &Target,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, WebError> {
    let mut options = Options::parse(query, headers, None)?;
    options.is_multipart = true;
    let instances = storage.instances(&target.scope, target.study()?, target.series.as_ref(), None).await?;
    let mut jobs = Vec::new();
    for instance in instances.iter().filter(|instance| !document::is_document(instance)) {
        jobs.extend((0..instance.frame_count()).map(|frame| Job::new(instance, frame, &options)));
        if jobs.len() > IMAGES_PER_REQUEST_MAX {
            return Err(WebError::BadRequest(
                "too many images in one request: ask for them by series".into(),
            ));
        }
    }
    if let Some(first) = instances.first() {
        storage.note_read(&target.scope, first);
    }
    answer(storage, jobs, headers).await
}

/// `…/thumbnail` of a study, a series, an instance or a frame: of the middle one of its images.
pub async fn thumbnail(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    let instances = storage
        .instances(&target.scope, target.study()?, target.series.as_ref(), target.instance.as_ref())
        .await?;
    let images: Vec<&InstanceRef> =
        instances.iter().filter(|i| i.frame_count() > 0 && !document::is_document(i)).collect();
    let instance = *images.get(images.len() / 2).ok_or(WebError::NotFound)?;
    let mut options = Options::parse(query.as_deref(), &headers, Some((THUMBNAIL_SIZE, THUMBNAIL_SIZE)))?;
    options.is_multipart = false;
    let frame = match target.rest.as_str() {
        "" => instance.frame_count() / 2,
        list => *frame_list(list, instance.frame_count())?.first().ok_or(WebError::NotFound)?,
    };
    storage.note_read(&target.scope, instance);
    answer(&storage, vec![Job::new(instance, frame, &options)], &headers).await
}

/// The images of a presentation state, as it wants them shown: the first, or all of them as parts.
async fn jobs_of_state(
    storage: &Storage,
    target: &Target,
    state: &InstanceRef,
    options: &Options,
) -> Result<Vec<Job>, WebError> {
    let read = state::State::read(storage, state).await?;
    let mut jobs = Vec::new();
    for (series, image, frame) in read.images().into_iter().take(IMAGES_PER_REQUEST_MAX) {
        let scope = target.scope.owned_by(state.owner().clone());
        let Ok(instance) = storage.instance(&scope, state.study(), &series, &image).await else { continue };
        if frame < instance.frame_count() {
            jobs.push(Job::with_state(&instance, frame, options, &read)?);
        }
        if !options.is_multipart && !jobs.is_empty() {
            break;
        }
    }
    Ok(jobs)
}

/// One picture, or several as parts.
pub async fn answer(storage: &Storage, jobs: Vec<Job>, headers: &HeaderMap) -> Result<Response, WebError> {
    let first = jobs.first().ok_or(WebError::NotFound)?.clone();
    if first.instance.frame_count() == 0 {
        return Err(WebError::NotFound);
    }
    let keys: Vec<String> = jobs.iter().map(Job::key).collect();
    let etag = entity_tag(first.instance.sha256(), keys);
    if let Some(response) = not_modified(headers, &etag) {
        return Ok(response);
    }
    let left_out = first.applied.as_ref().map(|applied| applied.left_out.join(", ")).unwrap_or_default();
    let media_type = first.options.media_type;
    let is_single = jobs.len() == 1 && !first.options.is_multipart;
    // The first is made before the answer begins, so that what is damaged is a clear error.
    let bytes = first.run(storage).await?;
    let mut response = if is_single {
        conditions::single(bytes, media_type, headers, &etag)?
    } else {
        let others = jobs.into_iter().skip(1).map(|job| PartBytes::Rendered(Box::new(job)));
        let parts = std::iter::once(PartBytes::Memory(bytes)).chain(others);
        multipart::response(storage, media_type, None, parts.map(move |bytes| Part::new(media_type, bytes)))?
    };
    if !left_out.is_empty()
        && let Ok(warning) = HeaderValue::from_str(&format!("299 - \"not applied: {left_out}\""))
    {
        response.headers_mut().insert(header::WARNING, warning);
    }
    conditions::tag(&mut response, &etag, Freshness::Day);
    Ok(response)
}

impl Job {
    /// An image as it says itself that it looks.
    pub fn new(instance: &InstanceRef, frame: u32, options: &Options) -> Self {
        Self { instance: instance.clone(), frame, options: options.clone(), applied: None }
    }

    /// An image as a presentation state says.
    pub fn with_state(
        instance: &InstanceRef,
        frame: u32,
        options: &Options,
        state: &state::State,
    ) -> Result<Self, WebError> {
        let (columns, rows) = size(instance)?;
        let applied = Some(Arc::new(state.apply(instance.instance(), columns, rows)?));
        Ok(Self { applied, ..Self::new(instance, frame, options) })
    }

    /// What the picture's bytes depend on.
    fn key(&self) -> String {
        let Self { instance, frame, options, applied } = self;
        format!("{} {frame} {options:?} {applied:?}", instance.sha256())
    }

    /// Makes the picture.
    pub async fn run(self, storage: &Storage) -> Result<Bytes, WebError> {
        let need = match self.options.profile {
            Profile::No => Need::Pixels,
            Profile::Yes => Need::Profile,
        };
        let look = Look::of(storage, &self.instance, need).await?;
        let render = self.render(&look)?;
        let (pixels, seat) = seats::decoded(storage, &self.instance, self.frame).await?;
        let image_type = self.options.image_type;
        let profile = look.profile.clone().filter(|_| need == Need::Profile);
        let work = move || {
            let file = codec::render(&pixels, &render)?;
            Ok(match profile {
                Some(profile) => profile::with_profile(file, image_type, &profile),
                None => file,
            })
        };
        let (file, _seat) = blocking(seat, work).await?;
        Ok(file.into())
    }

    fn render(&self, look: &Look) -> Result<Render, WebError> {
        let own = look.frame(self.frame);
        let applied = self.applied.as_deref();
        let mut presentation = applied.map(|applied| applied.presentation.clone()).unwrap_or_default();
        if applied
            .is_none_or(|applied| applied.rescale.is_none() && applied.presentation.modality_table.is_none())
        {
            presentation.modality_table.clone_from(&look.modality_table);
        }
        let (slope, intercept) =
            applied.and_then(|applied| applied.rescale).unwrap_or((own.slope, own.intercept));
        let window = match (self.options.window, applied) {
            (Some(window), _) => Some(window),
            (None, Some(applied)) if applied.has_voi => applied.window,
            (None, _) => {
                presentation.voi_table.clone_from(&look.voi_table);
                window_of(&own)
            }
        };
        if let Some((_, function)) = window {
            presentation.function = function;
        }
        if let Some(viewport) = &self.options.viewport {
            let (columns, rows) = size(&self.instance)?;
            if let Some(region) = viewport.region(columns, rows)? {
                presentation.region = Some(region);
            }
            presentation.enlarge = viewport.enlarge;
        }
        Ok(Render {
            slope,
            intercept,
            window: window.map(|(window, _)| window),
            palette: look.palette.clone(),
            fit: self.options.viewport.map(|viewport| viewport.size),
            image_type: self.options.image_type,
            presentation,
        })
    }
}

/// Columns and rows.
fn size(instance: &InstanceRef) -> Result<(u32, u32), WebError> {
    let pixels = instance.pixels().ok_or(PixelError::NoPixels)?;
    Ok((pixels.columns, pixels.rows))
}
