//! What administrators and security officers look after: organisations, people, agreements, machines' tokens. Who may do
//! what to whom is `access::duties`'s to say.

pub mod agreements;
pub mod organisations;
pub mod people;
pub mod tokens;

use crate::auth::LoggedIn;
use crate::problem::ApiError;
use crate::state::ApiState;
use access::{Organisation, Right};
use model::OrgId;

/// Refuses who has none of these rights, and who still has to enrol a second factor.
pub(crate) fn require(who: &LoggedIn, rights: &[Right]) -> Result<(), ApiError> {
    if who.must_enrol {
        return Err(ApiError::SecondFactorNeeded);
    }
    if rights.iter().any(|right| who.caller.may(*right)) {
        return Ok(());
    }
    Err(ApiError::Forbidden("您的角色没有这一权限，请联系管理员 / your role does not allow this"))
}

/// An organisation that the caller's organisation looks after; any other does not exist.
async fn looked_after(state: &ApiState, who: &LoggedIn, id: &str) -> Result<Organisation, ApiError> {
    let id = OrgId::parse(id).map_err(|_| ApiError::NotFound)?;
    let organisation = state.0.storage.organisation(&id).await?;
    if !organisation.is_looked_after_by(who.caller.organisation()) {
        return Err(ApiError::NotFound);
    }
    Ok(organisation)
}

/// A text that people write: trimmed, without control characters, and no longer than that.
fn text(field: &'static str, text: &str, chars_max: usize) -> Result<String, ApiError> {
    let text = text.trim();
    if text.chars().count() > chars_max || text.chars().any(char::is_control) {
        return Err(ApiError::invalid(field, "太长，或有控制字符 / too long, or with control characters"));
    }
    Ok(text.to_owned())
}

/// The same, and not empty.
fn required(field: &'static str, value: &str, chars_max: usize) -> Result<String, ApiError> {
    match text(field, value, chars_max)? {
        empty if empty.is_empty() => Err(ApiError::invalid(field, "必填 / required")),
        text => Ok(text),
    }
}
