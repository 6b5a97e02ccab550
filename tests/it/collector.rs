//! The audit trail at somebody else's collector: rsyslog, over TLS with octet counting (RFC 5425), told everything once it can be
//! reached, and again after it was away.

use crate::support::node::farsight;
use crate::support::serving::{Serving, certificates, free_port};
use crate::support::wait_for;
use base64::Engine as _;
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// rsyslog, which writes what it understands of each message on a line of `received`.
fn collector(folder: &Path, port: u16) -> Running {
    let at = folder.display();
    let config = format!(
        r#"global(
  workDirectory="{at}" maxMessageSize="64k" defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="{at}/ca.pem" defaultNetstreamDriverCertFile="{at}/collector.pem"
  defaultNetstreamDriverKeyFile="{at}/collector.key"
)
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="whole" type="list") {{
  property(name="pri") constant(value="|") property(name="app-name") constant(value="|")
  property(name="msgid") constant(value="|") property(name="msg") constant(value="\n")
}}
action(type="omfile" file="{at}/received" template="whole")
"#
    );
    let file = folder.join("rsyslog.conf");
    std::fs::write(&file, config).expect("a configuration");
    let log = std::fs::File::create(folder.join("rsyslog.log")).expect("a log");
    let mut rsyslog = Command::new("rsyslogd");
    // Debian has it where not everybody's programs are.
    let path = std::env::var("PATH").unwrap_or_default();
    rsyslog.env("PATH", format!("{path}:/usr/sbin"));
    rsyslog.args(["-n", "-f"]).arg(&file).arg("-i").arg(folder.join("pid"));
    rsyslog.stdout(log.try_clone().expect("a log")).stderr(log);
    let child = rsyslog
        .spawn()
        .unwrap_or_else(|error| panic!("rsyslogd: {error}; scripts/setup.sh test installs it"));
    let running = Running(child);
    wait_for("rsyslog listens", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).ok());
    running
}

/// The sequence numbers of the events that the collector has, each a whole message.
fn received(folder: &Path) -> BTreeSet<i64> {
    let text = std::fs::read_to_string(folder.join("received")).unwrap_or_default();
    let seq = |line: &str| {
        let [pri, app, id, message] = line.splitn(4, '|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!((pri, app, id), ("85", "farsight", "DICOM+RFC3881"), "{line}");
        let message = message.trim_start_matches('\u{feff}');
        assert!(message.starts_with("<?xml") && message.ends_with("</AuditMessage>"), "{line}");
        let value = message.split("type=\"farsight.seq\" value=\"").nth(1)?.split('"').next()?;
        let value = base64::engine::general_purpose::STANDARD.decode(value).ok()?;
        String::from_utf8(value).ok()?.parse::<i64>().ok()
    };
    // What is being written has no end yet.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| seq(line).unwrap_or_else(|| panic!("no number: {line}"))).collect()
}

#[test]
fn everything_arrives_at_rsyslog_over_tls_also_what_happened_while_it_was_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    certificates(folder, &["collector"]);
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let [http, dicom, port] = [free_port(), free_port(), free_port()];
    let config = format!(
        "[storage]\ndirectory = {:?}\n[http]\nlisten = \"127.0.0.1:{http}\"\n[dicom]\nlisten = \"127.0.0.1:{dicom}\"\n\
         [signing]\ntimestamps = \"none\"\n[audit]\nsend_to = \"127.0.0.1:{port}\"\nsend_trust_anchors = {:?}\n",
        path("data"),
        path("ca.pem")
    );
    std::fs::write(path("farsight.toml"), config).expect("a configuration");
    let command = |arguments: &[&str]| farsight(&[arguments, &["--config", &path("farsight.toml")]].concat());
    // How many events there are, by the node's own count.
    let events = || {
        let said = command(&["audit", "verify"]).expect_success().stdout;
        let count = said.split("whole: ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<i64>().ok());
        count.unwrap_or_else(|| panic!("{said}"))
    };
    command(&["org", "add", "township", "清河镇卫生院"]).expect_success();
    let rsyslog = collector(folder, port);
    let _serving = Serving::start(folder);
    let all_arrive = |what: &str| {
        let count = events();
        wait_for(what, PATIENCE, || (received(folder).len() as i64 >= count).then_some(()));
        let got = received(folder);
        assert!((1..=count).all(|seq| got.contains(&seq)), "{count} events, {got:?}");
    };
    all_arrive("what happened before it was there arrives");
    drop(rsyslog);
    for title in ["CT1", "CT2", "MR1"] {
        command(&["ae", "add", title, "--org", "township"]).expect_success();
    }
    let _rsyslog = collector(folder, port);
    command(&["org", "add", "city", "市医院 <&\"'> 诊断中心", "--kind", "centre"]).expect_success();
    all_arrive("what happened while it was away arrives");
}
