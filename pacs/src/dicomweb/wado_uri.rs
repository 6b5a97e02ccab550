//! WADO-URI (PS3.18 §9): one instance by query parameters, as older viewers, reports and links ask for it.

use super::accept::parse as parse_media;
use super::conditions::{self, Freshness, entity_tag, not_modified};
use super::document;
use super::problem::WebError;
use super::rendered::options::{self, Annotation, Options, Viewport, image_type};
use super::rendered::{self, Job, state};
use super::retrieve::{DICOM, file};
use super::routes::{WebState, pairs};
use super::target::Target;
use crate::transcode;
use access::Right;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use codec::{Enlarge, Window, WindowFunction};
use dataset::TransferSyntax;
use model::Uid;
use std::collections::HashMap;
use storage::{InstanceRef, Storage};

const QUALITY_DEFAULT: u8 = 90;
const SIDE_MAX: u32 = 8192;

/// The parameters; names are as the standard has them (§9.1.2), case matters.
struct Parameters(HashMap<String, String>);

impl Parameters {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn uid(&self, name: &str) -> Result<Uid, WebError> {
        let text = self.text(name).ok_or_else(|| WebError::BadRequest(format!("{name} is missing")))?;
        // A UID that is none leads nowhere.
        Uid::parse(text).map_err(|_| WebError::NotFound)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, WebError> {
        let bad = |_| WebError::BadRequest(format!("{name} is not a number that it may be"));
        self.text(name).map(|text| text.parse().map_err(bad)).transpose()
    }
}

/// `GET /wado`.
pub async fn wado(
    State(state): State<WebState>,
    mut target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    let parameters = Parameters(pairs(query.as_deref()).into_iter().collect());
    if parameters.text("requestType") != Some("WADO") {
        return Err(WebError::BadRequest("requestType=WADO is missing".into()));
    }
    if parameters.text("anonymize").is_some() {
        return Err(WebError::BadRequest("anonymize is not done; leave it out".into()));
    }
    target.study = Some(parameters.uid("studyUID")?);
    target.series = Some(parameters.uid("seriesUID")?);
    target.instance = Some(parameters.uid("objectUID")?);
    let storage = &state.storage;
    let instance = super::frames::instance_of(storage, &target).await?;
    storage.note_read(&target.scope, &instance);
    match answer_form(&instance, &parameters, &headers)? {
        Form::Dicom => dicom(storage, &instance, &parameters, &headers).await,
        Form::Document => document::answer(storage, &instance, Some("accept=*/*"), &headers).await,
        Form::Image(options) => {
            let frame = match parameters.number::<u32>("frameNumber")? {
                None => 0,
                Some(frame) if frame >= 1 && frame <= instance.frame_count() => frame - 1,
                Some(_) => return Err(WebError::NotFound),
            };
            let options = *options;
            let job = match parameters.text("presentationUID") {
                None => Job::new(&target.scope, &instance, frame, &options),
                Some(_) => {
                    let series = parameters.uid("presentationSeriesUID")?;
                    let uid = parameters.uid("presentationUID")?;
                    let scope = target.scope.owned_by(instance.owner().clone());
                    let stored = storage.instance(&scope, instance.study(), &series, &uid).await?;
                    let state = state::State::read(storage, &stored).await?;
                    Job::with_state(&target.scope, &instance, frame, &options, &state)?
                }
            };
            rendered::answer(storage, vec![job], &headers).await
        }
    }
}

/// What is sent.
enum Form {
    Dicom,
    Document,
    Image(Box<Options>),
}

/// `contentType`, then the Accept header, then the default: an image for a single frame, else the instance itself.
fn answer_form(
    instance: &InstanceRef,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Form, WebError> {
    let header = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut ranges = parse_media(parameters.text("contentType").unwrap_or(header));
    ranges.retain(|range| range.q > 0.0);
    ranges.sort_by(|a, b| b.q.total_cmp(&a.q));
    let is_image = instance.frame_count() > 0 && !document::is_document(instance);
    let anything = ranges.is_empty() || ranges.iter().any(|range| range.media_type == "*/*");
    let wants_dicom = |range: &&super::accept::MediaRange| range.media_type == DICOM;
    for range in &ranges {
        if wants_dicom(&range) {
            return Ok(Form::Dicom);
        }
        let picture = image_type(range, quality(parameters)?).filter(|_| is_image);
        if let Some((image_type, media_type)) = picture.filter(|_| range.media_type != "*/*") {
            return Ok(Form::Image(Box::new(options(parameters, image_type, media_type)?)));
        }
        if document::is_document(instance) && range.media_type != "*/*" {
            return Ok(Form::Document);
        }
    }
    if !anything {
        return Err(WebError::NotAcceptable(
            "contentType is application/dicom, image/jpeg or image/png".into(),
        ));
    }
    if is_image && (instance.frame_count() == 1 || parameters.text("frameNumber").is_some()) {
        let image_type = codec::ImageType::Jpeg(quality(parameters)?);
        return Ok(Form::Image(Box::new(options(parameters, image_type, "image/jpeg")?)));
    }
    Ok(if document::is_document(instance) { Form::Document } else { Form::Dicom })
}

fn quality(parameters: &Parameters) -> Result<u8, WebError> {
    match parameters.number::<u8>("imageQuality")? {
        None => Ok(QUALITY_DEFAULT),
        Some(quality @ 1..=100) => Ok(quality),
        Some(_) => Err(WebError::BadRequest("imageQuality is 1 to 100".into())),
    }
}

fn options(
    parameters: &Parameters,
    image_type: codec::ImageType,
    media_type: &'static str,
) -> Result<Options, WebError> {
    let refused = |what: &str| WebError::BadRequest(what.into());
    let window = match (parameters.number("windowCenter")?, parameters.number("windowWidth")?) {
        (None, None) => None,
        (Some(center), Some(width)) if f64::is_finite(center) && f64::is_finite(width) && width >= 1.0 => {
            Some((Window { center, width }, WindowFunction::Linear))
        }
        _ => return Err(refused("windowCenter and windowWidth come together, and a width is at least 1")),
    };
    let (rows, columns) = (parameters.number::<u32>("rows")?, parameters.number::<u32>("columns")?);
    if [rows, columns].into_iter().flatten().any(|side| side == 0 || side > SIDE_MAX) {
        return Err(refused("rows and columns are 1 to 8192"));
    }
    let source = parameters.text("region").map(region).transpose()?;
    let size = (columns.unwrap_or(SIDE_MAX), rows.unwrap_or(SIDE_MAX));
    let is_needed = rows.is_some() || columns.is_some() || source.is_some();
    let viewport =
        is_needed.then_some(Viewport { size, source: None, enlarge: Enlarge::Never, share: source });
    let profile = options::profile(parameters.text("iccprofile"))?;
    let annotation = parameters.text("annotation").map(Annotation::parse).unwrap_or_default();
    Ok(Options { image_type, media_type, is_multipart: false, viewport, window, profile, annotation })
}

/// `x0,y0,x1,y1`, each from 0 to 1 (§9.1.2.2.6).
fn region(text: &str) -> Result<[f64; 4], WebError> {
    let refused = || WebError::BadRequest("region is left,top,right,bottom, each from 0.0 to 1.0".into());
    let numbers: Vec<f64> =
        text.split(',').map(|n| n.trim().parse().map_err(|_| refused())).collect::<Result<_, _>>()?;
    match <[f64; 4]>::try_from(numbers) {
        Ok(all) if all.iter().all(|n| (0.0..=1.0).contains(n)) && all[0] < all[2] && all[1] < all[3] => {
            Ok(all)
        }
        _ => Err(refused()),
    }
}

/// The instance itself: in the transfer syntax asked for, by default Explicit VR Little Endian (§9.1.2.2.2); what has
/// no such form is sent as it is.
async fn dicom(
    storage: &Storage,
    instance: &InstanceRef,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, WebError> {
    let named = match parameters.text("transferSyntax") {
        None => None,
        Some("*") => Some(instance.syntax().clone()),
        Some(text) => Some(
            TransferSyntax::parse(text)
                .map_err(|_| WebError::BadRequest("transferSyntax is not a UID".into()))?,
        ),
    };
    let is_named = named.is_some();
    let to = named.unwrap_or_else(TransferSyntax::explicit_little);
    let is_possible = transcode::is_possible(instance, &to);
    if is_named && !is_possible {
        return Err(WebError::NotAcceptable("the instance is not to be had in that transfer syntax".into()));
    }
    let to = (is_possible && to != *instance.syntax()).then_some(to);
    let etag = entity_tag(instance.sha256(), ("wado", instance.correction_stamp(), &to));
    if let Some(response) = not_modified(headers, &etag) {
        return Ok(response);
    }
    let mut response = file(storage, instance, to.as_ref(), headers, &etag).await?;
    // Whose images they are may be corrected at any time.
    conditions::tag(&mut response, &etag, Freshness::AskAgain);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_within_the_image() {
        assert_eq!(region("0.0,0.25,1.0,0.75"), Ok([0.0, 0.25, 1.0, 0.75]));
        for text in ["", "0,0,1", "0,0,1,2", "0.5,0,0.5,1", "-0.1,0,1,1", "NaN,0,1,1"] {
            assert!(region(text).is_err(), "{text}");
        }
    }
}
