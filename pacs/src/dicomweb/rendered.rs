//! WADO-RS rendered resources and thumbnails (PS3.18 §10.4.1.1.3): for the eye, always derived, never stored.

use super::accept::accepted;
use super::bulkdata::{Place, find_top, read_all};
use super::conditions::{entity_tag, has_already};
use super::frames::{decoded, frame_list, instance_of};
use super::multipart;
use super::problem::WebError;
use super::routes::parameter;
use super::seats::blocking;
use super::target::Target;
use access::Right;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use codec::{ImageType, Render, Window};
use dataset::{Dataset, tags};
use storage::read::MetadataForm;
use storage::{InstanceRef, MetadataBody, Storage};

const ENCAPSULATED_PDF: &str = "1.2.840.10008.5.1.4.1.1.104.1";
const THUMBNAIL_SIZE: u32 = 256;
const QUALITY_DEFAULT: u8 = 90;

/// `…/rendered` of an instance, or of one of its frames.
pub async fn rendered(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    let instance = instance_of(&storage, &target).await?;
    storage.note_read(&target.scope, &instance);
    if instance.sop_class().as_str() == ENCAPSULATED_PDF {
        return document(&storage, &instance, &headers).await;
    }
    let frame = match target.rest.as_str() {
        "" => 0,
        list => match frame_list(list, instance.frame_count())?.as_slice() {
            [frame] => *frame,
            _ => return Err(WebError::BadRequest("one frame at a time is rendered".into())),
        },
    };
    let options = Options::parse(query.as_deref(), &headers, None)?;
    image(&storage, &target, &instance, frame, &options, &headers).await
}

/// `…/thumbnail` of an instance, a series or a study: of the middle one of its images.
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
    let images: Vec<&InstanceRef> = instances.iter().filter(|i| i.frame_count() > 0).collect();
    let instance = *images.get(images.len() / 2).ok_or(WebError::NotFound)?;
    let options = Options::parse(query.as_deref(), &headers, Some((THUMBNAIL_SIZE, THUMBNAIL_SIZE)))?;
    let frame = instance.frame_count() / 2;
    storage.note_read(&target.scope, instance);
    image(&storage, &target, instance, frame, &options, &headers).await
}

/// What the query asks for.
struct Options {
    image_type: ImageType,
    media_type: &'static str,
    fit: Option<(u32, u32)>,
    window: Option<Window>,
    key: String,
}

impl Options {
    fn parse(query: Option<&str>, headers: &HeaderMap, fit: Option<(u32, u32)>) -> Result<Self, WebError> {
        let quality = match parameter(query, "quality") {
            None => QUALITY_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|q| (1..=100).contains(q))
                .ok_or_else(|| WebError::BadRequest("quality is 1 to 100".into()))?,
        };
        let ranges = accepted(headers, parameter(query, "accept").as_deref());
        let (image_type, media_type) = ranges
            .iter()
            .find_map(|range| {
                if range.covers("image/jpeg") {
                    Some((ImageType::Jpeg(quality), "image/jpeg"))
                } else if range.covers("image/png") {
                    Some((ImageType::Png, "image/png"))
                } else {
                    None
                }
            })
            .ok_or_else(|| WebError::NotAcceptable("rendered images are image/jpeg or image/png".into()))?;
        let fit = match parameter(query, "viewport") {
            None => fit,
            Some(text) => Some(viewport(&text)?),
        };
        let window = parameter(query, "window").map(|text| window(&text)).transpose()?;
        let key = format!("{media_type} {quality} {fit:?} {window:?}");
        Ok(Self { image_type, media_type, fit, window, key })
    }
}

fn viewport(text: &str) -> Result<(u32, u32), WebError> {
    let refuse = || {
        WebError::BadRequest(
            "viewport is width,height in pixels, at most 8192 each, of the whole image".into(),
        )
    };
    let mut numbers = text.split(',').map(|n| n.trim().parse::<u32>());
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(width)), Some(Ok(height)), None)
            if (1..=8192).contains(&width) && (1..=8192).contains(&height) =>
        {
            Ok((width, height))
        }
        _ => Err(refuse()),
    }
}

fn window(text: &str) -> Result<Window, WebError> {
    let refuse = || WebError::BadRequest("window is center,width,linear with a width of at least 1".into());
    let mut pieces = text.split(',');
    let mut number = || pieces.next()?.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let (center, width) = (number().ok_or_else(refuse)?, number().ok_or_else(refuse)?);
    match pieces.next().map(|f| f.trim().to_ascii_lowercase()) {
        _ if width < 1.0 => Err(refuse()),
        None => Ok(Window { center, width }),
        Some(function) if function == "linear" => Ok(Window { center, width }),
        Some(_) => Err(WebError::BadRequest("only the linear window function is rendered".into())),
    }
}

async fn image(
    storage: &Storage,
    target: &Target,
    instance: &InstanceRef,
    frame: u32,
    options: &Options,
    headers: &HeaderMap,
) -> Result<Response, WebError> {
    if instance.frame_count() == 0 {
        return Err(WebError::NotFound);
    }
    let etag = entity_tag(instance.sha256(), (frame, &options.key));
    if has_already(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let (pixels, seat) = decoded(storage, instance, frame).await?;
    let attributes = attributes(storage, target, instance).await?;
    let first = |tag| attributes.numbers(tag).first().copied();
    let own_window = || {
        let (center, width) = (first(tags::WINDOW_CENTER)?, first(tags::WINDOW_WIDTH)?);
        (width >= 1.0).then_some(Window { center, width })
    };
    let palette = match pixels.format.photometric {
        codec::Photometric::PaletteColor => Some(palette(storage, instance, &attributes).await?),
        _ => None,
    };
    let options_of_codec = Render {
        slope: first(tags::RESCALE_SLOPE).unwrap_or(1.0),
        intercept: first(tags::RESCALE_INTERCEPT).unwrap_or(0.0),
        window: options.window.or_else(own_window),
        palette,
        fit: options.fit,
        image_type: options.image_type,
    };
    let (bytes, _seat) = blocking(seat, move || codec::render(&pixels, &options_of_codec)).await?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(options.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    Ok(response)
}

/// The instance's attributes as ingest kept them.
async fn attributes(storage: &Storage, target: &Target, instance: &InstanceRef) -> Result<Dataset, WebError> {
    let scope = target.scope.owned_by(instance.owner().clone());
    let body = storage
        .metadata(
            &scope,
            instance.study(),
            Some(instance.series()),
            Some(instance.instance()),
            MetadataForm::Plain,
        )
        .await?;
    let (MetadataBody::Plain(bytes) | MetadataBody::Gzip(bytes)) = body;
    let list: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&bytes).map_err(|_| WebError::Internal)?;
    let object = list.first().ok_or(WebError::NotFound)?;
    dataset::json::from_json(object).map_err(|_| WebError::Internal)
}

/// Palette tables (PS3.3 §C.7.6.3.1.5–6) as 8-bit colours.
async fn palette(
    storage: &Storage,
    instance: &InstanceRef,
    attributes: &Dataset,
) -> Result<(i32, Vec<[u8; 3]>), WebError> {
    let damaged = || WebError::Undecodable("its palette is missing or damaged".into());
    let descriptor = attributes.numbers(tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR);
    let [entries, first, bits] = descriptor.as_slice() else { return Err(damaged()) };
    let count = if *entries == 0.0 { 65536 } else { *entries as usize };
    let mut colours = vec![[0_u8; 3]; count.min(65536)];
    let tables = [
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ];
    for (channel, tag) in tables.into_iter().enumerate() {
        let bytes = match find_top(storage, instance, tag).await? {
            Place::Bytes(bytes) => bytes.to_vec(),
            Place::Range(range) => read_all(storage, instance, range).await?,
        };
        let is_packed = *bits == 8.0 && bytes.len() < count * 2;
        for (index, colour) in colours.iter_mut().enumerate() {
            let value = if is_packed {
                bytes.get(index).copied()
            } else {
                let pair = bytes.get(index * 2..index * 2 + 2);
                pair.map(|pair| if *bits == 8.0 { pair[0] } else { pair[1] })
            };
            colour[channel] = value.ok_or_else(damaged)?;
        }
    }
    Ok((*first as i32, colours))
}

/// An encapsulated PDF as itself.
async fn document(
    storage: &Storage,
    instance: &InstanceRef,
    headers: &HeaderMap,
) -> Result<Response, WebError> {
    const PDF: &str = "application/pdf";
    match find_top(storage, instance, tags::ENCAPSULATED_DOCUMENT).await? {
        Place::Bytes(bytes) => Ok(([(header::CONTENT_TYPE, PDF)], Body::from(bytes)).into_response()),
        Place::Range(range) => multipart::single(storage, instance, range, PDF, headers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_viewports_are_checked() {
        assert_eq!(window("40,400,linear").unwrap(), Window { center: 40.0, width: 400.0 });
        assert_eq!(window("-600, 1500").unwrap(), Window { center: -600.0, width: 1500.0 });
        for text in ["", "40", "40,0", "NaN,1", "40,400,sigmoid", "a,b"] {
            assert!(window(text).is_err(), "{text}");
        }
        assert_eq!(viewport("512,256").unwrap(), (512, 256));
        for text in ["", "512", "0,1", "9000,1", "-1,1", "256,256,0,0,64,64"] {
            assert!(viewport(text).is_err(), "{text}");
        }
    }
}
