//! How a search goes: what drives it, and how far down it looks.
//!
//! Where several conditions have lists, the lists are asked how long they are, as far as that matters: a common surname
//! and a rare modality want the modality's list, a common modality and a rare surname the other. Where a condition has
//! none, the search looks at a few studies first and, if they do not fill the page, at `Limits::search_studies_max`.

use crate::StorageError;
use crate::db::at;
use crate::labels::Seen;
use crate::listing::{ListOf, entry};
use crate::search::whole;
use crate::search_driver::{Candidate, Drivers, drivers};
use crate::search_match::{is_universal, level_of};
use crate::search_sql::{Arm, Source, Statement, Walk, Window, depths, statement};
use crate::store::Storage;
use model::{Key, Level, Limits, Matching, OrgId, Query, Reach, Scope};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use std::collections::HashMap;

/// A list with no more studies than this drives without more ado, then one with no more than that.
const SHORT: [u32; 2] = [256, 8192];
/// Studies that an open search looks at before it makes up its mind to look at many.
const GLANCE: u32 = 2000;
/// Rows that may be skipped as if they were few.
const OFFSET_SMALL: i64 = 10_000;

const PLACE: &str = "searching";

/// One search, before any database is asked.
pub(crate) struct Plan<'a> {
    scope: &'a Scope,
    level: Level,
    filters: Vec<(Key, Matching)>,
    ways: Vec<Vec<Walk<'a>>>,
    /// Whether even the best way may lead along many studies that do not fit.
    is_open: bool,
}

impl<'a> Plan<'a> {
    pub fn new(scope: &'a Scope, query: &Query) -> Self {
        let filters: Vec<(Key, Matching)> =
            query.filters.iter().filter(|(key, matching)| !is_universal(*key, matching)).cloned().collect();
        let (ways, is_open) = ways(scope, drivers(&filters));
        Self { scope, level: query.level, filters, ways, is_open }
    }

    /// A way by its number.
    fn way(&self, number: usize) -> &[Walk<'a>] {
        self.ways.get(number).map_or(&[], Vec::as_slice)
    }

    /// The statement of one way.
    fn statement(&self, way: &[Walk<'_>], window: Window, dialect: crate::db::Dialect) -> Statement {
        whole(statement(way, self.level, &self.filters, window, dialect), self.scope, self.level)
    }

    /// How many studies an open search looks at: fewer where each brings its series or instances along.
    fn studies_max(&self, limits: &Limits) -> u32 {
        let deepest = self.filters.iter().map(|(key, _)| level_of(*key)).max().unwrap_or(self.level);
        let part = match deepest.max(self.level) {
            Level::Patient | Level::Study => 1,
            Level::Series => 4,
            Level::Instance => 20,
        };
        (limits.search_studies_max / part).max(1)
    }
}

/// The ways that a search may be driven, best guess first, and whether it is open.
fn ways<'a>(scope: &'a Scope, drivers: Drivers) -> (Vec<Vec<Walk<'a>>>, bool) {
    let (candidates, is_open) = match drivers {
        Drivers::Uid(level, uids) => {
            let walk = |arm| Walk { arm, source: Source::Uid(level, uids.clone()) };
            return (vec![arms(scope).into_iter().map(walk).collect()], false);
        }
        Drivers::Lists { candidates, is_open } => (candidates, is_open),
    };
    match &scope.reach {
        // The node has no lists: it looks at studies in their order.
        Reach::Node => (vec![vec![Walk { arm: Arm::All, source: Source::Moments }]], false),
        // Either may be long and the other short: what the viewer has been granted, and what the owner has.
        Reach::OwnedBy { viewer, owner } if viewer != owner => {
            let arm = Arm::GrantedBy { viewer, owner };
            let either = |candidate: &Candidate| {
                [ListOf::Granted(viewer), ListOf::Own(owner)].map(|list| walks(&[(arm, list)], candidate))
            };
            (candidates.iter().flat_map(either).collect(), true)
        }
        Reach::OwnedBy { viewer, .. } => {
            let arms = [(own(scope, viewer), ListOf::Own(viewer))];
            (candidates.iter().map(|candidate| walks(&arms, candidate)).collect(), is_open)
        }
        Reach::Granted(viewer) => {
            let arms =
                [(own(scope, viewer), ListOf::Own(viewer)), (Arm::Granted(viewer), ListOf::Granted(viewer))];
            (candidates.iter().map(|candidate| walks(&arms, candidate)).collect(), is_open)
        }
    }
}

/// The own studies, with the labels of their slides or without.
fn own<'a>(scope: &Scope, viewer: &'a OrgId) -> Arm<'a> {
    if Seen::of(scope) == Seen::None { Arm::OwnWithoutLabels(viewer) } else { Arm::Own(viewer) }
}

fn arms(scope: &Scope) -> Vec<Arm<'_>> {
    match &scope.reach {
        Reach::Node => vec![Arm::All],
        Reach::Granted(viewer) => vec![own(scope, viewer), Arm::Granted(viewer)],
        Reach::OwnedBy { viewer, owner } if viewer == owner => vec![own(scope, viewer)],
        Reach::OwnedBy { viewer, owner } => vec![Arm::GrantedBy { viewer, owner }],
    }
}

fn walks<'a>(arms: &[(Arm<'a>, ListOf<'_>)], candidate: &Candidate) -> Vec<Walk<'a>> {
    arms.iter()
        .flat_map(|(arm, list)| {
            candidate
                .lists
                .iter()
                .map(|key| Walk { arm: *arm, source: Source::List { entry: entry(*list, key), floor: None } })
        })
        .collect()
}

impl Storage {
    /// The rows of a window, and how many studies were looked at if that was not all.
    pub(crate) async fn run(
        &self,
        plan: &Plan<'_>,
        window: Window,
    ) -> Result<(Vec<AnyRow>, Option<u32>), StorageError> {
        let mut connection = self.inner.db.readers.acquire().await.map_err(at(PLACE))?;
        let (way, is_short) = self.choose(&mut connection, plan).await?;
        let way = plan.way(way);
        if is_short || !(plan.is_open || window.offset > OFFSET_SMALL) {
            return Ok((self.fetch(&mut connection, plan, way, window).await?, None));
        }
        let studies_max = plan.studies_max(self.limits());
        if window.offset <= OFFSET_SMALL {
            let glance = GLANCE.min(studies_max);
            let (near, is_cut) = self.cut(&mut connection, plan, way, glance).await?;
            let rows = self.fetch(&mut connection, plan, &near, window).await?;
            if !is_cut || rows.len() as i64 >= window.limit {
                return Ok((rows, None));
            }
        }
        // Searches that look at many studies wait for one another, not the others for them.
        drop(connection);
        let _permit = self.inner.long_searches.acquire().await;
        let mut connection = self.inner.db.readers.acquire().await.map_err(at(PLACE))?;
        let (far, is_cut) = match plan.is_open {
            true => self.cut(&mut connection, plan, way, studies_max).await?,
            false => (way.to_vec(), false),
        };
        let rows = self.fetch(&mut connection, plan, &far, window).await?;
        let is_full = rows.len() as i64 >= window.limit;
        Ok((rows, (is_cut && !is_full).then_some(studies_max)))
    }

    /// The number of the way to go, and whether it is known to be short.
    async fn choose(
        &self,
        connection: &mut AnyConnection,
        plan: &Plan<'_>,
    ) -> Result<(usize, bool), StorageError> {
        if plan.ways.len() < 2 {
            return Ok((0, false));
        }
        let all: Vec<Walk<'_>> = plan.ways.iter().flatten().cloned().collect();
        for depth in SHORT {
            let mut floors = self.floors(connection, plan, &all, depth).await?.into_iter();
            let longest = plan.ways.iter().map(|way| floors.by_ref().take(way.len()).max().flatten());
            let longest: Vec<Option<i64>> = longest.collect();
            if let Some(way) = longest.iter().position(Option::is_none) {
                return Ok((way, true));
            }
        }
        Ok((0, false))
    }

    /// A way that ends after so many studies of the list that holds most of them, and whether any goes on. All lists end
    /// at one moment: an answer that lacked newer studies of one beside older ones of another would not be a page.
    async fn cut<'a>(
        &self,
        connection: &mut AnyConnection,
        plan: &Plan<'a>,
        way: &[Walk<'a>],
        depth: u32,
    ) -> Result<(Vec<Walk<'a>>, bool), StorageError> {
        let floors = self.floors(connection, plan, way, depth).await?;
        let newest = floors.into_iter().flatten().max();
        let mut way = way.to_vec();
        for walk in &mut way {
            if let Source::List { floor, .. } = &mut walk.source {
                *floor = newest;
            }
        }
        Ok((way, newest.is_some()))
    }

    /// Of each walk along a list, the moment of the study so many places below the newest; `None` where it ends before.
    async fn floors(
        &self,
        connection: &mut AnyConnection,
        plan: &Plan<'_>,
        way: &[Walk<'_>],
        depth: u32,
    ) -> Result<Vec<Option<i64>>, StorageError> {
        let entries: Vec<i64> = way
            .iter()
            .filter_map(|walk| match walk.source {
                Source::List { entry, .. } => Some(entry),
                Source::Uid(..) | Source::Moments => None,
            })
            .collect();
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let Statement { text, values } = depths(&entries, &plan.filters, depth);
        let row = values.query(text).fetch_one(connection).await.map_err(at(PLACE))?;
        (0..entries.len()).map(|i| row.try_get(i).map_err(at(PLACE))).collect()
    }

    async fn fetch(
        &self,
        connection: &mut AnyConnection,
        plan: &Plan<'_>,
        way: &[Walk<'_>],
        window: Window,
    ) -> Result<Vec<AnyRow>, StorageError> {
        let Statement { text, values } = plan.statement(way, window, self.inner.db.dialect);
        values.query(text).fetch_all(connection).await.map_err(at(PLACE))
    }

    /// What would be done for a search: the way that is taken, then what the database says, a line each, indented.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn explain(&self, scope: &Scope, query: &Query) -> Result<Vec<String>, StorageError> {
        let plan = Plan::new(scope, query);
        let window = Window { limit: i64::from(query.limit) + 1, offset: i64::from(query.offset) };
        let mut connection = self.inner.db.readers.acquire().await.map_err(at(PLACE))?;
        let (way, is_short) = self.choose(&mut connection, &plan).await?;
        let end = if is_short { ", short" } else { "" };
        let mut lines = vec![format!("way {} of {}{end}", way + 1, plan.ways.len())];
        let Statement { text, values } = plan.statement(plan.way(way), window, self.inner.db.dialect);
        let text = format!("{}{text}", self.inner.db.explain());
        let rows = values.query(text).fetch_all(&mut *connection).await.map_err(at(PLACE))?;
        let mut depths = HashMap::new();
        for row in &rows {
            // SQLite gives id, parent, something else and a text; PostgreSQL a text that is indented.
            let depth = match row.len() {
                1 => 0,
                _ => {
                    let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
                    let depth = depths.get(&number(1)?).map_or(0, |above: &usize| above + 1);
                    depths.insert(number(0)?, depth);
                    depth
                }
            };
            let text: String = row.try_get(row.len() - 1).map_err(at(PLACE))?;
            lines.push(format!("{}{text}", "  ".repeat(depth)));
        }
        Ok(lines)
    }
}
