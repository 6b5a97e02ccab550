//! The second factor of the person who is logged in: enrol, confirm with a first code, recovery codes, remove.

use crate::auth::LoggedIn;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::proof::{self, Second};
use crate::sessions;
use crate::state::ApiState;
use access::{Factors, SecondFactor, Secret};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// What authenticators show beside the login name.
const ISSUER: &str = "Farsight 远见";
/// Side of the QR code in pixels at least.
const QR_PIXELS_MIN: u32 = 220;

/// How it stands with the second factor.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorStatus {
    /// Whether logging in takes a code.
    pub is_on: bool,
    /// Whether the person's role takes one.
    pub is_required: bool,
    /// Recovery codes that are left.
    pub recovery_codes_left: usize,
}

/// What the phone is to know; shown once.
#[derive(Serialize, ToSchema)]
pub struct Enrolment {
    /// The secret in base32, to be typed.
    pub secret: String,
    /// `otpauth://totp/…`
    pub url: String,
    /// The same as a QR code, SVG.
    pub qr_svg: String,
}

/// A one-time code.
#[derive(Deserialize, ToSchema)]
pub struct Code {
    /// Six digits.
    pub code: String,
}

/// Recovery codes; shown once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each stands in for one code of the phone, once.
    pub recovery_codes: Vec<String>,
}

fn shown(codes: &[Secret]) -> Json<RecoveryCodes> {
    Json(RecoveryCodes { recovery_codes: codes.iter().map(|code| code.expose().to_owned()).collect() })
}

/// Whether the caller has a second factor.
#[utoipa::path(get, path = "/api/v1/session/second-factor", tag = "session",
    responses((status = 200, body = SecondFactorStatus), (status = 401, body = Problem)))]
pub async fn second_factor_status(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<SecondFactorStatus>, ApiError> {
    let factor = state.0.storage.second_factor(&who.person.id).await?.filter(|factor| factor.is_confirmed);
    Ok(Json(SecondFactorStatus {
        is_on: factor.is_some(),
        is_required: state.0.login_rules.takes_second_factor(&who.person),
        recovery_codes_left: factor.map_or(0, |factor| factor.recovery_codes_left()),
    }))
}

/// Makes a new secret. It counts when a first code has confirmed it; who has a second factor removes that first.
#[utoipa::path(post, path = "/api/v1/session/second-factor", tag = "session",
    responses((status = 200, body = Enrolment), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn enrol_second_factor(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<Enrolment>, ApiError> {
    require_code(&state, &who).await?;
    let storage = &state.0.storage;
    if storage.second_factor(&who.person.id).await?.is_some_and(|factor| factor.is_confirmed) {
        return Err(ApiError::Conflict("已启用，先停用再重新绑定 / it is on: remove it first".to_owned()));
    }
    let factor = SecondFactor::enrol(who.person.id.clone()).map_err(|_| ApiError::Unavailable)?;
    storage.put_second_factor(who.caller.scope(), &factor, "second factor begun").await?;
    let url = factor.otpauth_url(ISSUER, &who.person.login);
    Ok(Json(Enrolment {
        secret: factor.secret_base32().expose().to_owned(),
        qr_svg: qr_svg(url.expose())?,
        url: url.expose().to_owned(),
    }))
}

fn qr_svg(text: &str) -> Result<String, ApiError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| ApiError::Internal)?;
    Ok(code.render::<svg::Color>().min_dimensions(QR_PIXELS_MIN, QR_PIXELS_MIN).build())
}

/// Confirms it by a first code: from now on logging in takes one. Answers with recovery codes.
#[utoipa::path(post, path = "/api/v1/session/second-factor/confirm", tag = "session", request_body = Code,
    responses((status = 200, body = RecoveryCodes), (status = 401, body = Problem), (status = 429, body = Problem)))]
pub async fn confirm_second_factor(
    State(state): State<ApiState>,
    who: LoggedIn,
    JsonBody(code): JsonBody<Code>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let guess = proof::guess_in_session(&who);
    let _seat = state.password_seat().await?;
    proof::check(&state, &guess, Some(&who.person), None).await?;
    let (storage, now) = (&state.0.storage, OffsetDateTime::now_utc());
    let mut codes = Vec::new();
    let confirm = |factor: &mut SecondFactor| {
        if factor.is_confirmed || !factor.accept(&code.code, now) {
            return false;
        }
        factor.is_confirmed = true;
        codes = factor.renew_recovery_codes().unwrap_or_default();
        !codes.is_empty()
    };
    if !storage.use_second_factor(&who.person.id, confirm).await? {
        state.0.brake().failed(&guess);
        return Err(ApiError::CodeRefused);
    }
    // Sessions that were begun with the password alone end: whoever has that could take the new factor off again.
    storage.end_sessions(who.caller.scope(), &who.person.id, Some(&who.session.secret_sha256)).await?;
    sessions::amend(&state, &who, |session| {
        session.factors = Factors::PasswordAndCode;
        session.proved_at = Some(now);
    })
    .await?;
    storage.note_account(who.caller.scope(), &who.person.id, "second factor on").await?;
    Ok(shown(&codes))
}

/// A fresh proof, by code or passkey when the account takes one: a session that was begun before it was proves nothing.
pub async fn require_code(state: &ApiState, who: &LoggedIn) -> Result<(), ApiError> {
    who.require_fresh()?;
    if !who.session.factors.are_two() && proof::second(state, &who.person.id).await? != Second::Nothing {
        return Err(ApiError::ProofNeeded);
    }
    Ok(())
}

/// New recovery codes in place of all former ones.
#[utoipa::path(post, path = "/api/v1/session/second-factor/recovery-codes", tag = "session",
    responses((status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn renew_recovery_codes(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<RecoveryCodes>, ApiError> {
    require_code(&state, &who).await?;
    let mut codes = Vec::new();
    let renew = |factor: &mut SecondFactor| {
        codes = factor.renew_recovery_codes().unwrap_or_default();
        factor.is_confirmed && !codes.is_empty()
    };
    if !state.0.storage.use_second_factor(&who.person.id, renew).await? {
        return Err(ApiError::NotFound);
    }
    state.0.storage.note_account(who.caller.scope(), &who.person.id, "recovery codes renewed").await?;
    Ok(shown(&codes))
}

/// Removes it: logging in takes the password alone. Not for whom it is required.
#[utoipa::path(delete, path = "/api/v1/session/second-factor", tag = "session",
    responses((status = 204), (status = 403, body = Problem)))]
pub async fn remove_second_factor(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<StatusCode, ApiError> {
    require_code(&state, &who).await?;
    state.0.storage.remove_second_factor(who.caller.scope(), &who.person.id).await?;
    nothing_left(&state, &who).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// When the account takes nothing besides its password any more, neither has this session been begun with more: who must have
/// a second factor has to enrol again in it, too. What the single sign-on has seen stays seen.
pub async fn nothing_left(state: &ApiState, who: &LoggedIn) -> Result<(), ApiError> {
    if proof::second(state, &who.person.id).await? != Second::Nothing {
        return Ok(());
    }
    sessions::amend(state, who, |session| {
        if matches!(session.factors, Factors::PasswordAndCode | Factors::Passkey) {
            session.factors = Factors::Password;
        }
    })
    .await
}
