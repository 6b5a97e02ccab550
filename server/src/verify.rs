//! `farsight verify`: judges a signed report offline.

use crate::config::Config;
use crate::node::fonts;
use anyhow::{Context as _, Result};
use clap::Args;
use consult::verify::{Brought, Context, EvidenceLookup};
use consult::{Judgement, Printer};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to judge.
#[derive(Args)]
pub struct VerifyArgs {
    /// The report: its PDF, or its canonical JSON.
    report: PathBuf,
    /// Detached CMS signatures; not needed for a PDF, which carries them.
    signatures: Vec<PathBuf>,
    /// PEM file of the certificate authorities that you trust; by default those of --data.
    #[arg(long)]
    trust: Option<PathBuf>,
    /// A demonstration's data directory, whose certificate authority is trusted.
    #[arg(long)]
    data: Option<PathBuf>,
    /// A folder with the DICOM files that the report names, to check them too.
    #[arg(long)]
    evidence: Option<PathBuf>,
    /// Print the verdicts as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command: exit status 0 when the signature stands.
pub async fn run(args: VerifyArgs) -> Result<ExitCode> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| path.display().to_string());
    let report = read(&args.report)?;
    let signatures = args.signatures.iter().map(read).collect::<Result<Vec<_>>>()?;
    let trust =
        args.trust.clone().or_else(|| args.data.as_ref().map(|data| data.join(crate::demo::ANCHORS_FILE)));
    let anchors = match &trust {
        Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => String::new(),
    };
    let evidence = match &args.evidence {
        Some(folder) => evidence_hashes(folder)?,
        None => Default::default(),
    };
    let lookup = |uid: &str| evidence.get(uid).copied();
    let printer = Printer::new(&fonts(&Config::default())).ok();
    let brought = Brought::from_file(report, signatures)?;
    let context = Context {
        anchors_pem: &anchors,
        is_superseded: None,
        evidence: args.evidence.as_ref().map(|_| &lookup as &EvidenceLookup<'_>),
        printer: printer.as_ref(),
        page_sha256: None,
    };
    let verdict = consult::verify::verify(&brought, &context);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&verdict)?);
    } else {
        print_verdict(&verdict, trust.is_none());
    }
    Ok(if verdict.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_verdict(verdict: &consult::Verdict, is_without_trust: bool) {
    println!("{}", if verdict.ok { "有效 VALID" } else { "无效 NOT VALID" });
    let rows = [
        ("完整性 integrity", &verdict.integrity),
        ("证书链 chain", &verdict.chain),
        ("影像证据 evidence", &verdict.evidence),
        ("版本 superseded", &verdict.superseded),
        ("时间戳 time stamp", &verdict.time_stamp),
        ("页面 page", &verdict.page),
    ];
    for (what, finding) in rows {
        let mark = match finding.result {
            Judgement::Good => "✓",
            Judgement::Bad => "✗",
            Judgement::Unknown => "?",
            Judgement::NotPresent => "–",
        };
        println!("  {mark} {what}: {}", finding.detail);
    }
    for signer in &verdict.signers {
        println!(
            "  {} {} ({}) {}",
            signer.role, signer.name, signer.organisation, signer.certificate_subject
        );
    }
    if is_without_trust {
        println!(
            "  没有给出信任的证书颁发机构，用 --trust FILE.pem 指定 / name the authorities you trust with --trust"
        );
    }
}

/// SHA-256 of the data set of each DICOM file in a folder, by SOP Instance UID.
fn evidence_hashes(folder: &PathBuf) -> Result<std::collections::HashMap<String, model::Sha256>> {
    use sha2::Digest as _;
    use std::io::Read as _;
    let mut hashes = std::collections::HashMap::new();
    for path in crate::import::files_below(std::slice::from_ref(folder))? {
        let mut file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
        let mut head = dataset::part10::HeadReader::new();
        let mut hasher = None;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let length = file.read(&mut buffer).with_context(|| path.display().to_string())?;
            if length == 0 {
                break;
            }
            match &mut hasher {
                Some((_, hasher)) => sha2::Digest::update(hasher, &buffer[..length]),
                None => match head.feed(&buffer[..length]) {
                    Ok(Some((meta, rest))) => {
                        hasher = Some((meta.sop_instance, sha2::Sha256::new_with_prefix(&rest)));
                    }
                    Ok(None) => {}
                    Err(_) => break,
                },
            }
        }
        if let Some((Some(uid), hasher)) = hasher {
            hashes.insert(uid.to_string(), model::Sha256(hasher.finalize().into()));
        }
    }
    Ok(hashes)
}
