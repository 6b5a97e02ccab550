//! The OpenAPI 3.1 document.

use axum::Json;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Farsight 远见",
        description = "Remote reading: studies, slides, consults and signed reports. \
            People use a session cookie (changes need the header `X-Farsight: 1`), machines a bearer token. \
            DICOMweb is at /dicom-web."
    ),
    tags(
        (name = "session", description = "Logging in and out"),
        (name = "admin", description = "Organisations, people, agreements, tokens: for those who look after them"),
        (name = "studies", description = "Studies and uploads"),
        (name = "corrections", description = "Putting right what is wrong about studies, and taking that back"),
        (name = "patients", description = "Patients across hospitals: identities of one person, and who decides that they are"),
        (name = "emergency", description = "Opening studies in an emergency (紧急访问), and reviewing who did"),
        (name = "deidentification", description = "Exports and collections for teaching and research that name nobody (PS3.15 Annex E)"),
        (name = "devices", description = "Application entities: rights, addresses, when they called last"),
        (name = "forwarding", description = "What the node owes other nodes, and the rules that say so"),
        (name = "orders", description = "Orders, which modalities find on their worklists"),
        (name = "remotes", description = "Asking other nodes"),
        (name = "slides", description = "Whole-slide images and their tiles"),
        (name = "consults", description = "Questions, reading and signing"),
        (name = "assignment", description = "Rules that give cases to readers, and who is on duty"),
        (name = "opinions", description = "Several experts on one case"),
        (name = "critical findings", description = "危急值: raised, said again, received with a read-back"),
        (name = "messages", description = "Messages on a case"),
        (name = "notices", description = "What people and organisations are told, and by which ways"),
        (name = "live", description = "Hearing of changes as they happen"),
        (name = "report templates", description = "What reports are written with: templates and phrases"),
        (name = "reports", description = "Signed reports and their verification"),
        (name = "deliveries", description = "Signed reports into other systems: routes, what became of it, what did not arrive"),
        (name = "audit", description = "The audit chain"),
        (name = "health", description = "For operators")
    )
)]
pub struct ApiDoc;

/// Serves the document.
pub async fn openapi_json() -> Json<utoipa::openapi::OpenApi> {
    Json(crate::routes::openapi())
}
