//! A node whose memory is at its limit: what says nothing of a password is no refusal of it.

use super::{Besieged, besieged};
use crate::support::http::Answer;
use crate::support::run;
use serde_json::json;

/// What a log-in may take until its hash wants 19 MiB more.
const ROOM_BYTES: u64 = 10 << 20;

/// The node with this limit of memory for data; the hard limit stays as it is.
fn limit_data(besieged: &Besieged, bytes: u64) {
    let pid = besieged.node.pid().to_string();
    run("prlimit", &["--pid", &pid, &format!("--data={bytes}:")]).expect_success();
}

fn data_bytes(besieged: &Besieged) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", besieged.node.pid())).expect("/proc");
    let line = status.lines().find(|line| line.starts_with("VmData:")).expect("VmData");
    let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kilobytes * 1024
}

#[test]
fn a_log_in_without_memory_for_its_hash_is_asked_to_come_again() {
    let besieged = besieged();
    let account = besieged.node.account("reader");
    let password = account["password"].as_str().expect("a password");
    let log_in = |password: &str| -> Answer {
        besieged.node.nobody().post("/api/v1/session", &json!({"login": "reader", "password": password}))
    };
    log_in(password).expect(200);
    limit_data(&besieged, data_bytes(&besieged) + ROOM_BYTES);
    // More often than a wrong password may be tried.
    for _ in 0..12 {
        for password in [password, "a wrong password"] {
            let answer = log_in(password).expect_problem(503, "unavailable");
            assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
        }
    }
    besieged.goes_on("no memory for a hash");
    limit_data(&besieged, super::NODE_DATA_MAX);
    log_in("a wrong password").expect_problem(401, "unauthenticated");
    log_in(password).expect(200);
}

/// Each takes 19 MiB while it is decided; they wait for one another.
#[test]
fn fifty_log_ins_at_once() {
    let besieged = besieged();
    besieged.withstands("log-ins", |node| {
        std::thread::scope(|scope| {
            for number in 0..25 {
                scope.spawn(move || {
                    for round in 0..2 {
                        let login = format!("nobody-{number}-{round}");
                        let client = node.nobody();
                        let answer =
                            client.post("/api/v1/session", &json!({"login": login, "password": "12345678"}));
                        assert!([401, 503].contains(&answer.status), "{}: {}", answer.status, answer.text());
                    }
                });
            }
        });
    });
}
