//! The HTTP listener (RFC 9112, RFC 9113), with TLS or without: how many connections there may be at once, how long one may keep the node
//! waiting, and how much memory one may take.

use crate::http_config::Certified;
use crate::lingering::{Early, Lingering, Received};
use crate::straight::Straight;
use crate::streams::Streams;
use axum::extract::ConnectInfo;
use axum::http::header::{CONNECTION, STRICT_TRANSPORT_SECURITY};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Request};
use axum::response::Response;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use model::{Limits, Sha256};
use pacs::dimse::TlsAcceptance;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use viewer_api::{ClientCertificate, Interface};

/// Bytes of a request's head at most, and of an answer that wait in a connection before more of it is asked for. An
/// answer's pieces are of a size to be written while they are in the processor's cache.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// Requests at once on one HTTP/2 connection: browsers are content with a hundred, and each may hold a buffer.
const STREAMS_MAX: u32 = 100;
/// Bytes of request bodies that one HTTP/2 connection may have sent before they are taken.
const WINDOW_BYTES: u32 = 1 << 20;
/// An HTTP/2 connection is asked this often whether anybody is there, and has as long to answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long an idle HTTP/2 connection may take to end after it was told to.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long written bytes may wait for a peer that does not take them (tcp(7), TCP_USER_TIMEOUT).
const UNTAKEN_MS_MAX: libc::c_uint = 120_000;
/// How long a TLS handshake may take.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// Connections beyond the limit that are told so at once; more are closed without a word.
const TURNED_AWAY_MAX: usize = 64;
const TURNED_AWAY_PATIENCE: Duration = Duration::from_secs(2);
const TURNED_AWAY: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: 114\r\n",
    "Retry-After: 1\r\nConnection: close\r\n\r\n",
    r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections; try again later"}"#,
);
/// A browser that has once come over TLS does not come without for a year (RFC 6797).
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// How every HTTP/2 connection begins (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What answers requests whose extensions say who the peer is.
pub trait Answer: Clone + Send + Sync + Unpin + 'static {
    /// Answers one.
    fn answer(&self, request: Request<Received>) -> impl Future<Output = Response> + Send;

    /// Answers one of this peer as [`Self::answer`] would, if that takes no waiting. `None`: ask that.
    fn at_once(&self, request: &Parts, peer: IpAddr) -> Option<axum::http::Response<Bytes>>;
}

impl Answer for Interface {
    fn answer(&self, request: Request<Received>) -> impl Future<Output = Response> + Send {
        Self::answer(self, request)
    }

    fn at_once(&self, request: &Parts, peer: IpAddr) -> Option<axum::http::Response<Bytes>> {
        Self::at_once(self, request, peer)
    }
}

/// A listener and what answers on it.
pub struct Server<A> {
    listener: TcpListener,
    answers: A,
    tls: Option<Certified>,
    connections: Arc<Semaphore>,
    connections_max: u32,
    idle_max: Duration,
}

impl<A: Answer> Server<A> {
    /// What `answers` has to say, within the node's limits; over TLS if there is a certificate.
    pub fn new(listener: TcpListener, answers: A, limits: &Limits, tls: Option<Certified>) -> Self {
        Self {
            listener,
            answers,
            tls,
            connections: Arc::new(Semaphore::new(limits.http_connections_max as usize)),
            connections_max: limits.http_connections_max,
            idle_max: Duration::from_millis(limits.http_idle_timeout_ms),
        }
    }

    /// Serves until `stop` says so; then no connection is taken any more, and those that there are end with the answer
    /// that is under way.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Mostly no descriptor is free: one becomes free when a connection ends.
                    tracing::warn!(kind = ?error.kind(), "an HTTP connection could not be accepted");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            match self.connections.clone().try_acquire_owned() {
                Ok(permit) => {
                    prepare(&stream);
                    let connection =
                        Connection { answers: self.answers.clone(), peer, idle_max: self.idle_max };
                    let tls = self.tls.as_ref().map(Certified::acceptance);
                    tokio::spawn(connection.serve(stream, tls, stop.clone(), permit));
                }
                // A handshake that is only to say so would be work for somebody who has too much of it.
                Err(_) if self.tls.is_some() => {}
                Err(_) => {
                    if let Ok(permit) = turned_away.clone().try_acquire_owned() {
                        tokio::spawn(turn_away(stream, permit));
                    }
                }
            }
        }
        drop(self.listener);
        // All of them are free when the last connection has ended.
        let _ = self.connections.acquire_many(self.connections_max).await;
    }
}

/// Sets what the kernel is to do for a connection.
fn prepare(stream: &TcpStream) {
    use std::os::fd::AsRawFd as _;
    let _ = stream.set_nodelay(true);
    let value = UNTAKEN_MS_MAX;
    // SAFETY: the descriptor is open, and the pointer is to a number of the length that is given.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_USER_TIMEOUT,
            std::ptr::from_ref(&value).cast(),
            size_of_val(&value) as libc::socklen_t,
        );
    }
}

/// Says that there are too many, and reads a little, so that the answer is not lost when the connection is closed.
async fn turn_away(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let _ = timeout(TURNED_AWAY_PATIENCE, async {
        stream.write_all(TURNED_AWAY.as_bytes()).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    })
    .await;
}

/// Which version a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

/// A connection over TLS.
#[derive(Debug, Clone, Copy)]
struct Secured {
    /// SHA-256 of what the client has shown.
    certificate: Option<Sha256>,
}

impl Secured {
    /// Says of a request who its client has shown to be.
    fn introduce(self, extensions: &mut Extensions) {
        if let Some(certificate) = self.certificate {
            extensions.insert(ClientCertificate(certificate));
        }
    }

    fn keep(headers: &mut HeaderMap) {
        headers.insert(STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
    }
}

/// One connection's part of the server.
struct Connection<A> {
    answers: A,
    peer: SocketAddr,
    idle_max: Duration,
}

impl<A: Answer> Connection<A> {
    async fn serve(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptance>,
        mut stop: watch::Receiver<bool>,
        _permit: OwnedSemaphorePermit,
    ) {
        let Some(tls) = tls else {
            let version = tokio::select! {
                version = version_of(&stream, self.idle_max) => version,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if let Some(version) = version {
                self.talk(stream, version, None, stop).await;
            }
            return;
        };
        let shaken = tokio::select! {
            shaken = timeout(HANDSHAKE_TIME_MAX.min(self.idle_max), tls.accept(stream)) => shaken,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match shaken {
            Ok(Ok((stream, certificate))) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let version = if is_http2 { Version::Http2 } else { Version::Http1 };
                self.talk(stream, version, Some(Secured { certificate }), stop).await;
            }
            Ok(Err(why)) => tracing::debug!(why, "no TLS with an HTTP client"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        stream: S,
        version: Version,
        secured: Option<Secured>,
        mut stop: watch::Receiver<bool>,
    ) {
        let Self { answers, peer, idle_max } = self;
        let requests = Streams::new();
        let early = Early::default();
        let at_once = {
            let answers = answers.clone();
            move |mut request: Parts| {
                if let Some(secured) = secured {
                    secured.introduce(&mut request.extensions);
                }
                let mut answer = answers.at_once(&request, peer.ip())?;
                if secured.is_some() {
                    Secured::keep(answer.headers_mut());
                }
                Some(answer)
            }
        };
        let (of_service, early_of_service) = (requests.clone(), early.clone());
        let answer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let under_way = of_service.begin();
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(secured) = secured {
                secured.introduce(request.extensions_mut());
            }
            let answers = answers.clone();
            // The streams of HTTP/2 end each by itself.
            let early = if version == Version::Http1 { early_of_service.clone() } else { Early::default() };
            async move {
                let request = request.map(|body| Received::new(body, early.clone()));
                let mut answer = answers.answer(request).await;
                if secured.is_some() {
                    Secured::keep(answer.headers_mut());
                }
                let is_refused = answer.status().is_client_error() || answer.status().is_server_error();
                early.set(early.get() && is_refused);
                if version == Version::Http1 && early.get() {
                    // It will be closed: nobody is to send the next request by it.
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer.map(|body| under_way.until_sent(body)))
            }
        });
        // A macro rather than a function: the two kinds of connection have no trait in common.
        macro_rules! drive {
            ($connection:expr) => {{
                let mut connection = pin!($connection);
                let mut is_stopping = false;
                let mut idle_at = Instant::now() + idle_max;
                loop {
                    tokio::select! {
                        result = connection.as_mut() => {
                            if let Err(error) = result {
                                tracing::debug!(%error, "an HTTP connection broke off");
                            }
                            break;
                        }
                        _ = stop.wait_for(|stop| *stop), if !is_stopping => {
                            is_stopping = true;
                            connection.as_mut().graceful_shutdown();
                        }
                        () = sleep_until(idle_at) => {
                            idle_at = requests.idle_at(idle_max);
                            if idle_at > Instant::now() {
                                continue;
                            }
                            // Of HTTP/1 there is nothing to say (RFC 9112 §9.5).
                            if is_stopping || version == Version::Http1 {
                                break;
                            }
                            is_stopping = true;
                            idle_at = Instant::now() + FAREWELL;
                            connection.as_mut().graceful_shutdown();
                        }
                    }
                }
            }};
        }
        match version {
            Version::Http1 => drive!(
                http1::Builder::new()
                    .max_buf_size(BUFFER_BYTES_MAX)
                    .serve_connection(
                        TokioIo::new(Straight::new(
                            Lingering::new(stream, early.clone()),
                            at_once,
                            requests.clone(),
                            early,
                        )),
                        answer,
                    )
                    .with_upgrades()
            ),
            Version::Http2 => drive!(
                http2::Builder::new(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .keep_alive_interval(PING_INTERVAL)
                    .keep_alive_timeout(PING_INTERVAL)
                    .max_concurrent_streams(STREAMS_MAX)
                    .max_header_list_size(BUFFER_BYTES_MAX as u32)
                    .max_send_buf_size(BUFFER_BYTES_MAX)
                    .initial_stream_window_size(WINDOW_BYTES / 2)
                    .initial_connection_window_size(WINDOW_BYTES)
                    .serve_connection(TokioIo::new(stream), answer)
            ),
        }
    }
}

/// The version that a connection's first bytes are of, without taking them; `None` when too few come in time.
async fn version_of(stream: &TcpStream, patience: Duration) -> Option<Version> {
    let end = Instant::now() + patience;
    let mut first = [0; PREFACE.len()];
    loop {
        let count = tokio::time::timeout_at(end, stream.peek(&mut first)).await.ok()?.ok()?;
        let seen = first.get(..count)?;
        if count == 0 {
            return None;
        }
        if seen == PREFACE {
            return Some(Version::Http2);
        }
        if !PREFACE.starts_with(seen) {
            return Some(Version::Http1);
        }
        // Bytes that are there already wake nobody: look again.
        if end <= Instant::now() {
            return None;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use tower::Service as _;

    impl Answer for Router {
        async fn answer(&self, request: Request<Received>) -> Response {
            self.clone().call(request.map(Body::new)).await.unwrap_or_else(|never| match never {})
        }

        fn at_once(&self, _request: &Parts, _peer: IpAddr) -> Option<axum::http::Response<Bytes>> {
            None
        }
    }
    use axum::routing::get;

    struct Running {
        address: SocketAddr,
        stop: watch::Sender<bool>,
        task: tokio::task::JoinHandle<()>,
    }

    async fn run(connections_max: u32, idle_timeout_ms: u64) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route(
            "/",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }),
        );
        let router = router.route(
            "/slow",
            get(|| async {
                sleep(Duration::from_millis(1500)).await;
                "done"
            }),
        );
        let read = axum::routing::post(|_whole: axum::body::Bytes| async {
            axum::http::StatusCode::UNPROCESSABLE_ENTITY
        });
        let router = router.route("/read", read);
        let limits = Limits {
            http_connections_max: connections_max,
            http_idle_timeout_ms: idle_timeout_ms,
            ..Limits::default()
        };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(Server::new(listener, router, &limits, None).run(stopped));
        Running { address, stop, task }
    }

    /// Sends this and reads until the other side closes; a reset closes, too.
    async fn talk(stream: &mut TcpStream, text: &[u8]) -> String {
        stream.write_all(text).await.unwrap();
        let mut answer = Vec::new();
        match timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("it closes") {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
            _ => {}
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    const CLOSING: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_request_is_answered_and_the_peer_is_known() {
        let running = run(4, 5_000).await;
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let answer = talk(&mut stream, CLOSING).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("127.0.0.1"), "{answer}");
    }

    #[tokio::test]
    async fn who_brings_no_whole_head_is_cut_off() {
        let running = run(4, 300).await;
        for start in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            let answer = talk(&mut stream, start).await;
            assert!(!answer.contains("200 OK"), "{answer}");
        }
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_and_a_head_without_end_refused() {
        let running = run(4, 300).await;
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let answer = talk(&mut stream, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let mut long = b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: ".to_vec();
        long.resize(BUFFER_BYTES_MAX, b'a');
        let answer = talk(&mut stream, &long).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }

    #[tokio::test]
    async fn one_too_many_is_told_so_and_the_next_is_served() {
        let running = run(1, 5_000).await;
        let mut first = TcpStream::connect(running.address).await.unwrap();
        first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut beginning = [0; 15];
        first.read_exact(&mut beginning).await.unwrap();
        assert_eq!(&beginning, b"HTTP/1.1 200 OK");
        let mut second = TcpStream::connect(running.address).await.unwrap();
        let answer = talk(&mut second, CLOSING).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{answer}");
        drop(first);
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let mut third = TcpStream::connect(running.address).await.unwrap();
            if talk(&mut third, CLOSING).await.starts_with("HTTP/1.1 200") {
                break;
            }
            assert!(Instant::now() < end, "no place becomes free");
        }
    }

    #[tokio::test]
    async fn who_is_refused_while_sending_reads_why() {
        let running = run(64, 5_000).await;
        for _ in 0..20 {
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            let mut request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n".to_vec();
            request.resize(request.len() + 4_000_000, b'a');
            // It is written to its end and only then listened to, as simple programs do.
            stream.write_all(&request).await.expect("the line holds");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("the answer comes whole");
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
            assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        }
    }

    #[tokio::test]
    async fn who_is_refused_after_the_whole_request_goes_on_by_the_same_connection() {
        let running = run(64, 5_000).await;
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let refused = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        let answers = talk(&mut stream, &[&refused[..], &refused[..], CLOSING].concat()).await;
        assert_eq!(answers.matches("HTTP/1.1 422 ").count(), 2, "{answers}");
        assert!(answers.ends_with("127.0.0.1"), "{answers}");
    }

    /// A frame (RFC 9113 §4.1).
    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
        frame.extend_from_slice(payload);
        frame
    }

    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const GOAWAY: u8 = 7;

    /// Opens an HTTP/2 connection, sends these frames, answers every ping, and reads until the other side closes: the
    /// kinds of the frames that came, in their order.
    async fn talk_http2(address: SocketAddr, frames: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(PREFACE).await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        stream.write_all(&frames.concat()).await.unwrap();
        let mut kinds = Vec::new();
        let all = async {
            let mut head = [0; 9];
            while stream.read_exact(&mut head).await.is_ok() {
                let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
                stream.read_exact(&mut payload).await.unwrap();
                kinds.push(head[3]);
                if head[3] == PING && head[4] == 0 {
                    stream.write_all(&frame(PING, 1, 0, &payload)).await.unwrap();
                }
            }
        };
        timeout(Duration::from_secs(20), all).await.expect("it closes");
        kinds
    }

    #[tokio::test]
    async fn an_http2_connection_is_closed_when_it_is_idle_but_not_while_it_waits_for_an_answer() {
        let running = run(4, 500).await;
        let kinds = talk_http2(running.address, &[]).await;
        assert!(kinds.contains(&GOAWAY) && !kinds.contains(&DATA), "{kinds:?}");
        // GET, http, the path as a literal (RFC 7541 §6).
        let headers = frame(HEADERS, 5, 1, b"\x82\x86\x04\x05/slow\x01\x01a");
        let kinds = talk_http2(running.address, &[headers]).await;
        let place = |kind| kinds.iter().position(|one| *one == kind);
        assert!(place(DATA).is_some() && place(DATA) < place(GOAWAY), "{kinds:?}");
    }

    #[tokio::test]
    async fn it_stops_though_connections_are_open() {
        let running = run(4, 60_000).await;
        let silent = TcpStream::connect(running.address).await.unwrap();
        let mut idle = TcpStream::connect(running.address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut beginning = [0; 15];
        idle.read_exact(&mut beginning).await.unwrap();
        running.stop.send(true).unwrap();
        timeout(Duration::from_secs(10), running.task).await.expect("it stops").unwrap();
        drop(silent);
    }
}
