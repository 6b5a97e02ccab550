//! Why an e-mail or a webhook call did not arrive, in a word that pages can say in people's languages.

/// What a job's sentence begins with (`server/src/notices`), and its word.
const SENTENCES: [(&str, &str); 21] = [
    ("neither [notify.smtp] nor [notify] mail_directory", "no_mail_way"),
    ("the mail server's name is none", "no_mail_way"),
    ("the mail server refuses", "mail_refused"),
    ("the mail server answers ", "mail_status"),
    ("the mail server offers no log-in", "mail_log_in"),
    ("the mail server offers no STARTTLS", "mail_tls"),
    ("the mail server speaks before TLS", "mail_tls"),
    ("no TLS with the mail server", "mail_tls"),
    ("no TLS is configured", "mail_tls"),
    ("the mail server cannot be reached", "mail_unreachable"),
    ("the mail server does not answer", "mail_unreachable"),
    ("the mail server hung up", "mail_unreachable"),
    ("the mail folder", "mail_folder"),
    ("the webhook's address is none", "no_address"),
    ("the webhook's name is not known", "unknown_name"),
    ("the webhook is in an internal network", "internal"),
    ("the webhook refuses the call", "refused"),
    ("the webhook answers ", "status"),
    ("the webhook does not answer in time", "timed_out"),
    ("the webhook cannot be reached", "unreachable"),
    ("the call of the webhook broke off", "broken_off"),
];

/// `no_mail_way`, `mail_refused`, `mail_status`, `mail_log_in`, `mail_tls`, `mail_unreachable`, `mail_folder`, `no_address`,
/// `unknown_name`, `internal`, `refused`, `status`, `timed_out`, `unreachable`, `broken_off`; `other` for what has no word, empty for no problem.
#[must_use]
pub fn problem_code(problem: &str) -> &'static str {
    if problem.is_empty() {
        return "";
    }
    SENTENCES.iter().find(|(start, _)| problem.starts_with(start)).map_or("other", |(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_its_word() {
        assert_eq!(problem_code("the webhook answers 503"), "status");
        assert_eq!(problem_code("the mail folder: permission denied"), "mail_folder");
        assert_eq!((problem_code("something new"), problem_code("")), ("other", ""));
    }
}
