//! Photographs, screen shots and papers: the body is the file, and what it is of stands in `Upload-Metadata`, as with uploads in
//! pieces, so that no patient is named in an address.

use super::{Uploaded, tus, word};
use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use consult::wrapped::{BYTES_MAX, Brought, NewStudy, Subject};
use model::Uid;
use time::OffsetDateTime;

/// Of whom the file is, and what it is called.
fn told(headers: &HeaderMap) -> Result<(Subject, String, u16), ApiError> {
    let (mut new, mut name, mut number, mut study) = (NewStudy::default(), String::new(), 1, None);
    for (key, value) in tus::pairs(headers)? {
        match key.as_str() {
            "filename" => name = value,
            "number" => {
                number = value
                    .parse()
                    .map_err(|_| ApiError::invalid("number", "a number up to 65535 is needed"))?;
            }
            "study" => {
                let uid = Uid::parse(&value).map_err(|_| ApiError::invalid("study", "that is not a UID"))?;
                study = Some(uid);
            }
            "batch" => new.batch = value,
            "patient_name" => new.patient_name = value,
            "patient_id" => new.patient_id = value,
            "accession_number" => new.accession_number = value,
            "patient_birth_date" => new.birth_date = value,
            "patient_sex" => new.sex = value,
            "description" => new.description = value,
            _ => return Err(ApiError::invalid("Upload-Metadata", "a key is not known here")),
        }
    }
    Ok((study.map_or(Subject::New(new), Subject::Study), name, number))
}

/// Keeps one JPEG, PNG or PDF as a DICOM object of the caller's organisation: VL Photographic Image with the JPEG's own codestream,
/// Secondary Capture, or Encapsulated PDF. The same file in the same study again changes nothing.
#[utoipa::path(post, path = "/api/v1/uploads/documents", tag = "studies",
    params(("Upload-Metadata" = String, Header, description = "Pairs of a key and a value in base64 of UTF-8, with commas between them: \
        `filename`, `number`, and either `study` (the UID of one's own study) or `batch`, `patient_name`, `patient_id`, and if known \
        `accession_number`, `patient_birth_date`, `patient_sex`, `description` of a new one")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = Uploaded), (status = 404, body = Problem), (status = 413, body = Problem),
        (status = 422, body = Problem), (status = 507, body = Problem)))]
pub async fn upload_document(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    let caller = auth.require(Right::Store)?;
    let (subject, name, number) = told(&headers)?;
    let content = axum::body::to_bytes(body, BYTES_MAX).await.map_err(|_| ApiError::TooLarge)?.to_vec();
    let brought = Brought { name, number, content };
    let kept = state.0.consults.wrap(caller, subject, brought, OffsetDateTime::now_utc()).await?;
    let uploaded = Uploaded {
        study_instance_uid: kept.study.to_string(),
        series_instance_uid: kept.series.to_string(),
        sop_instance_uid: kept.instance.to_string(),
        outcome: word(kept.outcome),
    };
    Ok((StatusCode::CREATED, Json(uploaded)))
}
