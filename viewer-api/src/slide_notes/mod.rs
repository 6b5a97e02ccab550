//! What people leave on slides: annotations, bookmarks, and what they have seen. The rules are in `wsi::notes` and
//! `access::notes`.

pub mod annotations;
pub mod bookmarks;
pub mod exchange;
pub mod seen;

use crate::problem::ApiError;
use crate::session::OrganisationName;
use crate::state::ApiState;
use access::Caller;
use axum::http::{HeaderMap, HeaderValue, header};
use model::{ConsultId, SlideId};
use serde::Serialize;
use utoipa::ToSchema;
use wsi::notes::{Author, OnBehalf};

/// Who made a note, named as they were then.
#[derive(Serialize, ToSchema)]
pub struct NoteAuthor {
    /// Person id.
    pub id: String,
    /// Person's name.
    pub name: String,
    /// The organisation that they belong to.
    pub organisation: OrganisationName,
    /// For whom they acted, when it was within a consult.
    pub on_behalf: Option<NoteConsult>,
}

/// The consult within which a note was made.
#[derive(Serialize, ToSchema)]
pub struct NoteConsult {
    /// Consult id.
    pub id: String,
    /// What people call it.
    pub number: String,
    /// Who asked.
    pub organisation: OrganisationName,
}

impl From<&Author> for NoteAuthor {
    fn from(author: &Author) -> Self {
        let named =
            |id: &model::OrgId, name: &str| OrganisationName { id: id.to_string(), name: name.to_owned() };
        Self {
            id: author.person.to_string(),
            name: author.name.clone(),
            organisation: named(&author.organisation, &author.organisation_name),
            on_behalf: author.on_behalf.as_ref().map(|behalf| NoteConsult {
                id: behalf.consult.to_string(),
                number: behalf.number.clone(),
                organisation: named(&behalf.organisation, &behalf.organisation_name),
            }),
        }
    }
}

fn slide_id(text: &str) -> Result<SlideId, ApiError> {
    SlideId::parse(text).map_err(|_| ApiError::NotFound)
}

fn rfc3339(ms: i64) -> String {
    model::time_text::rfc3339(model::time_text::from_unix_ms(ms))
}

/// The validator of a version (RFC 9110 §8.8.3).
fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The version that the caller has read, from `If-Match`. A change without it could overwrite what nobody has seen.
fn version_read(headers: &HeaderMap) -> Result<i64, ApiError> {
    let value = headers.get(header::IF_MATCH).ok_or(ApiError::PreconditionRequired)?;
    let text = value.to_str().map_err(|_| ApiError::Stale)?;
    let text = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    // No version of ours, so not the one that is here.
    text.and_then(|text| text.parse().ok()).ok_or(ApiError::Stale)
}

/// The validator of everything that the caller sees on a slide, and whether they have that already. A list says which are
/// the caller's own, so that another's is another list.
fn list_validator(caller: &Caller, revision: &str, headers: &HeaderMap) -> (HeaderValue, bool) {
    let whose = format!("{}\n{revision}", caller.scope().actor.id);
    let tag = format!("\"{}\"", consult::cms::sha256(whose.as_bytes()));
    let value = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    let has_it = headers.get(header::IF_NONE_MATCH) == Some(&value);
    (value, has_it)
}

/// The consult that a note is made within: one that the caller takes part in, about this slide.
async fn on_behalf(
    state: &ApiState,
    caller: &Caller,
    slide: &SlideId,
    consult: Option<&str>,
) -> Result<Option<OnBehalf>, ApiError> {
    let Some(consult) = consult else { return Ok(None) };
    let invalid = || ApiError::invalid("consult", "there is no such consult about this slide");
    let id = ConsultId::parse(consult).map_err(|_| invalid())?;
    let consult = match state.0.consults.get(caller, &id).await {
        Ok(view) => view.consult,
        Err(consult::ConsultError::NotFound) => return Err(invalid()),
        Err(error) => return Err(error.into()),
    };
    let slide = state.0.slides.slide(caller.scope(), slide).await?;
    let is_about = consult.study.org == slide.owner
        && (consult.study.study_instance_uid == slide.study
            || consult.slide.as_ref().is_some_and(|note| note.id == slide.id));
    if !is_about {
        return Err(invalid());
    }
    Ok(Some(OnBehalf {
        consult: consult.id,
        number: consult.number,
        organisation: consult.requesting.id,
        organisation_name: consult.requesting.name,
    }))
}

/// A private answer that is asked for again each time.
fn no_cache() -> HeaderValue {
    HeaderValue::from_static("private, no-cache")
}
