//! Remote signing services (手机签名) over HTTP: `[[signing.remote]]`, and the calls of docs/remote-signing.md. An address is
//! looked at before each call, as a webhook's is; no redirection is followed; every answer has a limit of time and size.

use crate::outside::read_secret;
use crate::reach::{self, Unreachable};
use access::{AddressRange, Secret};
use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use consult::phone::{Answer, NoService, PhoneSigning, Question, Service, Soon};
use model::OrgId;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::time::Duration;

/// The longest that one call may take, all in all: shorter than a job's lease.
const CALL_MAX: Duration = Duration::from_secs(10);
/// Bytes of an answer: two signatures, or a path of certificates.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Seconds that a signer may be given.
const PATIENCE_S: std::ops::RangeInclusive<u32> = 10..=3600;
/// Characters of the name under which a service keeps a question.
const RESPONSE_CHARS_MAX: usize = 256;

/// `[[signing.remote]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteSection {
    /// What signers call it.
    pub name: String,
    /// Where its calls are, such as `https://sign.ca.example.org/csc/v2`.
    pub url: String,
    /// File with the token that the node shows it; read by nobody else.
    pub token_file: PathBuf,
    /// For people of which organisations; of all without it.
    pub organisations: Vec<OrgId>,
    /// How long a signer may take to answer on the telephone, seconds.
    pub patience_s: u32,
    /// Internal networks in which it may be, such as `10.20.0.0/16`.
    pub networks: Vec<AddressRange>,
}

impl Default for RemoteSection {
    fn default() -> Self {
        Self {
            name: "手机签名".to_owned(),
            url: String::new(),
            token_file: PathBuf::new(),
            organisations: Vec::new(),
            patience_s: 180,
            networks: Vec::new(),
        }
    }
}

impl RemoteSection {
    fn remote(&self) -> Result<Remote> {
        let line = || format!("[[signing.remote]] url = \"{}\"", self.url);
        let url = Url::parse(&self.url).with_context(line)?;
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            bail!("{} must begin with https://: what it answers signs reports", line());
        }
        if !PATIENCE_S.contains(&self.patience_s) {
            bail!("[[signing.remote]] patience_s = {} is not between 10 and 3600", self.patience_s);
        }
        if self.name.trim().is_empty() {
            bail!("[[signing.remote]] name is empty: it is what signers read");
        }
        let token = read_secret("[[signing.remote]] token_file", &self.token_file)?;
        Ok(Remote { section: self.clone(), token })
    }
}

/// A service with its token.
struct Remote {
    section: RemoteSection,
    token: Secret,
}

/// All services of a node.
pub struct HttpPhoneSigning(Vec<Remote>);

impl HttpPhoneSigning {
    /// Reads the tokens; nothing is sent yet. Refuses what cannot work, and says which line to change.
    pub fn new(sections: &[RemoteSection]) -> Result<Self> {
        Ok(Self(sections.iter().map(RemoteSection::remote).collect::<Result<_>>()?))
    }

    /// The one that names the organisation, otherwise the one for all.
    fn of(&self, organisation: &OrgId) -> Option<&Remote> {
        let names = |remote: &&Remote| remote.section.organisations.contains(organisation);
        let is_for_all = |remote: &&Remote| remote.section.organisations.is_empty();
        self.0.iter().find(names).or_else(|| self.0.iter().find(is_for_all))
    }

    /// The certificates of a key, DER, the signer's first: for its registration.
    pub async fn certificates(&self, organisation: &OrgId, credential: &str) -> Result<Vec<Vec<u8>>> {
        let remote = self.of(organisation).context("no [[signing.remote]] is for this organisation")?;
        let asked = json!({"credentialID": credential, "certificates": "chain"});
        let (_, answer) = remote.call("credentials/info", &asked).await?;
        let chain = answer["cert"]["certificates"].as_array().context("it answers without certificates")?;
        let der = |text: &Json| BASE64.decode(text.as_str().unwrap_or_default());
        chain.iter().map(der).collect::<Result<_, _>>().context("its certificates are not base64")
    }

    fn remote(&self, organisation: &OrgId) -> Result<&Remote, NoService> {
        self.of(organisation)
            .ok_or_else(|| NoService::ForGood("no remote signing service is configured".to_owned()))
    }
}

impl Remote {
    /// One call: the status if it is of 2xx, and the JSON.
    async fn call(&self, name: &str, body: &Json) -> Result<(u16, Json), NoService> {
        let later = |why: &str| NoService::Now(why.to_owned());
        let text = format!("{}/{name}", self.section.url.trim_end_matches('/'));
        let url = Url::parse(&text).map_err(|_| NoService::ForGood("its address is none".to_owned()))?;
        let addresses =
            reach::resolved(&url, &self.section.networks, CALL_MAX).await.map_err(|why| match why {
                Unreachable::NoAddress => NoService::ForGood("its address is none".to_owned()),
                Unreachable::Unknown => later("its name is not known"),
                Unreachable::Internal => NoService::ForGood(
                    "it is in an internal network ([[signing.remote]] networks)".to_owned(),
                ),
            })?;
        let client = reach::client(&url, &addresses, CALL_MAX).ok_or(later("no HTTP client can be made"))?;
        let bytes = serde_json::to_vec(body).map_err(|_| NoService::ForGood("no JSON".to_owned()))?;
        let request = client
            .post(url)
            .header("Content-Type", "application/json")
            .header("Authorization", format!("Bearer {}", self.token.expose()))
            .body(bytes);
        let mut answer = request.send().await.map_err(|error| later(words(&error)))?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| later(words(&error)))? {
            if bytes.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
                return Err(later("its answer is too long"));
            }
            bytes.extend_from_slice(&chunk);
        }
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        match status {
            200..=299 => Ok((status, json)),
            408 | 425 | 429 | 500..=599 => Err(NoService::Now(format!("it answers {status}"))),
            _ => Err(NoService::ForGood(error_of(&json, status))),
        }
    }

    async fn ask(&self, question: &Question) -> Result<String, NoService> {
        let hashes: Vec<String> = question.hashes.iter().map(|hash| BASE64.encode(hash)).collect();
        let body = json!({
            "credentialID": question.credential,
            "hashes": hashes,
            "hashAlgorithmOID": question.hash_oid,
            "signAlgo": question.scheme_oid,
            "operationMode": "A",
            "validity_period": question.patience.as_secs(),
            "clientData": question.transaction,
            "description": question.text,
        });
        let (_, answer) = self.call("signatures/signHash", &body).await?;
        let response = answer["responseID"].as_str().unwrap_or_default();
        if response.is_empty() || response.chars().count() > RESPONSE_CHARS_MAX {
            return Err(NoService::Now("it answers without a responseID".to_owned()));
        }
        Ok(response.to_owned())
    }

    async fn look(&self, response: &str) -> Result<Answer, NoService> {
        let asked = json!({"responseID": response});
        match self.call("signatures/signPolling", &asked).await {
            Ok((202, _)) => Ok(Answer::Waiting),
            Ok((_, answer)) => {
                // A proxy's page, say: it must not end what the signer may be agreeing to.
                let Some(values) = answer["signatures"].as_array() else {
                    return Err(NoService::Now("it answers something else".to_owned()));
                };
                let value =
                    |text: &Json| BASE64.decode(text.as_str().unwrap_or_default()).unwrap_or_default();
                Ok(Answer::Values(values.iter().map(value).collect()))
            }
            Err(NoService::ForGood(why)) if why == "access_denied" => Ok(Answer::Refused),
            Err(NoService::ForGood(why)) if why == "expired" => Ok(Answer::Expired),
            Err(other) => Err(other),
        }
    }
}

/// `error` of an answer, if it is a word; otherwise the status.
fn error_of(json: &Json, status: u16) -> String {
    let is_word = |text: &&str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match json["error"].as_str().filter(is_word) {
        Some(word) => word.to_owned(),
        None => format!("it answers {status}"),
    }
}

fn words(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "it cannot be reached"
    } else {
        "the call broke off"
    }
}

impl PhoneSigning for HttpPhoneSigning {
    fn service_for(&self, organisation: &OrgId) -> Option<Service> {
        let section = &self.of(organisation)?.section;
        let patience = Duration::from_secs(section.patience_s.into());
        Some(Service { name: section.name.clone(), patience })
    }

    fn ask<'a>(&'a self, organisation: &'a OrgId, question: &'a Question) -> Soon<'a, String> {
        Box::pin(async move { self.remote(organisation)?.ask(question).await })
    }

    fn look<'a>(&'a self, organisation: &'a OrgId, response: &'a str) -> Soon<'a, Answer> {
        Box::pin(async move { self.remote(organisation)?.look(response).await })
    }

    fn take_back<'a>(&'a self, organisation: &'a OrgId, response: &'a str) -> Soon<'a, ()> {
        Box::pin(async move {
            let asked = json!({"responseID": response});
            self.remote(organisation)?.call("signatures/signCancel", &asked).await.map(|_| ())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn section(folder: &std::path::Path) -> RemoteSection {
        let token_file = folder.join("token");
        std::fs::write(&token_file, "secret\n").unwrap();
        std::fs::set_permissions(&token_file, std::fs::Permissions::from_mode(0o600)).unwrap();
        RemoteSection {
            url: "https://sign.example.org/csc/v2".into(),
            token_file,
            ..RemoteSection::default()
        }
    }

    #[test]
    fn what_cannot_work_is_told_with_the_line_to_change() {
        let folder = tempfile::tempdir().unwrap();
        assert!(HttpPhoneSigning::new(&[section(folder.path())]).is_ok());
        for (change, line) in [
            (&(|s: &mut RemoteSection| s.url = "http://sign.example.org".into()) as &dyn Fn(&mut _), "https"),
            (&|s: &mut RemoteSection| s.url = "sign".into(), "url"),
            (&|s: &mut RemoteSection| s.patience_s = 0, "patience_s"),
            (&|s: &mut RemoteSection| s.name = " ".into(), "name"),
            (&|s: &mut RemoteSection| s.token_file = "/nowhere".into(), "token_file"),
        ] {
            let mut section = section(folder.path());
            change(&mut section);
            let error = HttpPhoneSigning::new(&[section]).err().map(|error| format!("{error:#}"));
            assert!(error.as_ref().is_some_and(|error| error.contains(line)), "{error:?}");
        }
        let open = section(folder.path());
        std::fs::set_permissions(&open.token_file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(HttpPhoneSigning::new(&[open]).is_err(), "a token that others can read");
    }

    #[test]
    fn an_organisation_has_the_service_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let org = |text: &str| OrgId::parse(text).unwrap();
        let named = |name: &str, organisations| RemoteSection {
            name: name.into(),
            organisations,
            ..section(folder.path())
        };
        let all = HttpPhoneSigning::new(&[named("all", vec![]), named("city", vec![org("city")])]).unwrap();
        let name = |all: &HttpPhoneSigning, of| all.service_for(&org(of)).map(|service| service.name);
        assert_eq!(name(&all, "city").as_deref(), Some("city"));
        assert_eq!(name(&all, "town").as_deref(), Some("all"));
        let one = HttpPhoneSigning::new(&[named("city", vec![org("city")])]).unwrap();
        assert_eq!(name(&one, "town"), None);
    }

    #[tokio::test]
    async fn an_internal_address_is_not_called() {
        let folder = tempfile::tempdir().unwrap();
        let inside = RemoteSection { url: "https://10.1.2.3/csc".into(), ..section(folder.path()) };
        let all = HttpPhoneSigning::new(&[inside]).unwrap();
        let looked = all.look(&OrgId::parse("city").unwrap(), "r").await;
        assert!(matches!(looked, Err(NoService::ForGood(why)) if why.contains("internal")));
    }
}
