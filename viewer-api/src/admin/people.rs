//! People: accounts, roles, licences, invitations, and what ends an account's use.

use super::{looked_after, require, required, text};
use crate::auth::LoggedIn;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{IfMatch, UrlPath, UrlQuery};
use crate::state::ApiState;
use access::{
    Credential, Duty, Invitation, Membership, Organisation, Person, Refusal, Right, Role, Secret,
    Subspecialty, duties,
};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::time_text::rfc3339;
use model::{OrgId, PersonId};
use serde::{Deserialize, Serialize};
use storage::StorageError;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// Characters of a name or a title at most.
const NAME_CHARS_MAX: usize = 64;
/// Organisations that somebody works for beside their own at most.
const MEMBERSHIPS_MAX: usize = 16;

/// Whose people.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeopleFilter {
    /// An organisation that the caller's looks after; its own when absent.
    pub organisation: Option<String>,
}

/// The people of an organisation.
#[derive(Serialize, ToSchema)]
pub struct People {
    /// The people, by login name.
    pub people: Vec<PersonItem>,
}

/// An account.
#[derive(Serialize, ToSchema)]
pub struct PersonItem {
    /// Identifier.
    pub id: String,
    /// Login name.
    pub login: String,
    /// Name as printed in reports.
    pub name: String,
    /// Professional title.
    pub title: String,
    /// Organisation.
    pub organisation: String,
    /// Roles.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// Whether the account is disabled.
    pub is_disabled: bool,
    /// Whether a first password has been set; of somebody whose account others look after, this and the next two say no.
    pub has_password: bool,
    /// Whether logging in takes a one-time code or a passkey.
    pub has_second_factor: bool,
    /// Whether there is a signing key for the person on this node, or with a service that it asks.
    pub has_signing_key: bool,
    /// The licence of a doctor.
    pub credential: Option<CredentialBody>,
    /// Other organisations that the person works for.
    pub memberships: Vec<MembershipBody>,
    /// What they know best within their field.
    #[schema(value_type = Vec<String>)]
    pub subspecialties: Vec<Subspecialty>,
    /// What was seen of the account: to be sent in `If-Match` with a change. Empty when others look after it.
    pub etag: String,
    /// What the caller may do to the account: `particulars`, `roles`, `invite`, `disable`, `end_sessions`,
    /// `reset_second_factor`.
    pub allowed: Vec<&'static str>,
}

/// A licence to practise; days as `2026-11-26`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CredentialBody {
    /// Number of the practice certificate (执业证书编码).
    pub licence: String,
    /// Registered scope in words (执业范围).
    #[serde(default)]
    pub scope: String,
    /// Modalities that it covers.
    pub modalities: Vec<String>,
    /// First day.
    pub valid_from: String,
    /// Last day.
    pub valid_until: String,
}

/// What somebody does for another organisation.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct MembershipBody {
    /// For whom.
    pub organisation: String,
    /// As what.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
}

/// A new account.
#[derive(Deserialize, ToSchema)]
pub struct NewPerson {
    /// An organisation that the caller's looks after.
    pub organisation: String,
    /// Login name: 2 to 32 of a-z, 0-9 and `.-_`; upper case becomes lower case.
    pub login: String,
    /// Roles.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// The rest.
    #[serde(flatten)]
    pub particulars: Particulars,
}

/// Who somebody is.
#[derive(Deserialize, ToSchema)]
pub struct Particulars {
    /// Name as printed in reports.
    pub name: String,
    /// Professional title.
    #[serde(default)]
    pub title: String,
    /// The licence of a doctor.
    pub credential: Option<CredentialBody>,
    /// Other organisations that the person works for.
    #[serde(default)]
    pub memberships: Vec<MembershipBody>,
    /// What they know best within their field: `neuro`, `head_neck`, `chest`, `cardiovascular`, `breast`, `abdomen`,
    /// `musculoskeletal`, `paediatric`; of pathology `gastrointestinal`, `gynaecological`, `urological`, `haematopathology`,
    /// `dermatopathology`, `pulmonary`, `soft_tissue_bone`, `cytology`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub subspecialties: Vec<Subspecialty>,
}

/// Roles.
#[derive(Deserialize, ToSchema)]
pub struct Roles {
    /// All of them.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
}

/// An invitation, shown once.
#[derive(Serialize, ToSchema)]
pub struct InvitationLink {
    /// To be given to the person by a way that reaches nobody else.
    pub link: String,
    /// When it ends (RFC 3339).
    pub expires_at: String,
}

const DUTIES: [(Duty, &str); 6] = [
    (Duty::ChangeParticulars, "particulars"),
    (Duty::ChangeRoles, "roles"),
    (Duty::Invite, "invite"),
    (Duty::Disable, "disable"),
    (Duty::EndSessions, "end_sessions"),
    (Duty::ResetSecondFactor, "reset_second_factor"),
];

/// The organisations besides their own that somebody works for.
async fn members_of(state: &ApiState, person: &Person) -> Result<Vec<Organisation>, ApiError> {
    let mut organisations = Vec::with_capacity(person.memberships.len());
    for membership in &person.memberships {
        organisations.push(state.0.storage.organisation(&membership.organisation).await?);
    }
    Ok(organisations)
}

fn may(
    who: &LoggedIn,
    duty: Duty,
    whom: &Person,
    organisation: &Organisation,
    members_of: &[Organisation],
) -> Result<(), Refusal> {
    duties::may(&who.person, duty, whom, organisation)?;
    duties::may_beyond(&who.person, duty, members_of)
}

async fn item(
    state: &ApiState,
    who: &LoggedIn,
    organisation: &Organisation,
    person: Person,
) -> Result<PersonItem, ApiError> {
    let storage = &state.0.storage;
    let members_of = members_of(state, &person).await?;
    let is_allowed = |duty| may(who, duty, &person, organisation, &members_of).is_ok();
    let factor = storage.second_factor(&person.id).await?;
    Ok(PersonItem {
        etag: person.tag(),
        allowed: DUTIES.iter().filter(|(duty, _)| is_allowed(*duty)).map(|(_, word)| *word).collect(),
        has_signing_key: state.0.keystore.certificate(&person.id).await?.is_some()
            || state.0.consults.signs_by_phone(&person).await?,
        has_second_factor: factor.is_some_and(|factor| factor.is_confirmed)
            || !storage.passkeys_of(&person.id).await?.is_empty(),
        has_password: !person.password_hash.is_empty(),
        id: person.id.to_string(),
        login: person.login,
        name: person.name,
        title: person.title,
        organisation: person.organisation.to_string(),
        roles: person.roles,
        is_disabled: person.is_disabled,
        credential: person.credential.map(|credential| CredentialBody {
            valid_from: credential.valid_from.to_string(),
            valid_until: credential.valid_until.to_string(),
            licence: credential.licence,
            scope: credential.scope,
            modalities: credential.modalities,
        }),
        memberships: person
            .memberships
            .into_iter()
            .map(|m| MembershipBody { organisation: m.organisation.to_string(), roles: m.roles })
            .collect(),
        subspecialties: person.subspecialties,
    })
}

/// Who somebody is, checked.
struct Checked {
    name: String,
    title: String,
    credential: Option<Credential>,
    memberships: Vec<Membership>,
    subspecialties: Vec<Subspecialty>,
}

impl Particulars {
    /// What is written, checked. Memberships that are already there may stay: whoever does not look after their organisation
    /// cannot change them, and is not kept from changing the rest.
    async fn check(
        self,
        state: &ApiState,
        who: &LoggedIn,
        home: &OrgId,
        known: &[Membership],
    ) -> Result<Checked, ApiError> {
        let credential = self
            .credential
            .map(|c| Credential::parse(&c.licence, &c.scope, c.modalities, &c.valid_from, &c.valid_until));
        if self.memberships.len() > MEMBERSHIPS_MAX {
            return Err(ApiError::invalid("memberships", "太多 / too many"));
        }
        let mut memberships: Vec<Membership> = Vec::new();
        for MembershipBody { organisation, roles } in self.memberships {
            // Rights in an organisation are given by who looks after it.
            let is_known =
                |m: &Membership| m.organisation.as_str() == organisation.as_str() && m.roles == roles;
            let organisation = match known.iter().find(|m| is_known(m)) {
                Some(kept) => kept.organisation.clone(),
                None => {
                    let organisation = looked_after(state, who, &organisation).await?;
                    organisation.check_roles("memberships", &roles)?;
                    organisation.id
                }
            };
            duties::may_become(&roles)?;
            if organisation == *home || memberships.iter().any(|m| m.organisation == organisation) {
                return Err(ApiError::invalid("memberships", "机构重复 / an organisation twice"));
            }
            memberships.push(Membership { organisation, roles });
        }
        for kept in known {
            let is_there = memberships.iter().any(|m| m.organisation == kept.organisation);
            if !is_there && looked_after(state, who, kept.organisation.as_str()).await.is_err() {
                memberships.push(kept.clone());
            }
        }
        let mut subspecialties = self.subspecialties;
        subspecialties.sort_unstable();
        subspecialties.dedup();
        Ok(Checked {
            name: required("name", &self.name, NAME_CHARS_MAX)?,
            title: text("title", &self.title, NAME_CHARS_MAX)?,
            credential: credential.transpose()?,
            memberships,
            subspecialties,
        })
    }
}

/// The people of an organisation, and those of others who work for it too.
#[utoipa::path(get, path = "/api/v1/admin/people", tag = "admin", params(PeopleFilter),
    responses((status = 200, body = People), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn list_people(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlQuery(filter): UrlQuery<PeopleFilter>,
) -> Result<Json<People>, ApiError> {
    require(&who, &[Right::Administer, Right::Secure])?;
    let own = who.caller.organisation().to_string();
    let organisation = looked_after(&state, &who, filter.organisation.as_deref().unwrap_or(&own)).await?;
    let storage = &state.0.storage;
    let mut found = storage.people_acting_for(&organisation.id).await?;
    found.sort_by(|a, b| a.login.cmp(&b.login));
    let mut people = Vec::with_capacity(found.len());
    for acting in found {
        let person = storage.person(&acting.id).await?;
        let home = storage.organisation(&person.organisation).await?;
        let is_ours = home.is_looked_after_by(who.caller.organisation());
        let mut item = item(&state, &who, &home, person).await?;
        if !is_ours {
            // Somebody else's: what they do here, and nothing of what they are elsewhere.
            item.memberships.retain(|m| m.organisation == organisation.id.as_str());
            item.roles.clone_from(&acting.roles);
            item.allowed.clear();
            item.etag.clear();
            (item.has_password, item.has_second_factor, item.has_signing_key) = (false, false, false);
        }
        people.push(item);
    }
    Ok(Json(People { people }))
}

fn login_of(text: &str) -> Result<String, ApiError> {
    let login = text.trim().to_lowercase();
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    if (2..=32).contains(&login.len()) && login.bytes().all(is_letter) {
        return Ok(login);
    }
    Err(ApiError::invalid("login", "登录名为2到32个字母、数字或 . - _ / 2 to 32 letters, digits or . - _"))
}

/// Makes an account. It cannot be used until an invitation has set a password.
#[utoipa::path(post, path = "/api/v1/admin/people", tag = "admin", request_body = NewPerson,
    responses((status = 201, body = PersonItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create_person(
    State(state): State<ApiState>,
    who: LoggedIn,
    JsonBody(new): JsonBody<NewPerson>,
) -> Result<(StatusCode, Json<PersonItem>), ApiError> {
    require(&who, &[Right::Administer])?;
    let organisation = looked_after(&state, &who, &new.organisation).await?;
    duties::may_become(&new.roles)?;
    organisation.check_roles("roles", &new.roles)?;
    let login = login_of(&new.login)?;
    let checked = new.particulars.check(&state, &who, &organisation.id, &[]).await?;
    let person = Person {
        title: checked.title,
        credential: checked.credential,
        memberships: checked.memberships,
        subspecialties: checked.subspecialties,
        ..Person::new(&login, &checked.name, organisation.id.clone(), new.roles)
    };
    may(&who, Duty::Create, &person, &organisation, &members_of(&state, &person).await?)?;
    who.require_fresh()?;
    let blank = Person { roles: Vec::new(), memberships: Vec::new(), ..person.clone() };
    let detail = format!("created: {}", blank.changes(&person));
    state.0.storage.add_person(who.caller.scope(), &person, &detail).await.map_err(|error| match error {
        StorageError::Conflict(_) => {
            ApiError::Conflict("登录名已被使用 / the login name is taken".to_owned())
        }
        other => other.into(),
    })?;
    Ok((StatusCode::CREATED, Json(item(&state, &who, &organisation, person).await?)))
}

/// The account, if the caller may do this to it and has proved a moment ago who they are. A refusal is on the audit chain.
async fn whom(
    state: &ApiState,
    who: &LoggedIn,
    id: &str,
    duty: Duty,
) -> Result<(Person, Organisation), ApiError> {
    require(who, &[Right::Administer, Right::Secure])?;
    let id = PersonId::parse(id).map_err(|_| ApiError::NotFound)?;
    let person = state.0.storage.person(&id).await?;
    let organisation = state.0.storage.organisation(&person.organisation).await?;
    if !organisation.is_looked_after_by(who.caller.organisation()) {
        return Err(ApiError::NotFound);
    }
    let members_of = members_of(state, &person).await?;
    if let Err(refusal) = may(who, duty, &person, &organisation, &members_of) {
        state.0.storage.note_refusal(who.caller.scope(), &id, &format!("{duty:?}")).await?;
        return Err(refusal.into());
    }
    who.require_fresh()?;
    Ok((person, organisation))
}

/// Changes name, title, licence, memberships, subspecialties.
#[utoipa::path(put, path = "/api/v1/admin/people/{id}", tag = "admin", params(("id" = String, Path)),
    request_body = Particulars,
    responses((status = 200, body = PersonItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change_person(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
    seen: IfMatch,
    JsonBody(particulars): JsonBody<Particulars>,
) -> Result<Json<PersonItem>, ApiError> {
    let (person, organisation) = whom(&state, &who, &id, Duty::ChangeParticulars).await?;
    let checked = particulars.check(&state, &who, &organisation.id, &person.memberships).await?;
    let amend = |person: &mut Person| {
        person.name.clone_from(&checked.name);
        person.title.clone_from(&checked.title);
        person.credential.clone_from(&checked.credential);
        person.memberships.clone_from(&checked.memberships);
        person.subspecialties.clone_from(&checked.subspecialties);
    };
    let scope = who.caller.scope();
    let storage = &state.0.storage;
    let person = storage.amend_person_as_seen(scope, &person.id, seen.seen(), "particulars", amend).await?;
    Ok(Json(item(&state, &who, &organisation, person).await?))
}

/// Gives and takes roles; none of the three offices.
#[utoipa::path(put, path = "/api/v1/admin/people/{id}/roles", tag = "admin", params(("id" = String, Path)),
    request_body = Roles,
    responses((status = 200, body = PersonItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change_roles(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
    seen: IfMatch,
    JsonBody(Roles { roles }): JsonBody<Roles>,
) -> Result<Json<PersonItem>, ApiError> {
    let (person, organisation) = whom(&state, &who, &id, Duty::ChangeRoles).await?;
    duties::may_become(&roles)?;
    organisation.check_roles("roles", &roles)?;
    let amend = |person: &mut Person| person.roles.clone_from(&roles);
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let person = storage.amend_person_as_seen(scope, &person.id, seen.seen(), "rights", amend).await?;
    Ok(Json(item(&state, &who, &organisation, person).await?))
}

/// Makes a link by which the person sets a password, once, within three days; a former link no longer works. Until then
/// the former password does.
#[utoipa::path(post, path = "/api/v1/admin/people/{id}/invitation", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = InvitationLink), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn invite_person(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<InvitationLink>, ApiError> {
    let (person, _) = whom(&state, &who, &id, Duty::Invite).await?;
    let secret = Secret::random().map_err(|_| ApiError::Unavailable)?;
    let invitation = Invitation::new(secret.sha256(), person.id, OffsetDateTime::now_utc());
    state.0.storage.put_invitation(who.caller.scope(), &invitation).await?;
    let origin = state.0.public_origin.trim_end_matches('/');
    Ok(Json(InvitationLink {
        link: format!("{origin}/join#{}", secret.expose()),
        expires_at: rfc3339(invitation.expires_at),
    }))
}

async fn set_disabled(
    state: &ApiState,
    who: &LoggedIn,
    id: &str,
    is_disabled: bool,
) -> Result<Json<PersonItem>, ApiError> {
    let (person, organisation) = whom(state, who, id, Duty::Disable).await?;
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let detail = if is_disabled { "disabled" } else { "enabled" };
    let amend = |person: &mut Person| person.is_disabled = is_disabled;
    let person = storage.amend_person(scope, &person.id, detail, amend).await?;
    if is_disabled {
        storage.end_sessions(scope, &person.id, None).await?;
    }
    Ok(Json(item(state, who, &organisation, person).await?))
}

/// Disables an account: its sessions end, here at once and on other nodes within five seconds.
#[utoipa::path(post, path = "/api/v1/admin/people/{id}/disable", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = PersonItem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn disable_person(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<PersonItem>, ApiError> {
    set_disabled(&state, &who, &id, true).await
}

/// Enables an account again, with the password that it had.
#[utoipa::path(post, path = "/api/v1/admin/people/{id}/enable", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = PersonItem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn enable_person(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<PersonItem>, ApiError> {
    set_disabled(&state, &who, &id, false).await
}

/// Ends all sessions of an account.
#[utoipa::path(delete, path = "/api/v1/admin/people/{id}/sessions", tag = "admin", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn end_sessions_of(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    let (person, _) = whom(&state, &who, &id, Duty::EndSessions).await?;
    state.0.storage.end_sessions(who.caller.scope(), &person.id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes an account's second factor, passkeys and bindings of single sign-on, and ends its sessions: for who has lost phone
/// and recovery codes.
#[utoipa::path(delete, path = "/api/v1/admin/people/{id}/second-factor", tag = "admin",
    params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn reset_second_factor(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    let (person, _) = whom(&state, &who, &id, Duty::ResetSecondFactor).await?;
    state.0.storage.reset_proofs(who.caller.scope(), &person.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
