//! Why a job failed, as a word that a page has in its own language. What is kept of a failure is a sentence for the log.

/// Sentences, or how they begin, and their words. The first that fits counts.
const SENTENCES: [(&str, &str); 16] = [
    ("not called: ", "out_of_reach"),
    ("cannot be reached: ", "unreachable"),
    ("no answer in time", "timed_out"),
    ("the association was rejected ", "rejected"),
    ("the peer does not accept the SOP class", "not_served"),
    ("the peer does not take its SOP class", "not_served"),
    ("the peer aborted", "aborted"),
    ("the peer broke the protocol", "protocol"),
    ("the peer's answer has no status", "protocol"),
    ("the peer answered with status ", "status"),
    ("refused with status ", "status"),
    ("out of resources, status ", "peer_is_full"),
    ("the destination is no device of this organisation", "no_contact"),
    ("the requester has no contact", "no_contact"),
    ("no such node", "no_contact"),
    ("the job cannot be read", "unreadable"),
];

/// `out_of_reach`, `unreachable`, `timed_out`, `rejected`, `not_served`, `aborted`, `protocol`, `status`, `peer_is_full`, `no_contact`,
/// `unreadable`, `some_failed`; `other` for what has no word, empty for no problem.
#[must_use]
pub fn problem_code(problem: &str) -> &'static str {
    if problem.is_empty() {
        return "";
    }
    if problem.ends_with(" sub-operations failed") {
        return "some_failed";
    }
    SENTENCES.iter().find(|(start, _)| problem.starts_with(start)).map_or("other", |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dimse::RequestError;
    use crate::remote::RemoteError;

    #[test]
    fn every_way_in_which_a_peer_fails_has_its_word() {
        for (error, word) in [
            (RequestError::Unreachable("connection refused".into()), "unreachable"),
            (RequestError::OutOfReach(access::OutOfReach::ThisMachine), "out_of_reach"),
            (RequestError::TimedOut, "timed_out"),
            (RequestError::Rejected { result: 1, source_byte: 1, reason: 7 }, "rejected"),
            (RequestError::NotServed, "not_served"),
            (RequestError::Aborted, "aborted"),
            (RequestError::Protocol("an invalid PDU"), "protocol"),
            (RequestError::Status(0xA701), "status"),
        ] {
            assert_eq!(problem_code(&error.to_string()), word);
            assert_eq!(problem_code(&RemoteError::Peer(error).to_string()), word);
        }
        assert_eq!(problem_code(&RemoteError::NotFound.to_string()), "no_contact");
        assert_eq!(problem_code("2 sub-operations failed"), "some_failed");
        assert_eq!(problem_code("something new"), "other");
        assert_eq!(problem_code(""), "");
    }
}
