//! What these services offer (PS3.18 §8.9), as a WADL document.

use super::accept::accepted;
use super::problem::WebError;
use super::routes::{WebState, parameter};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};

const WADL: &str = "application/vnd.sun.wadl+xml";

/// A resource: its path below the service, and its methods with what they answer or take.
type Resource = (&'static str, &'static [Method]);
/// Method, name, parameters, media types of the answer.
type Method = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const SEARCH: &[&str] = &["limit", "offset", "fuzzymatching", "includefield"];
const RENDERED: &[&str] = &["accept", "viewport", "window", "quality", "iccprofile"];
const ACCEPT: &[&str] = &["accept"];
const JSON: &[&str] = &["application/dicom+json"];
const METADATA: &[&str] = &["application/dicom+json", "multipart/related; type=\"application/dicom+xml\""];
const FILES: &[&str] = &["multipart/related; type=\"application/dicom\"", "application/dicom"];
const PICTURES: &[&str] = &["image/jpeg", "image/png", "multipart/related; type=\"image/jpeg\""];
const OCTETS: &[&str] = &["multipart/related; type=\"application/octet-stream\"", "application/octet-stream"];

const RESOURCES: &[Resource] = &[
    ("studies", &[("GET", "SearchForStudies", SEARCH, JSON), ("POST", "StoreInstances", &[], JSON)]),
    ("series", &[("GET", "SearchForSeries", SEARCH, JSON)]),
    ("instances", &[("GET", "SearchForInstances", SEARCH, JSON)]),
    (
        "studies/{study}",
        &[("GET", "RetrieveStudy", ACCEPT, FILES), ("POST", "StoreStudyInstances", &[], JSON)],
    ),
    ("studies/{study}/metadata", &[("GET", "RetrieveStudyMetadata", ACCEPT, METADATA)]),
    ("studies/{study}/rendered", &[("GET", "RetrieveRenderedStudy", RENDERED, PICTURES)]),
    ("studies/{study}/thumbnail", &[("GET", "RetrieveStudyThumbnail", RENDERED, PICTURES)]),
    ("studies/{study}/series", &[("GET", "SearchForStudySeries", SEARCH, JSON)]),
    ("studies/{study}/instances", &[("GET", "SearchForStudyInstances", SEARCH, JSON)]),
    ("studies/{study}/series/{series}", &[("GET", "RetrieveSeries", ACCEPT, FILES)]),
    ("studies/{study}/series/{series}/metadata", &[("GET", "RetrieveSeriesMetadata", ACCEPT, METADATA)]),
    ("studies/{study}/series/{series}/rendered", &[("GET", "RetrieveRenderedSeries", RENDERED, PICTURES)]),
    ("studies/{study}/series/{series}/thumbnail", &[("GET", "RetrieveSeriesThumbnail", RENDERED, PICTURES)]),
    ("studies/{study}/series/{series}/instances", &[("GET", "SearchForSeriesInstances", SEARCH, JSON)]),
    ("studies/{study}/series/{series}/instances/{instance}", &[("GET", "RetrieveInstance", ACCEPT, FILES)]),
    (
        "studies/{study}/series/{series}/instances/{instance}/metadata",
        &[("GET", "RetrieveInstanceMetadata", ACCEPT, METADATA)],
    ),
    (
        "studies/{study}/series/{series}/instances/{instance}/rendered",
        &[("GET", "RetrieveRenderedInstance", RENDERED, PICTURES)],
    ),
    (
        "studies/{study}/series/{series}/instances/{instance}/thumbnail",
        &[("GET", "RetrieveInstanceThumbnail", RENDERED, PICTURES)],
    ),
    (
        "studies/{study}/series/{series}/instances/{instance}/frames/{frames}",
        &[("GET", "RetrieveFrames", ACCEPT, OCTETS)],
    ),
    (
        "studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
        &[("GET", "RetrieveRenderedFrames", RENDERED, PICTURES)],
    ),
    (
        "studies/{study}/series/{series}/instances/{instance}/frames/{frames}/thumbnail",
        &[("GET", "RetrieveFrameThumbnail", RENDERED, PICTURES)],
    ),
    (
        "studies/{study}/series/{series}/instances/{instance}/bulkdata/{path}",
        &[("GET", "RetrieveBulkData", ACCEPT, OCTETS)],
    ),
];

/// `OPTIONS` or `GET` of the service itself. It says nothing of what is stored, so anybody may ask.
pub async fn capabilities(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let ranges = accepted(&headers, parameter(query.as_deref(), "accept").as_deref());
    if !ranges.iter().any(|range| range.covers(WADL) || range.covers("application/xml")) {
        return Err(WebError::NotAcceptable(format!("capabilities are {WADL}")));
    }
    let headers = [(header::CONTENT_TYPE, WADL), (header::ALLOW, "GET, HEAD, OPTIONS")];
    Ok((headers, document(&state.public_base)).into_response())
}

fn document(base: &str) -> String {
    // The base comes from the configuration, where it is held to be a URL.
    let base = base.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<application xmlns=\"http://wadl.dev.java.net/2009/02\">\n\
         <resources base=\"{base}\">\n"
    );
    for (path, methods) in RESOURCES {
        out.push_str(&format!("<resource path=\"{path}\">\n"));
        for name in path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}')) {
            out.push_str(&format!("<param name=\"{name}\" style=\"template\" required=\"true\"/>\n"));
        }
        for (method, id, parameters, answers) in *methods {
            out.push_str(&format!("<method name=\"{method}\" id=\"{id}\">\n<request>"));
            for name in *parameters {
                out.push_str(&format!("<param name=\"{name}\" style=\"query\"/>"));
            }
            if *method == "POST" {
                for of in ["application/dicom", "application/dicom+json", "application/dicom+xml"] {
                    out.push_str(&format!(
                        "<representation mediaType=\"multipart/related; type=&quot;{of}&quot;\"/>"
                    ));
                }
            }
            out.push_str("</request>\n<response>");
            for media_type in *answers {
                let media_type = media_type.replace('"', "&quot;");
                out.push_str(&format!("<representation mediaType=\"{media_type}\"/>"));
            }
            out.push_str("</response>\n</method>\n");
        }
        out.push_str("</resource>\n");
    }
    out.push_str("</resources>\n</application>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_well_formed_and_names_every_resource() {
        let text = document("https://read.example.org/dicom-web");
        let mut reader = quick_xml::Reader::from_str(&text);
        let mut resources = 0;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Start(start) if start.name().as_ref() == "resource" => {
                    resources += 1
                }
                quick_xml::events::Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(resources, RESOURCES.len());
    }
}
