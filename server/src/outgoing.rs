//! What the node asks others when a report is signed, by HTTP: time stamps (RFC 3161 §3.4), OCSP (RFC 6960, appendix A)
//! and revocation lists. Every question has a time limit, every answer a size limit; redirections are not followed.

use crate::phone_signing::{HttpPhoneSigning, RemoteSection};
use crate::reach::{self, Unreachable};
use access::AddressRange;
use anyhow::{Context as _, Result, bail};
use consult::authorities::{Answer, Authorities, CLOCK_DIFFERENCE_MAX, NoAnswer, TimeStamps};
use consult::phone::PhoneSigning;
use consult::revocation::Question;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::{Client, IntoUrl, RequestBuilder, Url};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Whether reports need time stamps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// A report is delivered when each of its signatures has one.
    #[default]
    Required,
    /// None are asked for, and every verdict says that there are none.
    None,
}

/// `[signing]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigningSection {
    /// The time-stamping authority, such as `http://tsa.example.org/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_url: Option<String>,
    /// PEM file of the certificate authorities of time stamps; those of `[report] trust_anchors` when it is not named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_trust_anchors: Option<PathBuf>,
    /// Policy that is wanted of the authority, such as `1.2.3.4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_policy: Option<String>,
    /// `required` or `none`.
    pub timestamps: Need,
    /// How long an authority may take to answer, milliseconds.
    pub timeout_ms: u64,
    /// Internal networks in which the OCSP responders and revocation lists that certificates name may be, such as `10.20.0.0/16`.
    pub networks: Vec<AddressRange>,
    /// Remote signing services, which ask signers' telephones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote: Vec<RemoteSection>,
}

impl Default for SigningSection {
    fn default() -> Self {
        Self {
            timestamp_url: None,
            timestamp_trust_anchors: None,
            timestamp_policy: None,
            timestamps: Need::Required,
            timeout_ms: 10_000,
            networks: Vec::new(),
            remote: Vec::new(),
        }
    }
}

/// Who is asked when something is signed, and whether reports wait for it.
#[derive(Clone)]
pub struct Signing {
    /// Carries questions and answers.
    pub authorities: Arc<dyn Authorities>,
    /// Whether reports need time stamps.
    pub time_stamps: TimeStamps,
    /// Keys that are elsewhere.
    pub phone: Arc<dyn PhoneSigning>,
}

impl SigningSection {
    /// Whether reports need time stamps, and by whom; `trust_anchors_pem` is of the signers.
    pub fn time_stamps(&self, trust_anchors_pem: &str) -> Result<TimeStamps> {
        if self.timeout_ms == 0 {
            bail!("[signing] timeout_ms = 0 would let no authority answer");
        }
        let Some(url) = &self.timestamp_url else {
            return Ok(match self.timestamps {
                Need::Required => TimeStamps::Missing,
                Need::None => TimeStamps::None,
            });
        };
        if self.timestamps == Need::None {
            bail!("[signing] timestamps = \"none\" and timestamp_url = \"{url}\" contradict each other");
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("[signing] timestamp_url = \"{url}\" is not like http://tsa.example.org/");
        }
        let anchors_pem = match &self.timestamp_trust_anchors {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("[signing] timestamp_trust_anchors = \"{}\"", path.display()))?,
            None => trust_anchors_pem.to_owned(),
        };
        if consult::certificate::from_pem(&anchors_pem).map_or(0, |anchors| anchors.len()) == 0 {
            bail!("[signing] timestamp_trust_anchors names no certificate: no time stamp could be trusted");
        }
        let policy = self.timestamp_policy.as_deref().map(consult::authorities::policy).transpose();
        let policy =
            policy.map_err(|text| anyhow::anyhow!("[signing] timestamp_policy = \"{text}\" is no OID"))?;
        Ok(TimeStamps::Required { anchors_pem, policy, clock_difference_max: CLOCK_DIFFERENCE_MAX })
    }

    /// Everything, with the HTTP client.
    pub fn signing(&self, trust_anchors_pem: &str) -> Result<Signing> {
        let time_stamps = self.time_stamps(trust_anchors_pem)?;
        if time_stamps == TimeStamps::Missing {
            tracing::warn!(
                "no time-stamping authority is configured: reports can be signed, but wait and are not delivered. Set \
                 [signing] timestamp_url, or timestamps = \"none\" for reports without time stamps"
            );
        }
        let authorities = HttpAuthorities::new(self)?;
        let phone = Arc::new(HttpPhoneSigning::new(&self.remote)?);
        Ok(Signing { authorities: Arc::new(authorities), time_stamps, phone })
    }
}

/// Authorities over HTTP: the one for time stamps where the configuration says, those of certificates where these say and the
/// node may be led to ([`reach`]).
pub struct HttpAuthorities {
    /// For time stamps.
    client: Client,
    timestamp_url: Option<String>,
    networks: Vec<AddressRange>,
    answer_max: Duration,
}

impl HttpAuthorities {
    /// A client; nothing is sent yet.
    pub fn new(section: &SigningSection) -> Result<Self> {
        let answer_max = Duration::from_millis(section.timeout_ms);
        // The first of the process wins; all of them are this one.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(answer_max)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("the HTTP client for authorities could not be made")?;
        let (timestamp_url, networks) = (section.timestamp_url.clone(), section.networks.clone());
        Ok(Self { client, timestamp_url, networks, answer_max })
    }

    /// Asks where a certificate says, if the node may be led there.
    async fn ask_named(&self, question: Question) -> Result<Vec<u8>, NoAnswer> {
        let no_answer = |why: &str| NoAnswer(why.to_owned());
        let (Question::Ocsp { url, .. } | Question::Crl { url }) = &question;
        let url = Url::parse(url).map_err(|_| no_answer(NO_ADDRESS))?;
        let addresses = reach::resolved(&url, &self.networks, self.answer_max).await;
        let addresses = addresses.map_err(|why| {
            no_answer(match why {
                Unreachable::NoAddress => NO_ADDRESS,
                Unreachable::Unknown => "its name is not known",
                Unreachable::Internal => "it is in an internal network ([signing] networks)",
            })
        })?;
        let client = reach::client(&url, &addresses, self.answer_max);
        let client = client.ok_or_else(|| no_answer("no HTTP client can be made"))?;
        let request = match question {
            Question::Ocsp { request, .. } => post(&client, url, "application/ocsp-request", request),
            Question::Crl { .. } => client.get(url),
        };
        ask(request, consult::revocation::ANSWER_BYTES_MAX).await
    }
}

/// What a certificate may say instead of an address.
const NO_ADDRESS: &str = "it is no address of HTTP";

fn post(client: &Client, url: impl IntoUrl, kind: &'static str, body: Vec<u8>) -> RequestBuilder {
    client.post(url).header(CONTENT_TYPE, kind).body(body)
}

async fn ask(request: RequestBuilder, bytes_max: usize) -> Result<Vec<u8>, NoAnswer> {
    // Without the address, which may carry an account.
    let no_answer = |error: reqwest::Error| NoAnswer(error.without_url().to_string());
    let mut answer = request.header(USER_AGENT, "farsight").send().await.map_err(no_answer)?;
    if !answer.status().is_success() {
        return Err(NoAnswer(format!("status {}", answer.status().as_u16())));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
        if bytes.len().saturating_add(chunk.len()) > bytes_max {
            return Err(NoAnswer("the answer is too long".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

impl Authorities for HttpAuthorities {
    fn time_stamp(&self, request: Vec<u8>) -> Answer<'_> {
        Box::pin(async move {
            let url = self.timestamp_url.as_deref();
            let url = url.ok_or_else(|| NoAnswer("no time-stamping authority is configured".to_owned()))?;
            let request = post(&self.client, url, "application/timestamp-query", request);
            ask(request, consult::timestamp::ANSWER_BYTES_MAX).await
        })
    }

    fn fetch(&self, question: Question) -> Answer<'_> {
        Box::pin(async move {
            // The name's resolution and the call together.
            let answer = tokio::time::timeout(self.answer_max, self.ask_named(question)).await;
            answer.unwrap_or_else(|_| Err(NoAnswer("it does not answer in time".to_owned())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reach::tests::TRICKS;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// An authority on this machine that says the same to everybody; its address.
    async fn authority(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        url
    }

    const YES: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes";

    fn authorities(change: impl FnOnce(&mut SigningSection)) -> HttpAuthorities {
        let mut section = SigningSection { timeout_ms: 5000, ..SigningSection::default() };
        change(&mut section);
        HttpAuthorities::new(&section).unwrap()
    }

    /// Both that are asked at an address that stands in a certificate.
    fn questions(url: &str) -> [Question; 2] {
        [Question::Ocsp { url: url.to_owned(), request: vec![0x30] }, Question::Crl { url: url.to_owned() }]
    }

    #[tokio::test]
    async fn no_certificate_makes_the_node_call_an_internal_address() {
        let outside = authorities(|_| {});
        let here = authority(YES).await;
        for url in TRICKS.into_iter().chain([here.as_str()]) {
            for question in questions(url) {
                let said = outside.fetch(question).await.unwrap_err().0;
                assert!(said.contains("[signing] networks"), "{url}: {said}");
            }
        }
        for url in ["", "ldap://8.8.8.8/cn=list", "file:///etc/passwd", "ftp://8.8.8.8/", "nonsense"] {
            for question in questions(url) {
                let said = outside.fetch(question).await.unwrap_err().0;
                assert!(said.contains("no address"), "{url}: {said}");
            }
        }
    }

    #[tokio::test]
    async fn an_authority_in_a_network_that_is_named_is_asked_and_leads_nowhere_else() {
        let loopback = || vec![AddressRange::parse("127.0.0.0/8").unwrap()];
        let inside = authorities(|section| section.networks = loopback());
        for question in questions(&authority(YES).await) {
            assert_eq!(inside.fetch(question).await.unwrap(), b"yes");
        }
        let moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        for question in questions(&authority(moved).await) {
            assert_eq!(inside.fetch(question).await.unwrap_err().0, "status 302");
        }
    }

    /// Slower than the limit in all, faster at every step.
    #[tokio::test]
    async fn an_authority_that_trickles_its_answer_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        let inside = authorities(|section| {
            section.networks = vec![AddressRange::parse("127.0.0.0/8").unwrap()];
            section.timeout_ms = 200;
        });
        for question in questions(&url) {
            let answer = tokio::time::timeout(Duration::from_secs(5), inside.fetch(question)).await;
            assert!(answer.expect("the limit holds").is_err());
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_is_none() {
        let long = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "x".repeat((4 << 20) + 1));
        let url = authority(long.leak()).await;
        let inside =
            authorities(|section| section.networks = vec![AddressRange::parse("127.0.0.0/8").unwrap()]);
        for question in questions(&url) {
            assert_eq!(inside.fetch(question).await.unwrap_err().0, "the answer is too long");
        }
    }

    #[tokio::test]
    async fn the_time_stamping_authority_is_where_the_configuration_says() {
        let url = authority(YES).await;
        let authorities = authorities(|section| section.timestamp_url = Some(url));
        assert_eq!(authorities.time_stamp(vec![0x30]).await.unwrap(), b"yes");
    }

    #[test]
    fn what_cannot_work_is_told_with_the_line_to_change() {
        let section = |change: &dyn Fn(&mut SigningSection)| {
            let mut section = SigningSection::default();
            change(&mut section);
            section.time_stamps("")
        };
        assert_eq!(section(&|_| {}).unwrap(), TimeStamps::Missing);
        assert_eq!(section(&|s| s.timestamps = Need::None).unwrap(), TimeStamps::None);
        let url = |text: &str| Some(text.to_owned());
        for (change, line) in [
            (
                &(|s: &mut SigningSection| s.timestamp_url = url("tsa.example.org")) as &dyn Fn(&mut _),
                "timestamp_url",
            ),
            (
                &|s: &mut SigningSection| s.timestamp_url = url("http://tsa.example.org"),
                "timestamp_trust_anchors",
            ),
            (
                &|s: &mut SigningSection| {
                    s.timestamp_url = url("http://tsa.example.org");
                    s.timestamps = Need::None;
                },
                "contradict",
            ),
            (&|s: &mut SigningSection| s.timeout_ms = 0, "timeout_ms"),
        ] {
            let error = format!("{:#}", section(change).unwrap_err());
            assert!(error.contains(line), "{error}");
        }
    }
}
