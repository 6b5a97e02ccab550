//! How the node's store is, for the administrator of the organisation that runs the node: no patient is in it.

use crate::auth::LoggedIn;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use model::OrgId;
use model::time_text::{from_unix_ms, rfc3339, unix_ms};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::{Condition, Storage};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// How long an answer is good for: rows are counted for each.
const GOOD_FOR: Duration = Duration::from_secs(15);

/// How the store was a moment ago.
pub(crate) struct Seen {
    began_at: OffsetDateTime,
    last: Mutex<Option<(Instant, Arc<Condition>)>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { began_at: OffsetDateTime::now_utc(), last: Mutex::new(None) }
    }
}

impl Seen {
    /// How the store is, counted at most every few seconds, by one asker for all.
    async fn condition(&self, storage: &Storage) -> Result<Arc<Condition>, ApiError> {
        let mut last = self.last.lock().await;
        if let Some((at, condition)) = last.as_ref()
            && at.elapsed() < GOOD_FOR
        {
            return Ok(condition.clone());
        }
        let condition = Arc::new(storage.condition().await?);
        *last = Some((Instant::now(), condition.clone()));
        Ok(condition)
    }
}

/// The disk that the data directory is on.
#[derive(Serialize, ToSchema)]
pub struct StoreDisk {
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes that are taken, by whomever.
    pub used_bytes: u64,
    /// Bytes that the node may still write.
    pub available_bytes: u64,
    /// Bytes that come to it each day, negative when it empties; null before it has been measured for a day.
    pub bytes_per_day: Option<i64>,
    /// Days that this was measured over, at most 30.
    pub measured_days: Option<u32>,
    /// Days until it is full at that rate; null when it is not known, or does not fill.
    pub days_left: Option<u64>,
}

/// What the store keeps, of all organisations.
#[derive(Serialize, ToSchema)]
pub struct StoreKept {
    /// Studies.
    pub studies: u64,
    /// Instances.
    pub instances: u64,
    /// Segments, which hold them.
    pub segments: u64,
    /// Bytes of the segments on the disk.
    pub segment_bytes: u64,
    /// Files beside them: slides as they came, attachments, reports.
    pub files: u64,
    /// Bytes of those.
    pub file_bytes: u64,
}

/// The database of the index.
#[derive(Serialize, ToSchema)]
pub struct StoreIndex {
    /// `sqlite` or `postgresql`.
    pub kind: &'static str,
    /// Its version.
    pub version: String,
    /// Bytes that it takes.
    pub bytes: u64,
}

/// Jobs of one kind.
#[derive(Serialize, ToSchema)]
pub struct StoreJobs {
    /// Which: `forward`, `retrieve`, `commitment`, `delivery`, …
    pub kind: String,
    /// To be done, or being done.
    pub waiting: u64,
    /// Given up until somebody asks for another attempt.
    pub set_aside: u64,
    /// When the oldest of those that wait was made (RFC 3339).
    pub oldest_at: Option<String>,
}

/// The last check of index and objects (`farsight fsck`).
#[derive(Serialize, ToSchema)]
pub struct StoreFsck {
    /// When it ended (RFC 3339).
    pub at: String,
    /// Seconds that it took.
    pub took_s: u64,
    /// Objects whose checksum was computed.
    pub objects: u64,
    /// What was not as it should be.
    pub findings: u64,
}

/// The last backup that the node was told of (`farsight backup`).
#[derive(Serialize, ToSchema)]
pub struct StoreBackup {
    /// When it was finished (RFC 3339).
    pub at: String,
    /// Where it is and how it was made, in the words of whoever made it.
    pub what: String,
}

/// The processes that the native image codecs run in.
#[derive(Serialize, ToSchema)]
pub struct StoreCodecs {
    /// How they are confined, as `/healthz` says it.
    pub confinement: String,
    /// How many there are; null when codecs run in the node's own process.
    pub workers: Option<u32>,
    /// How many are free now.
    pub free: Option<u32>,
}

/// How grave a warning is.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// To be done today.
    Alarm,
    /// To be done soon.
    Warning,
}

/// Something that somebody has to do.
#[derive(Serialize, Clone, PartialEq, Eq, Debug, ToSchema)]
pub struct StoreWarning {
    /// `disk_full_soon`, `disk_almost_full`, `jobs_set_aside`, `jobs_old`, `fsck_never`, `fsck_old`, `fsck_findings`,
    /// `backup_never`, `backup_old`, `codecs_not_confined`.
    pub code: &'static str,
    /// How grave it is.
    pub gravity: Gravity,
    /// Days, percent or how many, as the code says.
    pub n: u64,
}

/// How the store is.
#[derive(Serialize, ToSchema)]
pub struct StoreState {
    /// When it was so (RFC 3339): at most some seconds ago.
    pub measured_at: String,
    /// What has to be done, the gravest first; empty when all is well.
    pub warnings: Vec<StoreWarning>,
    /// The disk.
    pub disk: StoreDisk,
    /// What is kept.
    pub kept: StoreKept,
    /// The index.
    pub index: StoreIndex,
    /// What waits to be done, by kind.
    pub jobs: Vec<StoreJobs>,
    /// The last check; null when there has been none.
    pub fsck: Option<StoreFsck>,
    /// The last backup; null when the node was told of none.
    pub backup: Option<StoreBackup>,
    /// The codecs.
    pub codecs: StoreCodecs,
    /// This program's version.
    pub version: &'static str,
    /// Since when it runs (RFC 3339).
    pub started_at: String,
}

/// A disk that is full within so many days is an alarm, or a warning.
const DAYS_ALARM: u64 = 14;
const DAYS_WARNING: u64 = 60;
/// Percent that are free.
const FREE_ALARM: u64 = 5;
const FREE_WARNING: u64 = 15;
/// Jobs wait longer than this only when something does not work.
const JOB_HOURS: u64 = 1;
const FSCK_DAYS: u64 = 35;
const BACKUP_DAYS_WARNING: u64 = 2;
const BACKUP_DAYS_ALARM: u64 = 8;
const HOUR_MS: i64 = 3_600_000;

/// Whole hours since a moment.
fn hours_since(at_ms: i64, now_ms: i64) -> u64 {
    u64::try_from(now_ms.saturating_sub(at_ms) / HOUR_MS).unwrap_or(0)
}

fn days_left(condition: &Condition) -> Option<u64> {
    let days = condition.filling.as_ref()?.days_left(condition.disk.available)?;
    // A century is far enough, and a number that fits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 36500")]
    Some(days.clamp(0.0, 36_500.0) as u64)
}

/// What has to be done, the gravest first.
fn warnings(condition: &Condition, confinement: &str) -> Vec<StoreWarning> {
    let mut warnings = Vec::new();
    let mut warn = |code, gravity, n| warnings.push(StoreWarning { code, gravity, n });
    let now_ms = condition.at_ms;
    if let Some(left) = days_left(condition).filter(|left| *left < DAYS_WARNING) {
        warn("disk_full_soon", if left < DAYS_ALARM { Gravity::Alarm } else { Gravity::Warning }, left);
    }
    let disk = condition.disk;
    let free = disk.available.saturating_mul(100) / disk.used.saturating_add(disk.available).max(1);
    if free < FREE_WARNING {
        warn("disk_almost_full", if free < FREE_ALARM { Gravity::Alarm } else { Gravity::Warning }, free);
    }
    match &condition.fsck {
        None => warn("fsck_never", Gravity::Warning, 0),
        Some(fsck) if fsck.findings > 0 => warn("fsck_findings", Gravity::Alarm, fsck.findings),
        Some(fsck) => {
            let days = hours_since(fsck.at_ms, now_ms) / 24;
            if days > FSCK_DAYS {
                warn("fsck_old", Gravity::Warning, days);
            }
        }
    }
    match &condition.backup {
        None => warn("backup_never", Gravity::Alarm, 0),
        Some(backup) => {
            let days = hours_since(backup.at_ms, now_ms) / 24;
            if days >= BACKUP_DAYS_WARNING {
                let is_late = days >= BACKUP_DAYS_ALARM;
                warn("backup_old", if is_late { Gravity::Alarm } else { Gravity::Warning }, days);
            }
        }
    }
    let set_aside = condition.jobs.iter().map(|of| of.set_aside).fold(0, u64::saturating_add);
    if set_aside > 0 {
        warn("jobs_set_aside", Gravity::Warning, set_aside);
    }
    let oldest = condition.jobs.iter().filter_map(|of| of.oldest_at_ms).min();
    let hours = oldest.map_or(0, |at_ms| hours_since(at_ms, now_ms));
    if hours >= JOB_HOURS {
        warn("jobs_old", Gravity::Warning, hours);
    }
    if confinement != "landlock+seccomp" {
        warn("codecs_not_confined", Gravity::Warning, 0);
    }
    warnings.sort_by_key(|warning| warning.gravity != Gravity::Alarm);
    warnings
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl StoreState {
    fn of(condition: &Condition, began_at: OffsetDateTime) -> Self {
        let said = |at_ms| rfc3339(from_unix_ms(at_ms));
        let confinement = codec::pool::confinement();
        let workers = codec::pool::workers();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 30 days")]
        let measured_days = condition.filling.as_ref().map(|filling| filling.days as u32);
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and no disk is so large")]
        let bytes_per_day = condition.filling.as_ref().map(|filling| filling.bytes_per_day as i64);
        let disk = condition.disk;
        let jobs = condition.jobs.iter().map(|of| StoreJobs {
            kind: of.kind.clone(),
            waiting: of.waiting,
            set_aside: of.set_aside,
            oldest_at: of.oldest_at_ms.map(said),
        });
        Self {
            measured_at: said(condition.at_ms),
            warnings: warnings(condition, &confinement),
            disk: StoreDisk {
                total_bytes: disk.total,
                used_bytes: disk.used,
                available_bytes: disk.available,
                bytes_per_day,
                measured_days,
                days_left: days_left(condition),
            },
            kept: StoreKept {
                studies: condition.studies,
                instances: condition.instances,
                segments: condition.segments,
                segment_bytes: condition.segment_bytes,
                files: condition.blobs,
                file_bytes: condition.blob_bytes,
            },
            index: StoreIndex {
                kind: condition.index.kind,
                version: condition.index.version.clone(),
                bytes: condition.index.bytes,
            },
            jobs: jobs.collect(),
            fsck: condition.fsck.as_ref().map(|fsck| StoreFsck {
                at: said(fsck.at_ms),
                took_s: fsck.took_ms.div_ceil(1000),
                objects: fsck.objects,
                findings: fsck.findings,
            }),
            backup: condition
                .backup
                .as_ref()
                .map(|backup| StoreBackup { at: said(backup.at_ms), what: backup.what.clone() }),
            codecs: StoreCodecs {
                confinement,
                workers: workers.map(|(all, _)| count(all)),
                free: workers.map(|(_, free)| count(free)),
            },
            version: env!("CARGO_PKG_VERSION"),
            started_at: said(unix_ms(began_at)),
        }
    }
}

/// Whether this organisation runs the node: the one that the configuration names, or the only one that nobody else looks
/// after.
pub(crate) async fn runs_the_node(state: &ApiState, organisation: &OrgId) -> Result<bool, ApiError> {
    if let Some(named) = &state.0.node_organisation {
        return Ok(named == organisation);
    }
    let all = state.0.storage.organisations().await?;
    let mut own = all.iter().filter(|one| one.looked_after_by.is_none());
    Ok(own.next().is_some_and(|one| one.id == *organisation) && own.next().is_none())
}

/// How the node's store is: disk, what is kept, what waits, the last check and backup, and what has to be done (administrator
/// of the organisation that runs the node).
#[utoipa::path(get, path = "/api/v1/admin/store", tag = "admin",
    responses((status = 200, body = StoreState), (status = 403, body = Problem)))]
pub async fn store_state(State(state): State<ApiState>, who: LoggedIn) -> Result<Json<StoreState>, ApiError> {
    crate::admin::require(&who, &[Right::Administer])?;
    if !runs_the_node(&state, who.caller.organisation()).await? {
        return Err(ApiError::Forbidden(
            "只有运行本节点的机构的系统管理员可以查看 / only administrators of the organisation that runs this node see this",
        ));
    }
    let condition = state.0.store.condition(&state.0.storage).await?;
    Ok(Json(StoreState::of(&condition, state.0.store.began_at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use storage::{Backup, Disk, Filling, Fsck, IndexState, JobsOfKind};

    const DAY_MS: i64 = 24 * HOUR_MS;
    const NOW_MS: i64 = 1000 * DAY_MS;

    fn sound() -> Condition {
        Condition {
            at_ms: NOW_MS,
            disk: Disk { total: 1000, used: 500, available: 500 },
            filling: Some(Filling { days: 30.0, bytes_per_day: 1.0 }),
            studies: 1,
            instances: 1,
            segments: 1,
            segment_bytes: 1,
            blobs: 0,
            blob_bytes: 0,
            index: IndexState { kind: "sqlite", version: "3".into(), bytes: 1 },
            jobs: Vec::new(),
            fsck: Some(Fsck { at_ms: NOW_MS - DAY_MS, took_ms: 1, objects: 1, findings: 0 }),
            backup: Some(Backup { at_ms: NOW_MS - DAY_MS, what: "nas".into() }),
        }
    }

    #[test]
    fn each_trouble_has_its_warning_and_a_sound_store_has_none() {
        type Trouble = fn(&mut Condition);
        let check = |trouble: Trouble, expected: &[(&str, Gravity, u64)]| {
            let mut condition = sound();
            trouble(&mut condition);
            let said = warnings(&condition, "landlock+seccomp");
            let said: Vec<_> = said.iter().map(|one| (one.code, one.gravity, one.n)).collect();
            assert_eq!(said, expected);
        };
        let job = |hours: i64| JobsOfKind {
            kind: "forward".into(),
            waiting: 1,
            set_aside: 0,
            oldest_at_ms: Some(NOW_MS - hours * HOUR_MS),
        };
        check(|_| {}, &[]);
        check(|c| c.filling = None, &[]);
        check(
            |c| c.filling = Some(Filling { days: 2.0, bytes_per_day: 50.0 }),
            &[("disk_full_soon", Gravity::Alarm, 10)],
        );
        check(
            |c| c.filling = Some(Filling { days: 2.0, bytes_per_day: 10.0 }),
            &[("disk_full_soon", Gravity::Warning, 50)],
        );
        check(
            |c| c.disk = Disk { total: 10_000, used: 9000, available: 1000 },
            &[("disk_almost_full", Gravity::Warning, 10)],
        );
        check(|c| c.fsck = None, &[("fsck_never", Gravity::Warning, 0)]);
        check(
            |c| c.fsck.as_mut().unwrap().at_ms = NOW_MS - 40 * DAY_MS,
            &[("fsck_old", Gravity::Warning, 40)],
        );
        check(|c| c.fsck.as_mut().unwrap().findings = 3, &[("fsck_findings", Gravity::Alarm, 3)]);
        check(|c| c.backup = None, &[("backup_never", Gravity::Alarm, 0)]);
        check(
            |c| c.backup.as_mut().unwrap().at_ms = NOW_MS - 3 * DAY_MS,
            &[("backup_old", Gravity::Warning, 3)],
        );
        let mut late = sound();
        late.jobs = vec![job(0)];
        assert_eq!(warnings(&late, "landlock+seccomp"), []);
        late.jobs = vec![job(5), JobsOfKind { set_aside: 2, waiting: 0, oldest_at_ms: None, ..job(0) }];
        late.backup = None;
        let codes: Vec<_> = warnings(&late, "none").into_iter().map(|one| one.code).collect();
        assert_eq!(codes, ["backup_never", "jobs_set_aside", "jobs_old", "codecs_not_confined"]);
    }
}
