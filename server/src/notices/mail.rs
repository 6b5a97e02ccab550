//! E-mail (RFC 5322): handed over to a mail server, or put into a folder from which one takes it.

use super::smtp::{Letter, Smtp};
use super::{Failed, NotifySection};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use consult::notify::{Outgoing, What};
use std::io::Write as _;
use std::path::Path;
use time::format_description::well_known::Rfc2822;

const FROM: &str = "farsight@localhost";
/// Characters in one line of base64 at most (RFC 2045 §6.8).
const LINE_CHARS: usize = 76;

/// Whether it can be a sender: nothing that would end a header.
pub(super) fn is_sender(text: &str) -> bool {
    text.contains('@')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b','))
}

/// How e-mail leaves the node.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub config: &'a NotifySection,
    pub smtp: Option<&'a Smtp>,
}

/// Hands a message over, or puts it into the folder; there, doing it again puts no second one while the first is still there.
pub(super) async fn send(
    Way { config, smtp }: Way<'_>,
    public_url: &str,
    address: &str,
    outgoing: &Outgoing,
) -> Result<(), Failed> {
    if address.is_empty() {
        return Ok(());
    }
    let from = config.mail_from.as_deref().unwrap_or(FROM);
    let text = message(from, address, public_url, outgoing).ok_or(Failed::ForGood("a time without words"))?;
    if let Some(smtp) = smtp {
        return smtp.send(&Letter { from, to: address, text: &text }).await;
    }
    let Some(folder) = config.mail_directory.clone() else {
        return Err(Failed::ForGood("neither [notify.smtp] nor [notify] mail_directory is configured"));
    };
    let name = format!("{}.eml", outgoing.id);
    let put = tokio::task::spawn_blocking(move || put(&folder, &name, &text)).await;
    match put {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failed::Now(format!("the mail folder: {}", error.kind()))),
        Err(_) => Err(Failed::Now("the mail folder".to_owned())),
    }
}

/// The mail server never sees half of it: it appears under its name when it is whole.
fn put(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let path = folder.join(name);
    if path.exists() {
        return Ok(());
    }
    let unfinished = folder.join(format!(".{name}.part"));
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    std::fs::File::open(folder)?.sync_all()
}

fn message(from: &str, to: &str, public_url: &str, outgoing: &Outgoing) -> Option<String> {
    let (zh, en) = words(outgoing.what);
    let number = &outgoing.number;
    let subject = format!("远见 {number}：{zh}");
    let link = format!("{}/cases/{}", public_url.trim_end_matches('/'), outgoing.consult);
    let body = format!("{number}：{zh}。请登录查看：\r\n{number}: {en}. Log in to see it:\r\n{link}\r\n");
    let date = outgoing.at.format(&Rfc2822).ok()?;
    let host = from.rsplit_once('@').map_or("localhost", |(_, host)| host);
    Some(format!(
        "Date: {date}\r\nFrom: <{from}>\r\nTo: <{to}>\r\nMessage-ID: <{}@{host}>\r\nSubject: {}\r\n\
         Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}",
        outgoing.id,
        encoded_word(&subject),
        lines(&STANDARD.encode(body)),
    ))
}

/// RFC 2047 §2: words of at most 75 characters, none of which cuts a character in two.
fn encoded_word(text: &str) -> String {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    encoded.join("\r\n ")
}

fn lines(base64: &str) -> String {
    let mut text = String::new();
    for (n, c) in base64.chars().enumerate() {
        if n > 0 && n % LINE_CHARS == 0 {
            text.push_str("\r\n");
        }
        text.push(c);
    }
    text.push_str("\r\n");
    text
}

/// What happened, in both languages.
fn words(what: What) -> (&'static str, &'static str) {
    match what {
        What::Submitted => ("有新申请待受理", "a new request waits to be accepted"),
        What::Assigned => ("已分配给您", "the case was given to you"),
        What::Returned => ("报告被退回", "your report was returned"),
        What::TakenOver => {
            ("审核医师接手修改您的报告", "the reviewer has taken over your report, to change it")
        }
        What::ToReview => ("有报告待审核", "a report waits for review"),
        What::DataWanted => ("需要补充资料", "more data are wanted"),
        What::Resumed => ("资料已补充，可以继续", "the data that were wanted have come"),
        What::Declined => ("报告医师谢绝，需重新分配", "a reader has declined: assign the case again"),
        What::AskedBack => ("申请医师追问", "the requester asks about the report"),
        What::Answered => ("追问已答复", "the question about the report was answered"),
        What::Rejected => ("申请被拒绝", "the request was rejected"),
        What::Cancelled => ("申请已取消", "the request was cancelled"),
        What::Report => ("报告已送达", "the report has arrived"),
        What::Critical => ("危急值，请立即确认", "critical finding: acknowledge at once"),
        What::CriticalUnanswered => ("危急值无人确认", "nobody acknowledges a critical finding"),
        What::CriticalWithdrawn => {
            ("危急值已撤回", "a critical finding was withdrawn: it was raised by mistake")
        }
        What::CriticalAcknowledged => ("危急值已确认", "the critical finding was acknowledged"),
        What::Graded => ("您的报告有了质控评价", "your report was graded by quality control"),
        What::Message => ("有新留言", "there is a new message"),
        What::Clock50 => ("时限已过一半", "half of the time is over"),
        What::Clock80 => ("时限已过八成", "four fifths of the time are over"),
        What::DeliveryFailed => ("报告未能送达接收系统", "a report could not be delivered to its system"),
        What::ReportUnsound => {
            ("报告核验未通过，已停止送达", "a finished report does not verify and was not delivered")
        }
        What::OpinionAsked => ("请您对会诊提出意见", "you are asked for an opinion"),
        What::OpinionGiven => ("受邀专家已提交意见", "an opinion was given"),
        What::OpinionDeclined => ("受邀专家谢绝提意见", "an opinion was declined"),
        What::OpinionWithdrawn => ("会诊意见邀请已撤回", "your opinion is not waited for any longer"),
        What::Emergency => {
            ("有人紧急访问了本机构的检查", "somebody has opened studies of yours in an emergency")
        }
        What::Clock100 => ("已超时", "the case is overdue"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ConsultId;
    use time::macros::datetime;

    fn outgoing() -> Outgoing {
        Outgoing {
            id: "7-li".into(),
            what: What::Critical,
            consult: ConsultId::parse("c1").unwrap(),
            number: "YX20261123-0007".into(),
            at: datetime!(2026-11-23 6:40 UTC),
        }
    }

    #[tokio::test]
    async fn a_message_is_put_once_and_says_only_the_number() {
        let folder = tempfile::tempdir().unwrap();
        let config =
            NotifySection { mail_directory: Some(folder.path().to_owned()), ..NotifySection::default() };
        for _ in 0..2 {
            let way = Way { config: &config, smtp: None };
            send(way, "https://read.example.org/", "li@town.example.org", &outgoing()).await.unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert_eq!(files.len(), 1);
        let text = std::fs::read_to_string(files[0].path()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains("To: <li@town.example.org>\r\n") && head.contains("Message-ID: <7-li@localhost>")
        );
        assert!(head.lines().all(|line| line.len() <= 78), "{head}");
        let body = String::from_utf8(STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap();
        assert!(
            body.contains("YX20261123-0007：危急值") && body.contains("https://read.example.org/cases/c1")
        );
    }

    #[tokio::test]
    async fn without_a_folder_it_is_set_aside_with_the_line_to_write() {
        let config = NotifySection::default();
        let sent = send(Way { config: &config, smtp: None }, "http://a", "li@b.cn", &outgoing()).await;
        assert!(
            matches!(sent, Err(Failed::ForGood(why)) if consult::notify::problem_code(why) == "no_mail_way"),
            "{sent:?}"
        );
    }
}
