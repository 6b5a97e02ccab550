//! The ways out of the application: e-mail for people who want it, a webhook for organisations that want it.

use super::What;
use crate::{ConsultError, ConsultService};
use access::{Caller, Right, Secret};
use model::{ConsultId, OrgId, PersonId, Scope};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, StorageError};
use time::OffsetDateTime;

/// Record kind of a person's wishes.
const MAIL: &str = "notice_mail";
/// Record kind of an organisation's webhook.
const WEBHOOK: &str = "webhook";
/// Kind of jobs that send e-mail; a lane is a person.
pub const MAIL_JOB: &str = "notify.mail";
/// Kind of jobs that call webhooks; whose a lane is says [`organisation_of_lane`].
pub const WEBHOOK_JOB: &str = "notify.webhook";
/// What the lane of an organisation's alarms ends with: they do not wait for what is less urgent.
const ALARMS: &str = "/critical";

/// Bytes of an address at most (RFC 5321 §4.5.3.1.3: 256 with its brackets).
const ADDRESS_BYTES_MAX: usize = 254;
/// Bytes of a URL at most.
const URL_BYTES_MAX: usize = 2_000;

/// Whether a person wants notices by e-mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSettings {
    /// Where to; empty: nowhere.
    pub address: String,
}

/// Where an organisation's own system is told of what happens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Where to: `https://…`, or `http://…`.
    pub url: String,
    /// What the signature is made with.
    pub secret: String,
}

/// What leaves the application: which consult, and what happened. Nothing of the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The same for every attempt, so that a receiver can tell what it has had already.
    pub id: String,
    /// What.
    pub what: What,
    /// The consult.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl Webhook {
    /// The value of `Farsight-Signature` for a body sent at `at_s` (Unix seconds): `t=…,v1=…`, where `v1` is the
    /// HMAC-SHA256 (RFC 2104) of `t`, a full stop and the body, in hexadecimal digits.
    #[must_use]
    pub fn signature(&self, at_s: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{at_s}.").as_bytes());
        context.update(body);
        let digits: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={at_s},v1={digits}")
    }
}

/// The lane of a call.
pub(super) fn webhook_lane(organisation: &OrgId, what: What) -> String {
    match what {
        What::Critical | What::CriticalUnanswered | What::CriticalWithdrawn => {
            format!("{organisation}{ALARMS}")
        }
        _ => organisation.to_string(),
    }
}

/// The organisation whose webhook a lane calls; `None` when it is the lane of none.
#[must_use]
pub fn organisation_of_lane(lane: &str) -> Option<OrgId> {
    OrgId::parse(lane.strip_suffix(ALARMS).unwrap_or(lane)).ok()
}

/// One address without anything around it: what could end a header or name a second recipient is no part of it.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_word = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    text.len() <= ADDRESS_BYTES_MAX
        && !local.is_empty()
        && local.chars().all(is_word)
        && domain.contains('.')
        && domain.chars().all(is_host)
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
}

/// Whether it can be a webhook's address. Where it leads is looked at when it is called.
pub(crate) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    // No name and password in it: they would be shown where the address is.
    host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && text.len() <= URL_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn node() -> Scope {
    Scope::node("notices")
}

impl ConsultService {
    /// Where the caller is told by e-mail.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] for a machine.
    pub async fn mail_settings(&self, caller: &Caller) -> Result<MailSettings, ConsultError> {
        let person = caller
            .as_person()
            .ok_or(ConsultError::Forbidden("机器令牌没有通知 / a machine's token has no notices"))?;
        self.mail_of(&person.id).await
    }

    /// Where a person is told by e-mail; an empty address: nowhere.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn mail_of(&self, person: &PersonId) -> Result<MailSettings, ConsultError> {
        Ok(self.setting(MAIL, person.as_str()).await?.unwrap_or_default())
    }

    /// Changes where the caller is told by e-mail.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `address`.
    pub async fn put_mail_settings(
        &self,
        caller: &Caller,
        settings: MailSettings,
    ) -> Result<MailSettings, ConsultError> {
        let person = caller
            .as_person()
            .ok_or(ConsultError::Forbidden("机器令牌没有通知 / a machine's token has no notices"))?;
        let settings = MailSettings { address: settings.address.trim().to_owned() };
        if !settings.address.is_empty() && !is_address(&settings.address) {
            return Err(ConsultError::Invalid {
                field: "address",
                why: "不是电子邮件地址 / not an address of electronic mail",
            });
        }
        self.put_setting(caller, MAIL, person.id.as_str(), serde_json::to_value(&settings)).await?;
        Ok(settings)
    }

    /// The webhook of the caller's organisation (administrator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`].
    pub async fn webhook(&self, caller: &Caller) -> Result<Option<Webhook>, ConsultError> {
        administrator(caller)?;
        self.webhook_of(caller.organisation()).await
    }

    /// The webhook of an organisation.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn webhook_of(&self, organisation: &OrgId) -> Result<Option<Webhook>, ConsultError> {
        let webhook: Option<Webhook> = self.setting(WEBHOOK, organisation.as_str()).await?;
        Ok(webhook.filter(|webhook| !webhook.url.is_empty()))
    }

    /// Sets the webhook of the caller's organisation, with a new secret; an empty address removes it (administrator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::Invalid`] `url`.
    pub async fn put_webhook(&self, caller: &Caller, url: &str) -> Result<Option<Webhook>, ConsultError> {
        administrator(caller)?;
        let url = url.trim();
        if !url.is_empty() && !is_url(url) {
            return Err(ConsultError::Invalid {
                field: "url",
                why: "应为 https:// 或 http:// 开头的地址，不含用户名 / an address that begins with https:// or http://, without a user's name",
            });
        }
        let secret = Secret::random().map_err(|_| ConsultError::Unavailable)?;
        let webhook = Webhook { url: url.to_owned(), secret: secret.expose().to_owned() };
        let id = caller.organisation().as_str();
        self.put_setting(caller, WEBHOOK, id, serde_json::to_value(&webhook)).await?;
        Ok((!url.is_empty()).then_some(webhook))
    }

    async fn setting<T: for<'de> Deserialize<'de>>(
        &self,
        kind: &'static str,
        id: &str,
    ) -> Result<Option<T>, ConsultError> {
        match self.storage.record(&node(), kind, id).await {
            Ok(record) => serde_json::from_value(record.body)
                .map(Some)
                .map_err(|_| ConsultError::Failed("a setting of notices is damaged")),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn put_setting(
        &self,
        caller: &Caller,
        kind: &'static str,
        id: &str,
        body: Result<Json, serde_json::Error>,
    ) -> Result<(), ConsultError> {
        let put = Put {
            kind,
            id: id.to_owned(),
            expected: Expected::Anything,
            body: body.map_err(|_| ConsultError::Failed("the setting has no JSON"))?,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            // A person's are theirs for whomever they act.
            visible_to: Vec::new(),
        };
        let audit = AuditEntry {
            action: AuditAction::Administer,
            object: format!("{kind}/{id}"),
            outcome: AuditOutcome::Success,
            detail: String::new(),
        };
        let change = Change { puts: vec![put], audit: vec![audit], ..Change::default() };
        Ok(self.storage.apply_unseen(caller.scope(), change).await?)
    }
}

fn administrator(caller: &Caller) -> Result<(), ConsultError> {
    if caller.may(Right::Administer) {
        return Ok(());
    }
    Err(ConsultError::Forbidden("由系统管理员设置 / the administrator sets this"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        let webhook = Webhook { url: "https://his.example.org/in".into(), secret: "secret".into() };
        // printf '1764158400.{"a":1}' | openssl dgst -sha256 -hmac secret
        let expected = crate::testing::run(
            "sh",
            &["-c", "printf '1764158400.{\"a\":1}' | openssl dgst -sha256 -hmac secret | sed 's/.*= //'"],
        );
        let signature = webhook.signature(1_764_158_400, br#"{"a":1}"#);
        assert_eq!(signature, format!("t=1764158400,v1={}", expected.unwrap().trim()));
    }

    #[test]
    fn alarms_do_not_wait_for_what_is_less_urgent() {
        let town = OrgId::parse("town").unwrap();
        assert_ne!(webhook_lane(&town, What::Critical), webhook_lane(&town, What::Message));
        for what in [What::Critical, What::CriticalUnanswered, What::Message] {
            assert_eq!(organisation_of_lane(&webhook_lane(&town, what)), Some(town.clone()));
        }
        assert_eq!(organisation_of_lane("Town/other"), None);
    }

    #[test]
    fn an_address_is_one_address() {
        for good in ["li@town.example.org", "li.min+pacs@a-b.cn"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "li",
            "li@town",
            "a@b.c,d@e.f",
            "a@b.c\r\nBcc: x@y.z",
            "<a@b.c>",
            "a b@c.d",
            "@b.c",
            "a@.c",
            "李@b.cn",
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
        for good in ["https://his.example.org/in?x=1", "http://10.0.0.7:8080"] {
            assert!(is_url(good), "{good}");
        }
        for bad in ["ftp://a", "https://", "https://u:p@a/", "https:///x", "https://a b", "javascript:x"] {
            assert!(!is_url(bad), "{bad}");
        }
    }
}
