//! Statistics of consults: JSON for the page, CSV for whoever counts on.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::UrlQuery;
use crate::session::OrganisationName;
use crate::state::ApiState;
use crate::store::runs_the_node;
use access::{Caller, OrganisationKind, Right};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use consult::statistics::{By, Period, Row};
use model::OrgId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// What is counted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatisticsQuery {
    /// `requesting`, `reading`, `reader`, `modality`, `urgency` or `month`.
    #[param(value_type = String)]
    pub by: By,
    /// Sent at this moment or later, RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[param(value_type = String)]
    pub from: OffsetDateTime,
    /// Sent before this moment, RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[param(value_type = String)]
    pub until: OffsetDateTime,
    /// Of all organisations of the node, not of the caller's own: for the right to oversee at the organisation that runs it.
    #[serde(default)]
    pub alliance: bool,
    /// Of one of them.
    pub organisation: Option<String>,
}

/// The organisations whose numbers the caller sees besides their own.
#[derive(Serialize, ToSchema)]
pub struct AllianceAnswer {
    /// None for whoever does not oversee an alliance.
    pub organisations: Vec<OrganisationName>,
}

/// Statistics.
#[derive(Serialize, ToSchema)]
pub struct StatisticsAnswer {
    /// `key`, `name`, `asked`, `delivered`, `open`, `rejected`, `cancelled`, `late`, `median_min`, `p90_min`, `waited_min`,
    /// `amended`, `graded`, `agreed`, `target_min` (median of the agreed times), `critical` (findings), `critical_median_min` and
    /// `critical_longest_min` (from telling to acknowledgement).
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Row>,
}

async fn rows(state: &ApiState, auth: &Authenticated, query: &StatisticsQuery) -> Result<Vec<Row>, ApiError> {
    let caller = auth.require_any(&[Right::Search, Right::Oversee])?;
    if query.until <= query.from {
        return Err(ApiError::invalid("until", "the period ends before it begins"));
    }
    let period = Period { from: query.from, until: query.until };
    if query.alliance {
        if !oversees_the_alliance(state, caller).await? {
            return Err(ApiError::Forbidden(
                "只有联盟管理机构的质控或监管人员可以查看 / only for who oversees at the organisation that runs this node",
            ));
        }
        let of = query.organisation.as_deref().map(OrgId::parse).transpose();
        let of = of.map_err(|_| ApiError::invalid("organisation", "there is no such organisation"))?;
        let now = OffsetDateTime::now_utc();
        return Ok(state.0.consults.alliance_statistics(caller, of.as_ref(), query.by, period, now).await?);
    }
    Ok(state.0.consults.statistics(caller, query.by, period, OffsetDateTime::now_utc()).await?)
}

async fn oversees_the_alliance(state: &ApiState, caller: &Caller) -> Result<bool, ApiError> {
    Ok(caller.may(Right::Oversee) && runs_the_node(state, caller.organisation()).await?)
}

/// The organisations of the alliance, for who oversees it: whose numbers they can choose.
#[utoipa::path(get, path = "/api/v1/statistics/alliance", tag = "consults",
    responses((status = 200, body = AllianceAnswer), (status = 403, body = Problem)))]
pub async fn get_alliance(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<AllianceAnswer>, ApiError> {
    let caller = auth.require_any(&[Right::Search, Right::Oversee])?;
    if !oversees_the_alliance(&state, caller).await? {
        return Ok(Json(AllianceAnswer { organisations: Vec::new() }));
    }
    let all = state.0.storage.organisations().await?;
    let taking_part = all.into_iter().filter(|one| one.kind != OrganisationKind::Collection);
    let named = taking_part.map(|one| OrganisationName { id: one.id.to_string(), name: one.name });
    Ok(Json(AllianceAnswer { organisations: named.collect() }))
}

/// Turnaround, load, lateness and agreement of the consults that the caller's organisation asked, or was asked; for the office
/// of the alliance of all. No patient is named.
#[utoipa::path(get, path = "/api/v1/statistics", tag = "consults", params(StatisticsQuery),
    responses((status = 200, body = StatisticsAnswer), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn get_statistics(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(query): UrlQuery<StatisticsQuery>,
) -> Result<Json<StatisticsAnswer>, ApiError> {
    Ok(Json(StatisticsAnswer { rows: rows(&state, &auth, &query).await? }))
}

/// The same as CSV (RFC 4180, UTF-8 with a byte order mark, so that spreadsheets read Chinese).
#[utoipa::path(get, path = "/api/v1/statistics.csv", tag = "consults", params(StatisticsQuery),
    responses((status = 200, content_type = "text/csv"), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn get_statistics_csv(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(query): UrlQuery<StatisticsQuery>,
) -> Result<Response, ApiError> {
    let text = csv(&rows(&state, &auth, &query).await?);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"statistics.csv\""),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, text).into_response())
}

const COLUMNS: &str = "编号 key,名称 name,申请 asked,已送达 delivered,未完成 open,已拒绝 rejected,已取消 cancelled,\
    超时 late,中位用时（分） median_min,90%用时（分） p90_min,等待资料（分） waited_min,修订 amended,质控 graded,符合 agreed,\
    约定时限中位（分） target_min,危急值 critical,危急值确认中位（分） critical_median_min,危急值确认最长（分） critical_longest_min";

fn csv(rows: &[Row]) -> String {
    let mut text = format!("\u{FEFF}{COLUMNS}\r\n");
    for row in rows {
        let optional = |value: Option<u64>| value.map(|n| n.to_string()).unwrap_or_default();
        let numbers = [row.asked, row.delivered, row.open, row.rejected, row.cancelled, row.late]
            .map(|n| n.to_string())
            .into_iter()
            .chain([optional(row.median_min), optional(row.p90_min)])
            .chain([row.waited_min, row.amended, row.graded, row.agreed].map(|n| n.to_string()))
            .chain([optional(row.target_min), row.critical.to_string()])
            .chain([optional(row.critical_median_min), optional(row.critical_longest_min)]);
        let cells: Vec<String> = [cell(&row.key), cell(&row.name)].into_iter().chain(numbers).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell in quotes where it needs them; one that a spreadsheet would take for a formula is text.
fn cell(text: &str) -> String {
    let safe =
        if text.starts_with(['=', '+', '-', '@', '\t']) { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', '"', '\r', '\n']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let row = Row { key: "=1+1".into(), name: "镇\"卫生院\",东".into(), asked: 2, ..Row::default() };
        let text = csv(&[row]);
        let line = text.lines().nth(1).unwrap();
        assert_eq!(line, "'=1+1,\"镇\"\"卫生院\"\",东\",2,0,0,0,0,0,,,0,0,0,0,,0,,");
        assert!(text.starts_with('\u{FEFF}') && text.lines().next().unwrap().split(',').count() == 18);
    }
}
