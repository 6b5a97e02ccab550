//! Webhooks: a signed POST to the system of an organisation, never into networks that the configuration does not name.

pub(crate) use super::Failed;
use crate::reach::{self, Unreachable};
use access::AddressRange;
use consult::notify::{Outgoing, Webhook};
use reqwest::{Client, Url};
use std::time::Duration;
use time::OffsetDateTime;

/// The longest that a call may take, all in all: shorter than a job's lease.
const CALL_MAX: Duration = Duration::from_secs(15);

/// Calls a webhook. Anything but a status of 2xx is a failure; a redirection is not followed.
pub(super) async fn call(
    networks: &[AddressRange],
    webhook: &Webhook,
    outgoing: &Outgoing,
) -> Result<(), Failed> {
    let url = Url::parse(&webhook.url).map_err(|_| Failed::ForGood("the webhook's address is none"))?;
    let client = client_for(networks, &url, CALL_MAX).await?;
    let body = serde_json::to_vec(outgoing).map_err(|_| Failed::ForGood("no JSON"))?;
    let signature = webhook.signature(OffsetDateTime::now_utc().unix_timestamp(), &body);
    let answer = client
        .post(url)
        .header("Content-Type", "application/json")
        .header("Farsight-Signature", signature)
        .body(body)
        .send()
        .await
        .map_err(|error| Failed::Now(words(&error).to_owned()))?;
    match answer.status().as_u16() {
        200..=299 => Ok(()),
        // It will say the same to the same (RFC 9110 §15.5), unless it took too long, was too early or too often.
        400..=407 | 409..=424 | 426..=428 | 430..=499 => {
            Err(Failed::ForGood("the webhook refuses the call (4xx)"))
        }
        status => Err(Failed::Now(format!("the webhook answers {status}"))),
    }
}

/// A client for calls of a URL that take so long at most, if it leads to the public internet or into one of these networks.
pub(crate) async fn client_for(
    networks: &[AddressRange],
    url: &Url,
    call_max: Duration,
) -> Result<Client, Failed> {
    let addresses = reach::resolved(url, networks, CALL_MAX).await.map_err(|why| match why {
        Unreachable::NoAddress => Failed::ForGood("the webhook's address is none"),
        Unreachable::Unknown => Failed::Now("the webhook's name is not known".to_owned()),
        Unreachable::Internal => {
            Failed::ForGood("the webhook is in an internal network ([notify] webhook_networks)")
        }
    })?;
    reach::client(url, &addresses, call_max).ok_or(Failed::Now("no HTTP client can be made".to_owned()))
}

fn words(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "the webhook does not answer in time"
    } else if error.is_connect() {
        "the webhook cannot be reached"
    } else {
        "the call of the webhook broke off"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consult::notify::What;
    use model::ConsultId;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn outgoing() -> Outgoing {
        Outgoing {
            id: "7-town".into(),
            what: What::Report,
            consult: ConsultId::parse("c1").unwrap(),
            number: "YX20261123-0007".into(),
            at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn here() -> Vec<AddressRange> {
        vec![AddressRange::parse("127.0.0.0/8").unwrap()]
    }

    #[tokio::test]
    async fn an_internal_address_is_refused_however_it_is_written() {
        for url in crate::reach::tests::TRICKS {
            let webhook = Webhook { url: url.into(), secret: "s".into() };
            let called = call(&[], &webhook, &outgoing()).await;
            assert!(
                matches!(called, Err(Failed::ForGood(why)) if consult::notify::problem_code(why) == "internal"),
                "{url} {called:?}"
            );
        }
    }

    /// Takes one request and answers it with a status; what was asked.
    async fn answering(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            let mut piece = [0; 4096];
            while !String::from_utf8_lossy(&asked).contains("\"at\":") {
                let count = stream.read(&mut piece).await.unwrap();
                asked.extend_from_slice(&piece[..count]);
            }
            let answer =
                format!("HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (url, task)
    }

    #[tokio::test]
    async fn a_call_is_signed_and_says_nothing_of_the_patient() {
        let (url, task) = answering("204 No Content").await;
        let webhook = Webhook { url, secret: "s".into() };
        call(&here(), &webhook, &outgoing()).await.unwrap();
        let asked = task.await.unwrap();
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        let sent = head.lines().find_map(|line| line.strip_prefix("farsight-signature: ")).unwrap();
        let at: i64 = sent[2..sent.find(',').unwrap()].parse().unwrap();
        assert_eq!(sent, webhook.signature(at, body.as_bytes()));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["id", "what", "consult", "number", "at"]);
    }

    #[tokio::test]
    async fn a_refusal_is_not_tried_again_unless_it_may_pass() {
        for (status, is_tried_again) in [
            ("410 Gone", false),
            ("401 Unauthorized", false),
            ("429 Too Many Requests", true),
            ("503 Busy", true),
        ] {
            let (url, _task) = answering(status).await;
            let called = call(&here(), &Webhook { url, secret: "s".into() }, &outgoing()).await;
            assert_eq!(matches!(called, Err(Failed::Now(_))), is_tried_again, "{status} {called:?}");
            let code = match &called {
                Err(Failed::Now(why)) => consult::notify::problem_code(why),
                Err(Failed::ForGood(why)) => consult::notify::problem_code(why),
                Ok(()) => "",
            };
            assert_eq!(
                code,
                if is_tried_again { "status" } else { "refused" },
                "pages can say it: {called:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_redirection_is_a_failure_that_is_tried_again() {
        let (url, _task) = answering("302 Found").await;
        let called = call(&here(), &Webhook { url, secret: "s".into() }, &outgoing()).await;
        assert_eq!(called, Err(Failed::Now("the webhook answers 302".to_owned())));
    }
}
