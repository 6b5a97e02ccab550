//! WADO-RS metadata (PS3.18 §10.4.1.1.2): a read of what ingest computed; no file is opened.

use super::accept::accepted;
use super::conditions::{self, Freshness, entity_tag_of_bytes, not_modified};
use super::multipart::{self, Part, PartBytes};
use super::problem::WebError;
use super::routes::parameter;
use super::target::Target;
use access::Right;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use dataset::xml;
use model::Reach;
use storage::read::MetadataForm;
use storage::{MetadataBody, Storage};

const JSON: &str = "application/dicom+json";
const XML: &str = "application/dicom+xml";

/// How metadata go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// An array.
    Json,
    /// A part for each instance.
    Xml,
}

/// Metadata of a study, a series or an instance.
pub async fn metadata(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    let form = form(&headers, parameter(query.as_deref(), "accept").as_deref())?;
    let is_as_kept = form == Form::Json && owner_of(&target).is_none() && accepts_gzip(&headers);
    let kept = if is_as_kept { MetadataForm::Gzip } else { MetadataForm::Plain };
    let body = storage
        .metadata(&target.scope, target.study()?, target.series.as_ref(), target.instance.as_ref(), kept)
        .await?;
    storage.note_study_read(&target.scope, target.study()?);
    let (bytes, encoding) = match body {
        MetadataBody::Gzip(bytes) => (bytes, Some("gzip")),
        MetadataBody::Plain(bytes) => (bytes, None),
    };
    let bytes = match owner_of(&target) {
        Some(owner) => below_owner(&bytes, owner)?,
        None => bytes,
    };
    let etag = match encoding {
        // It ends with the checksum and the length of its text (RFC 1952 §2.3.1), computed at ingest.
        Some(_) => {
            entity_tag_of_bytes(bytes.get(bytes.len().saturating_sub(8)..).unwrap_or_default(), bytes.len())
        }
        None => entity_tag_of_bytes(&bytes, form == Form::Xml),
    };
    if let Some(response) = not_modified(&headers, &etag) {
        return Ok(response);
    }
    let mut response = match form {
        Form::Json => Response::new(Body::from(bytes)),
        Form::Xml => as_xml(&storage, bytes).await?,
    };
    conditions::tag(&mut response, &etag, Freshness::AskAgain);
    let headers = response.headers_mut();
    if form == Form::Json {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

/// JSON before XML where both are taken.
fn form(headers: &HeaderMap, accept_parameter: Option<&str>) -> Result<Form, WebError> {
    let form = accepted(headers, accept_parameter).into_iter().find_map(|range| {
        if range.covers(JSON) || range.covers("application/json") {
            Some(Form::Json)
        } else if range.covers(XML) {
            Some(Form::Xml)
        } else {
            None
        }
    });
    form.ok_or_else(|| {
        WebError::NotAcceptable(format!("metadata are {JSON}, or multipart/related; type=\"{XML}\""))
    })
}

/// The organisation that the address names.
fn owner_of(target: &Target) -> Option<&model::OrgId> {
    match &target.scope.reach {
        Reach::OwnedBy { owner, .. } => Some(owner),
        Reach::Granted(_) | Reach::Node => None,
    }
}

/// The same with bulk data below `/orgs/{org}`: who asked there gets there with every link.
fn below_owner(text: &[u8], owner: &model::OrgId) -> Result<Bytes, WebError> {
    // In a value this would have its quotes escaped, so it is found in no other place.
    const LINK: &str = "\"BulkDataURI\":\"/dicom-web/studies/";
    let text = std::str::from_utf8(text).map_err(|_| WebError::Internal)?;
    let below = format!("\"BulkDataURI\":\"/dicom-web/orgs/{owner}/studies/");
    Ok(text.replace(LINK, &below).into())
}

async fn as_xml(storage: &Storage, json: Bytes) -> Result<Response, WebError> {
    let convert = move || -> Result<Vec<String>, serde_json::Error> {
        let objects: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&json)?;
        Ok(objects.iter().map(xml::from_json).collect())
    };
    let texts = tokio::task::spawn_blocking(convert).await.map_err(|_| WebError::Internal)?;
    let texts = texts.map_err(|_| WebError::NotAcceptable("they are nested too deeply for XML".into()))?;
    let parts = texts.into_iter().map(|text| Part::new(XML, PartBytes::Memory(text.into())));
    multipart::response(storage, XML, None, parts)
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

    #[test]
    fn json_unless_only_xml_is_taken() {
        let check = |accept: &str, expected: Option<Form>| {
            assert_eq!(form(&HeaderMap::new(), Some(accept)).ok(), expected, "{accept}");
        };
        for accept in [JSON, "application/json", "*/*;q=0.1", "application/*", "", "multipart/related"] {
            check(accept, Some(Form::Json));
        }
        check("multipart/related; type=\"application/dicom+xml\"", Some(Form::Xml));
        check("application/dicom+xml", Some(Form::Xml));
        check("application/dicom+xml, application/dicom+json;q=0.5", Some(Form::Xml));
        check("image/jpeg", None);
        check("*/*;q=0", None);
    }

    #[test]
    fn links_lead_below_the_owner_and_values_stay() {
        let text = br#"[{"7FE00010":{"vr":"OW","BulkDataURI":"/dicom-web/studies/1/x"},
            "00104000":{"vr":"LT","Value":["\"BulkDataURI\":\"/dicom-web/studies/1"]}}]"#;
        let owner = model::OrgId::parse("township").unwrap();
        let out = String::from_utf8(below_owner(text, &owner).unwrap().to_vec()).unwrap();
        assert!(out.contains("\"BulkDataURI\":\"/dicom-web/orgs/township/studies/1/x\""), "{out}");
        assert_eq!(out.matches("/orgs/").count(), 1, "{out}");
    }
}
