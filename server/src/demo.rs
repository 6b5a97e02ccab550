//! `farsight demo`: a node on loopback with two organisations, people in each role, an agreement, a certificate
//! authority, and samples. What a script needs to know is in `DIR/demo.json`.

mod authorities;
mod cast;
mod desk;
mod manifest;

use crate::config::Config;
use crate::import::{bar, files_below, import_files};
use crate::node::{Node, stop_signal};
use crate::phone_signing::RemoteSection;
use crate::samples;
use access::Reach;
use anyhow::{Context as _, Result, bail};
use cast::Cast;
use clap::Args;
use model::{OrgId, Scope};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use storage::Storage;

/// The demonstration's trust anchors, in its data directory.
pub const ANCHORS_FILE: &str = "demo-trust-anchors.pem";

/// How to run the demonstration.
#[derive(Args)]
pub struct DemoArgs {
    /// Where its data are kept; a second start finds them again.
    #[arg(long, default_value = "farsight-demo")]
    data: PathBuf,
    /// HTTP address; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// DICOM address; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:11112")]
    dicom: SocketAddr,
    /// Start without sample studies and slides.
    #[arg(long)]
    no_samples: bool,
    /// Seconds after which a case goes back to the pool when its reader's page gives no sign of life.
    #[arg(long)]
    lease_s: Option<u32>,
    /// Seconds after the last image of a study within which a question about it is not sent.
    #[arg(long)]
    quiet_s: Option<u32>,
    /// Seconds, 3600 at most, after which emergency access ends.
    #[arg(long)]
    emergency_s: Option<u32>,
    /// Ask this time-stamping authority (RFC 3161) instead of the demonstration's own.
    #[arg(long, requires = "timestamp_trust_anchors")]
    timestamp_url: Option<String>,
    /// PEM file of the certificate authorities of its time stamps.
    #[arg(long)]
    timestamp_trust_anchors: Option<PathBuf>,
    /// Ask this remote signing service (docs/remote-signing.md) on loopback.
    #[arg(long, requires = "phone_signing_token_file")]
    phone_signing_url: Option<String>,
    /// File with the token that it is shown.
    #[arg(long)]
    phone_signing_token_file: Option<PathBuf>,
    /// Seconds that a signer may take to answer on the telephone.
    #[arg(long, default_value_t = 180)]
    phone_signing_patience_s: u32,
    /// Where the samples are; `make samples` fetches and generates them.
    #[arg(long, env = "FARSIGHT_SAMPLES")]
    samples: Option<PathBuf>,
}

/// Runs the demonstration until it is told to stop.
pub async fn run(args: DemoArgs) -> Result<ExitCode> {
    for (name, address) in [("--http", args.http), ("--dicom", args.dicom)] {
        if !address.ip().is_loopback() {
            bail!("{name} {address}: the demonstration has known passwords, so it listens on loopback only");
        }
    }
    let stop = stop_signal()?;
    // Tokens and keys are in it.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&args.data)
        .with_context(|| args.data.display().to_string())?;
    let manifest_path = args.data.join("demo.json");
    // A manifest means "ready": an old one must not be read before this start is.
    match std::fs::remove_file(&manifest_path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).context(manifest_path.display().to_string());
        }
        _ => {}
    }
    let mut config = Config::default();
    config.storage.directory = args.data.clone();
    config.http.listen = args.http;
    config.dicom.listen = args.dicom;
    stay_here(&mut config);
    config.http.ohif_directory = samples::ohif()?;
    if let Some(lease_s) = args.lease_s {
        config.consult.lease_s = lease_s;
    }
    if let Some(quiet_s) = args.quiet_s {
        config.consult.quiet_s = quiet_s;
    }
    config.access.emergency_s = args.emergency_s;

    let storage = Storage::open(config.storage_config()).await?;
    let cast = Cast::prepare(&storage, &args.data).await?;
    config.signing.timestamp_url = args.timestamp_url.clone();
    config.signing.timestamp_trust_anchors = args.timestamp_trust_anchors.clone();
    if let (Some(url), Some(token_file)) = (&args.phone_signing_url, &args.phone_signing_token_file) {
        config.signing.remote = vec![RemoteSection {
            url: url.clone(),
            token_file: token_file.clone(),
            patience_s: args.phone_signing_patience_s,
            networks: config.delivery.networks.clone(),
            ..RemoteSection::default()
        }];
    }
    let signing = authorities::signing(&config, &cast)?;
    // The listeners open before the samples come in, so that a port in use is told at once.
    let node = Node::bind(&config, storage.clone(), cast.anchors_pem.clone(), signing)
        .await
        .context("if another program uses the port, name others: --http 127.0.0.1:0 --dicom 127.0.0.1:0")?;
    if !args.no_samples {
        bring_samples(&storage, &cast.township, &args.data, args.samples.as_deref()).await?;
        desk::prepare(&storage, &cast).await?;
    }
    let manifest = manifest::describe(&storage, &cast, node.http, node.dicom, &args.data).await?;
    write_atomically(&manifest_path, serde_json::to_string_pretty(&manifest)?.as_bytes())?;
    print_welcome(&cast, node.http, node.dicom, &manifest_path);
    node.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// Only this machine can be reached where the demonstration runs: a second one may take its reports and images.
fn stay_here(config: &mut Config) {
    config.delivery.networks = Reach::loopback();
    config.dicom.networks = Reach::loopback();
}

/// What a command on a data directory works with: of a demonstration's it is what the demonstration runs with.
pub fn adapt(config: &mut Config) {
    if config.storage.directory.join(cast::SECRETS_FILE).is_file() {
        stay_here(config);
    }
}

/// Refuses to serve what a demonstration has left: everybody knows its passwords.
pub async fn refuse_known_passwords(storage: &Storage) -> Result<()> {
    for account in &cast::ACCOUNTS {
        let id = model::PersonId::parse(&format!("demo-{}", account.login))?;
        if storage.person(&id).await.is_ok_and(|person| !person.is_disabled) {
            bail!(
                "this directory holds a demonstration, whose passwords everybody knows (account {}): serve another \
                 [storage] directory, or disable each such account first (farsight user disable)",
                account.login
            );
        }
    }
    Ok(())
}

async fn bring_samples(storage: &Storage, owner: &OrgId, data: &Path, named: Option<&Path>) -> Result<()> {
    let Some(folder) = samples::folder(named)? else {
        eprintln!(
            "No samples were found; `make samples` fetches them, --samples DIR names them. Going on without."
        );
        return Ok(());
    };
    let files = files_below(std::slice::from_ref(&folder))?;
    let fingerprint = samples::fingerprint(&files)?;
    let marker = data.join("demo-samples.txt");
    if std::fs::read_to_string(&marker).is_ok_and(|text| text == fingerprint) {
        return Ok(());
    }
    eprintln!("Importing {} sample files …", files.len());
    let bar = bar(files.len() as u64);
    let tally = import_files(storage, owner, &files, &samples::slide_options, &bar).await?;
    bar.finish_and_clear();
    eprintln!(
        "{} instances and {} slides imported, {} were there already, {} refused.",
        tally.stored, tally.slides, tally.already_there, tally.refused
    );
    write_atomically(&marker, fingerprint.as_bytes())
}

fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("tmp");
    std::fs::write(&temporary, bytes).with_context(|| temporary.display().to_string())?;
    std::fs::rename(&temporary, path).with_context(|| path.display().to_string())
}

fn print_welcome(cast: &Cast, http: SocketAddr, dicom: SocketAddr, manifest: &Path) {
    println!("\n  远见 Farsight 演示 / demonstration (loopback only; known passwords; never for patients)\n");
    println!("  网页 web      http://{http}/");
    println!("  DICOMweb      http://{http}/dicom-web");
    println!("  DICOM         {dicom}  AE FARSIGHT  (calling as TOWNSHIP or CITYREAD)");
    println!("  接口 API      http://{http}/api/docs");
    println!("  给脚本 JSON   {}\n", manifest.display());
    println!(
        "  登录 log in (密码 password: {}, 签名口令 signing passphrase: {})",
        cast::PASSWORD,
        cast::PASSPHRASE
    );
    for account in &cast::ACCOUNTS {
        let organisation = cast.organisation_name(account);
        println!("    {:<12} {}　{}　{organisation}", account.login, account.name, account.title);
    }
    println!("\n  Ctrl+C 停止 stops.\n");
}

/// The node's reach, for building the demonstration.
fn scope() -> Scope {
    Scope::node("demo")
}
