//! What is sent again because the answer was lost on the line, and is to happen once.
//!
//! The sender makes an identifier (a UUID) for each thing that it sends, and sends the thing again with the same one. What was kept with it
//! is answered again, as it is now, and nothing else happens. An identifier is its sender's alone.

use crate::ConsultError;
use access::Caller;
use uuid::Uuid;

/// The same identifier with something else.
pub(crate) const OTHER: ConsultError = ConsultError::Invalid {
    field: "once",
    why: "这一标识已用于另一内容 / something else was sent with this identifier",
};

/// An identifier in its one form; `None` without one: then whatever is sent twice happens twice.
///
/// # Errors
/// [`ConsultError::Invalid`] `once` when it is no UUID.
pub(crate) fn checked(once: Option<&str>) -> Result<Option<String>, ConsultError> {
    let Some(text) = once else { return Ok(None) };
    match Uuid::try_parse(text) {
        Ok(uuid) if !uuid.is_nil() => Ok(Some(uuid.to_string())),
        _ => Err(ConsultError::Invalid { field: "once", why: "应为 UUID / not a UUID" }),
    }
}

/// The same as its author's: of this person, for this organisation.
///
/// # Errors
/// As [`checked`].
pub(crate) fn by(caller: &Caller, once: Option<&str>) -> Result<Option<String>, ConsultError> {
    let author = &caller.scope().actor.id;
    Ok(checked(once)?.map(|once| format!("{}/{author}/{once}", caller.organisation())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_a_uuid_in_one_form() {
        let kept = Some("0199aaaa-0000-7000-8000-00000000000b".to_owned());
        assert_eq!(checked(Some("0199AAAA-0000-7000-8000-00000000000B")), Ok(kept));
        assert_eq!(checked(None), Ok(None));
        for wrong in ["", "1", "00000000-0000-0000-0000-000000000000", "长"] {
            assert!(
                matches!(checked(Some(wrong)), Err(ConsultError::Invalid { field: "once", .. })),
                "{wrong}"
            );
        }
    }
}
