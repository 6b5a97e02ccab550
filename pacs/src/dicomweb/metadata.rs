//! WADO-RS metadata (PS3.18 §10.4.1.1.2): a read of what ingest computed; no file is opened.

use super::accept::require_json;
use super::problem::WebError;
use super::routes::parameter;
use super::target::Target;
use access::Right;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use storage::read::MetadataForm;
use storage::{MetadataBody, Storage};

/// Metadata of a study, a series or an instance.
pub async fn metadata(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    require_json(&headers, parameter(query.as_deref(), "accept").as_deref())?;
    let form = if accepts_gzip(&headers) { MetadataForm::Gzip } else { MetadataForm::Plain };
    let body = storage
        .metadata(&target.scope, target.study()?, target.series.as_ref(), target.instance.as_ref(), form)
        .await?;
    storage.note_study_read(&target.scope, target.study()?);
    let (bytes, encoding) = match body {
        MetadataBody::Gzip(bytes) => (bytes, Some("gzip")),
        MetadataBody::Plain(bytes) => (bytes, None),
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/dicom+json"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let mut pieces = item.split(';').map(str::trim);
            let is_gzip = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            is_gzip && !pieces.any(|p| p.trim_start_matches("q=").parse::<f32>() == Ok(0.0))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_to_who_takes_it() {
        let check = |value: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        };
        check("gzip, deflate, br", true);
        check("GZIP;q=0.5", true);
        check("gzip;q=0", false);
        check("br", false);
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
