//! `farsight ae`: the application entities that a node knows, and their rules.

use crate::config::DataArgs;
use crate::maintenance::{machine_rights, scope, taking_part, word};
use access::{AddressRange, Contact, Device, Right, Transport};
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use dataset::charset::Assumed;
use model::{AeTitle, Sha256};
use pacs::reach::NotCalled;
use std::path::Path;
use std::process::ExitCode;
use storage::{Storage, StorageError};

/// `farsight ae`
#[derive(Subcommand)]
pub enum AeCommand {
    /// Let a calling AE title act for an organisation.
    Add {
        #[command(flatten)]
        data: DataArgs,
        /// AE title.
        ae_title: String,
        /// Organisation.
        #[arg(long)]
        org: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change settings of an AE title; the others stay.
    Set {
        #[command(flatten)]
        data: DataArgs,
        /// AE title.
        ae_title: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Show an AE title with all of its settings.
    Show {
        #[command(flatten)]
        data: DataArgs,
        /// AE title.
        ae_title: String,
    },
    /// List AE titles: organisation, rights, source addresses, certificate, contact.
    List(DataArgs),
    /// Forget an AE title; what it stored stays.
    Remove {
        #[command(flatten)]
        data: DataArgs,
        /// AE title.
        ae_title: String,
    },
}

/// What can be set of a device.
#[derive(Args, Debug, Clone, Default)]
pub struct Settings {
    /// What it may do: store, search, retrieve, or `none`. A new AE title may do all three.
    #[arg(long, value_delimiter = ',')]
    rights: Option<Vec<String>>,
    /// Where it may call from: addresses and CIDR ranges such as 10.20.0.0/16, or `any`.
    #[arg(long, value_delimiter = ',', value_name = "ADDRESSES")]
    from: Option<Vec<String>>,
    /// Its TLS certificate: a PEM file or its SHA-256, or `none`. With one it may not call without TLS.
    #[arg(long, value_name = "FILE|SHA256|none")]
    certificate: Option<String>,
    /// Where it can be called, such as 10.20.0.7:104, or `none`.
    #[arg(long, value_name = "HOST:PORT|none")]
    contact: Option<String>,
    /// What it is called over: plain or tls.
    #[arg(long, value_name = "plain|tls")]
    transport: Option<String>,
    /// The certificate that is expected there: a PEM file or its SHA-256; `none` to go by authority and host name.
    #[arg(long, value_name = "FILE|SHA256|none")]
    contact_certificate: Option<String>,
    /// What its texts are when they name no character set or ISO_IR 100: GB18030, GBK, GB2312, UTF-8, EUC-KR, SHIFT_JIS,
    /// or `none`.
    #[arg(long, alias = "assumed-charset", value_name = "TERM|none")]
    character_set: Option<String>,
}

/// `farsight ae …`
pub async fn run(command: AeCommand) -> Result<ExitCode> {
    match command {
        AeCommand::Add { data, ae_title, org, settings } => {
            let storage = data.open().await?;
            let ae_title = AeTitle::parse(&ae_title)?;
            match storage.device(&ae_title).await {
                Err(StorageError::NotFound) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => bail!("{ae_title} is known already; `farsight ae set` changes it"),
            }
            let organisation = taking_part(&storage, "--org", &org).await?;
            let device = settings.apply(Device::new(ae_title, organisation, machine_rights()))?;
            refuse_out_of_reach(&data, &device).await?;
            storage.put_device(&scope(), &device).await?;
            storage.close().await;
        }
        AeCommand::Set { data, ae_title, settings } => {
            let storage = data.open().await?;
            let device = settings.apply(known(&storage, &ae_title).await?)?;
            if settings.contact.is_some() {
                refuse_out_of_reach(&data, &device).await?;
            }
            storage.put_device(&scope(), &device).await?;
            storage.close().await;
            print!("{}", shown(&device));
        }
        AeCommand::Show { data, ae_title } => {
            let storage = data.open().await?;
            print!("{}", shown(&known(&storage, &ae_title).await?));
        }
        AeCommand::List(data) => {
            let storage = data.open().await?;
            for device in storage.devices(&scope()).await? {
                println!("{}", line(&device));
            }
        }
        AeCommand::Remove { data, ae_title } => {
            let storage = data.open().await?;
            let device = known(&storage, &ae_title).await?;
            storage.remove_device(&scope(), &device.ae_title).await?;
            storage.close().await;
            println!("{} is forgotten.", device.ae_title);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn known(storage: &Storage, text: &str) -> Result<Device> {
    let ae_title = AeTitle::parse(text)?;
    storage.device(&ae_title).await.with_context(|| format!("AE title {ae_title}"))
}

/// Refuses a contact that would never be called; a name that nobody knows now is looked up whenever it is called.
async fn refuse_out_of_reach(data: &DataArgs, device: &Device) -> Result<()> {
    let Some(Contact { host, port, .. }) = &device.contact else { return Ok(()) };
    match pacs::reach::resolved(&data.resolve()?.dicom.reach(), host, *port).await {
        Ok(_) => Ok(()),
        Err(NotCalled::Unknown) => {
            eprintln!(
                "{host} is not known now; {} is set, and looked up whenever it is called.",
                device.ae_title
            );
            Ok(())
        }
        Err(NotCalled::OutOfReach(why)) => bail!(
            "--contact {host}:{port} leads to {why}, which this node does not call. If it is meant, add it to [dicom] \
             networks in the node's configuration, by itself or (this machine) as 127.0.0.0/8"
        ),
    }
}

impl Settings {
    fn apply(&self, mut device: Device) -> Result<Device> {
        if let Some(words) = &self.rights {
            device.rights = rights(words)?;
        }
        if let Some(texts) = &self.from {
            device.source_addresses = source_addresses(texts)?;
        }
        if let Some(text) = &self.certificate {
            device.certificate_sha256 = certificate(text)?;
        }
        if let Some(text) = &self.contact {
            // Who is called over TLS stays so at another address.
            let former = device.contact.take();
            device.contact =
                contact(text, former.as_ref().map_or(Transport::Plain, |c| c.transport))?.map(|new| {
                    Contact {
                        certificate_sha256: former.and_then(|contact| contact.certificate_sha256),
                        ..new
                    }
                });
        }
        if let Some(text) = &self.transport {
            let Some(contact) = &mut device.contact else { bail!("--transport needs a --contact") };
            contact.transport = word::<Transport>(text)?;
        }
        if let Some(text) = &self.contact_certificate {
            let Some(contact) = &mut device.contact else { bail!("--contact-certificate needs a --contact") };
            contact.certificate_sha256 = certificate(text)?;
        }
        if let Some(text) = &self.character_set {
            if text != "none" && Assumed::parse(text).is_none() {
                bail!("--character-set {text}: one of {}, or none", Assumed::NAMES);
            }
            device.assumed_character_set = (text != "none").then(|| text.clone());
        }
        Ok(device)
    }
}

fn rights(words: &[String]) -> Result<Vec<Right>> {
    if words == ["none"] {
        return Ok(Vec::new());
    }
    let mut rights = words.iter().map(|text| word::<Right>(text)).collect::<Result<Vec<_>>>()?;
    // The others are for people.
    if let Some(right) = rights.iter().find(|right| !machine_rights().contains(right)) {
        bail!("an AE title cannot have the right {right:?}: only store, search, retrieve");
    }
    rights.sort_unstable();
    rights.dedup();
    Ok(rights)
}

fn source_addresses(texts: &[String]) -> Result<Vec<AddressRange>> {
    if texts == ["any"] {
        return Ok(Vec::new());
    }
    texts.iter().map(|text| AddressRange::parse(text).with_context(|| format!("--from {text}"))).collect()
}

/// A certificate's SHA-256, from a PEM file or from itself; `none` is none.
pub fn certificate(text: &str) -> Result<Option<Sha256>> {
    if text == "none" {
        return Ok(None);
    }
    // As `openssl x509 -fingerprint -sha256` writes it, too.
    if let Ok(fingerprint) = Sha256::parse(&text.replace(':', "").to_lowercase()) {
        return Ok(Some(fingerprint));
    }
    let pem = std::fs::read(Path::new(text)).with_context(|| format!("--certificate {text}"))?;
    let fingerprint = pacs::dimse::tls::certificate_sha256(&pem);
    fingerprint.map(Some).with_context(|| format!("--certificate {text}"))
}

pub fn contact(text: &str, transport: Transport) -> Result<Option<Contact>> {
    if text == "none" {
        return Ok(None);
    }
    let (host, port) = text.rsplit_once(':').context("--contact is HOST:PORT")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if host.is_empty() || !host.chars().all(is_name) {
        bail!("--contact {text}: the host is neither a name nor an address");
    }
    let port = port.parse().ok().filter(|port| *port != 0).context("--contact: the port is no number")?;
    Ok(Some(Contact { host, port, transport, certificate_sha256: None }))
}

fn words(rights: &[Right]) -> String {
    let word = |right: &Right| format!("{right:?}").to_lowercase();
    or(rights.iter().map(word).collect::<Vec<_>>().join(","), "none")
}

fn or(text: String, empty: &str) -> String {
    if text.is_empty() { empty.to_owned() } else { text }
}

fn from(device: &Device) -> String {
    let ranges: Vec<_> = device.source_addresses.iter().map(ToString::to_string).collect();
    or(ranges.join(","), "any")
}

fn reached(device: &Device) -> String {
    let transport = |contact: &Contact| format!("{:?}", contact.transport).to_lowercase();
    let pinned = |contact: &Contact| {
        contact.certificate_sha256.map_or_else(String::new, |sha256| format!(" {sha256}"))
    };
    let contact = |contact: &Contact| {
        format!("{}:{} {}{}", contact.host, contact.port, transport(contact), pinned(contact))
    };
    device.contact.as_ref().map_or_else(|| "none".to_owned(), contact)
}

fn fingerprint(device: &Device) -> String {
    device.certificate_sha256.map_or_else(|| "none".to_owned(), |sha256| sha256.to_string())
}

/// One line, separated by tabs.
fn line(device: &Device) -> String {
    let Device { ae_title, organisation, rights, .. } = device;
    let (rights, from) = (words(rights), from(device));
    format!("{ae_title}\t{organisation}\t{rights}\t{from}\t{}\t{}", fingerprint(device), reached(device))
}

/// One setting a line, in the words of the options.
fn shown(device: &Device) -> String {
    let character_set = device.assumed_character_set.as_deref().unwrap_or("none");
    format!(
        "AE title       {}\norg            {}\nrights         {}\nfrom           {}\ncertificate    {}\n\
         contact        {}\ncharacter set  {character_set}\n",
        device.ae_title,
        device.organisation,
        words(&device.rights),
        from(device),
        fingerprint(device),
        reached(device),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn set(arguments: &[&str]) -> Result<Device> {
        let organisation = model::OrgId::parse("township")?;
        let device = Device::new(AeTitle::parse("CT1")?, organisation, machine_rights());
        Line::try_parse_from([&["ae"], arguments].concat())?.settings.apply(device)
    }

    #[test]
    fn every_setting_can_be_set_and_is_shown() {
        let fingerprint = "AB:".repeat(31) + "AB";
        let device = set(&[
            "--rights",
            "search,store",
            "--from",
            "10.20.0.0/16,192.168.7.4",
            "--certificate",
            &fingerprint,
            "--contact",
            "[fd00::7]:104",
            "--transport",
            "tls",
            "--contact-certificate",
            &"cd".repeat(32),
            "--character-set",
            "GBK",
        ])
        .unwrap();
        assert_eq!(device.contact.as_ref().unwrap().host, "fd00::7");
        let text = shown(&device);
        for part in [
            "store,search\n",
            "10.20.0.0/16,192.168.7.4",
            &"ab".repeat(32),
            &format!("fd00::7:104 tls {}", "cd".repeat(32)),
            "GBK",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(line(&device).split('\t').count(), 6);
    }

    #[test]
    fn every_setting_can_be_taken_back() {
        let device =
            set(&["--rights", "none", "--from", "any", "--certificate", "none", "--contact", "none"]);
        let device = device.unwrap();
        assert!(device.rights.is_empty() && device.source_addresses.is_empty());
        assert!(device.certificate_sha256.is_none() && device.contact.is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            ["--rights", "administer"],
            ["--rights", "everything"],
            ["--from", "10.20.3.4/16"],
            ["--certificate", "/nowhere/ct.pem"],
            ["--contact", "10.20.0.7"],
            ["--contact", "10.20.0.7:0"],
            ["--contact", "a b:104"],
            ["--transport", "tls"],
            ["--contact-certificate", "none"],
        ] {
            assert!(set(&arguments).is_err(), "{arguments:?}");
        }
    }
}
