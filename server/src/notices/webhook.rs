//! Webhooks: a signed POST to the system of an organisation, never into networks that the configuration does not name.

pub(crate) use super::Failed;
use access::AddressRange;
use consult::notify::{Outgoing, Webhook};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
    let addresses = tokio::time::timeout(CALL_MAX, resolved(url)).await;
    let addresses = addresses.map_err(|_| Failed::Now("the name was not resolved in time".to_owned()))??;
    if !addresses.iter().all(|address| is_allowed(networks, address.ip())) {
        return Err(Failed::ForGood("the webhook is in an internal network ([notify] webhook_networks)"));
    }
    client(url, &addresses, call_max)
}

/// A client that calls these very addresses: what was looked at is what is called.
fn client(url: &Url, addresses: &[SocketAddr], call_max: Duration) -> Result<Client, Failed> {
    // The first that installs it wins; all of them are the same.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder().no_proxy().redirect(Policy::none()).timeout(call_max);
    if let Some(name) = url.domain() {
        builder = builder.resolve_to_addrs(name, addresses);
    }
    builder.build().map_err(|_| Failed::Now("no HTTP client can be made".to_owned()))
}

async fn resolved(url: &Url) -> Result<Vec<SocketAddr>, Failed> {
    let port = url.port_or_known_default().ok_or(Failed::ForGood("the webhook's address has no port"))?;
    let host = url.host_str().ok_or(Failed::ForGood("the webhook's address has no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> =
        found.map_err(|_| Failed::Now("the webhook's name is not known".to_owned()))?.collect();
    if found.is_empty() {
        return Err(Failed::Now("the webhook's name has no address".to_owned()));
    }
    Ok(found)
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

fn is_allowed(networks: &[AddressRange], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address)) || is_global(address)
}

/// Whether an address is one of the public internet: neither of this machine, nor of an internal network, nor one that
/// leads to such (RFC 6890 with the registries of special-purpose addresses).
fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3; of it 2001::/23 (Teredo and others), 2001:db8::/32, 2002::/16 and 3fff::/20 are special.
    let is_unicast = first & 0xe000 == 0x2000;
    let is_special =
        (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || first == 0x2002 || first == 0x3fff;
    is_unicast && !is_special
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

    #[test]
    fn only_public_addresses_are_global() {
        for global in ["8.8.8.8", "223.5.5.5", "2400:3200::1", "::ffff:8.8.8.8"] {
            assert!(is_global(global.parse().unwrap()), "{global}");
        }
        for internal in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.7.4",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_global(internal.parse().unwrap()), "{internal}");
        }
    }

    #[tokio::test]
    async fn an_internal_address_is_refused_however_it_is_written() {
        for url in [
            "http://127.0.0.1:9/",
            "http://localhost:9/",
            "http://[::1]:9/",
            "http://0x7f.1:9/",
            "http://2130706433:9/",
        ] {
            let webhook = Webhook { url: url.into(), secret: "s".into() };
            let called = call(&[], &webhook, &outgoing()).await;
            assert!(
                matches!(called, Err(Failed::ForGood(why)) if why.contains("internal")),
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
        }
    }

    #[tokio::test]
    async fn a_redirection_is_a_failure_that_is_tried_again() {
        let (url, _task) = answering("302 Found").await;
        let called = call(&here(), &Webhook { url, secret: "s".into() }, &outgoing()).await;
        assert_eq!(called, Err(Failed::Now("the webhook answers 302".to_owned())));
    }
}
