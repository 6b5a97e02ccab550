//! Return routes: where an organisation wants the reports that it asked for, and in which forms.

use crate::export::Form;
use crate::{ConsultError, ConsultService};
use access::{Caller, Right, Secret};
use model::{AeTitle, OrgId, Scope};
use serde::{Deserialize, Serialize};
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Record, RecordQuery, StorageError,
};

/// Record kind of routes.
const KIND: &str = "return_route";
/// Routes of one organisation at most.
const ROUTES_MAX: usize = 8;
/// Characters of a name at most.
const NAME_CHARS_MAX: usize = 60;
/// Bytes of a URL, and of a token, at most.
const URL_BYTES_MAX: usize = 2_000;

/// How reports go to an organisation's system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Target {
    /// C-STORE to a device of the organisation that has a contact.
    Ae {
        /// Its AE title.
        ae_title: AeTitle,
    },
    /// STOW-RS (PS3.18 §10.5).
    Stow {
        /// Base of the DICOMweb service, such as `https://pacs.example.org/dicom-web`.
        url: String,
        /// A bearer token, where one is wanted.
        token: Option<String>,
    },
    /// A signed POST of the FHIR bundle.
    Webhook {
        /// Where to.
        url: String,
        /// What the signature is made with.
        secret: String,
    },
}

impl Target {
    /// `ae`, `stow` or `webhook`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ae { .. } => "ae",
            Self::Stow { .. } => "stow",
            Self::Webhook { .. } => "webhook",
        }
    }
}

/// Where an organisation wants its reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnRoute {
    /// Identifier.
    pub id: String,
    /// Whose.
    pub organisation: OrgId,
    /// What people call it, such as `影像科 PACS`.
    pub name: String,
    /// How.
    pub target: Target,
    /// What is sent, in this order.
    pub forms: Vec<Form>,
}

/// A route as it is wanted; what is secret and left out stays as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteWish {
    /// What people call it.
    pub name: String,
    /// `ae`, `stow` or `webhook`.
    pub method: String,
    /// AE title of a device.
    pub ae_title: Option<String>,
    /// Address.
    pub url: Option<String>,
    /// Bearer token for STOW-RS; empty: none.
    pub token: Option<String>,
    /// What is sent.
    pub forms: Vec<Form>,
}

fn node() -> Scope {
    Scope::node("return-routes")
}

fn invalid<T>(field: &'static str, why: &'static str) -> Result<T, ConsultError> {
    Err(ConsultError::Invalid { field, why })
}

/// Organisations name their routes without regard to each other.
fn record_id(organisation: &OrgId, id: &str) -> String {
    format!("{organisation}/{id}")
}

fn route_of(record: &Record) -> Result<ReturnRoute, ConsultError> {
    serde_json::from_value(record.body.clone()).map_err(|_| ConsultError::Failed("a return route is damaged"))
}

impl ConsultService {
    /// The routes of an organisation that the caller's looks after, by name (administrator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::NotFound`] for any other organisation.
    pub async fn return_routes(
        &self,
        caller: &Caller,
        organisation: &OrgId,
    ) -> Result<Vec<ReturnRoute>, ConsultError> {
        self.require_administrator(caller, organisation).await?;
        self.routes_of(organisation).await
    }

    async fn require_administrator(&self, caller: &Caller, organisation: &OrgId) -> Result<(), ConsultError> {
        if !caller.may(Right::Administer) {
            return Err(ConsultError::Forbidden("由系统管理员设置 / the administrator sets this"));
        }
        let found = self.storage.organisation(organisation).await?;
        if found.is_looked_after_by(caller.organisation()) { Ok(()) } else { Err(ConsultError::NotFound) }
    }

    /// The routes of an organisation, by name.
    pub(super) async fn routes_of(&self, organisation: &OrgId) -> Result<Vec<ReturnRoute>, ConsultError> {
        let query = RecordQuery::new(KIND).with("organisation", organisation.as_str());
        let mut routes = Vec::new();
        for record in self.storage.records(&node(), &query).await? {
            match route_of(&record) {
                Ok(route) => routes.push(route),
                Err(error) => tracing::error!(%error, "a return route is left out"),
            }
        }
        routes.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(routes)
    }

    pub(super) async fn route(
        &self,
        organisation: &OrgId,
        id: &str,
    ) -> Result<Option<ReturnRoute>, ConsultError> {
        match self.storage.record(&node(), KIND, &record_id(organisation, id)).await {
            Ok(record) => route_of(&record).map(Some),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a route, or changes one of this identifier (administrator). A webhook gets a new secret.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::Invalid`] naming the field.
    pub async fn put_return_route(
        &self,
        caller: &Caller,
        organisation: &OrgId,
        id: &str,
        wish: RouteWish,
    ) -> Result<ReturnRoute, ConsultError> {
        self.require_administrator(caller, organisation).await?;
        let is_id = (1..=40).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_id {
            return invalid(
                "id",
                "1 至 40 个小写字母、数字或连字符 / 1 to 40 small letters, digits or hyphens",
            );
        }
        let before = self.route(organisation, id).await?;
        if before.is_none() && self.routes_of(organisation).await?.len() >= ROUTES_MAX {
            return invalid("id", "最多 8 条回传路由 / 8 routes at most");
        }
        let name = crate::report::clean(&wish.name).replace('\n', " ");
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
            return invalid("name", "请填写名称，最多 60 个字 / give it a name of at most 60 characters");
        }
        let target = self.target(organisation, &wish, before.map(|route| route.target)).await?;
        let forms = forms(&wish.forms, &target)?;
        let route =
            ReturnRoute { id: id.to_owned(), organisation: organisation.clone(), name, target, forms };
        let put = Put {
            kind: KIND,
            id: record_id(&route.organisation, id),
            expected: Expected::Anything,
            body: serde_json::to_value(&route).map_err(|_| ConsultError::Failed("a route has no JSON"))?,
            keys: vec![("organisation", route.organisation.to_string())],
            unique: Vec::new(),
            sort: 0,
            visible_to: vec![route.organisation.clone()],
        };
        self.storage.audit(caller.scope(), administered(&route.organisation, id, "set")).await?;
        self.storage.apply(&node(), Change { puts: vec![put], ..Change::default() }).await?;
        Ok(route)
    }

    /// Removes a route (administrator). What is owed by it fails.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`], [`ConsultError::NotFound`].
    pub async fn remove_return_route(
        &self,
        caller: &Caller,
        organisation: &OrgId,
        id: &str,
    ) -> Result<(), ConsultError> {
        self.require_administrator(caller, organisation).await?;
        self.route(organisation, id).await?.ok_or(ConsultError::NotFound)?;
        self.storage.audit(caller.scope(), administered(organisation, id, "removed")).await?;
        let removes = vec![(KIND, record_id(organisation, id))];
        Ok(self.storage.apply(&node(), Change { removes, ..Change::default() }).await?)
    }

    async fn target(
        &self,
        organisation: &OrgId,
        wish: &RouteWish,
        before: Option<Target>,
    ) -> Result<Target, ConsultError> {
        match wish.method.as_str() {
            "ae" => {
                let text = wish.ae_title.as_deref().unwrap_or_default();
                let Ok(ae_title) = AeTitle::parse(text) else {
                    return invalid("ae_title", "不是 AE 标题 / not an AE title");
                };
                let known = match self.storage.device(&ae_title).await {
                    Ok(device) => device.organisation == *organisation && device.contact.is_some(),
                    Err(StorageError::NotFound) => false,
                    Err(error) => return Err(error.into()),
                };
                if !known {
                    return invalid(
                        "ae_title",
                        "本机构没有这个 AE，或没有登记它的地址 / the organisation has no such AE, or its address is not registered",
                    );
                }
                Ok(Target::Ae { ae_title })
            }
            "stow" => {
                let url = url(wish)?;
                let token = match (&wish.token, before) {
                    (Some(token), _) => Some(token.trim().to_owned()).filter(|token| !token.is_empty()),
                    // A token goes on only to where it was meant for.
                    (None, Some(Target::Stow { url: was, token })) if was == url => token,
                    (None, _) => None,
                };
                let is_token = |token: &String| {
                    token.len() <= URL_BYTES_MAX && token.bytes().all(|byte| byte.is_ascii_graphic())
                };
                if token.as_ref().is_some_and(|token| !is_token(token)) {
                    return invalid(
                        "token",
                        "令牌含有不允许的字符 / the token has characters that are not allowed",
                    );
                }
                Ok(Target::Stow { url, token })
            }
            "webhook" => {
                let secret = Secret::random().map_err(|_| ConsultError::Unavailable)?;
                Ok(Target::Webhook { url: url(wish)?, secret: secret.expose().to_owned() })
            }
            _ => invalid("method", "ae、stow 或 webhook / ae, stow or webhook"),
        }
    }
}

fn url(wish: &RouteWish) -> Result<String, ConsultError> {
    let url = wish.url.as_deref().unwrap_or_default().trim();
    if crate::notify::is_url(url) {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    invalid(
        "url",
        "应为 https:// 或 http:// 开头的地址，不含用户名 / an address that begins with https:// or http://, without a user's name",
    )
}

/// What can go by this way: DICOM by DICOM, the bundle by webhook.
fn forms(wanted: &[Form], target: &Target) -> Result<Vec<Form>, ConsultError> {
    let mut forms: Vec<Form> = wanted.to_vec();
    forms.sort_unstable();
    forms.dedup();
    let fits = |form: &Form| form.is_dicom() != matches!(target, Target::Webhook { .. });
    if forms.is_empty() || !forms.iter().all(fits) {
        return invalid(
            "forms",
            "DICOM 路由选 sr、pdf、kos；webhook 选 fhir / sr, pdf, kos for DICOM routes; fhir for a webhook",
        );
    }
    Ok(forms)
}

fn administered(organisation: &OrgId, id: &str, what: &str) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Administer,
        object: format!("return-route/{organisation}/{id}"),
        outcome: AuditOutcome::Success,
        detail: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dicom_goes_by_dicom_and_the_bundle_by_webhook() {
        let ae = Target::Ae { ae_title: AeTitle::parse("PACS").unwrap() };
        let webhook = Target::Webhook { url: "https://a".into(), secret: "x".into() };
        assert_eq!(forms(&[Form::Pdf, Form::Sr, Form::Pdf], &ae), Ok(vec![Form::Sr, Form::Pdf]));
        assert_eq!(forms(&[Form::Fhir], &webhook), Ok(vec![Form::Fhir]));
        for (wanted, target) in [(&[Form::Fhir][..], &ae), (&[Form::Sr], &webhook), (&[], &ae)] {
            assert!(forms(wanted, target).is_err(), "{wanted:?}");
        }
    }
}
