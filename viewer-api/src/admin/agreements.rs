//! Agreements between organisations. One side's administrator writes one; it holds when the other side's has agreed, unless
//! they look after both.

use super::require;
use crate::auth::LoggedIn;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{IfMatch, UrlPath};
use crate::session::OrganisationName;
use crate::state::ApiState;
use crate::studies::Names;
use access::agreement::Turnaround;
use access::{Agreement, ConsultKind, Organisation, Right, Signatures};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::certificate;
use model::OrgId;
use model::time_text::{parse_rfc3339, rfc3339};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Agreements.
#[derive(Serialize, ToSchema)]
pub struct Agreements {
    /// Those in which an organisation that the caller looks after is one side; newest first.
    pub agreements: Vec<AgreementItem>,
}

/// An agreement.
#[derive(Serialize, ToSchema)]
pub struct AgreementItem {
    /// Identifier.
    pub id: String,
    /// Who asks.
    pub requesting: OrganisationName,
    /// Who reads.
    pub reading: OrganisationName,
    /// What was agreed.
    #[serde(flatten)]
    pub terms: Terms,
    /// What one side wants instead; until the other has agreed, the terms above hold.
    pub proposed: Option<Terms>,
    /// What was seen of it: to be sent in `If-Match` with a change, and needed to agree.
    pub etag: String,
    /// Whether it holds now.
    pub is_valid: bool,
    /// Who has yet to agree: to it, or to what is proposed instead.
    pub awaits: Option<String>,
    /// Whether the caller may change or end it.
    pub may_change: bool,
    /// Whether it waits for the caller to agree.
    pub may_confirm: bool,
}

/// What two organisations agree on.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Terms {
    /// `diagnosis`, `consultation`.
    #[schema(value_type = Vec<String>)]
    pub kinds: Vec<ConsultKind>,
    /// Modalities; empty means all.
    #[serde(default)]
    pub modalities: Vec<String>,
    /// Minutes for each urgency that is offered.
    #[schema(value_type = Vec<Object>)]
    pub turnarounds: Vec<Turnaround>,
    /// `single` or `double`.
    #[schema(value_type = String)]
    pub signatures: Signatures,
    /// Whether a request goes to the reading pool without a coordinator's acceptance.
    pub auto_accept: bool,
    /// Certificate authorities whose signatures count for reports under it, PEM; those of the node when none are named.
    #[serde(default)]
    pub trust_anchors_pem: Option<String>,
    /// The same, for people.
    #[serde(default, skip_deserializing)]
    pub trust_anchors: Vec<TrustAnchor>,
    /// First moment (RFC 3339).
    pub valid_from: String,
    /// Last moment (RFC 3339).
    pub valid_until: String,
}

/// A certificate authority.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TrustAnchor {
    /// Whose certificate it is.
    pub subject: String,
    /// SHA-256 of it, hexadecimal.
    pub sha256: String,
    /// Its last moment (RFC 3339).
    pub valid_until: Option<String>,
}

impl TrustAnchor {
    fn all(pem: &str) -> Vec<Self> {
        let one = |note: certificate::CertificateNote| Self {
            subject: note.subject,
            sha256: note.sha256.to_string(),
            valid_until: note.ends_at.map(rfc3339),
        };
        certificate::notes(pem).into_iter().map(one).collect()
    }
}

/// A new agreement.
#[derive(Deserialize, ToSchema)]
pub struct NewAgreement {
    /// Who asks.
    pub requesting: String,
    /// Who reads.
    pub reading: String,
    /// What is agreed.
    #[serde(flatten)]
    pub terms: Terms,
}

/// The two sides, and which of them the caller looks after.
struct Sides {
    requesting: Organisation,
    reading: Organisation,
}

impl Sides {
    async fn of(state: &ApiState, requesting: &OrgId, reading: &OrgId) -> Result<Self, ApiError> {
        Ok(Self {
            requesting: state.0.storage.organisation(requesting).await?,
            reading: state.0.storage.organisation(reading).await?,
        })
    }

    fn is_one_ours(&self, own: &OrgId) -> bool {
        self.requesting.is_looked_after_by(own) || self.reading.is_looked_after_by(own)
    }

    /// The side that has yet to agree to what `own` writes.
    fn other(&self, own: &OrgId) -> Option<OrgId> {
        let other = [&self.requesting, &self.reading].into_iter().find(|side| !side.is_looked_after_by(own));
        other.map(|side| side.id.clone())
    }
}

impl Sides {
    /// What was seen of an agreement that waits for `own`. It is this very one: what is changed over it is what was looked at
    /// here, and not what one's own side has proposed meanwhile.
    fn confirmable<'a>(
        &self,
        agreement: &Agreement,
        own: &OrgId,
        seen: &'a IfMatch,
    ) -> Result<&'a str, ApiError> {
        let is_ours =
            |side: &Organisation| agreement.awaited() == Some(&side.id) && side.is_looked_after_by(own);
        if ![&self.requesting, &self.reading].into_iter().any(is_ours) {
            return Err(ApiError::Conflict("不需要您方确认 / it does not wait for you".to_owned()));
        }
        let seen = seen.required()?;
        if access::tag(agreement) == seen { Ok(seen) } else { Err(ApiError::Stale) }
    }
}

impl Terms {
    fn of(agreement: Agreement) -> Self {
        Self {
            kinds: agreement.kinds,
            modalities: agreement.modalities,
            turnarounds: agreement.turnarounds,
            signatures: agreement.signatures,
            auto_accept: agreement.auto_accept,
            trust_anchors: agreement.trust_anchors_pem.as_deref().map(TrustAnchor::all).unwrap_or_default(),
            trust_anchors_pem: agreement.trust_anchors_pem,
            valid_from: rfc3339(agreement.valid_from),
            valid_until: rfc3339(agreement.valid_until),
        }
    }

    fn apply(self, to: Agreement) -> Result<Agreement, ApiError> {
        let moment = |field, text: &str| {
            parse_rfc3339(text)
                .ok_or_else(|| ApiError::invalid(field, "不是时间 / not a moment (RFC 3339, 1900 to 2999)"))
        };
        let trust_anchors_pem = self.trust_anchors_pem.filter(|pem| !pem.trim().is_empty());
        if let Some(pem) = &trust_anchors_pem {
            certificate::agreed_anchors(pem)
                .map_err(|(zh, en)| ApiError::invalid("trust_anchors_pem", &format!("{zh} / {en}")))?;
        }
        let agreement = Agreement {
            kinds: self.kinds,
            modalities: self.modalities,
            turnarounds: self.turnarounds,
            signatures: self.signatures,
            auto_accept: self.auto_accept,
            trust_anchors_pem,
            valid_from: moment("valid_from", &self.valid_from)?,
            valid_until: moment("valid_until", &self.valid_until)?,
            ..to
        };
        agreement.check()?;
        Ok(agreement)
    }
}

async fn item(
    state: &ApiState,
    who: &LoggedIn,
    names: &mut Names,
    agreement: Agreement,
) -> Result<AgreementItem, ApiError> {
    let own = who.caller.organisation();
    let sides = Sides::of(state, &agreement.requesting, &agreement.reading).await?;
    let administers = who.caller.may(Right::Administer);
    let awaited =
        [&sides.requesting, &sides.reading].into_iter().find(|s| agreement.awaited() == Some(&s.id));
    Ok(AgreementItem {
        may_change: administers && sides.is_one_ours(own),
        may_confirm: administers && awaited.is_some_and(|side| side.is_looked_after_by(own)),
        is_valid: agreement.is_valid_at(OffsetDateTime::now_utc()),
        requesting: names.of(state, &agreement.requesting).await?,
        reading: names.of(state, &agreement.reading).await?,
        awaits: agreement.awaited().map(ToString::to_string),
        etag: access::tag(&agreement),
        id: agreement.id.clone(),
        proposed: agreement.proposed.as_deref().cloned().map(Terms::of),
        terms: Terms::of(agreement),
    })
}

/// Agreements of the organisations that the caller looks after.
#[utoipa::path(get, path = "/api/v1/admin/agreements", tag = "admin",
    responses((status = 200, body = Agreements), (status = 403, body = Problem)))]
pub async fn list_agreements(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<Agreements>, ApiError> {
    require(&who, &[Right::Administer, Right::Secure, Right::Coordinate, Right::Oversee])?;
    let (storage, own) = (&state.0.storage, who.caller.organisation());
    let mut found: Vec<Agreement> = Vec::new();
    for organisation in storage.organisations().await?.iter().filter(|o| o.is_looked_after_by(own)) {
        for agreement in storage.agreements(&organisation.id).await? {
            if !found.iter().any(|known| known.id == agreement.id) {
                found.push(agreement);
            }
        }
    }
    found.sort_by(|a, b| b.id.cmp(&a.id));
    let (mut names, mut agreements) = (Names::default(), Vec::with_capacity(found.len()));
    for agreement in found {
        agreements.push(item(&state, &who, &mut names, agreement).await?);
    }
    Ok(Json(Agreements { agreements }))
}

/// Writes an agreement. It holds at once when the caller looks after both sides; otherwise it waits for the other.
#[utoipa::path(post, path = "/api/v1/admin/agreements", tag = "admin", request_body = NewAgreement,
    responses((status = 201, body = AgreementItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
pub async fn create_agreement(
    State(state): State<ApiState>,
    who: LoggedIn,
    JsonBody(new): JsonBody<NewAgreement>,
) -> Result<(StatusCode, Json<AgreementItem>), ApiError> {
    require(&who, &[Right::Administer])?;
    let side = |field, text: &str| {
        OrgId::parse(text)
            .map_err(|_| ApiError::invalid(field, "没有这家机构 / there is no such organisation"))
    };
    let (requesting, reading) = (side("requesting", &new.requesting)?, side("reading", &new.reading)?);
    let sides = Sides::of(&state, &requesting, &reading).await?;
    let own = who.caller.organisation();
    if !sides.is_one_ours(own) {
        return Err(ApiError::NotFound);
    }
    sides.requesting.takes_part("requesting")?;
    sides.reading.takes_part("reading")?;
    let blank = Agreement {
        id: uuid::Uuid::now_v7().to_string(),
        requesting,
        reading,
        kinds: Vec::new(),
        modalities: Vec::new(),
        turnarounds: Vec::new(),
        signatures: Signatures::Double,
        auto_accept: false,
        trust_anchors_pem: None,
        valid_from: OffsetDateTime::UNIX_EPOCH,
        valid_until: OffsetDateTime::UNIX_EPOCH,
        awaits: sides.other(own),
        proposed: None,
    };
    let agreement = new.terms.apply(blank)?;
    who.require_fresh()?;
    state.0.storage.put_agreement(who.caller.scope(), &agreement).await?;
    Ok((StatusCode::CREATED, Json(item(&state, &who, &mut Names::default(), agreement).await?)))
}

/// An agreement with a side that the caller looks after.
async fn ours(state: &ApiState, who: &LoggedIn, id: &str) -> Result<(Agreement, Sides), ApiError> {
    require(who, &[Right::Administer])?;
    let agreement = state.0.storage.agreement(id).await?;
    let sides = Sides::of(state, &agreement.requesting, &agreement.reading).await?;
    if !sides.is_one_ours(who.caller.organisation()) {
        return Err(ApiError::NotFound);
    }
    Ok((agreement, sides))
}

/// Changes what was agreed: for what is asked from then on, once the other side has agreed again; until then the former terms
/// hold. Consults that were sent keep what was agreed when they were.
#[utoipa::path(put, path = "/api/v1/admin/agreements/{id}", tag = "admin", params(("id" = String, Path)),
    request_body = Terms,
    responses((status = 200, body = AgreementItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change_agreement(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
    seen: IfMatch,
    JsonBody(terms): JsonBody<Terms>,
) -> Result<Json<AgreementItem>, ApiError> {
    let (agreement, sides) = ours(&state, &who, &id).await?;
    let awaits = sides.other(who.caller.organisation());
    let new = terms.apply(Agreement { awaits, ..agreement })?;
    who.require_fresh()?;
    let detail = if new.awaits.is_some() { "proposed" } else { "changed" };
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let agreement =
        storage.amend_agreement(scope, &id, seen.seen(), detail, |kept| kept.amended(new)).await?;
    Ok(Json(item(&state, &who, &mut Names::default(), agreement).await?))
}

/// Agrees to what the other side has written, as it was seen: `If-Match` names the version.
#[utoipa::path(post, path = "/api/v1/admin/agreements/{id}/confirm", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = AgreementItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 412, body = Problem), (status = 428, body = Problem)))]
pub async fn confirm_agreement(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
    seen: IfMatch,
) -> Result<Json<AgreementItem>, ApiError> {
    let (agreement, sides) = ours(&state, &who, &id).await?;
    let seen = sides.confirmable(&agreement, who.caller.organisation(), &seen)?;
    who.require_fresh()?;
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let agreement =
        storage.amend_agreement(scope, &id, Some(seen), "confirmed", Agreement::confirmed).await?;
    Ok(Json(item(&state, &who, &mut Names::default(), agreement).await?))
}

/// Ends an agreement now: nothing more is asked under it; what was sent goes on to its end.
#[utoipa::path(post, path = "/api/v1/admin/agreements/{id}/end", tag = "admin", params(("id" = String, Path)),
    responses((status = 200, body = AgreementItem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn end_agreement(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<AgreementItem>, ApiError> {
    let (agreement, _) = ours(&state, &who, &id).await?;
    who.require_fresh()?;
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let valid_until = agreement.valid_until.min(OffsetDateTime::now_utc());
    let end = |kept: Agreement| Agreement { valid_until, proposed: None, ..kept };
    let agreement = storage.amend_agreement(scope, &id, None, "ended", end).await?;
    Ok(Json(item(&state, &who, &mut Names::default(), agreement).await?))
}

/// Declines what the other side has proposed, or takes back what one has proposed oneself: the terms that hold go on.
#[utoipa::path(delete, path = "/api/v1/admin/agreements/{id}/proposal", tag = "admin",
    params(("id" = String, Path)),
    responses((status = 200, body = AgreementItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
pub async fn decline_proposal(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<AgreementItem>, ApiError> {
    let (agreement, _) = ours(&state, &who, &id).await?;
    if agreement.proposed.is_none() {
        return Err(ApiError::Conflict("没有待确认的修改 / nothing is proposed".to_owned()));
    }
    who.require_fresh()?;
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let decline = |kept: Agreement| Agreement { proposed: None, ..kept };
    let agreement = storage.amend_agreement(scope, &id, None, "proposal declined", decline).await?;
    Ok(Json(item(&state, &who, &mut Names::default(), agreement).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::OrganisationKind;

    fn id(text: &str) -> OrgId {
        OrgId::parse(text).unwrap()
    }

    #[test]
    fn one_agrees_to_what_was_looked_at_and_not_to_what_one_has_proposed_meanwhile() {
        let side = |text| Organisation::new(id(text), text, OrganisationKind::Hospital);
        let sides = Sides { requesting: side("other"), reading: side("city") };
        let theirs = Agreement {
            id: "1".into(),
            requesting: id("other"),
            reading: id("city"),
            kinds: Vec::new(),
            modalities: Vec::new(),
            turnarounds: Vec::new(),
            signatures: Signatures::Double,
            auto_accept: false,
            trust_anchors_pem: None,
            valid_from: OffsetDateTime::UNIX_EPOCH,
            valid_until: OffsetDateTime::UNIX_EPOCH,
            awaits: Some(id("city")),
            proposed: None,
        };
        let ours = Agreement { awaits: Some(id("other")), ..theirs.clone() };
        let seen = |agreement| IfMatch(Some(access::tag(agreement)));
        assert!(sides.confirmable(&theirs, &id("city"), &seen(&theirs)).is_ok());
        let refused = |agreement, seen| sides.confirmable(agreement, &id("city"), &seen).unwrap_err();
        assert!(matches!(refused(&theirs, seen(&ours)), ApiError::Stale));
        assert!(matches!(refused(&theirs, IfMatch(None)), ApiError::PreconditionRequired));
        assert!(matches!(refused(&ours, seen(&ours)), ApiError::Conflict(_)));
    }
}
