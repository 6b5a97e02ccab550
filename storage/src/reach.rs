//! What a scope reaches, as SQL: the one place where it is decided which rows of the index anybody may read.

use crate::db::{Bindings, at, sql};
use crate::labels::Seen;
use crate::{Storage, StorageError};
use model::{OrgId, Reach, Scope, Uid};
use sqlx::Row as _;
use sqlx::any::AnyRow;

const PLACE: &str = "reading the index";
/// The order in which instances are listed.
pub(crate) const ROW_ORDER: &str = "e.series_number, e.series_uid, i.instance_number, i.sop_uid";

/// A condition on study `s`, and the order of those that it lets through.
pub(crate) struct Visible<'a> {
    pub condition: String,
    /// The same on its instance `i`, for what of the study is seen; begins with `AND`, or is empty.
    pub of_instance: String,
    /// The own organisation's study comes before another's of the same UID.
    order: String,
    pub organisations: Vec<&'a OrgId>,
}

impl<'a> Visible<'a> {
    /// For a statement whose next placeholder is `first`.
    pub fn of(scope: &'a Scope, first: usize) -> Self {
        Self::with(scope, &format!("${first}"), &format!("${}", first + 1))
    }

    /// The placeholders of the viewer and the owner, whose values are added.
    pub fn placeholders(scope: &Scope, values: &mut Bindings) -> (String, String) {
        let (viewer, owner) = match &scope.reach {
            Reach::Node => (None, None),
            Reach::Granted(viewer) => (Some(viewer), None),
            Reach::OwnedBy { viewer, owner } if viewer == owner => (Some(viewer), None),
            Reach::OwnedBy { viewer, owner } => (Some(viewer), Some(owner)),
        };
        let mut placeholder =
            |org: Option<&OrgId>| org.map(|org| values.text(org.as_str())).unwrap_or_default();
        (placeholder(viewer), placeholder(owner))
    }

    /// For a statement with these placeholders of the viewer and the owner.
    pub fn with(scope: &'a Scope, viewer: &str, owner: &str) -> Self {
        let granted =
            format!("EXISTS (SELECT 1 FROM study_grant g WHERE g.study_id = s.id AND g.grantee = {viewer})");
        let own_first = format!("CASE WHEN s.owner = {viewer} THEN 0 ELSE 1 END, s.id");
        let (condition, order, organisations) = match &scope.reach {
            // What is hidden has an owner that begins with a hyphen, and is nobody's.
            Reach::Node => ("s.owner >= '0'".to_owned(), "s.id".to_owned(), vec![]),
            Reach::Granted(organisation) => {
                (format!("(s.owner = {viewer} OR {granted})"), own_first, vec![organisation])
            }
            Reach::OwnedBy { viewer: organisation, owner: of } if organisation == of => {
                (format!("s.owner = {viewer}"), own_first, vec![organisation])
            }
            Reach::OwnedBy { viewer: organisation, owner: of } => {
                (format!("s.owner = {owner} AND {granted}"), own_first, vec![organisation, of])
            }
        };
        let of_instance = match Seen::of(scope) {
            Seen::All => String::new(),
            Seen::Own => format!("AND (i.shows_label = 0 OR s.owner = {viewer})"),
            Seen::None => "AND i.shows_label = 0".to_owned(),
        };
        Self { condition, of_instance, order, organisations }
    }
}

/// An instance's address.
#[derive(Clone, Copy)]
pub(crate) struct Below<'a> {
    pub study: &'a Uid,
    /// `None`: any of the study's.
    pub series: Option<&'a Uid>,
    pub instance: &'a Uid,
}

/// A study within reach.
pub(crate) struct VisibleStudy {
    pub id: i64,
    /// Something in it is shown otherwise than it was acquired.
    pub is_corrected: bool,
    /// Whether labels of slides in it are seen.
    pub labels: bool,
}

impl VisibleStudy {
    /// A condition on its instances `i` that begins with `AND`, or nothing.
    pub fn of_instance(&self) -> &'static str {
        if self.labels { "" } else { "AND i.shows_label = 0" }
    }
}

impl Storage {
    /// The studies with this UID within reach, the own organisation's first.
    pub(crate) async fn visible_studies(
        &self,
        scope: &Scope,
        study: &Uid,
    ) -> Result<Vec<VisibleStudy>, StorageError> {
        let Visible { condition, order, organisations, .. } = Visible::of(scope, 2);
        let text = format!(
            "SELECT s.id, CASE WHEN s.corrected_tags <> '' OR EXISTS (SELECT 1 FROM series e WHERE e.study_id = s.id \
             AND e.moved_from <> '') THEN 1 ELSE 0 END, s.owner FROM study s WHERE s.study_uid = $1 AND {condition} \
             ORDER BY {order}"
        );
        let mut query = sqlx::query(sql(text)).bind(study.as_str());
        for organisation in organisations {
            query = query.bind(organisation.as_str());
        }
        let rows = query.fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let visible = |row: &AnyRow| {
            let is_corrected = row.try_get::<i64, _>(1).map_err(at(PLACE))? != 0;
            let labels = match Seen::of(scope) {
                Seen::All => true,
                Seen::None => false,
                Seen::Own => {
                    let owner: &str = row.try_get(2).map_err(at(PLACE))?;
                    scope.viewer().is_some_and(|viewer| viewer.as_str() == owner)
                }
            };
            Ok(VisibleStudy { id: row.try_get(0).map_err(at(PLACE))?, is_corrected, labels })
        };
        rows.iter().map(visible).collect()
    }

    /// The statement for rows of a study, or of one of its series: its placeholders are the study's row and the
    /// series' UID.
    pub(crate) fn below_study(
        seen: &VisibleStudy,
        columns: &str,
        joins: &str,
        series: Option<&Uid>,
    ) -> String {
        let of_instance = seen.of_instance();
        let of_series = if series.is_some() { "AND e.series_uid = $2" } else { "" };
        format!(
            "SELECT {columns} FROM study s JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id \
             {joins} WHERE s.id = $1 {of_series} {of_instance} ORDER BY {ROW_ORDER}"
        )
    }

    /// Rows of a study that is within reach, or of one of its series, in the order in which instances are listed.
    pub(crate) async fn rows_below(
        &self,
        seen: &VisibleStudy,
        series: Option<&Uid>,
        columns: &str,
        joins: &str,
    ) -> Result<Vec<AnyRow>, StorageError> {
        let mut query = sqlx::query(sql(Self::below_study(seen, columns, joins, series))).bind(seen.id);
        if let Some(series) = series {
            query = query.bind(series.as_str());
        }
        query.fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))
    }

    /// The row of one instance: of the own organisation's study, before another's of the same UID.
    pub(crate) async fn row_below(
        &self,
        scope: &Scope,
        below: Below<'_>,
        columns: &str,
        joins: &str,
    ) -> Result<AnyRow, StorageError> {
        let Below { study, series, instance } = below;
        let mut values = vec![instance.as_str(), study.as_str()];
        values.extend(series.map(Uid::as_str));
        let of_series = if series.is_some() { "AND e.series_uid = $3" } else { "" };
        let Visible { condition, of_instance, order, organisations } = Visible::of(scope, values.len() + 1);
        values.extend(organisations.into_iter().map(OrgId::as_str));
        // The plus keeps SQLite from walking all of a series to find one of it.
        let text = format!(
            "SELECT {columns} FROM instance i JOIN series e ON e.id = +i.series_id JOIN study s ON s.id = e.study_id \
             {joins} WHERE i.sop_uid = $1 AND s.study_uid = $2 {of_series} AND {condition} {of_instance} \
             ORDER BY {order} LIMIT 1"
        );
        let mut query = sqlx::query(sql(text));
        for value in values {
            query = query.bind(value);
        }
        let row = query.fetch_optional(&self.inner.db.readers).await.map_err(at(PLACE))?;
        row.ok_or(StorageError::NotFound)
    }
}
