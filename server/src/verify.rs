//! `farsight verify`: judges signed reports offline.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use consult::revocation::RevocationData;
use consult::verify::{Brought, Context, EvidenceLookup, Stamping};
use consult::{Judgement, KeyPlace, Verdict};
use std::path::PathBuf;
use std::process::ExitCode;

/// What to judge.
#[derive(Args)]
pub struct VerifyArgs {
    /// Reports: PDFs, or a canonical JSON with its detached CMS signatures (.p7s).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// PEM file of certificate authorities that you trust, for signatures and time stamps; may be given again. By default
    /// those of --data.
    #[arg(long, visible_alias = "trust")]
    trust_anchor: Vec<PathBuf>,
    /// A revocation list (DER) that is newer than what the PDF holds; may be given again.
    #[arg(long)]
    crl: Vec<PathBuf>,
    /// A demonstration's data directory, whose certificate authority is trusted.
    #[arg(long)]
    data: Option<PathBuf>,
    /// A folder with the DICOM files that the reports name, to check them too.
    #[arg(long)]
    evidence: Option<PathBuf>,
    /// Accept reports without time stamps, of nodes that are configured so. Their certificates must be good now.
    #[arg(long)]
    time_stamps_optional: bool,
    /// Print the verdicts as JSON: one object, or an array for several reports.
    #[arg(long)]
    json: bool,
}

/// Runs the command: exit status 0 when every signature stands.
pub async fn run(args: VerifyArgs) -> Result<ExitCode> {
    let anchors = anchors(&args)?;
    let evidence = match &args.evidence {
        Some(folder) => evidence_hashes(folder)?,
        None => Default::default(),
    };
    let lookup = |uid: &str| evidence.get(uid).copied();
    let crls = args.crl.iter().map(read).collect::<Result<Vec<_>>>()?;
    let mut verdicts = Vec::new();
    for (path, brought) in brought(&args.files)? {
        let context = Context {
            anchors_pem: &anchors,
            time_stamp_anchors_pem: &anchors,
            revocation: RevocationData { ocsp: Vec::new(), crls: crls.clone() },
            is_superseded: None,
            evidence: args.evidence.as_ref().map(|_| &lookup as &EvidenceLookup<'_>),
            page_sha256: None,
            stamping: if args.time_stamps_optional { Stamping::Optional } else { Stamping::Required },
            ..Context::default()
        };
        verdicts.push((path, consult::verify::verify(&brought, &context)));
    }
    let is_ok = verdicts.iter().all(|(_, verdict)| verdict.ok);
    match verdicts.as_slice() {
        [(_, only)] if args.json => println!("{}", serde_json::to_string_pretty(only)?),
        all if args.json => {
            let all: Vec<&Verdict> = all.iter().map(|(_, verdict)| verdict).collect();
            println!("{}", serde_json::to_string_pretty(&all)?);
        }
        all => {
            for (path, verdict) in all {
                if all.len() > 1 {
                    println!("{}", path.display());
                }
                print_verdict(verdict, anchors.is_empty());
            }
        }
    }
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

fn anchors(args: &VerifyArgs) -> Result<String> {
    let mut files = args.trust_anchor.clone();
    if files.is_empty() {
        files.extend(args.data.as_ref().map(|data| data.join(crate::demo::ANCHORS_FILE)));
    }
    let mut pem = String::new();
    for path in &files {
        pem.push_str(&std::fs::read_to_string(path).with_context(|| path.display().to_string())?);
        pem.push('\n');
    }
    Ok(pem)
}

/// Each report by itself; detached signatures go with the one report that they are brought with.
fn brought(files: &[PathBuf]) -> Result<Vec<(PathBuf, Brought)>> {
    let (mut reports, mut signatures) = (Vec::new(), Vec::new());
    for path in files {
        let bytes = read(path)?;
        // A ContentInfo is a SEQUENCE.
        match bytes.first() {
            Some(0x30) => signatures.push(bytes),
            _ => reports.push((path.clone(), bytes)),
        }
    }
    if reports.len() != 1 && !signatures.is_empty() {
        bail!("detached signatures go with one report: name one PDF or JSON beside them");
    }
    let judge = |(path, bytes): (PathBuf, Vec<u8>)| {
        let brought = Brought::from_file(bytes, signatures.clone());
        Ok((path.clone(), brought.with_context(|| path.display().to_string())?))
    };
    reports.into_iter().map(judge).collect()
}

fn print_verdict(verdict: &Verdict, is_without_trust: bool) {
    println!("{}", if verdict.ok { "有效 VALID" } else { "无效 NOT VALID" });
    let rows = [
        ("完整性 integrity", &verdict.integrity),
        ("文件覆盖 coverage", &verdict.coverage),
        ("证书链 chain", &verdict.chain),
        ("吊销 revocation", &verdict.revocation),
        ("时间戳 time stamp", &verdict.time_stamp),
        ("签名人身份 credential", &verdict.credential),
        ("影像证据 evidence", &verdict.evidence),
        ("版本 superseded", &verdict.superseded),
    ];
    for (what, finding) in rows {
        let mark = match finding.result {
            Judgement::Good => "✓",
            Judgement::Bad => "✗",
            Judgement::Unknown => "?",
            Judgement::NotPresent => "–",
        };
        println!("  {mark} {what}: {} / {}", finding.detail, finding.detail_en);
    }
    for signer in &verdict.signers {
        println!(
            "  {} {} ({}) {}",
            signer.role, signer.name, signer.organisation, signer.certificate_subject
        );
        if let Some((zh, en)) = signer.key.map(KeyPlace::words) {
            println!("    {zh} / {en}");
        }
    }
    if is_without_trust {
        println!(
            "  没有给出信任的证书颁发机构，用 --trust-anchor FILE.pem 指定 / name the authorities you trust with \
             --trust-anchor"
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
