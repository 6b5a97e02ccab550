//! One event as an audit message (PS3.15 §A.5.1) in a syslog message.

use base64::Engine as _;
use model::ActorKind;
use model::time_text::{from_unix_ms, rfc3339};
use std::fmt::Write as _;
use storage::{AuditAction, AuditEvent, AuditOutcome};

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Host name, printable ASCII without spaces.
    pub host: String,
    /// Audit Source ID: what the repository knows the node by.
    pub id: String,
}

/// A code of the DICOM controlled terminology, with its meaning.
type Code = (&'static str, &'static str);

/// Event Action Code, Event ID and, where there is one, Event Type Code.
fn codes(event: &AuditEvent) -> (char, Code, Option<Code>) {
    const ACCESSED: Code = ("110103", "DICOM Instances Accessed");
    const TRANSFERRED: Code = ("110104", "DICOM Instances Transferred");
    const DELETED: Code = ("110105", "DICOM Study Deleted");
    const EXPORT: Code = ("110106", "Export");
    const PATIENT: Code = ("110110", "Patient Record");
    const PROCEDURE: Code = ("110111", "Procedure Record");
    const QUERY: Code = ("110112", "Query");
    const SECURITY: Code = ("110113", "Security Alert");
    const AUTHENTICATION: Code = ("110114", "User Authentication");
    const LOG_USED: Code = ("110101", "Audit Log Used");
    let is_of_log = event.entry.object == "audit";
    match event.entry.action {
        AuditAction::Login => ('E', AUTHENTICATION, Some(("110122", "Login"))),
        AuditAction::Logout => ('E', AUTHENTICATION, Some(("110123", "Logout"))),
        AuditAction::Store => ('C', TRANSFERRED, None),
        AuditAction::Search | AuditAction::Export | AuditAction::Verify if is_of_log => ('R', LOG_USED, None),
        AuditAction::Search => ('E', QUERY, None),
        AuditAction::Read => ('R', ACCESSED, None),
        AuditAction::Change => ('U', PROCEDURE, None),
        AuditAction::Grant => ('U', SECURITY, Some(("110135", "Object Security Attributes Changed"))),
        AuditAction::Sign => ('U', PROCEDURE, None),
        AuditAction::Verify => ('R', PROCEDURE, None),
        AuditAction::Export => ('R', EXPORT, None),
        AuditAction::Administer => ('U', SECURITY, Some(("110137", "User Security Attributes Changed"))),
        AuditAction::Delete => ('D', DELETED, None),
        AuditAction::Correct => ('U', PATIENT, None),
    }
}

/// The audit message, in XML.
fn message(event: &AuditEvent, source: &Source) -> String {
    let (action, id, kind) = codes(event);
    let at = rfc3339(from_unix_ms(event.at_ms));
    // Minor failure: refused, or it did not succeed.
    let outcome = if event.entry.outcome == AuditOutcome::Success { 0 } else { 4 };
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><AuditMessage>");
    let _ = write!(
        xml,
        "<EventIdentification EventActionCode=\"{action}\" EventDateTime=\"{at}\" EventOutcomeIndicator=\"{outcome}\">"
    );
    code(&mut xml, "EventID", id);
    if let Some(kind) = kind {
        code(&mut xml, "EventTypeCode", kind);
    }
    xml.push_str("</EventIdentification>");
    let actor = format!("{}:{}", actor_word(event.actor.kind), event.actor.id);
    let _ = write!(xml, "<ActiveParticipant UserID=\"{}\" UserIsRequestor=\"true\"", escaped(&actor));
    if let Some(address) = event.actor.address {
        // 2: an IP address.
        let _ = write!(xml, " NetworkAccessPointID=\"{address}\" NetworkAccessPointTypeCode=\"2\"");
    }
    xml.push_str("/>");
    let _ = write!(xml, "<AuditSourceIdentification AuditSourceID=\"{}\"", escaped(&source.id));
    if let Some(organisation) = &event.organisation {
        let _ = write!(xml, " AuditEnterpriseSiteID=\"{}\"", escaped(organisation.as_str()));
    }
    // 4: application server.
    xml.push_str("><AuditSourceTypeCode csd-code=\"4\"/></AuditSourceIdentification>");
    object(&mut xml, event);
    xml.push_str("</AuditMessage>");
    xml
}

fn object(xml: &mut String, event: &AuditEvent) {
    let object = event.entry.object.as_str();
    let study = object.strip_prefix("study/");
    // System object; report for studies, job or master file for the rest.
    let (role, name, kind) = match study {
        Some(study) => ("3", study, ("110180", "Study Instance UID")),
        None => ("21", object, ("110182", "Node ID")),
    };
    let _ = write!(
        xml,
        "<ParticipantObjectIdentification ParticipantObjectID=\"{}\" ParticipantObjectTypeCode=\"2\" \
         ParticipantObjectTypeCodeRole=\"{role}\">",
        escaped(name)
    );
    code(xml, "ParticipantObjectIDTypeCode", kind);
    let details = [
        ("farsight.seq", event.seq.to_string()),
        ("farsight.hash", event.hash.to_string()),
        ("farsight.action", format!("{:?}", event.entry.action).to_lowercase()),
        ("farsight.detail", event.entry.detail.clone()),
    ];
    for (kind, value) in details.iter().filter(|(_, value)| !value.is_empty()) {
        let value = base64::engine::general_purpose::STANDARD.encode(value);
        let _ = write!(xml, "<ParticipantObjectDetail type=\"{kind}\" value=\"{value}\"/>");
    }
    xml.push_str("</ParticipantObjectIdentification>");
}

fn code(xml: &mut String, element: &str, (code, meaning): Code) {
    let _ = write!(xml, "<{element} csd-code=\"{code}\" codeSystemName=\"DCM\" originalText=\"{meaning}\"/>");
}

fn actor_word(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Person => "person",
        ActorKind::Token => "token",
        ActorKind::Ae => "ae",
        ActorKind::Nobody => "nobody",
        ActorKind::Node => "node",
    }
}

/// Text in an attribute of XML 1.0; what cannot stand there becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

/// The event as a syslog message (RFC 5424 §6): facility 10 (security), notice or, when refused, warning.
#[must_use]
pub fn syslog(event: &AuditEvent, source: &Source) -> Vec<u8> {
    let priority = 10 * 8 + if event.entry.outcome == AuditOutcome::Success { 5 } else { 4 };
    let at = rfc3339(from_unix_ms(event.at_ms));
    let header =
        format!("<{priority}>1 {at} {} farsight {} DICOM+RFC3881 - ", host(&source.host), std::process::id());
    let mut out = header.into_bytes();
    // The mark says that what follows is UTF-8 (RFC 5424 §6.4).
    out.extend_from_slice(b"\xEF\xBB\xBF");
    out.extend_from_slice(message(event, source).as_bytes());
    out
}

/// HOSTNAME: 1 to 255 printable ASCII characters, or the nil value.
fn host(text: &str) -> String {
    let host: String = text.chars().filter(char::is_ascii_graphic).take(255).collect();
    if host.is_empty() { "-".to_owned() } else { host }
}

/// A message as it goes over a connection: its length in bytes, a space, the message (RFC 5425 §4.3).
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    [format!("{} ", message.len()).as_bytes(), message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Actor, OrgId, Sha256};
    use storage::AuditEntry;

    pub fn event(action: AuditAction, object: &str) -> AuditEvent {
        AuditEvent {
            seq: 7,
            at_ms: 1_796_000_000_123,
            actor: Actor { kind: ActorKind::Person, id: "p<1>".into(), address: "10.0.0.7".parse().ok() },
            organisation: OrgId::parse("township").ok(),
            entry: AuditEntry {
                action,
                object: object.into(),
                outcome: AuditOutcome::Refused,
                detail: "文 \u{1}".into(),
            },
            hash: Sha256([1; 32]),
        }
    }

    fn source() -> Source {
        Source { host: "node 1".into(), id: "FARSIGHT".into() }
    }

    #[test]
    fn every_action_is_well_formed_and_says_who_what_and_which_study() {
        for action in [
            AuditAction::Login,
            AuditAction::Logout,
            AuditAction::Store,
            AuditAction::Search,
            AuditAction::Read,
            AuditAction::Change,
            AuditAction::Grant,
            AuditAction::Sign,
            AuditAction::Verify,
            AuditAction::Export,
            AuditAction::Administer,
            AuditAction::Delete,
            AuditAction::Correct,
        ] {
            let xml = message(&event(action, "study/1.2.3"), &source());
            let mut reader = quick_xml::Reader::from_str(&xml);
            let mut names = Vec::new();
            loop {
                match reader.read_event().expect("well-formed") {
                    quick_xml::events::Event::Start(e) | quick_xml::events::Event::Empty(e) => {
                        e.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
                        names.push(e.name().as_ref().to_owned());
                    }
                    quick_xml::events::Event::Eof => break,
                    _ => {}
                }
            }
            assert_eq!(names[..3], ["AuditMessage", "EventIdentification", "EventID"]);
            assert!(names.contains(&"ActiveParticipant".to_owned()), "{xml}");
            assert!(xml.contains("ParticipantObjectID=\"1.2.3\"") && xml.contains("110180"), "{xml}");
            assert!(xml.contains("UserID=\"person:p&lt;1&gt;\""), "{xml}");
            assert!(xml.contains("EventOutcomeIndicator=\"4\""), "{xml}");
        }
        assert!(message(&event(AuditAction::Search, "audit"), &source()).contains("110101"));
    }

    #[test]
    fn the_header_is_that_of_rfc_5424_and_the_frame_counts_octets() {
        let text = syslog(&event(AuditAction::Read, "consult/1"), &source());
        let start = String::from_utf8_lossy(&text[..40]).into_owned();
        assert!(start.starts_with("<84>1 2026-11-"), "{start}");
        let fields: Vec<&[u8]> = text.splitn(8, |b| *b == b' ').collect();
        assert_eq!(fields[2], b"node1");
        assert_eq!(fields[5], b"DICOM+RFC3881");
        assert!(fields[7].starts_with(b"\xEF\xBB\xBF<?xml"));
        let frame = framed(&text);
        let (length, rest) = frame.split_at(frame.iter().position(|b| *b == b' ').unwrap());
        assert_eq!(std::str::from_utf8(length).unwrap().parse::<usize>().unwrap(), rest.len() - 1);
    }
}
