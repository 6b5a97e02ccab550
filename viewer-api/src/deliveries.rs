//! Where signed reports go, what became of it, and what did not arrive.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::outside::CalledFor;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::delivery::{Delivery, DeliveryState, ReturnRoute, RouteWish, Target};
use consult::export::Form;
use consult::notify::What;
use model::time_text::{from_unix_ms, rfc3339};
use model::{ConsultId, OrgId};
use serde::{Deserialize, Serialize};
use storage::JobState;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// A delivery of one version of a report by one route.
#[derive(Serialize, ToSchema)]
pub struct DeliveryItem {
    /// Identifier.
    pub id: String,
    /// The consult.
    pub consult: String,
    /// What people call it.
    pub number: String,
    /// Version of the report.
    pub version: u32,
    /// What people call the route.
    pub route_name: String,
    /// `ae`, `stow` or `webhook`.
    pub method: String,
    /// `sr`, `pdf`, `kos`, `fhir`.
    #[schema(value_type = Vec<String>)]
    pub forms: Vec<Form>,
    /// `waiting`, `sending`, `delivered` or `failed`.
    #[schema(value_type = String)]
    pub state: DeliveryState,
    /// Attempts since it was last asked for.
    pub attempts: u32,
    /// Why the last attempt failed: `unreachable`, `timed_out`, `rejected`, `not_served`, `unauthorised`, `refused`, `busy`,
    /// `broken`, `internal_address`, `no_contact`, `no_route`, `unsound`, `internal`.
    #[schema(value_type = Option<String>)]
    pub problem: Option<consult::delivery::Problem>,
    /// The status that the receiver answered with, or empty.
    pub status: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String)]
    pub created_at: OffsetDateTime,
    /// When it was last tried.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub tried_at: Option<OffsetDateTime>,
    /// When it is tried next.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub next_at: Option<OffsetDateTime>,
    /// When the receiver had it.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub delivered_at: Option<OffsetDateTime>,
}

impl From<Delivery> for DeliveryItem {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            consult: delivery.consult.to_string(),
            number: delivery.number,
            version: delivery.version,
            route_name: delivery.route_name,
            method: delivery.method,
            forms: delivery.forms,
            state: delivery.state,
            attempts: delivery.attempts,
            problem: delivery.problem,
            status: delivery.status,
            created_at: delivery.created_at,
            tried_at: delivery.tried_at,
            next_at: delivery.next_at,
            delivered_at: delivery.delivered_at,
        }
    }
}

/// The deliveries of a consult.
#[derive(Serialize, ToSchema)]
pub struct DeliveryList {
    /// Oldest first.
    pub deliveries: Vec<DeliveryItem>,
    /// Whether the caller may have one sent again.
    pub may_send: bool,
}

/// A route by which reports go back.
#[derive(Serialize, ToSchema)]
pub struct RouteItem {
    /// Its name in addresses: `a-z 0-9 -`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `ae`, `stow` or `webhook`.
    pub method: &'static str,
    /// AE title, for `ae`.
    pub ae_title: Option<String>,
    /// Address, for `stow` and `webhook`.
    pub url: Option<String>,
    /// Whether a bearer token goes with it; the token is never shown.
    pub has_token: bool,
    /// What a webhook's signatures are made with: shown once, when it is set.
    pub secret: Option<String>,
    /// What is sent.
    #[schema(value_type = Vec<String>)]
    pub forms: Vec<Form>,
}

/// The routes of the caller's organisation.
#[derive(Serialize, ToSchema)]
pub struct RouteList {
    /// By name.
    pub routes: Vec<RouteItem>,
}

/// A route as it is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteBody {
    /// What people call it.
    pub name: String,
    /// `ae` (C-STORE), `stow` (STOW-RS) or `webhook` (signed POST of the FHIR bundle).
    pub method: String,
    /// A device of the organisation that has a contact, for `ae`.
    #[serde(default)]
    pub ae_title: Option<String>,
    /// Base of the DICOMweb service, or the webhook's address.
    #[serde(default)]
    pub url: Option<String>,
    /// Bearer token for `stow`; left out: as it was for the same address; empty: none.
    #[serde(default)]
    pub token: Option<String>,
    /// `sr`, `pdf`, `kos` by DICOM; `fhir` by webhook.
    #[schema(value_type = Vec<String>)]
    pub forms: Vec<Form>,
}

/// An e-mail or a webhook call that did not arrive.
#[derive(Serialize, ToSchema)]
pub struct UntoldItem {
    /// Identifier.
    pub id: i64,
    /// `mail` or `webhook`.
    pub way: &'static str,
    /// What it would say.
    #[schema(value_type = Option<String>)]
    pub what: Option<What>,
    /// The consult.
    pub consult: Option<String>,
    /// What people call it.
    pub number: Option<String>,
    /// `waiting`, `running` or `set_aside`.
    pub state: &'static str,
    /// Attempts that failed.
    pub attempts: u32,
    /// Why, in English; never an address.
    pub problem: String,
    /// The same as a word: `no_mail_way`, `mail_refused`, `mail_status`, `mail_log_in`, `mail_tls`, `mail_unreachable`, `mail_folder`, `no_address`, `unknown_name`, `internal`, `refused`, `status`, `timed_out`,
    /// `unreachable`, `broken_off`, `other`; empty when no attempt has failed.
    pub problem_code: &'static str,
    /// When it was made (RFC 3339).
    pub created_at: String,
    /// When it is tried next.
    pub due_at: String,
}

/// What did not arrive.
#[derive(Serialize, ToSchema)]
pub struct Undelivered {
    /// Reports, newest first.
    pub deliveries: Vec<DeliveryItem>,
    /// E-mail and webhook calls.
    pub notices: Vec<UntoldItem>,
}

/// Whose routes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RoutesOf {
    /// An organisation that the caller's looks after; the caller's own when absent.
    pub org: Option<String>,
}

impl RoutesOf {
    fn organisation(&self, auth: &Authenticated) -> Result<OrgId, ApiError> {
        match &self.org {
            Some(org) => OrgId::parse(org).map_err(|_| ApiError::NotFound),
            None => Ok(auth.0.organisation().clone()),
        }
    }
}

fn consult_id(id: &str) -> Result<ConsultId, ApiError> {
    ConsultId::parse(id).map_err(|_| ApiError::NotFound)
}

fn route(route: ReturnRoute, shows_secret: bool) -> RouteItem {
    let method = route.target.word();
    let (ae_title, url, has_token, secret) = match route.target {
        Target::Ae { ae_title } => (Some(ae_title.to_string()), None, false, None),
        Target::Stow { url, token } => (None, Some(url), token.is_some(), None),
        Target::Webhook { url, secret } => (None, Some(url), false, shows_secret.then_some(secret)),
    };
    RouteItem { id: route.id, name: route.name, method, ae_title, url, has_token, secret, forms: route.forms }
}

/// Where a report has gone and where it has yet to go: deliveries into systems of the requesting organisation.
#[utoipa::path(get, path = "/api/v1/consults/{id}/deliveries", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryList), (status = 404, body = Problem)))]
pub async fn list_deliveries(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<DeliveryList>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let deliveries = state.0.consults.deliveries(caller, &consult_id(&id)?).await?;
    let deliveries = deliveries.into_iter().map(DeliveryItem::from).collect();
    Ok(Json(DeliveryList { deliveries, may_send: consult::delivery::may_look_after(caller) }))
}

/// Has a delivery sent again, or tried at once if it waits. The receiver gets the same instances as before.
#[utoipa::path(post, path = "/api/v1/consults/{id}/deliveries/{delivery}/send", tag = "deliveries",
    params(("id" = String, Path), ("delivery" = String, Path)),
    responses((status = 200, body = DeliveryItem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn send_delivery(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, delivery)): UrlPath<(String, String)>,
) -> Result<Json<DeliveryItem>, ApiError> {
    let now = OffsetDateTime::now_utc();
    let sent = state.0.consults.send_again(&auth.0, &consult_id(&id)?, &delivery, now).await?;
    Ok(Json(sent.into()))
}

/// Where an organisation wants the reports that it asks for (administrator).
#[utoipa::path(get, path = "/api/v1/return-routes", tag = "deliveries", params(RoutesOf),
    responses((status = 200, body = RouteList), (status = 403, body = Problem)))]
pub async fn list_return_routes(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(of): UrlQuery<RoutesOf>,
) -> Result<Json<RouteList>, ApiError> {
    let routes = state.0.consults.return_routes(&auth.0, &of.organisation(&auth)?).await?;
    Ok(Json(RouteList { routes: routes.into_iter().map(|found| route(found, false)).collect() }))
}

/// Makes or changes a route (administrator); it holds for reports that are signed from now on. A webhook gets a new secret, which
/// is in the answer and never again; its `Farsight-Signature` is made as for the webhook of notices, and `Farsight-Delivery` is
/// the same for every attempt. Addresses of internal networks are refused, when they are set and whenever they are called, unless the
/// node's configuration allows them.
#[utoipa::path(put, path = "/api/v1/return-routes/{id}", tag = "deliveries",
    params(("id" = String, Path), RoutesOf),
    request_body = RouteBody,
    responses((status = 200, body = RouteItem), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn put_return_route(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(of): UrlQuery<RoutesOf>,
    JsonBody(body): JsonBody<RouteBody>,
) -> Result<Json<RouteItem>, ApiError> {
    auth.require(Right::Administer)?;
    if let Some(url) = &body.url
        && state.0.outside.is_internal(CalledFor::Deliveries, url).await
    {
        return Err(ApiError::invalid(
            "url",
            "这个地址在内部网络里，不允许（[delivery] networks） / the address is in an internal network \
             ([delivery] networks)",
        ));
    }
    let RouteBody { name, method, ae_title, url, token, forms } = body;
    let wish = RouteWish { name, method, ae_title, url, token, forms };
    let set = state.0.consults.put_return_route(&auth.0, &of.organisation(&auth)?, &id, wish).await?;
    Ok(Json(route(set, true)))
}

/// Removes a route (administrator). What is still owed by it is not sent.
#[utoipa::path(delete, path = "/api/v1/return-routes/{id}", tag = "deliveries",
    params(("id" = String, Path), RoutesOf),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn delete_return_route(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(of): UrlQuery<RoutesOf>,
) -> Result<StatusCode, ApiError> {
    state.0.consults.remove_return_route(&auth.0, &of.organisation(&auth)?, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What did not arrive of the caller's organisation: reports, e-mail and webhook calls (administrator, coordinator).
#[utoipa::path(get, path = "/api/v1/undelivered", tag = "deliveries",
    responses((status = 200, body = Undelivered), (status = 403, body = Problem)))]
pub async fn list_undelivered(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<Undelivered>, ApiError> {
    let failures = state.0.consults.failures(&auth.0).await?;
    let at = |ms| rfc3339(from_unix_ms(ms));
    let notices = failures.notices.into_iter().map(|(job, outgoing)| UntoldItem {
        id: job.id,
        way: if job.kind == consult::notify::MAIL_JOB { "mail" } else { "webhook" },
        what: outgoing.as_ref().map(|outgoing| outgoing.what),
        consult: outgoing.as_ref().map(|outgoing| outgoing.consult.to_string()),
        number: outgoing.map(|outgoing| outgoing.number),
        state: match job.state {
            JobState::Waiting => "waiting",
            JobState::Running => "running",
            JobState::SetAside => "set_aside",
        },
        attempts: job.attempts,
        problem_code: consult::notify::problem_code(&job.problem),
        problem: job.problem,
        created_at: at(job.created_at_ms),
        due_at: at(job.due_at_ms),
    });
    Ok(Json(Undelivered {
        deliveries: failures.deliveries.into_iter().map(DeliveryItem::from).collect(),
        notices: notices.collect(),
    }))
}

/// Has an e-mail or a webhook call tried again at once (administrator, coordinator).
#[utoipa::path(post, path = "/api/v1/undelivered/notices/{id}/send", tag = "deliveries",
    params(("id" = i64, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn send_notice(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    let id = id.parse().map_err(|_| ApiError::NotFound)?;
    state.0.consults.tell_again(&auth.0, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
