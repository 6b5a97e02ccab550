//! The report as a FHIR R4 bundle: DiagnosticReport with the signed page, Provenance with the signatures, and what they
//! refer to. Everything is named by UUIDs that follow from what it is, so that a second bundle names the same.

use super::{Source, said, uuid_of};
use crate::amendment::AmendmentKind;
use crate::record::SignerNote;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::time_text::parse_da;
use serde_json::{Value as Json, json};
use sha1::Digest as _;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const LOINC: &str = "http://loinc.org";
/// Our extension of a signature and its codes: where the key is.
const SIGNING_KEY: &str = "urn:farsight:signing-key";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// The bundle: a collection, that a receiver takes apart as its own rules say.
pub(super) fn bundle(source: &Source<'_>) -> Json {
    let names = Names::of(source);
    let mut entries = vec![
        (&names.report, diagnostic_report(source, &names)),
        (&names.provenance, provenance(source, &names)),
        (&names.patient, patient(source)),
        (&names.reading, organisation(&source.report.reading.name, source.report.reading.id.as_str())),
        (&names.study, imaging_study(source, &names)),
        (&names.findings, observation(source, &names, ("59776-5", "Findings"), "findings")),
        (&names.canonical, canonical(source)),
    ];
    // Who asks a colleague of the same house is not named twice.
    if names.requesting != names.reading {
        let requesting = &source.report.requesting;
        entries.push((&names.requesting, organisation(&requesting.name, requesting.id.as_str())));
    }
    if !said(source.report, "recommendation").is_empty() {
        let code = ("18783-1", "Recommendations");
        entries.push((&names.recommendation, observation(source, &names, code, "recommendation")));
    }
    entries.extend(names.people.iter().map(|((_, name), url)| (url, practitioner(name))));
    let entries: Vec<Json> = entries
        .into_iter()
        .map(|(url, mut resource)| {
            let id = url.trim_start_matches("urn:uuid:");
            resource["id"] = json!(id);
            json!({"fullUrl": url, "resource": resource})
        })
        .collect();
    json!({
        "resourceType": "Bundle",
        "id": uuid_of("bundle", source.record).to_string(),
        "identifier": {"system": "urn:ietf:rfc:3986", "value": urn("bundle", source.record)},
        "type": "collection",
        "timestamp": instant(source.signed_at()),
        "entry": entries,
    })
}

fn urn(what: &str, id: &str) -> String {
    format!("urn:uuid:{}", uuid_of(what, id))
}

/// What the resources are called in the bundle.
struct Names {
    report: String,
    provenance: String,
    patient: String,
    requesting: String,
    reading: String,
    study: String,
    findings: String,
    recommendation: String,
    canonical: String,
    /// Signers by role and name: two people may have one name, and nobody signs twice.
    people: BTreeMap<(String, String), String>,
}

impl Names {
    fn of(source: &Source<'_>) -> Self {
        let report = source.report;
        let (consult, record) = (report.consult_id.as_str(), source.record);
        let people = source
            .signers
            .iter()
            .map(|signer| {
                let id = format!("{}/{}/{}", report.reading.id, signer.role, signer.name);
                ((signer.role.clone(), signer.name.clone()), urn("practitioner", &id))
            })
            .collect();
        Self {
            report: urn("diagnostic-report", record),
            provenance: urn("provenance", record),
            patient: urn("patient", &format!("{}/{}", report.requesting.id, report.patient.id)),
            requesting: urn("organization", report.requesting.id.as_str()),
            reading: urn("organization", report.reading.id.as_str()),
            study: urn("imaging-study", &format!("{consult}/{}", report.exam.study_instance_uid)),
            findings: urn("findings", record),
            recommendation: urn("recommendation", record),
            canonical: urn("canonical", record),
            people,
        }
    }

    fn person(&self, signer: &SignerNote) -> Json {
        match self.people.get(&(signer.role.clone(), signer.name.clone())) {
            Some(url) => json!({"reference": url, "display": signer.name}),
            None => json!({"display": signer.name}),
        }
    }
}

fn reference(url: &str) -> Json {
    json!({ "reference": url })
}

fn instant(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

fn concept(system: &str, code: &str, display: &str) -> Json {
    json!({"coding": [{"system": system, "code": code, "display": display}]})
}

/// `YYYYMMDD` as FHIR writes it; nothing for anything else.
fn date(text: &str) -> Option<String> {
    parse_da(text).map(|_| format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]))
}

/// When the examination was made: to the second where the time is known.
fn examined(source: &Source<'_>) -> Option<String> {
    let exam = &source.report.exam;
    let day = date(&exam.date)?;
    let clock = exam.time.get(..6).filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    let Some(clock) = clock else { return Some(day) };
    let minutes = source.utc_offset.whole_minutes();
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    Some(format!("{day}T{}:{}:{}{sign}{hours:02}:{minutes:02}", &clock[..2], &clock[2..4], &clock[4..]))
}

/// Puts what is there.
fn put(resource: &mut Json, name: &str, value: Option<Json>) {
    if let Some(value) = value {
        resource[name] = value;
    }
}

fn title(source: &Source<'_>) -> (&'static str, &'static str) {
    match source.report.slide {
        Some(_) => ("11526-1", "Pathology study"),
        None => ("18748-4", "Diagnostic Imaging Report"),
    }
}

fn diagnostic_report(source: &Source<'_>, names: &Names) -> Json {
    let report = source.report;
    let status = match report.amendment.as_ref().map(|note| note.kind) {
        None => "final",
        Some(AmendmentKind::Addendum) => "appended",
        Some(AmendmentKind::Correction) => "corrected",
    };
    let (code, display) = title(source);
    let category = if report.slide.is_some() { ("SP", "Surgical Pathology") } else { ("RAD", "Radiology") };
    let mut results = vec![reference(&names.findings)];
    if !said(report, "recommendation").is_empty() {
        results.push(reference(&names.recommendation));
    }
    let people: Vec<Json> = source.signers.iter().map(|signer| names.person(signer)).collect();
    let mut resource = json!({
        "resourceType": "DiagnosticReport",
        "identifier": [
            {"system": "urn:farsight:report", "value": format!("{}/{}", report.number, report.version)},
            {"system": "urn:farsight:canonical-sha256", "value": crate::cms::sha256(source.canonical).to_string()},
        ],
        "status": status,
        "category": [concept("http://terminology.hl7.org/CodeSystem/v2-0074", category.0, category.1)],
        "code": concept(LOINC, code, display),
        "subject": reference(&names.patient),
        "issued": instant(source.signed_at()),
        "performer": [json!({"reference": names.reading, "display": report.reading.name})],
        "resultsInterpreter": people,
        "result": results,
        "imagingStudy": [reference(&names.study)],
        "conclusion": said(report, "diagnosis").join("\n\n"),
        "presentedForm": [{
            "contentType": "application/pdf",
            "language": "zh-CN",
            "data": BASE64.encode(source.pdf),
            "size": source.pdf.len(),
            "hash": BASE64.encode(sha1::Sha1::digest(source.pdf)),
            "title": format!("远程诊断报告 {} v{}", report.number, report.version),
            "creation": instant(source.signed_at()),
        }],
    });
    put(&mut resource, "effectiveDateTime", examined(source).map(Json::from));
    resource
}

fn observation(source: &Source<'_>, names: &Names, code: (&str, &str), heading: &str) -> Json {
    let mut resource = json!({
        "resourceType": "Observation",
        "status": "final",
        "code": concept(LOINC, code.0, code.1),
        "subject": reference(&names.patient),
        "performer": source.signers.iter().map(|signer| names.person(signer)).collect::<Vec<_>>(),
        "issued": instant(source.signed_at()),
        "valueString": said(source.report, heading).join("\n\n"),
    });
    put(&mut resource, "effectiveDateTime", examined(source).map(Json::from));
    resource
}

fn patient(source: &Source<'_>) -> Json {
    let patient = &source.report.patient;
    let gender = match patient.sex.as_str() {
        "M" => "male",
        "F" => "female",
        "O" => "other",
        _ => "unknown",
    };
    let mut resource = json!({"resourceType": "Patient", "gender": gender});
    let identifier = json!([{"value": patient.id, "assigner": {"display": source.report.requesting.name}}]);
    put(&mut resource, "identifier", (!patient.id.is_empty()).then_some(identifier));
    put(&mut resource, "name", (!patient.name.is_empty()).then(|| json!([{"text": patient.name}])));
    put(&mut resource, "birthDate", date(&patient.birth_date).map(Json::from));
    resource
}

fn organisation(name: &str, id: &str) -> Json {
    json!({
        "resourceType": "Organization",
        "identifier": [{"system": "urn:farsight:organisation", "value": id}],
        "name": name,
    })
}

fn practitioner(name: &str) -> Json {
    json!({"resourceType": "Practitioner", "name": [{"text": name}]})
}

/// What was in evidence of the study, as far as its SOP class is known here.
fn imaging_study(source: &Source<'_>, names: &Names) -> Json {
    let exam = &source.report.exam;
    let oid = |uid: &str| format!("urn:oid:{uid}");
    let modality = |word: &str| json!({"system": DCM, "code": word});
    let mut series: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    for one in source.report.evidence.iter().filter(|one| one.study == exam.study_instance_uid) {
        let Some(class) = source.classes.get(&one.instance) else { continue };
        series.entry(one.series.as_str()).or_default().push(json!({
            "uid": one.instance.as_str(),
            "sopClass": {"system": "urn:ietf:rfc:3986", "code": oid(class.as_str())},
        }));
    }
    let known = |uid: &str| source.modalities.iter().find(|(series, _)| series.as_str() == uid);
    let first = exam.modalities.first().map_or("OT", String::as_str);
    let instances: usize = series.values().map(Vec::len).sum();
    let listed: Vec<Json> = series
        .iter()
        .map(|(uid, instances)| {
            let word = known(uid).map_or(first, |(_, word)| word.as_str());
            json!({
                "uid": uid,
                "modality": modality(word),
                "numberOfInstances": instances.len(),
                "instance": instances,
            })
        })
        .collect();
    let mut resource = json!({
        "resourceType": "ImagingStudy",
        "identifier": [{"system": "urn:dicom:uid", "value": oid(exam.study_instance_uid.as_str())}],
        "status": "available",
        "subject": reference(&names.patient),
        "numberOfSeries": listed.len(),
        "numberOfInstances": instances,
    });
    let modalities: Vec<Json> = exam.modalities.iter().map(|word| modality(word)).collect();
    put(&mut resource, "modality", (!modalities.is_empty()).then(|| json!(modalities)));
    put(&mut resource, "started", examined(source).map(Json::from));
    put(&mut resource, "series", (!listed.is_empty()).then(|| json!(listed)));
    let described = !exam.description.trim().is_empty();
    put(&mut resource, "description", described.then(|| json!(exam.description)));
    resource
}

/// The bytes that the signatures are over.
fn canonical(source: &Source<'_>) -> Json {
    json!({
        "resourceType": "Binary",
        "contentType": "application/json",
        "data": BASE64.encode(source.canonical),
    })
}

/// Who made it, from what, and their signatures (CMS, RFC 5652) over the canonical report.
fn provenance(source: &Source<'_>, names: &Names) -> Json {
    let report = source.report;
    let agents: Vec<Json> = source
        .signers
        .iter()
        .map(|signer| {
            let (code, display) = match signer.role.as_str() {
                "reviewer" => ("verifier", "Verifier"),
                _ => ("author", "Author"),
            };
            let system = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
            json!({
                "type": concept(system, code, display),
                "who": names.person(signer),
                "onBehalfOf": reference(&names.reading),
            })
        })
        .collect();
    let signatures: Vec<Json> = source
        .signers
        .iter()
        .zip(source.signatures)
        .map(|(signer, der)| {
            let (code, display) = match signer.role.as_str() {
                "reviewer" => ("1.2.840.10065.1.12.1.5", "Verification Signature"),
                _ => ("1.2.840.10065.1.12.1.1", "Author's Signature"),
            };
            let place = json!({"system": SIGNING_KEY, "code": signer.key, "display": signer.key.words().1});
            json!({
                "extension": [{"url": SIGNING_KEY, "valueCoding": place}],
                "type": [{"system": "urn:iso-astm:E1762-95:2013", "code": code, "display": display}],
                "when": instant(signer.signed_at.to_offset(source.utc_offset)),
                "who": names.person(signer),
                "targetFormat": "application/json",
                "sigFormat": "application/pkcs7-signature",
                "data": BASE64.encode(der),
            })
        })
        .collect();
    let mut entities = vec![json!({"role": "source", "what": reference(&names.canonical)})];
    if let Some(before) = &source.before {
        let url = urn("diagnostic-report", &before.record);
        let what = json!({"identifier": {"system": "urn:ietf:rfc:3986", "value": url}});
        entities.push(json!({"role": "revision", "what": what}));
    }
    let (activity, display) =
        if source.before.is_some() { ("UPDATE", "revise") } else { ("CREATE", "create") };
    let mut resource = json!({
        "resourceType": "Provenance",
        "target": [reference(&names.report)],
        "recorded": instant(source.signed_at()),
        "activity": concept("http://terminology.hl7.org/CodeSystem/v3-DataOperation", activity, display),
        "agent": agents,
        "entity": entities,
        "signature": signatures,
    });
    let reason = report.amendment.as_ref().map(|note| json!([{"text": note.reason}]));
    put(&mut resource, "reason", reason);
    resource
}
