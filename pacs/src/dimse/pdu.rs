//! Protocol data units of the upper layer (PS3.8 §9.3): read from bytes that may be hostile, and written.
//!
//! P-DATA-TF (§9.3.5) is not here: it is streamed by [`super::wire`] and never held whole.

use model::AeTitle;

/// PDU types (PS3.8 §9.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PduType {
    /// A-ASSOCIATE-RQ, 01H.
    AssociateRq,
    /// A-ASSOCIATE-AC, 02H.
    AssociateAc,
    /// A-ASSOCIATE-RJ, 03H.
    AssociateRj,
    /// P-DATA-TF, 04H.
    PData,
    /// A-RELEASE-RQ, 05H.
    ReleaseRq,
    /// A-RELEASE-RP, 06H.
    ReleaseRp,
    /// A-ABORT, 07H.
    Abort,
}

impl PduType {
    /// The type of a first byte; `None` when it is unrecognised.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::AssociateRq,
            2 => Self::AssociateAc,
            3 => Self::AssociateRj,
            4 => Self::PData,
            5 => Self::ReleaseRq,
            6 => Self::ReleaseRp,
            7 => Self::Abort,
            _ => return None,
        })
    }
}

/// The reasons of the A-ABORT service-provider (PS3.8 Table 9-26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AbortReason {
    /// 0
    NotSpecified,
    /// 1
    UnrecognizedPdu,
    /// 2
    UnexpectedPdu,
    /// 4
    UnrecognizedParameter,
    /// 5
    UnexpectedParameter,
    /// 6
    InvalidParameterValue,
}

impl AbortReason {
    /// The byte on the wire.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::NotSpecified => 0,
            Self::UnrecognizedPdu => 1,
            Self::UnexpectedPdu => 2,
            Self::UnrecognizedParameter => 4,
            Self::UnexpectedParameter => 5,
            Self::InvalidParameterValue => 6,
        }
    }
}

/// Result, source and reason of an A-ASSOCIATE-RJ (PS3.8 Table 9-21): the ones that this node gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// Permanent, service-user, no reason given: a user identity that is not valid, for one.
    NoReasonGiven,
    /// Permanent, service-user, application context name not supported.
    ApplicationContext,
    /// Permanent, service-user, calling AE title not recognised.
    CallingAeTitle,
    /// Permanent, service-user, called AE title not recognised.
    CalledAeTitle,
    /// Permanent, service-provider (ACSE), protocol version not supported.
    ProtocolVersion,
    /// Transient, service-provider (presentation), temporary congestion.
    TemporaryCongestion,
    /// Transient, service-provider (presentation), local limit exceeded.
    LocalLimitExceeded,
}

impl Rejection {
    /// `(result, source, reason)` on the wire.
    #[must_use]
    pub fn bytes(self) -> (u8, u8, u8) {
        match self {
            Self::NoReasonGiven => (1, 1, 1),
            Self::ApplicationContext => (1, 1, 2),
            Self::CallingAeTitle => (1, 1, 3),
            Self::CalledAeTitle => (1, 1, 7),
            Self::ProtocolVersion => (1, 2, 2),
            Self::TemporaryCongestion => (2, 3, 1),
            Self::LocalLimitExceeded => (2, 3, 2),
        }
    }

    /// A short word for log and audit.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NoReasonGiven => "no-reason-given",
            Self::ApplicationContext => "application-context-name-not-supported",
            Self::CallingAeTitle => "calling-ae-title-not-recognized",
            Self::CalledAeTitle => "called-ae-title-not-recognized",
            Self::ProtocolVersion => "protocol-version-not-supported",
            Self::TemporaryCongestion => "temporary-congestion",
            Self::LocalLimitExceeded => "local-limit-exceeded",
        }
    }
}

/// A presentation context as proposed (PS3.8 §9.3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedContext {
    /// Identifier as sent; only odd ones are valid.
    pub id: u8,
    /// Abstract syntax name, unchecked text of at most 64 characters.
    pub abstract_syntax: String,
    /// Transfer syntax names in the proposer's order.
    pub transfer_syntaxes: Vec<String>,
}

/// Result/reason of a presentation context (PS3.8 Table 9-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContextResult {
    /// 0, acceptance.
    Accepted,
    /// 1, user-rejection.
    UserRejection,
    /// 2, no-reason.
    NoReason,
    /// 3, abstract-syntax-not-supported.
    AbstractSyntaxNotSupported,
    /// 4, transfer-syntaxes-not-supported.
    TransferSyntaxesNotSupported,
}

impl ContextResult {
    fn byte(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::UserRejection => 1,
            Self::NoReason => 2,
            Self::AbstractSyntaxNotSupported => 3,
            Self::TransferSyntaxesNotSupported => 4,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Accepted,
            1 => Self::UserRejection,
            2 => Self::NoReason,
            3 => Self::AbstractSyntaxNotSupported,
            4 => Self::TransferSyntaxesNotSupported,
            _ => return None,
        })
    }
}

/// A presentation context as answered (PS3.8 §9.3.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredContext {
    /// Identifier as proposed.
    pub id: u8,
    /// The answer.
    pub result: ContextResult,
    /// The chosen transfer syntax; not significant unless accepted.
    pub transfer_syntax: String,
}

/// A user identity offered by the requestor (PS3.7 §D.3.3.7).
#[derive(Clone, PartialEq, Eq)]
pub struct UserIdentity {
    /// 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JSON Web Token.
    pub kind: u8,
    /// Whether an answer is asked for.
    pub response: ResponseWish,
    /// User name, ticket, assertion or token.
    pub primary: Vec<u8>,
    /// Passcode.
    pub secondary: Vec<u8>,
}

impl std::fmt::Debug for UserIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserIdentity").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Positive-response-requested of a user identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseWish {
    /// 0
    None,
    /// 1
    Positive,
}

/// SOP Class Extended Negotiation (PS3.7 §D.3.3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedNegotiation {
    /// The SOP class that it is about.
    pub sop_class: String,
    /// Service-class application information.
    pub information: Vec<u8>,
}

/// SCP/SCU Role Selection (PS3.7 §D.3.3.4): the roles of the association's requestor for a SOP class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSelection {
    /// The SOP class that it is about.
    pub sop_class: String,
    /// Whether the requestor is a service class user.
    pub scu: RoleOffer,
    /// Whether the requestor is a service class provider.
    pub scp: RoleOffer,
}

/// One role of a role selection: in a request, whether it is proposed; in an answer, whether it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleOffer {
    /// 0
    No,
    /// 1
    Yes,
}

impl RoleOffer {
    fn from_byte(byte: u8) -> Self {
        if byte == 1 { Self::Yes } else { Self::No }
    }
}

/// An A-ASSOCIATE-RQ (PS3.8 §9.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociateRq {
    /// Bit 0 is version 1.
    pub protocol_version: u16,
    /// Called AE title, 16 bytes as sent.
    pub called: [u8; 16],
    /// Calling AE title, 16 bytes as sent.
    pub calling: [u8; 16],
    /// Application context name; empty when absent.
    pub application_context: String,
    /// Proposed presentation contexts in order.
    pub contexts: Vec<ProposedContext>,
    /// The longest P-DATA-TF that the requestor takes; 0 is unlimited (PS3.8 §D.1).
    pub pdu_bytes_max: u32,
    /// The user identity that was offered (PS3.7 §D.3.3.7).
    pub user_identity: Option<UserIdentity>,
    /// Extended negotiations.
    pub extended: Vec<ExtendedNegotiation>,
    /// Role selections; without one for a SOP class, the requestor is its user.
    pub roles: Vec<RoleSelection>,
    /// Implementation version name, for the log; empty when absent.
    pub implementation_version: String,
}

/// An A-ASSOCIATE-AC (PS3.8 §9.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssociateAc {
    /// Called AE title, returned as received.
    pub called: [u8; 16],
    /// Calling AE title, returned as received.
    pub calling: [u8; 16],
    /// The answers.
    pub contexts: Vec<AnsweredContext>,
    /// The longest P-DATA-TF that the acceptor takes.
    pub pdu_bytes_max: u32,
    /// Whether the user identity is answered positively (PS3.7 §D.3.3.7.2; the response is empty for user names).
    pub identity_accepted: bool,
    /// Extended negotiations.
    pub extended: Vec<ExtendedNegotiation>,
    /// Role selections; without one for a SOP class, the requestor is its user.
    pub roles: Vec<RoleSelection>,
}

/// The DICOM application context name (PS3.7 §A.2.1).
pub const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";
/// Our implementation class UID (PS3.7 §D.3.3.2), derived once from a UUID (PS3.5 §B.2).
pub const IMPLEMENTATION_CLASS: &str = "2.25.238105327404561867208104719526117403412";
/// Our implementation version name.
pub const IMPLEMENTATION_VERSION: &str = concat!("FARSIGHT_", env!("CARGO_PKG_VERSION"));

/// An AE title, padded with spaces to the 16 bytes of the PDU.
#[must_use]
pub fn padded(ae_title: &AeTitle) -> [u8; 16] {
    let mut bytes = [b' '; 16];
    for (to, from) in bytes.iter_mut().zip(ae_title.as_str().bytes()) {
        *to = from;
    }
    bytes
}

/// A cursor over the body of a PDU: every step is checked.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], AbortReason> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(AbortReason::InvalidParameterValue)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], AbortReason> {
        self.take(N)?.try_into().map_err(|_| AbortReason::InvalidParameterValue)
    }

    fn u8(&mut self) -> Result<u8, AbortReason> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, AbortReason> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, AbortReason> {
        self.array().map(u32::from_be_bytes)
    }

    /// A variable item: type, a reserved byte, a 16-bit length, the content.
    fn item(&mut self) -> Result<Option<(u8, Cursor<'a>)>, AbortReason> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let kind = self.u8()?;
        self.u8()?;
        let length = self.u16()?;
        Ok(Some((kind, Cursor(self.take(usize::from(length))?))))
    }

    /// A 16-bit length and as many bytes.
    fn counted(&mut self) -> Result<&'a [u8], AbortReason> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}

/// ASCII text without padding; what is not ASCII or too long cannot be a name that we know, and becomes empty.
fn name(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() && text.len() <= 65 => text.trim_matches([' ', '\0']).to_owned(),
        _ => String::new(),
    }
}

/// Presentation contexts that are looked at, at most: all odd identifiers, and as many again before it is hostile.
const CONTEXTS_MAX: usize = 256;
/// Transfer syntaxes of one context that are looked at, at most.
const TRANSFER_SYNTAXES_MAX: usize = 256;
/// Extended negotiation items that are looked at, at most.
const EXTENDED_MAX: usize = 256;
/// Role selection items that are looked at, at most.
const ROLES_MAX: usize = 256;

impl AssociateRq {
    /// Reads the body (without the six bytes of PDU header).
    ///
    /// # Errors
    /// The reason for an A-ABORT when lengths do not fit or items are missing.
    pub fn decode(body: &[u8]) -> Result<Self, AbortReason> {
        let mut cursor = Cursor(body);
        let protocol_version = cursor.u16()?;
        cursor.u16()?;
        let called = cursor.array()?;
        let calling = cursor.array()?;
        cursor.take(32)?;
        let mut rq = Self {
            protocol_version,
            called,
            calling,
            application_context: String::new(),
            contexts: Vec::new(),
            pdu_bytes_max: 0,
            user_identity: None,
            extended: Vec::new(),
            roles: Vec::new(),
            implementation_version: String::new(),
        };
        while let Some((kind, item)) = cursor.item()? {
            match kind {
                0x10 => rq.application_context = name(item.0),
                0x20 => {
                    if rq.contexts.len() >= CONTEXTS_MAX {
                        return Err(AbortReason::InvalidParameterValue);
                    }
                    rq.contexts.push(proposed_context(item)?);
                }
                0x50 => rq.user_information(item)?,
                // Items that a receiver does not know are to be ignored (PS3.8 §9.3.1).
                _ => {}
            }
        }
        Ok(rq)
    }

    fn user_information(&mut self, mut items: Cursor<'_>) -> Result<(), AbortReason> {
        while let Some((kind, mut item)) = items.item()? {
            match kind {
                0x51 => self.pdu_bytes_max = item.u32()?,
                0x54 => put_role(&mut self.roles, item)?,
                0x55 => self.implementation_version = name(item.0),
                0x56 => {
                    if self.extended.len() >= EXTENDED_MAX {
                        return Err(AbortReason::InvalidParameterValue);
                    }
                    let sop_class = name(item.counted()?);
                    self.extended.push(ExtendedNegotiation { sop_class, information: item.0.to_vec() });
                }
                0x58 => {
                    let kind = item.u8()?;
                    let response = if item.u8()? == 1 { ResponseWish::Positive } else { ResponseWish::None };
                    let primary = item.counted()?.to_vec();
                    let secondary = item.counted()?.to_vec();
                    self.user_identity = Some(UserIdentity { kind, response, primary, secondary });
                }
                // Implementation class, asynchronous operations (never granted) and common extended negotiation
                // change nothing here.
                _ => {}
            }
        }
        Ok(())
    }

    /// The whole PDU.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = fixed_part(self.protocol_version, &self.called, &self.calling);
        put_item(&mut body, 0x10, self.application_context.as_bytes());
        for context in &self.contexts {
            let mut item = vec![context.id, 0, 0, 0];
            put_item(&mut item, 0x30, context.abstract_syntax.as_bytes());
            for syntax in &context.transfer_syntaxes {
                put_item(&mut item, 0x40, syntax.as_bytes());
            }
            put_item(&mut body, 0x20, &item);
        }
        let mut user = user_information(self.pdu_bytes_max);
        if let Some(identity) = &self.user_identity {
            let mut item = vec![identity.kind, u8::from(identity.response == ResponseWish::Positive)];
            put_counted(&mut item, &identity.primary);
            put_counted(&mut item, &identity.secondary);
            put_item(&mut user, 0x58, &item);
        }
        put_roles(&mut user, &self.roles);
        put_extended(&mut user, &self.extended);
        put_item(&mut body, 0x50, &user);
        pdu(1, &body)
    }
}

fn put_role(to: &mut Vec<RoleSelection>, mut item: Cursor<'_>) -> Result<(), AbortReason> {
    if to.len() >= ROLES_MAX {
        return Err(AbortReason::InvalidParameterValue);
    }
    let sop_class = name(item.counted()?);
    let [scu, scp] = item.array::<2>()?.map(RoleOffer::from_byte);
    to.push(RoleSelection { sop_class, scu, scp });
    Ok(())
}

fn proposed_context(mut item: Cursor<'_>) -> Result<ProposedContext, AbortReason> {
    let id = item.u8()?;
    item.take(3)?;
    let mut context = ProposedContext { id, abstract_syntax: String::new(), transfer_syntaxes: Vec::new() };
    while let Some((kind, sub)) = item.item()? {
        match kind {
            0x30 => context.abstract_syntax = name(sub.0),
            0x40 if context.transfer_syntaxes.len() < TRANSFER_SYNTAXES_MAX => {
                context.transfer_syntaxes.push(name(sub.0));
            }
            0x40 => return Err(AbortReason::InvalidParameterValue),
            _ => {}
        }
    }
    Ok(context)
}

impl AssociateAc {
    /// The whole PDU.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = fixed_part(1, &self.called, &self.calling);
        put_item(&mut body, 0x10, APPLICATION_CONTEXT.as_bytes());
        for context in &self.contexts {
            let mut item = vec![context.id, 0, context.result.byte(), 0];
            put_item(&mut item, 0x40, context.transfer_syntax.as_bytes());
            put_item(&mut body, 0x21, &item);
        }
        let mut user = user_information(self.pdu_bytes_max);
        put_roles(&mut user, &self.roles);
        put_extended(&mut user, &self.extended);
        if self.identity_accepted {
            put_item(&mut user, 0x59, &[0, 0]);
        }
        put_item(&mut body, 0x50, &user);
        pdu(2, &body)
    }

    /// Reads the body (without the six bytes of PDU header).
    ///
    /// # Errors
    /// The reason for an A-ABORT when lengths do not fit.
    pub fn decode(body: &[u8]) -> Result<Self, AbortReason> {
        let mut cursor = Cursor(body);
        cursor.take(4)?;
        let called = cursor.array()?;
        let calling = cursor.array()?;
        cursor.take(32)?;
        let mut ac = Self {
            called,
            calling,
            contexts: Vec::new(),
            pdu_bytes_max: 0,
            identity_accepted: false,
            extended: Vec::new(),
            roles: Vec::new(),
        };
        while let Some((kind, mut item)) = cursor.item()? {
            match kind {
                0x21 if ac.contexts.len() < CONTEXTS_MAX => {
                    let [id, _, result, _] = item.array()?;
                    let result =
                        ContextResult::from_byte(result).ok_or(AbortReason::InvalidParameterValue)?;
                    let transfer_syntax = match item.item()? {
                        Some((0x40, sub)) => name(sub.0),
                        _ => String::new(),
                    };
                    ac.contexts.push(AnsweredContext { id, result, transfer_syntax });
                }
                0x50 => {
                    while let Some((kind, mut sub)) = item.item()? {
                        match kind {
                            0x51 => ac.pdu_bytes_max = sub.u32()?,
                            0x54 => put_role(&mut ac.roles, sub)?,
                            0x59 => ac.identity_accepted = true,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(ac)
    }
}

/// An A-ASSOCIATE-RJ (PS3.8 §9.3.4).
#[must_use]
pub fn associate_rj(rejection: Rejection) -> Vec<u8> {
    let (result, source, reason) = rejection.bytes();
    pdu(3, &[0, result, source, reason])
}

/// An A-RELEASE-RQ (PS3.8 §9.3.6).
#[must_use]
pub fn release_rq() -> Vec<u8> {
    pdu(5, &[0; 4])
}

/// An A-RELEASE-RP (PS3.8 §9.3.7).
#[must_use]
pub fn release_rp() -> Vec<u8> {
    pdu(6, &[0; 4])
}

/// An A-ABORT by the service-user (PS3.8 §9.3.8): the reason is not significant then.
#[must_use]
pub fn abort_by_user() -> Vec<u8> {
    pdu(7, &[0, 0, 0, 0])
}

/// An A-ABORT by the service-provider (PS3.8 §9.3.8).
#[must_use]
pub fn abort_by_provider(reason: AbortReason) -> Vec<u8> {
    pdu(7, &[0, 0, 2, reason.byte()])
}

fn fixed_part(protocol_version: u16, called: &[u8; 16], calling: &[u8; 16]) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024);
    body.extend_from_slice(&protocol_version.to_be_bytes());
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(called);
    body.extend_from_slice(calling);
    body.extend_from_slice(&[0; 32]);
    body
}

fn user_information(pdu_bytes_max: u32) -> Vec<u8> {
    let mut user = Vec::new();
    put_item(&mut user, 0x51, &pdu_bytes_max.to_be_bytes());
    put_item(&mut user, 0x52, IMPLEMENTATION_CLASS.as_bytes());
    put_item(&mut user, 0x55, IMPLEMENTATION_VERSION.as_bytes());
    user
}

fn put_roles(user: &mut Vec<u8>, roles: &[RoleSelection]) {
    for role in roles {
        let mut item = Vec::new();
        put_counted(&mut item, role.sop_class.as_bytes());
        item.extend([role.scu, role.scp].map(|offer| u8::from(offer == RoleOffer::Yes)));
        put_item(user, 0x54, &item);
    }
}

fn put_extended(user: &mut Vec<u8>, extended: &[ExtendedNegotiation]) {
    for negotiation in extended {
        let mut item = Vec::new();
        put_counted(&mut item, negotiation.sop_class.as_bytes());
        item.extend_from_slice(&negotiation.information);
        put_item(user, 0x56, &item);
    }
}

/// Items that we write are built from what a request with 16-bit lengths held, so they fit; a longer one would be cut.
fn put_item(to: &mut Vec<u8>, kind: u8, content: &[u8]) {
    to.extend_from_slice(&[kind, 0]);
    put_counted(to, content);
}

fn put_counted(to: &mut Vec<u8>, content: &[u8]) {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(&content[..usize::from(length)]);
}

fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 6);
    bytes.extend_from_slice(&[kind, 0]);
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
#[path = "pdu_tests.rs"]
mod tests;
