//! What a request is about: the caller, the owner if one is named, study, series and instance from the path.

use super::problem::WebError;
use access::{Caller, Right};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use model::{OrgId, Reach, Scope, Uid};

/// A caller and the resource that they ask for. A UID that is none leads nowhere: 404, as for one never stored.
#[derive(Debug)]
pub struct Target {
    /// Who asks.
    pub caller: Caller,
    /// How far they see; narrowed to one owner under `/orgs/{org}`.
    pub scope: Scope,
    /// Study Instance UID.
    pub study: Option<Uid>,
    /// Series Instance UID.
    pub series: Option<Uid>,
    /// SOP Instance UID.
    pub instance: Option<Uid>,
    /// The rest of the path: a frame list, the path of a bulk value.
    pub rest: String,
}

impl Target {
    /// Refuses unless the caller has this right.
    pub fn require(&self, right: Right) -> Result<(), WebError> {
        if self.caller.may(right) { Ok(()) } else { Err(WebError::Forbidden) }
    }

    /// Refuses an address below another organisation's: what is stored belongs to who stores it.
    pub fn require_own(&self) -> Result<(), WebError> {
        match &self.scope.reach {
            Reach::OwnedBy { viewer, owner } if viewer != owner => Err(WebError::Forbidden),
            _ => Ok(()),
        }
    }

    /// Public address of the studies that this request is about: the caller's, or one owner's.
    pub fn base(&self, public_base: &str) -> String {
        match &self.scope.reach {
            Reach::OwnedBy { owner, .. } => format!("{public_base}/orgs/{owner}"),
            Reach::Granted(_) | Reach::Node => public_base.to_owned(),
        }
    }

    /// The study that the path must name.
    pub fn study(&self) -> Result<&Uid, WebError> {
        self.study.as_ref().ok_or(WebError::NotFound)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        let caller = parts.extensions.get::<Caller>().cloned().ok_or(WebError::Unauthenticated)?;
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| WebError::NotFound)?;
        let mut target = Self {
            scope: caller.scope().clone(),
            caller,
            study: None,
            series: None,
            instance: None,
            rest: String::new(),
        };
        for (name, value) in &params {
            let uid = || Uid::parse(value).map(Some).map_err(|_| WebError::NotFound);
            match name {
                "org" => {
                    let owner = OrgId::parse(value).map_err(|_| WebError::NotFound)?;
                    target.scope = target.scope.owned_by(owner);
                }
                "study" => target.study = uid()?,
                "series" => target.series = uid()?,
                "instance" => target.instance = uid()?,
                _ => target.rest = value.to_owned(),
            }
        }
        Ok(target)
    }
}
