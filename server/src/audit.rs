//! `[audit]` and `farsight audit`: the audit chain from the command line.

mod keeper;

pub use keeper::Keeper;

use crate::config::{Config, DataArgs};
use access::{AddressRange, Reach};
use anyhow::{Context as _, Result, bail};
use clap::{Subcommand, ValueEnum};
use keeper::tell_head;
use pacs::atna::{Source, Target, Transport, framed, syslog};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use storage::heads::{self, Head, Signer};

/// `[audit]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSection {
    /// The file of signed heads; `audit-heads.jsonl` in the data directory when it is not named. Better on another disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heads_file: Option<PathBuf>,
    /// The key that signs them; `audit-key` in the data directory when it is not named. Made when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// A head is signed when the last one is older than so many hours.
    pub head_hours: u32,
    /// The audit record repository (ATNA), such as `audit.example.org:6514`; without it nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_to: Option<String>,
    /// `tls`, or `tcp` for a collector on this machine.
    pub send_by: Transport,
    /// Internal networks into which the repository's name may lead, besides public addresses.
    pub send_networks: Vec<AddressRange>,
    /// PEM file of the certificate authorities of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_trust_anchors: Option<PathBuf>,
    /// What the repository knows this node by.
    pub source_id: String,
}

impl Default for AuditSection {
    fn default() -> Self {
        Self {
            heads_file: None,
            key_file: None,
            head_hours: 24,
            send_to: None,
            send_by: Transport::Tls,
            send_networks: Reach::private_networks(),
            send_trust_anchors: None,
            source_id: "farsight".to_owned(),
        }
    }
}

impl AuditSection {
    /// Refuses what would send events to nobody, or to anybody.
    pub fn refuse_if_wrong(&self) -> Result<()> {
        if self.head_hours == 0 {
            bail!("[audit] head_hours = 0 would sign without end");
        }
        self.target().map(drop)
    }

    fn target(&self) -> Result<Option<Target>> {
        let Some(address) = &self.send_to else { return Ok(None) };
        let host =
            address.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let Some((host, _)) = host else {
            bail!("[audit] send_to = \"{address}\" is not like audit.example.org:6514")
        };
        let is_here = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if self.send_by == Transport::Tcp && !is_here {
            bail!("[audit] send_by = \"tcp\" would send the audit trail over the network without TLS");
        }
        let authorities_pem = match &self.send_trust_anchors {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("[audit] send_trust_anchors = \"{}\"", path.display()))?,
            None if self.send_by == Transport::Tls => {
                bail!("[audit] send_trust_anchors must name the authorities of {address}")
            }
            None => String::new(),
        };
        // An address that is written here is meant; whoever answers for a name is held to the networks.
        let mut networks = self.send_networks.clone();
        networks.extend(AddressRange::parse(host.trim_matches(['[', ']'])).ok());
        if is_here {
            networks.extend(Reach::loopback());
        }
        let reach = Reach::new(networks);
        Ok(Some(Target { address: address.clone(), reach, transport: self.send_by, authorities_pem }))
    }

    fn source(&self) -> Source {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Source { host: host.trim().to_owned(), id: self.source_id.clone() }
    }
}

/// Where heads and key are.
fn files(config: &Config) -> (PathBuf, PathBuf) {
    let directory = &config.storage.directory;
    let heads = config.audit.heads_file.clone().unwrap_or_else(|| directory.join("audit-heads.jsonl"));
    let key = config.audit.key_file.clone().unwrap_or_else(|| directory.join("audit-key"));
    (heads, key)
}

fn signer(config: &Config) -> Result<Signer> {
    let (heads, key) = files(config);
    Signer::open(&key, &heads).with_context(|| format!("[audit] key_file = \"{}\"", key.display()))
}

/// `farsight audit`
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Walk the hash chain and compare it with the signed heads; exit status 0 when it is whole.
    Verify {
        #[command(flatten)]
        data: DataArgs,
        /// A copy of the file of signed heads, kept elsewhere.
        #[arg(long)]
        heads: Option<PathBuf>,
        /// The public key of the heads, kept elsewhere (from `farsight audit key`).
        #[arg(long)]
        key: Option<String>,
    },
    /// Sign where the chain ends now.
    Head(DataArgs),
    /// Print the public key of the signed heads: keep it elsewhere.
    Key(DataArgs),
    /// Write all events to standard output.
    Export {
        #[command(flatten)]
        data: DataArgs,
        /// `atna`: syslog (RFC 5424) with messages of PS3.15 §A.5, octet counting. `atna-lines`: the same, one a line.
        #[arg(long)]
        format: Format,
        /// Only events behind this sequence number.
        #[arg(long, default_value_t = 0)]
        after: i64,
    },
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With octet counting.
    Atna,
    /// One a line.
    AtnaLines,
}

/// Runs the command.
pub async fn run(command: AuditCommand) -> Result<ExitCode> {
    match command {
        AuditCommand::Verify { data, heads, key } => verify(&data, heads, key).await,
        AuditCommand::Head(data) => {
            let signer = signer(&data.resolve()?)?;
            let storage = data.open().await?;
            let head = signer.sign(&storage).await?;
            if let Some(head) = &head {
                tell_head(&storage, head).await;
            }
            storage.close().await;
            match head {
                Some(head) => println!("Signed: event {}, {}.", head.seq, head.hash),
                None => println!("Nothing has happened since the last head."),
            }
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Key(data) => {
            println!("{}", signer(&data.resolve()?)?.public_key());
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Export { data, format, after } => export(&data, format, after).await,
    }
}

async fn verify(data: &DataArgs, heads: Option<PathBuf>, key: Option<String>) -> Result<ExitCode> {
    let config = data.resolve()?;
    let (own_heads, key_file) = files(&config);
    let is_copy = heads.is_some();
    let heads_file = heads.unwrap_or(own_heads);
    if is_copy && !heads_file.is_file() {
        bail!("there is no file of heads at {}", heads_file.display());
    }
    // A key is not made here: one that nobody has signed with would find nothing.
    let key = match key {
        Some(key) => Some(key),
        None if key_file.is_file() => Some(signer(&config)?.public_key()),
        None => None,
    };
    let storage = data.open().await?;
    // Before the file is read: what the node signs meanwhile is in the file first.
    let told = storage.audit_heads_told().await?;
    let signed: Vec<Head> = match &key {
        None => Vec::new(),
        Some(key) => match heads::read(&heads_file, key).with_context(|| heads_file.display().to_string())? {
            Ok(heads) => heads,
            Err(fault) => {
                println!("The file of signed heads is broken at {fault} ({}).", heads_file.display());
                return Ok(ExitCode::FAILURE);
            }
        },
    };
    let verdict = storage.audit_verify_against(&signed).await?;
    storage.close().await;
    let (in_reach, behind) = if is_copy { in_reach_of_copy(&told, &signed) } else { (&told[..], None) };
    let missing = heads::missing(in_reach, &signed);
    if let Some((seq, why)) = verdict.broken_at {
        println!(
            "The audit chain is broken at event {seq}: {why}. {} events were walked; up to event {} it is what signed heads \
             say.",
            verdict.events, verdict.anchored
        );
        return Ok(ExitCode::FAILURE);
    }
    let head = verdict.head.map_or_else(|| "–".to_owned(), |h| h.to_string());
    if let Some(seq) = missing {
        println!(
            "The audit chain is whole in itself ({} events, head {head}), but the head that was signed at event {seq} is not \
             in {}: the file of heads is broken, or has been cut.",
            verdict.events,
            heads_file.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    println!("The audit chain is whole: {} events, head {head}.", verdict.events);
    match signed.last() {
        Some(last) => println!(
            "{} signed heads agree, the last of event {}; later events are not signed for yet.",
            signed.len(),
            last.seq
        ),
        None => println!("No head was signed: whoever can write to the index could have made another chain."),
    }
    if let Some(last) = behind {
        println!("Heads behind event {last} are not in this copy ({}).", heads_file.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Of the heads that the chain tells of those that a copy can have, which was made some time ago, and the event of its last
/// head if there are heads behind it.
fn in_reach_of_copy<'a>(told: &'a [i64], signed: &[Head]) -> (&'a [i64], Option<i64>) {
    let last = signed.last().map_or(0, |head| head.seq);
    let count = told.iter().take_while(|seq| **seq <= last).count();
    (&told[..count], (count < told.len()).then_some(last))
}

/// Events read and sent at once.
const AT_ONCE: u32 = 200;

async fn export(data: &DataArgs, format: Format, after: i64) -> Result<ExitCode> {
    let source = data.resolve()?.audit.source();
    let storage = data.open().await?;
    let mut out = std::io::stdout().lock();
    let mut after = after;
    loop {
        let events = storage.audit_after(after, AT_ONCE).await?;
        let Some(last) = events.last() else { break };
        after = last.seq;
        for event in &events {
            let message = syslog(event, &source);
            match format {
                Format::Atna => out.write_all(&framed(&message))?,
                Format::AtnaLines => {
                    out.write_all(&message)?;
                    out.write_all(b"\n")?;
                }
            }
        }
    }
    out.flush()?;
    storage.close().await;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_heads_lacks_what_was_signed_after_it() {
        let head = |seq| Head {
            seq,
            hash: model::Sha256([0; 32]),
            at_ms: 0,
            previous: model::Sha256([0; 32]),
            key: String::new(),
            signature: String::new(),
        };
        let told = [10, 20, 30];
        let verdict = |signed: &[i64]| {
            let signed: Vec<Head> = signed.iter().map(|seq| head(*seq)).collect();
            let (in_reach, behind) = in_reach_of_copy(&told, &signed);
            (heads::missing(in_reach, &signed), behind)
        };
        assert_eq!(verdict(&[10, 20, 30]), (None, None));
        assert_eq!(verdict(&[10]), (None, Some(10)));
        assert_eq!(verdict(&[10, 30]), (Some(20), None), "a head in the middle is not younger");
        assert_eq!(verdict(&[20]), (Some(10), Some(20)));
        assert_eq!(verdict(&[]), (None, Some(0)));
    }

    #[test]
    fn the_trail_goes_to_nobody_who_is_not_known() {
        let section = |to: &str, by| AuditSection {
            send_to: Some(to.to_owned()),
            send_by: by,
            ..AuditSection::default()
        };
        for (to, by, line) in [
            ("audit.example.org", Transport::Tls, "send_to"),
            ("audit.example.org:6514", Transport::Tls, "send_trust_anchors"),
            ("audit.example.org:601", Transport::Tcp, "without TLS"),
        ] {
            let error = section(to, by).refuse_if_wrong().unwrap_err().to_string();
            assert!(error.contains(line), "{error}");
        }
        section("127.0.0.1:601", Transport::Tcp).refuse_if_wrong().unwrap();
        AuditSection::default().refuse_if_wrong().unwrap();
        assert!(AuditSection { head_hours: 0, ..AuditSection::default() }.refuse_if_wrong().is_err());
    }
}
