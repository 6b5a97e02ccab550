//! WADO-RS rendered resources and thumbnails (PS3.18 §10.4.1.1.3): for the eye, always derived, never stored.

mod annotation;
mod job;
pub mod look;
pub mod options;
mod profile;
pub mod seen;
pub mod state;
mod way;
pub mod whole;

pub use job::Job;

use super::conditions::{self, Freshness, entity_tag, not_modified};
use super::document;
use super::frames::{frame_list, instance_of};
use super::multipart::{self, Part, PartBytes};
use super::problem::WebError;
use super::target::Target;
use access::Right;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use options::Options;
use std::sync::Arc;
use storage::{InstanceRef, Storage};
use whole::TiledImages;

const THUMBNAIL_SIZE: u32 = 256;
/// Images of one request at most.
const IMAGES_PER_REQUEST_MAX: usize = 10_000;

/// `…/rendered` of a study, a series, an instance, or some of its frames.
pub async fn rendered(
    State(storage): State<Storage>,
    target: Target,
    tiled: Option<Extension<Arc<dyn TiledImages>>>,
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
    if state::is_state(&instance) {
        let jobs = jobs_of_state(&storage, &target, &instance, &options).await?;
        return answer(&storage, jobs, &headers).await;
    }
    if let Some(response) = whole(&storage, tiled, &target, &instance, &options, &headers).await? {
        return Ok(response);
    }
    let frames = match target.rest.as_str() {
        "" if options.is_multipart => (0..instance.frame_count()).collect(),
        "" => vec![0],
        list => frame_list(list, instance.frame_count())?,
    };
    let jobs = frames.into_iter().map(|frame| Job::new(&target.scope, &instance, frame, &options)).collect();
    answer(&storage, jobs, &headers).await
}

/// VL Whole Slide Microscopy Image Storage.
const WHOLE_SLIDE: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";

/// The picture of an image that is stored as tiles, when none of its frames is named.
async fn whole(
    storage: &Storage,
    tiled: Option<Extension<Arc<dyn TiledImages>>>,
    target: &Target,
    instance: &InstanceRef,
    options: &Options,
    headers: &HeaderMap,
) -> Result<Option<Response>, WebError> {
    let is_whole = target.rest.is_empty() && instance.sop_class().as_str() == WHOLE_SLIDE;
    let Some(Extension(tiled)) = tiled.filter(|_| is_whole) else { return Ok(None) };
    whole::answer(storage, &tiled, &target.scope, instance, options, headers).await
}

/// Every frame of every image below a study or series: as parts, unless it is one picture and no parts were asked for.
async fn rendered_many(
    storage: &Storage,
    target: &Target,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, WebError> {
    let options = Options::parse(query, headers, None)?;
    let instances = storage.instances(&target.scope, target.study()?, target.series.as_ref(), None).await?;
    let mut jobs = Vec::new();
    for instance in instances.iter().filter(|instance| !document::is_document(instance)) {
        jobs.extend(
            (0..instance.frame_count()).map(|frame| Job::new(&target.scope, instance, frame, &options)),
        );
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
    tiled: Option<Extension<Arc<dyn TiledImages>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    const NO_IMAGE: WebError = WebError::NoImage(
        "there is no image in it: documents, reports and videos are shown by their rendered resource",
    );
    target.require(Right::Retrieve)?;
    let mut options = Options::parse(query.as_deref(), &headers, Some((THUMBNAIL_SIZE, THUMBNAIL_SIZE)))?;
    options.is_multipart = false;
    let instance = match &target.instance {
        Some(_) => Some(instance_of(&storage, &target).await?),
        None => storage.middle_image(&target.scope, target.study()?, target.series.as_ref()).await?,
    };
    let has_image = |instance: &InstanceRef| instance.frame_count() > 0 && !document::is_document(instance);
    let instance = instance.filter(has_image).ok_or(NO_IMAGE)?;
    if let Some(response) = whole(&storage, tiled, &target, &instance, &options, &headers).await? {
        storage.note_read(&target.scope, &instance);
        return Ok(response);
    }
    let frame = match target.rest.as_str() {
        "" => instance.frame_count() / 2,
        list => *frame_list(list, instance.frame_count())?.first().ok_or(WebError::NotFound)?,
    };
    storage.note_read(&target.scope, &instance);
    answer(&storage, vec![Job::new(&target.scope, &instance, frame, &options)], &headers).await
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
            jobs.push(Job::with_state(&scope, &instance, frame, options, &read)?);
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
        return Err(WebError::NoImage("it has no frames that can be shown"));
    }
    let keys: Vec<String> = jobs.iter().map(Job::key).collect();
    let etag = entity_tag(first.instance.sha256(), keys);
    if let Some(response) = not_modified(headers, &etag) {
        return Ok(response);
    }
    let warning = first.warning();
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
    if let Some(warning) = warning.and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::WARNING, warning);
    }
    conditions::tag(&mut response, &etag, Freshness::Day);
    Ok(response)
}
