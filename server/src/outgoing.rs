//! What the node asks others when a report is signed, by HTTP: time stamps (RFC 3161 §3.4), OCSP (RFC 6960, appendix A)
//! and revocation lists. Every question has a time limit, every answer a size limit; redirections are not followed.

use crate::phone_signing::{HttpPhoneSigning, RemoteSection};
use anyhow::{Context as _, Result, bail};
use consult::authorities::{Answer, Authorities, CLOCK_DIFFERENCE_MAX, NoAnswer, TimeStamps};
use consult::phone::PhoneSigning;
use consult::revocation::Question;
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
        let authorities = HttpAuthorities::new(self.timestamp_url.clone(), self.timeout_ms)?;
        let phone = Arc::new(HttpPhoneSigning::new(&self.remote)?);
        Ok(Signing { authorities: Arc::new(authorities), time_stamps, phone })
    }
}

/// Authorities over HTTP.
pub struct HttpAuthorities {
    client: reqwest::Client,
    timestamp_url: Option<String>,
}

impl HttpAuthorities {
    /// A client; nothing is sent yet.
    pub fn new(timestamp_url: Option<String>, timeout_ms: u64) -> Result<Self> {
        // The first of the process wins; all of them are this one.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(timeout_ms))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("farsight")
            .build()
            .context("the HTTP client for authorities could not be made")?;
        Ok(Self { client, timestamp_url })
    }

    async fn ask(&self, request: reqwest::RequestBuilder, bytes_max: usize) -> Result<Vec<u8>, NoAnswer> {
        // Without the address, which may carry an account.
        let no_answer = |error: reqwest::Error| NoAnswer(error.without_url().to_string());
        let mut answer = request.send().await.map_err(no_answer)?;
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

    fn post(&self, url: &str, kind: &'static str, body: Vec<u8>) -> reqwest::RequestBuilder {
        self.client.post(url).header(reqwest::header::CONTENT_TYPE, kind).body(body)
    }
}

impl Authorities for HttpAuthorities {
    fn time_stamp(&self, request: Vec<u8>) -> Answer<'_> {
        Box::pin(async move {
            let url = self.timestamp_url.as_deref();
            let url = url.ok_or_else(|| NoAnswer("no time-stamping authority is configured".to_owned()))?;
            let request = self.post(url, "application/timestamp-query", request);
            self.ask(request, consult::timestamp::ANSWER_BYTES_MAX).await
        })
    }

    fn fetch(&self, question: Question) -> Answer<'_> {
        Box::pin(async move {
            let request = match question {
                Question::Ocsp { url, request } => self.post(&url, "application/ocsp-request", request),
                Question::Crl { url } => self.client.get(url),
            };
            self.ask(request, consult::revocation::ANSWER_BYTES_MAX).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
