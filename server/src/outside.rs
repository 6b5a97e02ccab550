//! What handlers ask of others by HTTP, and the organisation's OpenID provider of the configuration.

use crate::reach::{self, Unreachable};
use access::{AddressRange, Secret};
use anyhow::{Context as _, Result, bail};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;
use viewer_api::{ANSWER_BYTES_MAX, CalledFor, Fetched, NotReached, Outside, SignOnConfig};

/// The longest that a question may take, all in all.
const QUESTION_MAX: Duration = Duration::from_secs(10);

/// `[oidc]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcSection {
    /// The provider, exactly as its tokens name it, such as `https://id.example.org/realms/hospital`. Without it there is no
    /// single sign-on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// What the button of the log-in says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who this node is to the provider.
    pub client_id: String,
    /// File with the secret that goes with it; read by nobody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// Methods (`amr`) any of which says that the provider has seen two factors, such as `["mfa"]`.
    pub second_factor_amr: Vec<String>,
    /// Contexts (`acr`) any of which says the same.
    pub second_factor_acr: Vec<String>,
    /// Internal networks in which the provider may be, such as `10.20.0.0/16`.
    pub networks: Vec<AddressRange>,
}

impl OidcSection {
    /// What the HTTP interface is to know; refuses what cannot work, and says which line to change.
    pub fn sign_on(&self) -> Result<Option<SignOnConfig>> {
        let Some(issuer) = &self.issuer else { return Ok(None) };
        let url = Url::parse(issuer).with_context(|| format!("[oidc] issuer = \"{issuer}\""))?;
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            bail!("[oidc] issuer = \"{issuer}\" must begin with https://: what it says logs people in");
        }
        if self.client_id.is_empty() {
            bail!("[oidc] client_id is missing: it is who this node is to {issuer}");
        }
        let client_secret = self.client_secret_file.as_ref();
        let client_secret =
            client_secret.map(|path| read_secret("[oidc] client_secret_file", path)).transpose()?;
        let name = self.name.clone().or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
        Ok(Some(SignOnConfig {
            name,
            issuer: issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret,
            second_factor_amr: self.second_factor_amr.clone(),
            second_factor_acr: self.second_factor_acr.clone(),
        }))
    }
}

/// A secret in a file that nobody else can read; `line` names the line of the configuration.
pub fn read_secret(line: &str, path: &std::path::Path) -> Result<Secret> {
    use std::os::unix::fs::PermissionsExt as _;
    let of = || format!("{line} = \"{}\"", path.display());
    let mode = std::fs::metadata(path).with_context(of)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others: chmod 600 {}", of(), path.display());
    }
    let text = std::fs::read_to_string(path).with_context(of)?;
    match text.trim() {
        "" => bail!("{} is empty", of()),
        secret => Ok(Secret::new(secret.to_owned())),
    }
}

/// Questions over HTTP, where the configuration lets them go.
pub struct HttpOutside {
    /// Internal networks of the provider.
    pub provider_networks: Vec<AddressRange>,
    /// Internal networks of webhooks.
    pub webhook_networks: Vec<AddressRange>,
    /// Internal networks of services that take reports.
    pub delivery_networks: Vec<AddressRange>,
}

impl HttpOutside {
    async fn ask(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, NotReached> {
        let not_reached = |why: &str| NotReached(why.to_owned());
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| not_reached("it is no address"))?;
        let addresses = reach::resolved(&url, &self.provider_networks, QUESTION_MAX).await;
        let addresses = addresses.map_err(|why| {
            not_reached(match why {
                Unreachable::NoAddress => "it is no address of HTTP",
                Unreachable::Unknown => "its name is not known",
                Unreachable::Internal => "it is in an internal network ([oidc] networks)",
            })
        })?;
        // What it says logs people in: whoever is on the way could say otherwise.
        if url.scheme() != "https"
            && !addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
        {
            return Err(not_reached("it is not on this machine and not HTTPS"));
        }
        let client = reach::client(&url, &addresses, QUESTION_MAX).ok_or_else(|| not_reached("no client"))?;
        let no_answer = |error: reqwest::Error| NotReached(error.without_url().to_string());
        let request = client.request(parts.method, url).headers(parts.headers).body(body);
        let mut answer = request.send().await.map_err(no_answer)?;
        let mut response = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if bytes.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
                return Err(not_reached("the answer is too long"));
            }
            bytes.extend_from_slice(&chunk);
        }
        response.body(bytes).map_err(|_| not_reached("the answer is none of HTTP"))
    }
}

impl Outside for HttpOutside {
    fn fetch(&self, request: http::Request<Vec<u8>>) -> Fetched<'_> {
        Box::pin(self.ask(request))
    }

    fn is_internal<'a>(
        &'a self,
        called_for: CalledFor,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let networks = match called_for {
            CalledFor::Notices => &self.webhook_networks,
            CalledFor::Deliveries => &self.delivery_networks,
        };
        Box::pin(async move {
            // What is no address at all is refused for that.
            let Ok(url) = Url::parse(url.trim()) else { return false };
            let seen = reach::resolved(&url, networks, Duration::from_secs(5)).await;
            seen == Err(Unreachable::Internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reach::tests::TRICKS;

    fn outside() -> HttpOutside {
        HttpOutside {
            provider_networks: Vec::new(),
            webhook_networks: Vec::new(),
            delivery_networks: Vec::new(),
        }
    }

    #[tokio::test]
    async fn an_internal_address_is_refused_when_one_is_set_and_when_a_provider_is_asked() {
        for text in TRICKS {
            for called_for in [CalledFor::Notices, CalledFor::Deliveries] {
                assert!(outside().is_internal(called_for, text).await, "{text}");
            }
            let Ok(request) = http::Request::get(text).body(Vec::new()) else { continue };
            let refused = outside().fetch(request).await.unwrap_err();
            assert!(refused.0.contains("internal") || refused.0.contains("no address"), "{text}: {refused}");
        }
        assert!(!outside().is_internal(CalledFor::Notices, "https://8.8.8.8/hook").await);
        assert!(!outside().is_internal(CalledFor::Notices, "nonsense").await);
        // Each has networks of its own.
        let loopback = AddressRange::parse("127.0.0.0/8").unwrap();
        let some = HttpOutside { delivery_networks: vec![loopback], ..outside() };
        assert!(!some.is_internal(CalledFor::Deliveries, "http://127.0.0.1/").await);
        assert!(some.is_internal(CalledFor::Notices, "http://127.0.0.1/").await);
    }

    /// The provider's own document names the addresses where its keys are and where codes are exchanged.
    #[tokio::test]
    async fn a_provider_elsewhere_is_asked_by_https_alone() {
        let loopback = vec![AddressRange::parse("127.0.0.0/8").unwrap()];
        let outside = HttpOutside { provider_networks: loopback, ..outside() };
        let ask = async |url: &str| outside.fetch(http::Request::get(url).body(Vec::new()).unwrap()).await;
        let refused = ask("http://8.8.8.8/jwks").await.unwrap_err();
        assert!(refused.0.contains("not HTTPS"), "{refused}");
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = ask(&format!("http://{nobody}/jwks")).await.unwrap_err();
        assert!(!refused.0.contains("HTTPS"), "on this machine it is asked: {refused}");
    }

    #[test]
    fn what_cannot_work_is_told_with_the_line_to_change() {
        let section = |change: &dyn Fn(&mut OidcSection)| {
            let mut section = OidcSection {
                issuer: Some("https://id.example.org".into()),
                client_id: "farsight".into(),
                ..OidcSection::default()
            };
            change(&mut section);
            section.sign_on().map(|config| config.map(|config| config.name))
        };
        assert_eq!(section(&|_| {}).unwrap().as_deref(), Some("id.example.org"));
        assert_eq!(section(&|s| s.issuer = None).unwrap(), None);
        let secret = tempfile::NamedTempFile::new().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(secret.path(), open).unwrap();
        let path = secret.path().to_owned();
        for (change, line) in [
            (
                &(|s: &mut OidcSection| s.issuer = Some("http://id.example.org".into())) as &dyn Fn(&mut _),
                "https://",
            ),
            (&|s: &mut OidcSection| s.client_id.clear(), "client_id"),
            (&|s: &mut OidcSection| s.client_secret_file = Some(path.clone()), "chmod 600"),
            (&|s: &mut OidcSection| s.client_secret_file = Some("/nowhere".into()), "client_secret_file"),
        ] {
            let error = format!("{:#}", section(change).unwrap_err());
            assert!(error.contains(line), "{error}");
        }
    }
}
