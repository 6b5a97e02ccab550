//! Handing e-mail to a mail server by message submission (RFC 6409, RFC 5321): over TLS from the first byte or by STARTTLS,
//! with a log-in if one is configured. Without TLS only to this machine. One message, one connection.
//!
//! Our own, because the crate `lettre` (0.11) goes on with what was said in the clear behind the answer to STARTTLS as if TLS had
//! brought it (RFC 3207 §6), and reads a line of any length before it looks how long it is.

use super::Failed;
use crate::outside::read_secret;
use access::Secret;
use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// The longest that handing over one message may take, all in all: shorter than a job's lease.
const PATIENCE: Duration = Duration::from_secs(40);
/// Bytes of one line of an answer, and lines of one answer (RFC 5321 §4.5.3.1.5 says 512).
const LINE_BYTES_MAX: u64 = 2048;
const LINES_MAX: usize = 100;
/// Where Linux and BSD keep the certificates that the machine trusts.
const MACHINE_ANCHORS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// How the line to the mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// By STARTTLS (RFC 3207), which must be offered: port 587.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314): port 465.
    Tls,
    /// Not at all: only to this machine.
    None,
}

/// `[notify.smtp]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpSection {
    /// Host and port, such as `smtp.hospital.example.org:587`.
    pub server: String,
    /// `starttls`, `tls`, or `none` to this machine.
    pub security: Security,
    /// Who logs in; nobody without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// File with the password that goes with it; read by nobody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// PEM file of the certificate authorities of the mail server; those that the machine trusts without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_anchors: Option<PathBuf>,
}

/// A mail server that can be spoken to.
pub struct Smtp {
    host: String,
    address: String,
    security: Security,
    log_in: Option<(String, Secret)>,
    tls: Option<TlsConnector>,
}

/// One message with its envelope.
pub struct Letter<'a> {
    pub from: &'a str,
    pub to: &'a str,
    /// RFC 5322, lines that end with CR LF.
    pub text: &'a str,
}

impl SmtpSection {
    /// Reads secret and certificates; nothing is sent yet. Refuses what cannot work, and says which line to change.
    pub fn smtp(&self) -> Result<Smtp> {
        let line = || format!("[notify.smtp] server = \"{}\"", self.server);
        let (host, port) =
            self.server.rsplit_once(':').with_context(|| format!("{} names no port", line()))?;
        let port: u16 = port.parse().with_context(line)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || port == 0 {
            bail!("{} is not like smtp.hospital.example.org:587", line());
        }
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "::1");
        if self.security == Security::None && !is_here {
            bail!("{}: security = \"none\" is for this machine only (127.0.0.1)", line());
        }
        let log_in = match (&self.user, &self.password_file) {
            (None, None) => None,
            (Some(user), Some(path)) if !user.contains('\0') => {
                Some((user.clone(), read_secret("[notify.smtp] password_file", path)?))
            }
            _ => bail!("[notify.smtp] user and password_file go together"),
        };
        let tls = match self.security {
            Security::None => None,
            _ => Some(connector(self.trust_anchors.as_deref())?),
        };
        let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        Ok(Smtp { host: host.to_owned(), address, security: self.security, log_in, tls })
    }
}

fn connector(anchors: Option<&Path>) -> Result<TlsConnector> {
    let (line, path) = match anchors {
        Some(path) => ("[notify.smtp] trust_anchors", path),
        None => {
            let found = MACHINE_ANCHORS.iter().map(Path::new).find(|path| path.is_file());
            (
                "[notify.smtp] trust_anchors",
                found.context(
                    "[notify.smtp] trust_anchors must be named: this machine has no list of authorities",
                )?,
            )
        }
    };
    let of = || format!("{line} = \"{}\"", path.display());
    let pem = std::fs::read(path).with_context(of)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        // A list of a machine may hold some that are not for this.
        let added = roots.add(certificate.with_context(of)?);
        if anchors.is_some() {
            added.with_context(of)?;
        }
    }
    if roots.is_empty() {
        bail!("{} holds no certificate (PEM)", of());
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.context("TLS")?.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Smtp {
    /// Hands a message over. What the mail server refuses for good (5xx about this message) is not tried again.
    pub async fn send(&self, letter: &Letter<'_>) -> Result<(), Failed> {
        match tokio::time::timeout(PATIENCE, self.submit(letter)).await {
            Ok(sent) => sent,
            Err(_) => Err(Failed::Now("the mail server does not answer in time".to_owned())),
        }
    }

    async fn submit(&self, letter: &Letter<'_>) -> Result<(), Failed> {
        let stream = TcpStream::connect(&self.address)
            .await
            .map_err(|error| Failed::Now(format!("the mail server cannot be reached: {}", error.kind())))?;
        let stream: Box<dyn Line> = match self.security {
            Security::None => Box::new(stream),
            Security::Tls => self.secured(Box::new(stream)).await?,
            Security::Starttls => {
                let mut plain = Dialogue::new(Box::new(stream));
                plain.expect("greeting", 220).await?;
                let offers = plain.greet(letter.from).await?;
                if !offers.iter().any(|offer| offer == "STARTTLS") {
                    return Err(Failed::Now("the mail server offers no STARTTLS".to_owned()));
                }
                plain.say("STARTTLS").await?;
                plain.expect("STARTTLS", 220).await?;
                self.secured(plain.into_line()?).await?
            }
        };
        let mut line = Dialogue::new(stream);
        if self.security != Security::Starttls {
            line.expect("greeting", 220).await?;
        }
        let offers = line.greet(letter.from).await?;
        if let Some((user, password)) = &self.log_in {
            line.log_in(&offers, user, password).await?;
        }
        line.say(&format!("MAIL FROM:<{}>", letter.from)).await?;
        line.expect("sender", 250).await?;
        line.say(&format!("RCPT TO:<{}>", letter.to)).await?;
        line.expect("recipient", 250).await?;
        line.say("DATA").await?;
        line.expect("DATA", 354).await?;
        line.say(&format!("{}.", dotted(letter.text))).await?;
        line.expect("message", 250).await?;
        // It is handed over, whatever is said now.
        let _ = line.say("QUIT").await;
        Ok(())
    }

    async fn secured(&self, stream: Box<dyn Line>) -> Result<Box<dyn Line>, Failed> {
        let connector = self.tls.as_ref().ok_or(Failed::ForGood("no TLS is configured"))?;
        let name = ServerName::try_from(self.host.clone())
            .map_err(|_| Failed::ForGood("the mail server's name is none"))?;
        // The error of TLS says whether it is the certificate; it names nobody.
        let secured = connector.connect(name, stream).await;
        match secured {
            Ok(secured) => Ok(Box::new(secured)),
            Err(error) => Err(Failed::Now(format!("no TLS with the mail server: {error}"))),
        }
    }
}

trait Line: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// Commands and answers.
struct Dialogue(BufReader<Box<dyn Line>>);

impl Dialogue {
    fn new(line: Box<dyn Line>) -> Self {
        Self(BufReader::new(line))
    }

    /// The line without the dialogue. What was said after the answer to STARTTLS, and before TLS, was said by whoever is in
    /// between (RFC 3207 §6).
    fn into_line(self) -> Result<Box<dyn Line>, Failed> {
        if self.0.buffer().is_empty() {
            Ok(self.0.into_inner())
        } else {
            Err(Failed::Now("the mail server speaks before TLS begins".to_owned()))
        }
    }

    async fn say(&mut self, text: &str) -> Result<(), Failed> {
        let sent = async {
            self.0.write_all(text.as_bytes()).await?;
            self.0.write_all(b"\r\n").await?;
            self.0.flush().await
        };
        sent.await.map_err(broken)
    }

    /// An answer: its code, and the text of each line.
    async fn hear(&mut self) -> Result<(u16, Vec<String>), Failed> {
        let strange = || Failed::Now("the mail server answers something else than SMTP".to_owned());
        let mut lines = Vec::new();
        while lines.len() < LINES_MAX {
            let mut bytes = Vec::new();
            (&mut self.0).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes).await.map_err(broken)?;
            if bytes.is_empty() {
                return Err(broken(io::ErrorKind::UnexpectedEof.into()));
            }
            let text = String::from_utf8_lossy(&bytes);
            let text = text.strip_suffix('\n').ok_or_else(strange)?.trim_end_matches('\r');
            let code = text.get(..3).and_then(|code| code.parse().ok()).ok_or_else(strange)?;
            lines.push(text.get(4..).unwrap_or_default().to_owned());
            match text.as_bytes().get(3) {
                Some(b'-') => {}
                None | Some(b' ') => return Ok((code, lines)),
                Some(_) => return Err(strange()),
            }
        }
        Err(strange())
    }

    /// An answer that goes on. The text of a refusal is the mail server's and may hold an address: only its code is kept.
    async fn expect(&mut self, about: &'static str, wanted: u16) -> Result<Vec<String>, Failed> {
        let (code, lines) = self.hear().await?;
        match code {
            // 251: will forward.
            _ if code == wanted || (wanted == 250 && code == 251) => Ok(lines),
            500..=599 if about == "recipient" => {
                Err(Failed::ForGood("the mail server refuses the recipient (5xx)"))
            }
            500..=599 if about == "message" => {
                Err(Failed::ForGood("the mail server refuses the message (5xx)"))
            }
            _ => Err(Failed::Now(format!("the mail server answers {code} ({about})"))),
        }
    }

    /// EHLO (RFC 5321 §4.1.1.1); what the server offers, in capitals.
    async fn greet(&mut self, from: &str) -> Result<Vec<String>, Failed> {
        let host = from.rsplit_once('@').map_or("localhost", |(_, host)| host);
        self.say(&format!("EHLO {host}")).await?;
        let lines = self.expect("EHLO", 250).await?;
        Ok(lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect())
    }

    /// RFC 4954, by PLAIN (RFC 4616) or, where that is not offered, LOGIN. A log-in that is refused is somebody's to mend: until
    /// then messages wait.
    async fn log_in(&mut self, offers: &[String], user: &str, password: &Secret) -> Result<(), Failed> {
        let ways = offers.iter().find_map(|offer| offer.strip_prefix("AUTH ")).unwrap_or_default();
        let has = |way: &str| ways.split(' ').any(|one| one == way);
        if has("PLAIN") {
            let plain = format!("\0{user}\0{}", password.expose());
            self.say(&format!("AUTH PLAIN {}", STANDARD.encode(plain))).await?;
        } else if has("LOGIN") {
            self.say("AUTH LOGIN").await?;
            self.expect("log-in", 334).await?;
            self.say(&STANDARD.encode(user)).await?;
            self.expect("log-in", 334).await?;
            self.say(&STANDARD.encode(password.expose())).await?;
        } else {
            return Err(Failed::Now("the mail server offers no log-in that is known here".to_owned()));
        }
        self.expect("log-in", 235).await.map(|_| ())
    }
}

fn broken(error: io::Error) -> Failed {
    Failed::Now(format!("the mail server hung up: {}", error.kind()))
}

/// A line that begins with a dot gets another (RFC 5321 §4.5.2); the text ends with CR LF.
fn dotted(text: &str) -> String {
    let mut whole = String::with_capacity(text.len() + 2);
    for line in text.split_inclusive("\r\n") {
        if line.starts_with('.') {
            whole.push('.');
        }
        whole.push_str(line);
    }
    if !whole.ends_with("\r\n") {
        whole.push_str("\r\n");
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const LETTER: Letter<'static> =
        Letter { from: "farsight@a.example", to: "li@b.example", text: "Subject: x\r\n\r\n.hidden\r\n" };

    /// A mail server on this machine that says these answers, one for each line that begins a step; what it heard.
    async fn scripted(answers: &'static [&'static str]) -> (Smtp, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let section = SmtpSection { server, security: Security::None, ..SmtpSection::default() };
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut heard = String::new();
            for answer in answers {
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.write_all(b"\r\n").await.unwrap();
                let is_data = answer.starts_with("354");
                loop {
                    let mut line = String::new();
                    if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                        return heard;
                    }
                    heard.push_str(&line);
                    if !is_data || line == ".\r\n" {
                        break;
                    }
                }
            }
            heard
        });
        (section.smtp().unwrap(), task)
    }

    #[tokio::test]
    async fn a_message_is_handed_over_as_rfc_5321_says() {
        let (smtp, task) =
            scripted(&["220 hello", "250-here\r\n250 8BITMIME", "250 ok", "250 ok", "354 go", "250 kept"])
                .await;
        assert_eq!(smtp.send(&LETTER).await, Ok(()));
        let heard = task.await.unwrap();
        let wanted = "EHLO a.example\r\nMAIL FROM:<farsight@a.example>\r\nRCPT TO:<li@b.example>\r\nDATA\r\n\
                      Subject: x\r\n\r\n..hidden\r\n.\r\nQUIT\r\n";
        assert_eq!(heard, wanted);
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_again_and_a_refusal_is_not() {
        let cases: [(&'static [&'static str], bool); 6] = [
            (&["220 hello", "250 here", "250 ok", "550 no such user li@b.example"], false),
            (&["220 hello", "250 here", "250 ok", "451 later"], true),
            (&["220 hello", "250 here", "250 ok", "250 ok", "354 go", "554 spam"], false),
            (&["220 hello", "250 here", "250 ok", "250 ok", "354 go", "452 full"], true),
            (&["421 busy"], true),
            (&["220 hello", "250 here", "530 log in first"], true),
        ];
        for (answers, is_tried_again) in cases {
            let (smtp, _task) = scripted(answers).await;
            let sent = smtp.send(&LETTER).await;
            assert_eq!(matches!(sent, Err(Failed::Now(_))), is_tried_again, "{answers:?}: {sent:?}");
            assert!(sent.is_err() && !format!("{sent:?}").contains("b.example"), "{sent:?}");
            assert!(word(&sent).starts_with("mail_"), "{sent:?}");
        }
        let (smtp, _task) = scripted(&["SSH-2.0-OpenSSH_9.2"]).await;
        assert!(matches!(smtp.send(&LETTER).await, Err(Failed::Now(why)) if why.contains("something else")));
    }

    /// What went wrong has a word that pages can say.
    fn word(sent: &Result<(), Failed>) -> &'static str {
        match sent {
            Ok(()) => "",
            Err(Failed::Now(why)) => consult::notify::problem_code(why),
            Err(Failed::ForGood(why)) => consult::notify::problem_code(why),
        }
    }

    /// A mail server that wants STARTTLS, with these answers.
    async fn starting_tls(answers: &'static [&'static str]) -> Result<(), Failed> {
        let folder = tempfile::tempdir().unwrap();
        let anchors = folder.path().join("anchors.pem");
        let authority =
            consult::ca::CertificateAuthority::create("CA", time::OffsetDateTime::now_utc()).unwrap();
        std::fs::write(&anchors, authority.anchor_pem().unwrap()).unwrap();
        let (plain, _task) = scripted(answers).await;
        let section = SmtpSection {
            server: plain.address.clone(),
            security: Security::Starttls,
            trust_anchors: Some(anchors),
            ..SmtpSection::default()
        };
        section.smtp().unwrap().send(&LETTER).await
    }

    #[tokio::test]
    async fn what_is_said_in_the_clear_behind_the_answer_to_starttls_is_not_listened_to() {
        let answers = &["220 hello", "250-here\r\n250 STARTTLS", "220 go\r\n250-here\r\n250 AUTH PLAIN"];
        let sent = starting_tls(answers).await;
        assert!(matches!(&sent, Err(Failed::Now(why)) if why.contains("before TLS begins")), "{sent:?}");
        assert_eq!(word(&sent), "mail_tls");
        let sent = starting_tls(&["220 hello", "250 here"]).await;
        assert!(matches!(&sent, Err(Failed::Now(why)) if why.contains("no STARTTLS")), "{sent:?}");
        assert_eq!(word(&sent), "mail_tls");
        let nobody =
            SmtpSection { server: "127.0.0.1:1".into(), security: Security::None, ..SmtpSection::default() };
        assert_eq!(word(&nobody.smtp().unwrap().send(&LETTER).await), "mail_unreachable");
    }

    #[test]
    fn what_cannot_work_is_told_with_the_line_to_change() {
        let section = |server: &str, security| SmtpSection {
            server: server.into(),
            security,
            ..SmtpSection::default()
        };
        assert!(section("127.0.0.1:25", Security::None).smtp().is_ok());
        for (wrong, line) in [
            (section("smtp.example.org", Security::Starttls), "no port"),
            (section("smtp.example.org:x", Security::Starttls), "server"),
            (section("smtp.example.org:25", Security::None), "this machine only"),
            (
                SmtpSection { user: Some("u".into()), ..section("127.0.0.1:25", Security::None) },
                "password_file",
            ),
            (
                SmtpSection {
                    trust_anchors: Some("/nowhere".into()),
                    ..section("smtp.example.org:587", Security::Starttls)
                },
                "trust_anchors",
            ),
        ] {
            let error = wrong.smtp().err().map(|error| format!("{error:#}"));
            assert!(error.as_ref().is_some_and(|error| error.contains(line)), "{error:?}");
        }
    }
}
