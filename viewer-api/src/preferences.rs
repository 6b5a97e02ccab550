//! How a person likes their pages: colours, columns and filters of the worklist. It goes with them from one
//! computer to the next.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::{Caller, Urgency};
use axum::Json;
use axum::extract::State;
use consult::Tab;
use model::Scope;
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, StorageError};
use utoipa::ToSchema;

const KIND: &str = "preferences";
const COLUMNS_MAX: usize = 20;
const FILTERS_MAX: usize = 30;
const WORD_CHARS_MAX: usize = 100;

/// Colours of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// For reading rooms.
    Dark,
    /// For offices.
    Light,
}

/// A search of the worklist that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedFilter {
    /// What the person calls it.
    pub name: String,
    /// The tab.
    #[schema(value_type = String)]
    pub tab: Tab,
    /// The text that is searched for.
    #[serde(default)]
    pub q: String,
    /// Modality.
    #[serde(default)]
    pub modality: Option<String>,
    /// Urgency.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub urgency: Option<Urgency>,
}

/// What a person likes. Nothing of it is about a patient but what they name their filters and search for in
/// them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// `dark` or `light`; nothing: as the application comes.
    #[schema(value_type = Option<String>)]
    pub theme: Option<Theme>,
    /// Columns of the worklist in their order; empty: all.
    pub worklist_columns: Vec<String>,
    /// Filters of the worklist.
    pub worklist_filters: Vec<SavedFilter>,
    /// Whether the next case opens by itself after signing; nothing: for those who read or review.
    pub opens_next: Option<bool>,
}

impl Preferences {
    /// Bounds only: which columns there are is the page's to know.
    fn check(&self) -> Result<(), ApiError> {
        let fits = |word: &str| word.chars().count() <= WORD_CHARS_MAX;
        if self.worklist_columns.len() > COLUMNS_MAX || !self.worklist_columns.iter().all(|one| fits(one)) {
            return Err(ApiError::invalid(
                "worklist_columns",
                "too many columns, or a name that is too long",
            ));
        }
        let filter_fits = |filter: &SavedFilter| {
            !filter.name.trim().is_empty()
                && fits(&filter.name)
                && fits(&filter.q)
                && filter.modality.as_deref().is_none_or(fits)
        };
        if self.worklist_filters.len() > FILTERS_MAX || !self.worklist_filters.iter().all(filter_fits) {
            return Err(ApiError::invalid(
                "worklist_filters",
                "too many filters, or one without a name or too long",
            ));
        }
        Ok(())
    }
}

fn person(caller: &Caller) -> Result<String, ApiError> {
    caller
        .as_person()
        .map(|person| person.id.to_string())
        .ok_or(ApiError::Forbidden("令牌没有页面设置 / a token has no pages"))
}

fn node() -> Scope {
    Scope::node("preferences")
}

/// How the caller likes their pages.
#[utoipa::path(get, path = "/api/v1/session/preferences", tag = "session",
    responses((status = 200, body = Preferences), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn get_preferences(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<Preferences>, ApiError> {
    match state.0.storage.record(&node(), KIND, &person(&auth.0)?).await {
        // What a later release kept and this one does not know is as good as nothing.
        Ok(record) => Ok(Json(serde_json::from_value(record.body).unwrap_or_default())),
        Err(StorageError::NotFound) => Ok(Json(Preferences::default())),
        Err(error) => Err(error.into()),
    }
}

/// Keeps how the caller likes their pages; the last one to say so is right.
#[utoipa::path(put, path = "/api/v1/session/preferences", tag = "session", request_body = Preferences,
    responses((status = 200, body = Preferences), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn put_preferences(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(wanted): JsonBody<Preferences>,
) -> Result<Json<Preferences>, ApiError> {
    let id = person(&auth.0)?;
    wanted.check()?;
    let body = serde_json::to_value(&wanted).map_err(|_| ApiError::invalid("body", "it cannot be kept"))?;
    let put = Put {
        kind: KIND,
        id: id.clone(),
        expected: Expected::Anything,
        body,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: Vec::new(),
    };
    let audit = AuditEntry {
        action: AuditAction::Change,
        object: format!("{KIND}/{id}"),
        outcome: AuditOutcome::Success,
        detail: String::new(),
    };
    let change = Change { puts: vec![put], audit: vec![audit], ..Change::default() };
    state.0.storage.apply_unseen(auth.0.scope(), change).await?;
    Ok(Json(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(name: &str) -> SavedFilter {
        SavedFilter { name: name.to_owned(), tab: Tab::Mine, q: String::new(), modality: None, urgency: None }
    }

    #[test]
    fn preferences_are_bounded() {
        let good = Preferences { worklist_filters: vec![filter("今天的CT")], ..Preferences::default() };
        assert!(good.check().is_ok());
        let nameless = Preferences { worklist_filters: vec![filter(" ")], ..Preferences::default() };
        let many =
            Preferences { worklist_filters: vec![filter("x"); FILTERS_MAX + 1], ..Preferences::default() };
        let wide =
            Preferences { worklist_columns: vec!["x".repeat(WORD_CHARS_MAX + 1)], ..Preferences::default() };
        for bad in [nameless, many, wide] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        assert!(serde_json::from_str::<Preferences>(r#"{"theme":"pink"}"#).is_err());
        assert!(serde_json::from_str::<Preferences>(r#"{"password":"x"}"#).is_err());
        assert_eq!(serde_json::from_str::<Preferences>("{}").unwrap(), Preferences::default());
    }
}
