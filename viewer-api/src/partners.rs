//! With whom the caller's organisation has an agreement to ask.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::session::OrganisationName;
use crate::state::ApiState;
use crate::studies::Names;
use access::agreement::Turnaround;
use access::{ConsultKind, Right};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Organisations that can be asked.
#[derive(Serialize, ToSchema)]
pub struct Partners {
    /// One for each valid agreement.
    pub partners: Vec<Partner>,
}

/// What was agreed with one of them.
#[derive(Serialize, ToSchema)]
pub struct Partner {
    /// The reading centre.
    pub organisation: OrganisationName,
    /// `diagnosis`, `consultation`.
    #[schema(value_type = Vec<String>)]
    pub kinds: Vec<ConsultKind>,
    /// Modalities; empty means all.
    pub modalities: Vec<String>,
    /// Urgencies with their turnaround in minutes.
    #[schema(value_type = Vec<Object>)]
    pub urgencies: Vec<Turnaround>,
}

/// Reading centres that the caller's organisation may ask now.
#[utoipa::path(get, path = "/api/v1/partners", tag = "consults",
    responses((status = 200, body = Partners), (status = 403, body = Problem)))]
pub async fn list_partners(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<Partners>, ApiError> {
    let caller = auth.require(Right::Ask)?;
    let now = OffsetDateTime::now_utc();
    let mut names = Names::default();
    let mut partners = Vec::new();
    for agreement in state.0.storage.agreements(caller.organisation()).await? {
        if &agreement.requesting != caller.organisation() || !agreement.is_valid_at(now) {
            continue;
        }
        partners.push(Partner {
            organisation: names.of(&state, &agreement.reading).await?,
            kinds: agreement.kinds,
            modalities: agreement.modalities,
            urgencies: agreement.turnarounds,
        });
    }
    Ok(Json(Partners { partners }))
}
