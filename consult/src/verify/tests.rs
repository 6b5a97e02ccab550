use super::*;
use crate::pdf::{Fonts, Printer};
use crate::report::ReportDraft;
use crate::testing::{NOW, Signers, canonical, canonical_of, consult, draft, key_image, run};
use access::Signatures;
use time::Duration;

fn brought(signers: &Signers, signatures: Signatures) -> Brought {
    let canonical = canonical(&consult(signatures));
    let reader = signers.read(&canonical);
    let mut all = vec![reader.clone()];
    if signatures == Signatures::Double {
        all.push(signers.review(&canonical, &reader));
    }
    Brought { canonical, signatures: all, page: None, pictures: Vec::new() }
}

fn judge(brought: &Brought, anchors: &str) -> Verdict {
    verify(brought, &Context { stamping: Stamping::Optional, ..context(anchors) })
}

fn context(anchors: &str) -> Context<'_> {
    let now = NOW + Duration::hours(2);
    Context { anchors_pem: anchors, time_stamp_anchors_pem: anchors, now, ..Context::default() }
}

#[test]
fn a_signed_report_is_good_with_one_signature_or_two() {
    let signers = Signers::new();
    for signatures in [Signatures::Single, Signatures::Double] {
        let anchors = signers.anchors();
        let whole = brought(&signers, signatures);
        assert!(!verify(&whole, &context(&anchors)).ok, "without a time stamp, where one is required");
        let verdict = judge(&whole, &anchors);
        assert!(verdict.ok, "{verdict:?}");
        assert!(verdict.signers.iter().all(|signer| signer.test_certificate));
        assert_eq!(verdict.time_stamp.result, Judgement::NotPresent);
        assert_eq!(verdict.evidence.result, Judgement::Unknown);
        assert_eq!(verdict.coverage.result, Judgement::NotPresent);
    }
}

#[test]
fn what_is_missing_or_foreign_is_not_good() {
    let signers = Signers::new();
    let anchors = signers.anchors();
    let whole = brought(&signers, Signatures::Double);
    let only = |n: usize| Brought { signatures: vec![whole.signatures[n].clone()], ..whole.clone() };
    let preliminary = judge(&only(0), &anchors);
    assert_eq!((preliminary.integrity.result, preliminary.ok), (Judgement::Unknown, false));
    assert_eq!(judge(&only(1), &anchors).integrity.result, Judgement::Unknown);
    let unsigned = Brought { signatures: Vec::new(), ..whole.clone() };
    assert_eq!(judge(&unsigned, &anchors).integrity.result, Judgement::NotPresent);
    // The same names from another authority; another person of the same authority.
    let foreign = brought(&Signers::new(), Signatures::Single);
    assert_eq!(judge(&foreign, &anchors).chain.result, Judgement::Bad);
    assert_eq!(judge(&whole, "").chain.result, Judgement::Unknown);
    let other = signers.authority.issue("别人", "清河市人民医院远程诊断中心", NOW).unwrap();
    let signature = crate::testing::sign(&other, "", &whole.canonical, &Commitment::Reader);
    let forged = judge(&Brought { signatures: vec![signature], ..whole.clone() }, &anchors);
    assert_eq!((forged.credential.result, forged.ok), (Judgement::Bad, false));
    // The reviewer's signature covers one reader's signature, not any.
    let again =
        Brought { signatures: vec![signers.read(b"other"), whole.signatures[1].clone()], ..whole.clone() };
    assert_eq!(judge(&again, &anchors).integrity.result, Judgement::Bad);
    let superseded = Context { anchors_pem: &anchors, is_superseded: Some(true), ..Context::default() };
    assert!(!verify(&whole, &superseded).ok);
}

#[test]
fn evidence_is_compared_with_what_is_at_hand() {
    let signers = Signers::new();
    let whole = brought(&signers, Signatures::Single);
    let right = |uid: &str| uid.rsplit('.').next()?.parse().ok().map(|n: u8| Sha256([n; 32]));
    let wrong = |_: &str| Some(Sha256([9; 32]));
    let partly = |uid: &str| (uid != "1.2.3.4.1.2").then(|| right(uid)).flatten();
    let found = |lookup: &EvidenceLookup<'_>| {
        let context =
            Context { anchors_pem: &signers.anchors(), evidence: Some(lookup), ..Context::default() };
        verify(&whole, &context).evidence.result
    };
    assert_eq!(found(&right), Judgement::Good);
    assert_eq!(found(&wrong), Judgement::Bad);
    assert_eq!(found(&partly), Judgement::Unknown);
}

#[test]
fn no_byte_of_report_or_signatures_can_be_changed() {
    let signers = Signers::new();
    let anchors = signers.anchors();
    let mut whole = brought(&signers, Signatures::Double);
    for signature in &mut whole.signatures {
        *signature = signers.stamped(signature, &whole.canonical);
    }
    let verdict = judge(&whole, &anchors);
    assert!(verdict.ok && verdict.time_stamp.result == Judgement::Good, "{verdict:?}");
    for at in (0..whole.canonical.len()).step_by(7) {
        let mut changed = whole.clone();
        changed.canonical[at] ^= 1 << (at % 8);
        assert!(!judge(&changed, &anchors).ok, "byte {at} of the report");
    }
    for n in 0..2 {
        for at in (0..whole.signatures[n].len()).step_by(3) {
            let mut changed = whole.clone();
            changed.signatures[n][at] ^= 1 << (at % 8);
            assert!(!judge(&changed, &anchors).ok, "byte {at} of signature {n}");
        }
    }
}

#[test]
fn every_key_that_is_known_makes_signatures_that_openssl_takes() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("content"), b"content").unwrap();
    for (name, generate) in [
        ("p256", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
        ("p384", "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        ("rsa", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
        ("rsa3072", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072"),
        ("pss", "genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048"),
    ] {
        let (key, pem, der, p7s) = (path("key.der"), path("cert.pem"), path("cert.der"), path("p7s"));
        let mut arguments: Vec<&str> = generate.split(' ').collect();
        let made = path("key.pem");
        arguments.extend(["-out", &made]);
        run("openssl", &arguments).unwrap();
        let convert = ["pkcs8", "-topk8", "-nocrypt", "-in", &made, "-outform", "DER", "-out", &key];
        run("openssl", &convert).unwrap();
        let subject =
            ["req", "-x509", "-key", &key, "-keyform", "DER", "-subj", "/O=C/CN=A", "-days", "9000"];
        run("openssl", &[&subject[..], &["-out", &pem]].concat()).unwrap();
        run("openssl", &["x509", "-in", &pem, "-outform", "DER", "-out", &der]).unwrap();
        let signing = crate::signing_key::SigningKey::from_pkcs8(&std::fs::read(&key).unwrap()).unwrap();
        let chain = vec![std::fs::read(&der).unwrap()];
        signing.belongs_to(&certificate::from_der(&chain[0]).unwrap()).unwrap();
        let identity = crate::cms::SigningIdentity { key: &signing, chain: &chain, title: "" };
        let form = crate::cms::Form::Report;
        let signed = crate::cms::sign(&[b"content"], form, &identity, &Commitment::Reader, NOW).unwrap();
        let check = crate::cms::check(&signed, &[b"content"], form).unwrap();
        assert!(check.is_signature_valid && check.is_content_same, "{name}");
        std::fs::write(&p7s, &signed).unwrap();
        let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-in", &p7s, "-cades", "-CAfile", &pem];
        let content = path("content");
        let rest = ["-purpose", "any", "-content", &content, "-out", "/dev/null"];
        run("openssl", &[&verify[..], &rest].concat()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let at = OffsetDateTime::now_utc();
        let anchors = [check.signer.clone()];
        let purpose = certificate::Purpose::Reports;
        certificate::follow(&check.signer, &[], &anchors, at, purpose).unwrap();
        let mut wrong = signed.clone();
        let last = wrong.len() - 8;
        wrong[last] ^= 1;
        let wrong = crate::cms::check(&wrong, &[b"content"], form);
        assert!(!wrong.is_ok_and(|check| check.is_signature_valid), "{name}");
    }
    assert!(crate::signing_key::SigningKey::from_pkcs8(b"nonsense").is_err());
}

#[test]
fn a_signed_page_is_whole_with_its_pictures_and_nothing_behind_it() {
    let signers = Signers::new();
    let anchors = signers.anchors();
    let (image, picture) = key_image();
    let draft = ReportDraft { key_images: vec![crate::KeyImage::Slide(image)], ..draft() };
    let canonical = canonical_of(&consult(Signatures::Double), &draft);
    let printer = Printer::new(&Fonts::default()).unwrap();
    let first = signers.read_page(&printer, &canonical, &[picture]);
    let second = signers.review_page(&printer, &canonical, &first);
    let judge_pdf = |pdf: &[u8]| {
        Brought::from_file(pdf.to_vec(), Vec::new()).ok().map(|brought| judge(&brought, &anchors))
    };
    let verdict = judge_pdf(&second).unwrap();
    assert!(verdict.ok, "{verdict:?}");
    for (finding, result) in [
        (&verdict.coverage, Judgement::Good),
        (&verdict.revocation, Judgement::Good),
        (&verdict.time_stamp, Judgement::Good),
    ] {
        assert_eq!(finding.result, result, "{finding:?}");
    }
    assert_eq!(verdict.signers.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["王建国", "赵敏"]);
    // The reader's page alone is preliminary.
    assert_eq!(judge_pdf(&first).unwrap().integrity.result, Judgement::Unknown);
    let mut appended = second.clone();
    appended.extend(b"\n% and more\n");
    assert_eq!(judge_pdf(&appended).unwrap().coverage.result, Judgement::Bad);
    // By another program, in a shape that is not ours: what was signed is judged, and that something was added.
    for more in [
        "94 0 obj\n<</Type/Page>>\nendobj\n%%EOF\n",
        "\n5 0 obj\n<</Type/ObjStm>>\nendobj\nstartxref\n0\n%%EOF",
    ] {
        let verdict = judge_pdf(&[second.as_slice(), more.as_bytes()].concat()).unwrap();
        assert_eq!((verdict.coverage.result, verdict.ok), (Judgement::Bad, false), "{more}");
        assert_eq!(verdict.integrity.result, Judgement::Good, "{more}");
    }

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.pdf").display().to_string();
    std::fs::write(&path, &second).unwrap();
    if let Ok(kept) = std::env::var("CONSULT_KEEP_PDF") {
        std::fs::write(kept, &second).unwrap();
    }
    run("qpdf", &["--check", &path]).unwrap();
    let signatures = run("pdfsig", &["-nocert", &path]).unwrap();
    assert_eq!(signatures.matches("Signature is Valid.").count(), 2, "{signatures}");
    assert_eq!(signatures.matches("ETSI.CAdES.detached").count(), 2, "{signatures}");
    assert!(signatures.contains("Total document signed"), "{signatures}");
    let text = run("pdftotext", &["-layout", &path, "-"]).unwrap().replace(' ', "");
    for word in ["关键图像", "可疑腺体", "赵敏", "王建国"] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    assert!(run("pdfdetach", &["-list", &path]).unwrap().contains("report.json"));
}

#[test]
fn no_byte_of_a_signed_page_can_be_changed() {
    let signers = Signers::new();
    let anchors = signers.anchors();
    let canonical = canonical(&consult(Signatures::Double));
    let printer = Printer::new(&Fonts::default()).unwrap();
    let first = signers.read_page(&printer, &canonical, &[]);
    let pdf = signers.review_page(&printer, &canonical, &first);
    for n in 0..200 {
        let at = pdf.len() * n / 200;
        let mut changed = pdf.clone();
        changed[at] ^= 1 << (n % 8);
        let is_ok = Brought::from_file(changed, Vec::new()).is_ok_and(|brought| judge(&brought, &anchors).ok);
        assert!(!is_ok, "byte {at} of the page");
    }
    assert!(Brought::from_file(b"%PDF-1.7 not much".to_vec(), Vec::new()).is_err());
}

#[test]
fn revoked_before_is_bad_and_revoked_after_is_not() {
    let signers = Signers::new();
    let anchors = signers.anchors();
    let canonical = canonical(&consult(Signatures::Single));
    let printer = Printer::new(&Fonts::default()).unwrap();
    let pdf = signers.read_page(&printer, &canonical, &[]);
    let brought = Brought::from_file(pdf, Vec::new()).unwrap();
    let with = |since: OffsetDateTime| {
        let revoked = [(signers.reader.chain[0].as_slice(), since)];
        let list = signers.authority.revocation_list(&revoked, NOW + Duration::days(3)).unwrap();
        let context = Context {
            anchors_pem: &anchors,
            time_stamp_anchors_pem: &anchors,
            revocation: RevocationData { ocsp: Vec::new(), crls: vec![list] },
            ..Context::default()
        };
        verify(&brought, &context)
    };
    let before = with(NOW - Duration::days(1));
    assert_eq!((before.revocation.result, before.ok), (Judgement::Bad, false));
    let after = with(NOW + Duration::days(1));
    assert!(after.ok && after.revocation.detail.contains("签名之后"), "{after:?}");

    // The signer's clock says that it was before; a thief's says so too.
    let detached = self::brought(&signers, Signatures::Single);
    for since in [NOW - Duration::days(1), NOW + Duration::hours(1), NOW + Duration::days(1)] {
        let revoked = [(signers.reader.chain[0].as_slice(), since)];
        let list = signers.authority.revocation_list(&revoked, NOW + Duration::days(3)).unwrap();
        let data = RevocationData { ocsp: Vec::new(), crls: vec![list] };
        let stamping = Stamping::Optional;
        let verdict = verify(&detached, &Context { revocation: data, stamping, ..context(&anchors) });
        assert_eq!((verdict.revocation.result, verdict.ok), (Judgement::Bad, false), "{since}");
    }
}

#[test]
fn a_time_stamp_by_a_revoked_authority_is_bad() {
    let signers = Signers::new();
    let anchors = signers.anchors();
    let trusted = crate::certificate::from_pem(&anchors).unwrap();
    let mut whole = brought(&signers, Signatures::Single);
    whole.signatures = vec![signers.stamped(&whole.signatures[0], &whole.canonical)];
    assert!(verify(&whole, &context(&anchors)).ok);
    let check =
        crate::cms::check(&whole.signatures[0], &[&whole.canonical], crate::cms::Form::Report).unwrap();
    let stamp = crate::timestamp::check(&check.time_stamp.unwrap(), &check.signature, &trusted).unwrap();
    let of = der::Encode::to_der(&stamp.path[0]).unwrap();
    for (since, expected) in [
        (stamp.at - Duration::minutes(1), Judgement::Bad),
        (stamp.at + Duration::minutes(1), Judgement::Good),
    ] {
        let list = signers.authority.revocation_list(&[(&of, since)], NOW + Duration::days(1)).unwrap();
        let revocation = RevocationData { ocsp: Vec::new(), crls: vec![list] };
        let verdict = verify(&whole, &Context { revocation, ..context(&anchors) });
        assert_eq!((verdict.time_stamp.result, verdict.ok), (expected, expected == Judgement::Good));
        assert_eq!(verdict.time_stamp.detail_en.contains("revoked"), expected == Judgement::Bad);
    }
}

#[test]
fn a_renewed_certificate_makes_nobody_a_second_person() {
    let signers = Signers::new();
    let canonical = canonical(&consult(Signatures::Double));
    let reader = signers.read(&canonical);
    let reader_signature =
        crate::cms::check(&reader, &[&canonical], crate::cms::Form::Report).unwrap().signature;
    let renewed = signers.authority.issue("王建国", "清河市人民医院远程诊断中心", NOW).unwrap();
    let review = crate::testing::sign(&renewed, "", &canonical, &Commitment::Reviewer { reader_signature });
    let both = Brought { canonical, signatures: vec![reader, review], page: None, pictures: Vec::new() };
    let verdict = judge(&both, &signers.anchors());
    assert_eq!((verdict.credential.result, verdict.ok), (Judgement::Bad, false), "{verdict:?}");
}

/// An authority with SM2 and somebody's certificate by it, as OpenSSL makes them; and the key as PKCS#8 and in a PKCS#12 file.
fn sm2(directory: &std::path::Path) -> (Vec<x509_cert::Certificate>, Vec<u8>, Vec<u8>) {
    let path = |name: &str| directory.join(name).display().to_string();
    let openssl = |words: &str| {
        let words: Vec<String> = words.split(' ').map(|word| word.replace('@', &path(""))).collect();
        run("openssl", &words.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    };
    std::fs::write(path("usage"), "keyUsage=critical,digitalSignature").unwrap();
    openssl("genpkey -algorithm SM2 -out @root.key");
    openssl("req -x509 -new -sm3 -key @root.key -out @root.pem -days 9000 -subj /CN=SM2");
    openssl("genpkey -algorithm SM2 -out @own.key");
    openssl("req -new -sm3 -utf8 -key @own.key -out @own.csr -subj /O=市医院/CN=王建国");
    openssl(
        "x509 -req -sm3 -in @own.csr -CA @root.pem -CAkey @root.key -CAcreateserial -extfile @usage -days 9000 -out @own.pem",
    );
    openssl("pkcs8 -topk8 -nocrypt -in @own.key -outform DER -out @own.der");
    openssl("pkcs12 -export -inkey @own.key -in @own.pem -out @own.p12 -passout pass:12345678");
    let pem = |name| certificate::from_pem(&std::fs::read_to_string(path(name)).unwrap()).unwrap();
    let file = |name| std::fs::read(path(name)).unwrap();
    ([pem("own.pem"), pem("root.pem")].concat(), file("own.der"), file("own.p12"))
}

#[test]
fn sm2_is_told_as_an_algorithm_that_is_not_known() {
    use crate::signing_key::{KeyError, SigningKey};
    use ::cms::cert::CertificateChoices;
    use ::cms::signed_data::{CertificateSet, SignerIdentifier, SignerInfos};
    use der::asn1::{Any, ObjectIdentifier, SetOfVec};
    use der::{Decode as _, Encode as _};

    let directory = tempfile::tempdir().unwrap();
    let (chain, pkcs8, p12) = sm2(directory.path());
    assert_eq!(SigningKey::from_pkcs8(&pkcs8).err(), Some(KeyError::Unsupported));
    let opened = crate::pkcs12::open(&p12, &access::Secret::new("12345678".into()));
    assert_eq!(opened.err(), Some(crate::pkcs12::Pkcs12Error::Key(KeyError::Unsupported)));
    let key = chain[0].tbs_certificate().subject_public_key_info();
    assert_eq!(crate::algorithm::Scheme::for_key(key), None);
    let now = OffsetDateTime::now_utc();
    let path = certificate::follow(&chain[0], &[], &chain[1..], now, certificate::Purpose::Reports);
    assert_eq!(path.err(), Some(certificate::PathFault::UnknownAlgorithm));

    // A signature as it would be made: SM3 (1.2.156.10197.1.401) and SM2 with SM3 (1.2.156.10197.1.501).
    let signers = Signers::new();
    let whole = brought(&signers, Signatures::Single);
    let named =
        |oid| spki::AlgorithmIdentifierOwned { oid: ObjectIdentifier::new_unwrap(oid), parameters: None };
    let mut signed = crate::cms::signed_data_of(&whole.signatures[0]).unwrap();
    let mut info = signed.signer_infos.0.as_slice()[0].clone();
    info.digest_alg = named("1.2.156.10197.1.401");
    info.signature_algorithm = named("1.2.156.10197.1.501");
    let own = chain[0].tbs_certificate();
    info.sid = SignerIdentifier::IssuerAndSerialNumber(::cms::cert::IssuerAndSerialNumber {
        issuer: own.issuer().clone(),
        serial_number: own.serial_number().clone(),
    });
    signed.digest_algorithms = SetOfVec::try_from(vec![info.digest_alg.clone()]).unwrap();
    signed.signer_infos = SignerInfos::try_from(vec![info]).unwrap();
    let certificates: Vec<_> = chain.into_iter().map(CertificateChoices::Certificate).collect();
    signed.certificates = Some(CertificateSet::try_from(certificates).unwrap());
    let mut outer = ::cms::content_info::ContentInfo::from_der(&whole.signatures[0]).unwrap();
    outer.content = Any::encode_from(&signed).unwrap();
    let by_sm2 = Brought { signatures: vec![outer.to_der().unwrap()], ..whole.clone() };
    let verdict = judge(&by_sm2, &signers.anchors());
    assert_eq!((verdict.integrity.result, verdict.ok), (Judgement::Unknown, false), "{verdict:?}");
    assert!(verdict.integrity.detail.contains("SM2"));
    // Beside one that is damaged, that counts.
    let damaged = Brought { signatures: vec![by_sm2.signatures[0].clone(), vec![0x30, 0]], ..whole };
    assert_eq!(judge(&damaged, &signers.anchors()).integrity.result, Judgement::Bad);
}
