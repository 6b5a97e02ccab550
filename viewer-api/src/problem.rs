//! Errors as RFC 9457 problem documents: a stable type, words that say what to do, an opaque id for the log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use consult::ConsultError;
use pacs::dicomweb::problem_response;
use storage::StorageError;
use utoipa::ToSchema;
use wsi::SlideError;
use wsi::notes::NoteError;

/// A problem document (RFC 9457), as [`problem_response`] writes it: here for the OpenAPI document. `type` is stable;
/// `instance` is the id under which the log knows it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct Problem {
    /// A relative URI that names the kind of problem.
    #[schema(rename = "type", example = "/problems/not-found")]
    pub kind: String,
    /// A short title in English.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do; never personal data.
    pub detail: Option<String>,
    /// Opaque id of this occurrence.
    pub instance: String,
    /// The field of the request that is at fault.
    pub field: Option<String>,
}

/// Every way in which a call can fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// Nobody is logged in, or the credentials are wrong.
    Unauthenticated,
    /// The password is right, and the account has a second factor: send its code too.
    CodeNeeded,
    /// The password is right, and the account has passkeys and no phone: log in with one of them.
    PasskeyNeeded,
    /// The passkey is not known, or did not prove what it should.
    PasskeyRefused,
    /// The page shows one organisation, and the session acts for another by now.
    OtherOrganisationNow,
    /// The one-time code is wrong, or was used already.
    CodeRefused,
    /// The person proved who they are too long ago for this: prove it again, and repeat.
    ProofNeeded,
    /// The person's role takes a second factor, and they have none yet.
    SecondFactorNeeded,
    /// The caller is known and may not do this.
    Forbidden(&'static str),
    /// The step is another's to take; the text says whose.
    NotYours(String),
    /// Not there, or not for this caller.
    NotFound,
    /// What is asked for is not possible where things stand; the text says why.
    WrongState(String),
    /// Somebody else was first; the text says who or what.
    Conflict(String),
    /// What was displayed is not what would be signed, or what was read is not what would be changed.
    Stale,
    /// A change that does not say which version it is of.
    PreconditionRequired,
    /// What is asked for makes no sense, or is more than is made at once; the text says what to ask for.
    BadRequest(&'static str),
    /// A field is missing or wrong.
    Invalid {
        /// Which.
        field: String,
        /// Why.
        detail: String,
    },
    /// The signing passphrase is wrong.
    WrongPassphrase,
    /// Too many failed attempts; try again after some seconds.
    TooManyAttempts {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The body is over the limit.
    TooLarge,
    /// The disk is full, or the node is overloaded.
    OutOfResources,
    /// Another node did not do what it was asked for; the text says how it failed.
    Peer(String),
    /// The report waits for its time stamp.
    AwaitingTimeStamp,
    /// A part of the node does not answer.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl ApiError {
    /// A field that is missing or wrong.
    pub fn invalid(field: &str, detail: &str) -> Self {
        Self::Invalid { field: field.to_owned(), detail: detail.to_owned() }
    }

    fn row(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Log in first"),
            Self::CodeNeeded => (StatusCode::UNAUTHORIZED, "code-needed", "A one-time code is needed too"),
            Self::PasskeyNeeded => (StatusCode::UNAUTHORIZED, "passkey-needed", "Log in with a passkey"),
            Self::PasskeyRefused => (StatusCode::UNAUTHORIZED, "passkey-refused", "The passkey is not good"),
            Self::OtherOrganisationNow => {
                (StatusCode::CONFLICT, "other-organisation-now", "The session acts for another organisation")
            }
            Self::CodeRefused => (StatusCode::UNAUTHORIZED, "code-refused", "The one-time code is not good"),
            Self::ProofNeeded => (StatusCode::FORBIDDEN, "proof-needed", "Prove again who you are"),
            Self::SecondFactorNeeded => {
                (StatusCode::FORBIDDEN, "second-factor-needed", "Enrol a second factor first")
            }
            Self::Forbidden(_) | Self::NotYours(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict", "Changed by somebody else"),
            Self::WrongState(_) => (StatusCode::CONFLICT, "wrong-state", "Not possible now"),
            Self::Stale => (StatusCode::PRECONDITION_FAILED, "stale", "What was displayed has changed"),
            Self::PreconditionRequired => {
                (StatusCode::PRECONDITION_REQUIRED, "precondition-required", "If-Match is needed")
            }
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad-request", "Bad request"),
            Self::Invalid { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Missing or invalid"),
            Self::WrongPassphrase => {
                (StatusCode::FORBIDDEN, "wrong-passphrase", "The signing passphrase is wrong")
            }
            Self::TooManyAttempts { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Over the size limit"),
            Self::OutOfResources => (StatusCode::INSUFFICIENT_STORAGE, "out-of-resources", "No room left"),
            Self::Peer(_) => (StatusCode::BAD_GATEWAY, "peer", "Another node failed"),
            Self::AwaitingTimeStamp => (
                StatusCode::SERVICE_UNAVAILABLE,
                "awaiting-time-stamp",
                "The reader's signature waits for its time stamp",
            ),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault of the server"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, slug, title) = self.row();
        let (detail, field) = match &self {
            Self::Forbidden(text) | Self::BadRequest(text) => (Some(*text), None),
            Self::Conflict(text) | Self::Peer(text) | Self::NotYours(text) | Self::WrongState(text) => {
                (Some(text.as_str()), None)
            }
            Self::Invalid { field, detail } => (Some(detail.as_str()), Some(field.as_str())),
            _ => (None, None),
        };
        let mut response = problem_response(status, slug, title, detail, field);
        if let Self::TooManyAttempts { retry_after_s } = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        response
    }
}

impl From<access::Full> for ApiError {
    fn from(full: access::Full) -> Self {
        match full {
            access::Full::Here { retry_after_s } => Self::TooManyAttempts { retry_after_s },
            access::Full::Everywhere => Self::Unavailable,
        }
    }
}

impl From<access::Blocked> for ApiError {
    fn from(blocked: access::Blocked) -> Self {
        Self::TooManyAttempts { retry_after_s: blocked.retry_after_s }
    }
}

impl From<access::Refusal> for ApiError {
    fn from(refusal: access::Refusal) -> Self {
        match refusal {
            access::Refusal::OtherOrganisation => Self::NotFound,
            access::Refusal::Roles => Self::invalid("roles", refusal.text()),
            other => Self::Forbidden(other.text()),
        }
    }
}

impl From<(&'static str, &'static str)> for ApiError {
    /// A field and what is wrong with it, as `access` says it.
    fn from((field, why): (&'static str, &'static str)) -> Self {
        Self::invalid(field, why)
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            StorageError::Conflict(_) if error == storage::STALE => Self::Stale,
            StorageError::Conflict(what) => Self::Conflict(what.to_owned()),
            StorageError::Refused(refused) => {
                Self::Invalid { field: "file".into(), detail: refused.to_string() }
            }
            StorageError::Invalid { field, why } => Self::invalid(field, why),
            StorageError::OutOfResources(_) => Self::OutOfResources,
            StorageError::Corrupt(what) => {
                tracing::error!(what, "damaged data was asked for");
                Self::Internal
            }
            StorageError::Unavailable(why) => {
                tracing::error!(why, "storage is unavailable");
                Self::Unavailable
            }
        }
    }
}

impl From<ConsultError> for ApiError {
    fn from(error: ConsultError) -> Self {
        match error {
            ConsultError::NotFound => Self::NotFound,
            ConsultError::Forbidden(why) => Self::Forbidden(why),
            ConsultError::NoSigningKey => Self::Forbidden(
                "这一账号在本节点没有签名密钥，请联系管理员 / this account has no signing key on this node",
            ),
            ConsultError::Conflict { holder: Some(name), .. } => {
                Self::Conflict(format!("{name} 已先行处理 / {name} was first"))
            }
            ConsultError::Conflict { holder: None, .. } => {
                Self::Conflict("已被他人更改，请刷新 / changed by somebody else: reload".to_owned())
            }
            ConsultError::WrongState { state, action } => {
                Self::WrongState(format!("会诊“{}”，不能“{}” / {error}", state.chinese(), action.chinese()))
            }
            ConsultError::NotNow { why, action } => {
                Self::WrongState(format!("现在不能“{}”：{}", action.chinese(), why.why()))
            }
            ConsultError::NotYours { whose, action } => {
                let names: Vec<_> = whose.iter().map(|who| who.chinese()).collect();
                Self::NotYours(format!("“{}”由{}来做 / {error}", action.chinese(), names.join("或")))
            }
            ConsultError::Invalid { field, why } => Self::invalid(field, why),
            ConsultError::Stale => Self::Stale,
            ConsultError::WrongPassphrase => Self::WrongPassphrase,
            ConsultError::Missing(fields) => Self::Invalid {
                field: fields.first().cloned().unwrap_or_else(|| "report".to_owned()),
                detail: format!("报告缺少必填内容：{0} / the report lacks {0}", fields.join(", ")),
            },
            ConsultError::Failed(why) => {
                tracing::error!(why, "a report could not be made");
                Self::Internal
            }
            ConsultError::AwaitingTimeStamp => Self::AwaitingTimeStamp,
            ConsultError::Unavailable => Self::Unavailable,
        }
    }
}

impl From<SlideError> for ApiError {
    fn from(error: SlideError) -> Self {
        match error {
            SlideError::NotFound => Self::NotFound,
            SlideError::Refused(what) => Self::BadRequest(what),
            SlideError::Storage(error) => error.into(),
            SlideError::Conflict(what) => Self::Conflict(what.to_owned()),
            SlideError::Invalid(why) => Self::invalid("channels", why),
            other => Self::Invalid { field: "file".into(), detail: other.to_string() },
        }
    }
}

impl From<NoteError> for ApiError {
    fn from(error: NoteError) -> Self {
        match error {
            NoteError::NotFound => Self::NotFound,
            NoteError::Forbidden(why) => Self::Forbidden(why),
            NoteError::Stale => Self::Stale,
            NoteError::Invalid { field, why } => Self::invalid(field, why),
            NoteError::Full(why) => Self::invalid("slide", why),
            NoteError::Busy => Self::Unavailable,
            NoteError::Slide(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_status_and_never_the_input() {
        let table = [
            (ApiError::from(StorageError::NotFound), 404),
            (ApiError::from(StorageError::Conflict("version")), 409),
            (ApiError::from(StorageError::OutOfResources("disk")), 507),
            (ApiError::from(StorageError::Corrupt("object")), 500),
            (ApiError::from(StorageError::Unavailable("x".into())), 503),
            (ApiError::from(StorageError::Refused(dataset::Refused::Truncated(7))), 422),
            (ApiError::from(ConsultError::Stale), 412),
            (ApiError::from(ConsultError::AwaitingTimeStamp), 503),
            (ApiError::from(ConsultError::WrongPassphrase), 403),
            (ApiError::from(ConsultError::Invalid { field: "question", why: "empty" }), 422),
            (ApiError::from(SlideError::NotFound), 404),
            (ApiError::from(SlideError::Refused("too large")), 400),
            (ApiError::Unauthenticated, 401),
            (ApiError::CodeNeeded, 401),
            (ApiError::ProofNeeded, 403),
            (ApiError::TooManyAttempts { retry_after_s: 1 }, 429),
            (ApiError::TooLarge, 413),
        ];
        for (error, status) in table {
            assert_eq!(error.clone().into_response().status().as_u16(), status, "{error:?}");
        }
    }
}
