//! Slow clients (slowloris): two hundred connections at a time that begin something and never go on. Everybody else is
//! served as before.

use super::{Besieged, besieged};
use crate::support::Ct;
use crate::support::dicom::CT_IMAGE_STORAGE;
use crate::support::node::{Node, Org};
use crate::support::peer::{End, Peer, associate_rq, command, explicit, pdata, request};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 200;
/// Of those who may store: each has a megabyte set aside while its file comes, which nothing bounds in all.
const STORING: usize = 48;
/// Far more than anything takes on a busy machine, and less than any time limit that would set a waiter free.
const SERVED_WITHIN: Duration = Duration::from_secs(10);

/// Opens the connections, lets each go a little further now and then, and looks whether others are served meanwhile.
fn does_not_stop_others(what: &str, besieged: &Besieged, begin: impl FnMut(&Node) -> TcpStream, drip: &[u8]) {
    does_not_stop_others_at(CONNECTIONS, what, besieged, begin, drip);
}

fn does_not_stop_others_at(
    connections: usize,
    what: &str,
    besieged: &Besieged,
    mut begin: impl FnMut(&Node) -> TcpStream,
    drip: &[u8],
) {
    besieged.withstands(what, |node| {
        let mut slow: Vec<TcpStream> = (0..connections).map(|_| begin(node)).collect();
        for _ in 0..3 {
            // Who is cut off meanwhile is no loss.
            slow.iter_mut().for_each(|stream| drop(stream.write_all(drip)));
            let start = Instant::now();
            others_are_served(besieged);
            assert!(start.elapsed() < SERVED_WITHIN, "{what}: others waited for {:?}", start.elapsed());
        }
    });
}

fn others_are_served(besieged: &Besieged) {
    let machine = besieged.node.machine(Org::Township);
    machine.get("/readyz").expect(200);
    machine.get("/dicom-web/studies?limit=5").expect(200);
    machine.get(&format!("{}/frames/1", besieged.good.path())).expect(200);
    machine.get(&format!("{}/rendered", besieged.good.path())).expect(200);
    // The good file once more: stored already, and answered by the same way.
    machine.stow(&[besieged.good.file()]).expect(200);
    let mut peer = Peer::associate(&besieged.node, &explicit(CT_IMAGE_STORAGE));
    let store = request(CT_IMAGE_STORAGE, command::STORE, &[(0x1000, besieged.good.instance.as_bytes())]);
    let end = peer.message(1, &store, &besieged.good.data_set().bytes);
    assert_eq!(end, End::Status(0, 0), "C-STORE");
}

fn http(node: &Node, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(node.nobody().authority()).expect("a connection");
    stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a time limit");
    stream.write_all(text.as_bytes()).expect("it is taken");
    stream
}

/// A connection from 127.0.0.2, which is another peer to the node.
fn from_another_address(port: u16) -> TcpStream {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).expect("all of 127/8 is this machine");
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).expect("a connection");
    socket.into()
}

#[test]
fn headers_that_never_end() {
    let besieged = besieged();
    let start = "GET /readyz HTTP/1.1\r\nHost: x\r\nX-A: ";
    does_not_stop_others("half a request", &besieged, |node| http(node, start), b"a");
}

#[test]
fn bodies_that_never_end() {
    let besieged = besieged();
    let machine = besieged.node.machine(Org::Township);
    let credentials = machine.credentials();
    let log_in = "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{\"login\": \"";
    does_not_stop_others("half a log-in", &besieged, |node| http(node, log_in), b"a");
    let stow = format!(
        "POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\n{credentials}Content-Length: 1000000\r\n\
         Content-Type: multipart/related; type=\"application/dicom\"; boundary=x\r\n\r\n\
         --x\r\nContent-Type: application/dicom\r\n\r\n"
    );
    let file = Ct::new().sized(128).file().bytes;
    let half = |node: &Node| {
        let mut stream = http(node, &stow);
        stream.write_all(&file[..file.len() / 2]).expect("it is taken");
        stream
    };
    does_not_stop_others_at(STORING, "half a file", &besieged, half, b"\0");
}

/// A stranger at another address has half of the seats at most, so those at this one go on.
#[test]
fn halves_of_association_requests() {
    let besieged = besieged();
    let rq = associate_rq(&explicit(CT_IMAGE_STORAGE));
    let begin = |node: &Node| {
        let mut stream = from_another_address(node.dicom_port());
        // Who is over the cap is cut off at once.
        let _ = stream.write_all(&rq[..100]);
        stream
    };
    does_not_stop_others("half an A-ASSOCIATE-RQ", &besieged, begin, b"1");
}

/// A modality may have 64 associations at once; 60 of them stop within a message.
#[test]
fn messages_that_never_end() {
    let besieged = besieged();
    let store = request(CT_IMAGE_STORAGE, command::STORE, &[(0x1000, b"1.2.3.4")]);
    let data = Ct::new().sized(128).data_set().bytes;
    besieged.withstands("half a C-STORE", |node| {
        let slow: Vec<Peer> = (0..60)
            .map(|number| {
                let mut peer = Peer::associate(node, &explicit(CT_IMAGE_STORAGE));
                peer.send(&pdata(1, 3, &store));
                let half = pdata(1, 0, &data[..16_000]);
                // Some in the middle of a PDU, some between two.
                peer.send(&half[..half.len() - number % 2 * 100]);
                peer
            })
            .collect();
        let start = Instant::now();
        others_are_served(&besieged);
        assert!(start.elapsed() < SERVED_WITHIN, "others waited for {:?}", start.elapsed());
        drop(slow);
    });
}
