//! The resources and their addresses (PS3.18 §10.1), each also below `/orgs/{org}` for one owner's studies.

use super::{bulkdata, capabilities, delete, frames, metadata, qidors, rendered, retrieve, stowrs, wado_uri};
use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use storage::Storage;

/// What the handlers share.
#[derive(Clone)]
pub struct WebState {
    /// The storage.
    pub storage: Storage,
    /// Public address of `/dicom-web`, without a slash at the end.
    pub public_base: String,
}

impl FromRef<WebState> for Storage {
    fn from_ref(state: &WebState) -> Self {
        state.storage.clone()
    }
}

/// The DICOMweb services, to be nested at `/dicom-web`. `public_origin` is where clients reach the node, such as
/// `https://read.example.org`. An [`access::Caller`] must be in each request's extensions, or the answer is 401.
pub fn router(storage: Storage, public_origin: &str) -> Router {
    let public_base = format!("{}/dicom-web", public_origin.trim_end_matches('/'));
    let state = WebState { storage, public_base };
    Router::new()
        .route("/", get(capabilities::capabilities).options(capabilities::capabilities))
        .merge(resources(""))
        .merge(resources("/orgs/{org}"))
        .with_state(state)
}

/// WADO-URI, which is at `/wado`; the caller as for [`router`].
pub fn wado_router(storage: Storage, public_origin: &str) -> Router {
    let public_base = format!("{}/dicom-web", public_origin.trim_end_matches('/'));
    Router::new().route("/wado", get(wado_uri::wado)).with_state(WebState { storage, public_base })
}

fn resources(prefix: &str) -> Router<WebState> {
    let at = |path: &str| format!("{prefix}{path}");
    let study = "/studies/{study}";
    let series = "/studies/{study}/series/{series}";
    let instance = "/studies/{study}/series/{series}/instances/{instance}";
    let below = |parent: &str, path: &str| at(&format!("{parent}{path}"));
    Router::new()
        .route(&at("/studies"), get(qidors::studies).merge(post(stowrs::store)))
        .route(&at("/series"), get(qidors::series))
        .route(&at("/instances"), get(qidors::instances))
        .route(&at(study), get(retrieve::retrieve).merge(post(stowrs::store)).delete(delete::delete))
        .route(&below(study, "/metadata"), get(metadata::metadata))
        .route(&below(study, "/rendered"), get(rendered::rendered))
        .route(&below(study, "/thumbnail"), get(rendered::thumbnail))
        .route(&below(study, "/series"), get(qidors::series))
        .route(&below(study, "/instances"), get(qidors::instances))
        .route(&at(series), get(retrieve::retrieve).delete(delete::delete))
        .route(&below(series, "/metadata"), get(metadata::metadata))
        .route(&below(series, "/rendered"), get(rendered::rendered))
        .route(&below(series, "/thumbnail"), get(rendered::thumbnail))
        .route(&below(series, "/instances"), get(qidors::instances))
        .route(&at(instance), get(retrieve::retrieve).delete(delete::delete))
        .route(&below(instance, "/metadata"), get(metadata::metadata))
        .route(&below(instance, "/thumbnail"), get(rendered::thumbnail))
        .route(&below(instance, "/rendered"), get(rendered::rendered))
        .route(&below(instance, "/frames/{frames}"), get(frames::frames))
        .route(&below(instance, "/frames/{frames}/rendered"), get(rendered::rendered))
        .route(&below(instance, "/frames/{frames}/thumbnail"), get(rendered::thumbnail))
        .route(&below(instance, "/bulkdata/{*path}"), get(bulkdata::bulkdata))
}

/// The pairs of a query string, decoded (`application/x-www-form-urlencoded`, so `+` is a space).
pub fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// One parameter of a query string.
pub fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    pairs(query).into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_strings_are_decoded() {
        let seen = pairs(Some("a=%E5%BC%A0&b=x%2Cy&c&d=1%2&e=a+b"));
        let seen: Vec<_> = seen.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(seen, [("a", "张"), ("b", "x,y"), ("c", ""), ("d", "1%2"), ("e", "a b")]);
        assert_eq!(parameter(Some("accept=image%2Fjpeg"), "accept").as_deref(), Some("image/jpeg"));
        assert_eq!(parameter(None, "accept"), None);
    }
}
