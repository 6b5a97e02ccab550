//! What a security officer looks at in the morning: of their own organisation, on one page, each line leading to where it is put right.
//! Of the node itself only officers of the organisation that runs it are told.

mod lines;

use crate::audit_state::{self, AuditState};
use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::session::OrganisationName;
use crate::state::ApiState;
use crate::store::runs_the_node;
use crate::studies::Names;
use access::{Right, Role};
use axum::Json;
use axum::extract::State;
use lines::Looked;
use model::time_text::rfc3339;
use serde::Serialize;
use std::sync::Arc;
use storage::{AuditAction, AuditEntry, AuditOutcome};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

/// What ends within so many days is told.
const SOON_DAYS: i64 = 60;
/// A token that nobody has used for so long is told.
const UNUSED_DAYS: i64 = 90;
/// Refused log-ins of so many days are counted.
const FAILED_DAYS: i64 = 7;
/// Lines of one part at most; the numbers count all.
const LINES_MAX: usize = 20;

/// When something that the node's configuration names ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEnd {
    /// Which line of the configuration names it.
    pub what: String,
    /// Who or what it is of: a certificate's subject, a list's issuer.
    pub subject: String,
    /// When; `None` when it cannot be read.
    pub at: Option<OffsetDateTime>,
}

/// Looks into the files that the configuration names; it may block.
pub type NodeEnds = Arc<dyn Fn() -> Vec<NodeEnd> + Send + Sync>;

/// An account.
#[derive(Serialize, ToSchema)]
pub struct AccountLine {
    /// Identifier.
    pub id: String,
    /// Login name.
    pub login: String,
    /// Name.
    pub name: String,
    /// Roles.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// Whether its roles take a second factor: it is asked for one at the next log-in.
    pub takes_second_factor: bool,
}

/// Accounts that are not disabled, and those that are.
#[derive(Serialize, ToSchema)]
pub struct AccountsOverview {
    /// Accounts that can log in.
    pub active: usize,
    /// Of them those with a second factor or a passkey.
    pub with_second_factor: usize,
    /// Those without; who holds an office first.
    pub without_second_factor: Vec<AccountLine>,
    /// Accounts that nobody can log in to from anywhere new, because too many guesses have failed within an hour.
    pub locked: Vec<AccountLine>,
    /// Accounts that have been disabled.
    pub disabled: usize,
}

/// Refused log-ins of an account or a device.
#[derive(Serialize, ToSchema)]
pub struct FailedLine {
    /// The person, if it is an account's.
    pub person: Option<String>,
    /// Login name, or AE title.
    pub who: String,
    /// How many.
    pub count: usize,
    /// The last one (RFC 3339).
    pub last_at: String,
    /// Where they came from, five at most.
    pub addresses: Vec<String>,
}

/// Refused log-ins.
#[derive(Serialize, ToSchema)]
pub struct FailedOverview {
    /// Of so many days.
    pub days: i64,
    /// How many.
    pub count: usize,
    /// Whether there were more than are counted.
    pub is_more: bool,
    /// Most first.
    pub lines: Vec<FailedLine>,
}

/// Open sessions of one person.
#[derive(Serialize, ToSchema)]
pub struct SessionsLine {
    /// The person.
    pub person: String,
    /// Login name.
    pub login: String,
    /// Name.
    pub name: String,
    /// How many.
    pub count: usize,
    /// Whether one of them was begun with one factor.
    pub has_one_factor: bool,
}

/// Open sessions.
#[derive(Serialize, ToSchema)]
pub struct SessionsOverview {
    /// How many.
    pub open: usize,
    /// Most first.
    pub lines: Vec<SessionsLine>,
}

/// A machine's token that somebody should look at.
#[derive(Serialize, ToSchema)]
pub struct TokenLine {
    /// Identifier.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// `ending`: soon; `unused`: for long; `endless`: it never ends.
    pub why: &'static str,
    /// When it ends (RFC 3339).
    pub expires_at: Option<String>,
    /// When it was used last (RFC 3339).
    pub last_used_at: Option<String>,
}

/// Machines' tokens.
#[derive(Serialize, ToSchema)]
pub struct TokensOverview {
    /// Good ones.
    pub good: usize,
    /// Those that somebody should look at.
    pub to_look_at: usize,
    /// Those, the first of them.
    pub lines: Vec<TokenLine>,
}

/// Something that ends soon, or has ended.
#[derive(Serialize, ToSchema)]
pub struct EndingLine {
    /// `licence`, `certificate` (a person's), `agreement`; of the node the line of its configuration.
    pub what: String,
    /// Whose: a person's or an agreement's identifier, if it has one.
    pub id: Option<String>,
    /// In words: a name, the other side, a certificate's subject.
    pub name: String,
    /// When (RFC 3339); nothing when it cannot be read.
    pub at: Option<String>,
    /// Whether it has ended.
    pub is_over: bool,
}

/// What ends soon, or has ended: what comes first.
#[derive(Serialize, ToSchema)]
pub struct EndingOverview {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub lines: Vec<EndingLine>,
}

/// Accesses in emergencies.
#[derive(Serialize, ToSchema)]
pub struct EmergenciesOverview {
    /// Whether others' doctors may open the organisation's studies.
    pub is_allowed: bool,
    /// Accesses that wait for a verdict.
    pub waiting: u64,
    /// Since when the oldest of them waits (RFC 3339).
    pub oldest_at: Option<String>,
}

/// A device that may call, or is called, without TLS.
#[derive(Serialize, ToSchema)]
pub struct DeviceLine {
    /// AE title.
    pub ae_title: String,
    /// Whether it may call without TLS.
    pub calls_plain: bool,
    /// Whether it is called without TLS.
    pub is_called_plain: bool,
    /// Whether it may call from any address.
    pub from_anywhere: bool,
}

/// Devices.
#[derive(Serialize, ToSchema)]
pub struct DevicesOverview {
    /// All.
    pub all: usize,
    /// Those that may call, or are called, without TLS.
    pub without_tls: usize,
    /// The first of them.
    pub lines: Vec<DeviceLine>,
}

/// What concerns the node as a whole.
#[derive(Serialize, ToSchema)]
pub struct NodeOverview {
    /// How the audit chain is looked after.
    pub audit: AuditState,
    /// Certificates and revocation lists of the configuration.
    pub ending: EndingOverview,
    /// Refused log-ins with names that no account has.
    pub unknown_names: usize,
}

/// What a security officer looks at.
#[derive(Serialize, ToSchema)]
pub struct SecurityOverview {
    /// Of which organisation.
    pub organisation: OrganisationName,
    /// As it was then (RFC 3339).
    pub at: String,
    /// Within so many days is soon.
    pub soon_days: i64,
    /// Accounts.
    pub accounts: AccountsOverview,
    /// Refused log-ins.
    pub failed: FailedOverview,
    /// Open sessions.
    pub sessions: SessionsOverview,
    /// Machines' tokens.
    pub tokens: TokensOverview,
    /// Licences and signing certificates of people.
    pub people_ending: EndingOverview,
    /// Agreements.
    pub agreements_ending: EndingOverview,
    /// Accesses in emergencies.
    pub emergencies: EmergenciesOverview,
    /// Devices.
    pub devices: DevicesOverview,
    /// The node: only for officers of the organisation that runs it.
    pub node: Option<NodeOverview>,
}

/// What a security officer looks at of their own organisation.
#[utoipa::path(get, path = "/api/v1/security/overview", tag = "admin",
    responses((status = 200, body = SecurityOverview), (status = 403, body = Problem)))]
pub async fn security_overview(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<SecurityOverview>, ApiError> {
    let caller = auth.require(Right::Secure)?;
    let looked = AuditEntry {
        action: AuditAction::Search,
        object: "security".to_owned(),
        outcome: AuditOutcome::Success,
        detail: String::new(),
    };
    state.0.storage.audit(caller.scope(), looked).await?;
    let organisation = state.0.storage.organisation(caller.organisation()).await?;
    let look = Looked::at(&state, &organisation.id).await?;
    let mut names = Names::default();
    let node = if runs_the_node(&state, &organisation.id).await? {
        Some(NodeOverview {
            audit: audit_state::read(&state).await?,
            ending: look.node_ending(&state).await?,
            unknown_names: look.unknown_names(&state).await?,
        })
    } else {
        None
    };
    Ok(Json(SecurityOverview {
        at: rfc3339(look.now),
        soon_days: SOON_DAYS,
        accounts: look.accounts(&state).await?,
        failed: look.failed(&state).await?,
        sessions: look.sessions(&state).await?,
        tokens: look.tokens(&state).await?,
        people_ending: look.people_ending(&state).await?,
        agreements_ending: look.agreements_ending(&state, &mut names).await?,
        emergencies: crate::emergency::overview(&state, &organisation.id).await?,
        devices: look.devices(&state, caller.scope()).await?,
        node,
        organisation: OrganisationName { id: organisation.id.to_string(), name: organisation.name },
    }))
}

fn days(count: i64) -> Duration {
    Duration::days(count)
}
