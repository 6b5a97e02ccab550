//! Reports by HTTP: STOW-RS (PS3.18 §10.5), and the signed POST of the FHIR bundle.

use super::CALL_MAX;
use crate::notices::webhook::{Failed, client_for};
use access::AddressRange;
use consult::delivery::{Parcel, Problem, Sent};
use consult::export::{Exported, Form};
use consult::notify::Webhook;
use reqwest::{Response, Url};
use serde_json::Value as Json;
use time::OffsetDateTime;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Reason that an instance with this UID is there already (PS3.18 Annex I.2.2, PS3.7 §C.5.5).
const DUPLICATE: i64 = 0x0111;

/// Stores files by STOW-RS.
pub(super) async fn stow(
    networks: &[AddressRange],
    url: &str,
    token: Option<&str>,
    files: &[Exported],
) -> Sent {
    let url = if url.ends_with("/studies") { url.to_owned() } else { format!("{url}/studies") };
    let Ok(url) = Url::parse(&url) else { return Sent::Failed(Problem::Unreachable, String::new()) };
    let client = match client_for(networks, &url, CALL_MAX).await {
        Ok(client) => client,
        Err(failed) => return no_way(failed),
    };
    let boundary = boundary(files);
    let kind = format!("multipart/related; type=\"application/dicom\"; boundary=\"{boundary}\"");
    let mut request = client
        .post(url)
        .header("Content-Type", kind)
        .header("Accept", "application/dicom+json")
        .body(related(files, &boundary));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    match request.send().await {
        Err(error) => broken(&error),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let text = read(answer).await;
            stowed(status, text.as_deref().and_then(|text| serde_json::from_slice(text).ok()).as_ref())
        }
    }
}

/// Posts the bundle to an organisation's system. `Farsight-Delivery` is the same for every attempt, and the signature is made
/// as for the webhook of notices.
pub(super) async fn post(networks: &[AddressRange], url: &str, secret: &str, parcel: &Parcel) -> Sent {
    let Some(bundle) = parcel.files.iter().find(|file| file.form == Form::Fhir) else {
        return Sent::Failed(Problem::Internal, String::new());
    };
    let Ok(address) = Url::parse(url) else { return Sent::Failed(Problem::Unreachable, String::new()) };
    let client = match client_for(networks, &address, CALL_MAX).await {
        Ok(client) => client,
        Err(failed) => return no_way(failed),
    };
    let webhook = Webhook { url: url.to_owned(), secret: secret.to_owned() };
    let signature = webhook.signature(OffsetDateTime::now_utc().unix_timestamp(), &bundle.bytes);
    let request = client
        .post(address)
        .header("Content-Type", "application/fhir+json")
        .header("Farsight-Signature", signature)
        .header("Farsight-Delivery", parcel.delivery.id.as_str())
        .body(bundle.bytes.clone());
    match request.send().await {
        Err(error) => broken(&error),
        Ok(answer) => status_alone(answer.status().as_u16()),
    }
}

/// A boundary that follows from the instances, which are named by it nowhere else.
fn boundary(files: &[Exported]) -> String {
    let first = files.first().and_then(|file| file.instance.as_ref());
    format!("farsight-{}", first.map_or("none", |(_, instance)| instance.as_str()))
}

/// `multipart/related` (RFC 2387) with one DICOM file in each part.
fn related(files: &[Exported], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for file in files.iter().filter(|file| file.form.is_dicom()) {
        body.extend(format!("--{boundary}\r\nContent-Type: application/dicom\r\n\r\n").into_bytes());
        body.extend_from_slice(&file.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    body
}

/// The answer, if it is not too long.
async fn read(mut answer: Response) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if bytes.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    Some(bytes)
}

/// What the service says (PS3.18 §10.5.3): an instance that is there already is as good as stored.
fn stowed(status: u16, answer: Option<&Json>) -> Sent {
    let failed = answer.and_then(|answer| answer["00081198"]["Value"].as_array());
    let reasons: Option<Vec<i64>> =
        failed.map(|items| items.iter().map(|i| i["00081197"]["Value"][0].as_i64().unwrap_or(0)).collect());
    match (status, reasons) {
        // Some were stored, some were not; or none.
        (200..=299 | 409, Some(reasons)) if !reasons.is_empty() => {
            match reasons.iter().find(|reason| **reason != DUPLICATE) {
                None => Sent::Delivered,
                Some(reason @ 0xA700..=0xA7FF) => Sent::Again(Problem::Busy, format!("{reason:04X}H")),
                Some(reason) => Sent::Failed(Problem::Refused, format!("{reason:04X}H")),
            }
        }
        // Something was not stored, and what it was cannot be read.
        (202, _) if answer.is_none() => Sent::Again(Problem::Broken, status.to_string()),
        (status, _) => status_alone(status),
    }
}

fn status_alone(status: u16) -> Sent {
    let said = status.to_string();
    match status {
        200..=299 => Sent::Delivered,
        401 | 403 | 407 => Sent::Failed(Problem::Unauthorised, said),
        408 | 425 | 429 | 500..=599 => Sent::Again(Problem::Busy, said),
        _ => Sent::Failed(Problem::Refused, said),
    }
}

fn broken(error: &reqwest::Error) -> Sent {
    let problem = if error.is_timeout() {
        Problem::TimedOut
    } else if error.is_connect() {
        Problem::Unreachable
    } else {
        Problem::Broken
    };
    Sent::Again(problem, String::new())
}

fn no_way(failed: Failed) -> Sent {
    match failed {
        Failed::Now(_) => Sent::Again(Problem::Unreachable, String::new()),
        Failed::ForGood(_) => Sent::Failed(Problem::InternalAddress, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instance_that_is_there_already_is_as_good_as_stored() {
        let failed = |reasons: &[i64]| {
            let items: Vec<Json> =
                reasons.iter().map(|r| json!({"00081197": {"vr": "US", "Value": [r]}})).collect();
            json!({"00081198": {"vr": "SQ", "Value": items}})
        };
        assert_eq!(stowed(200, None), Sent::Delivered);
        assert_eq!(stowed(409, Some(&failed(&[0x0111, 0x0111]))), Sent::Delivered);
        let refused = Sent::Failed(Problem::Refused, "0110H".into());
        assert_eq!(stowed(202, Some(&failed(&[0x0111, 0x0110]))), refused);
        assert_eq!(stowed(409, Some(&failed(&[0xA700]))), Sent::Again(Problem::Busy, "A700H".into()));
        assert_eq!(stowed(409, None), Sent::Failed(Problem::Refused, "409".into()));
        assert_eq!(stowed(401, None), Sent::Failed(Problem::Unauthorised, "401".into()));
        assert_eq!(stowed(503, None), Sent::Again(Problem::Busy, "503".into()));
    }

    #[test]
    fn what_was_not_stored_is_not_delivered_whatever_the_status_says() {
        let item = json!({"00081197": {"vr": "US", "Value": [0x0110]}});
        let failed = json!({"00081198": {"vr": "SQ", "Value": [item]}});
        for status in [200, 202, 204, 409] {
            let refused = Sent::Failed(Problem::Refused, "0110H".into());
            assert_eq!(stowed(status, Some(&failed)), refused, "{status}");
        }
        assert_eq!(stowed(202, None), Sent::Again(Problem::Broken, "202".into()));
        // Stored, with warnings.
        assert_eq!(stowed(202, Some(&json!({"00081199": {"vr": "SQ"}}))), Sent::Delivered);
    }

    #[test]
    fn parts_are_files_behind_their_boundaries() {
        let uid = |text: &str| model::Uid::parse(text).unwrap();
        let file =
            Exported { form: Form::Sr, bytes: b"DICM".to_vec(), instance: Some((uid("1.2"), uid("1.2.3"))) };
        let files = [file];
        let body = String::from_utf8(related(&files, &boundary(&files))).unwrap();
        assert_eq!(
            body,
            "--farsight-1.2.3\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n--farsight-1.2.3--\r\n"
        );
    }
}
