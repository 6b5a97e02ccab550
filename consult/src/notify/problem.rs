//! Why an e-mail or a webhook call did not arrive, in a word that pages can say in people's languages.

/// What a job's sentence begins with (`server/src/notices`), and its word.
const SENTENCES: [(&str, &str); 10] = [
    ("no [notify] mail_directory", "no_mail_folder"),
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

/// `no_mail_folder`, `mail_folder`, `no_address`, `unknown_name`, `internal`, `refused`, `status`, `timed_out`, `unreachable`,
/// `broken_off`; `other` for what has no word, empty for no problem.
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
