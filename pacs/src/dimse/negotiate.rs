//! What an association may do: the A-ASSOCIATE-RQ considered (PS3.8 §7.1, PS3.7 Annex D). No sockets, no clock.

use super::pdu::{
    APPLICATION_CONTEXT, AnsweredContext, AssociateAc, AssociateRq, ContextResult, ExtendedNegotiation,
    Rejection, RoleOffer, RoleSelection, padded,
};
use super::sop::{Service, StoragePolicy};
use model::AeTitle;
use std::collections::{BTreeMap, BTreeSet};

/// An accepted presentation context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    pub service: Service,
    pub abstract_syntax: String,
    pub transfer_syntax: dataset::TransferSyntax,
}

/// What C-FIND may do beyond the baseline, per PS3.4 §C.5.1.1 (extended negotiation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FindExtensions {
    /// Byte 1: keys above the level need not be unique.
    pub relational: Extension,
    /// Byte 2: ranges of date and time are one.
    pub date_time: Extension,
    /// Byte 3: fuzzy semantic matching of person names.
    pub fuzzy: Extension,
}

/// Whether an extension was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Extension {
    /// Not asked for.
    #[default]
    Off,
    /// Asked for and granted.
    On,
}

impl Extension {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

/// What was agreed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agreed {
    pub contexts: BTreeMap<u8, Context>,
    /// Longest P-DATA-TF that may be sent; never more than our own limit, whatever the peer announced.
    pub pdu_bytes_max: u32,
    pub find: BTreeMap<String, FindExtensions>,
    /// Storage SOP classes of which the requestor is a provider, as C-GET needs it (PS3.4 §C.5.3).
    pub stores_to_requestor: BTreeSet<String>,
}

/// The two titles of a request, checked.
///
/// # Errors
/// The rejection to be sent.
pub(crate) fn titles(rq: &AssociateRq, ours: &AeTitle) -> Result<AeTitle, Rejection> {
    if rq.protocol_version & 1 == 0 {
        return Err(Rejection::ProtocolVersion);
    }
    if rq.application_context != APPLICATION_CONTEXT {
        return Err(Rejection::ApplicationContext);
    }
    if title(&rq.called).as_ref() != Some(ours) {
        return Err(Rejection::CalledAeTitle);
    }
    title(&rq.calling).ok_or(Rejection::CallingAeTitle)
}

/// An AE title of 16 bytes, when it is one.
pub(crate) fn title(bytes: &[u8; 16]) -> Option<AeTitle> {
    AeTitle::parse(std::str::from_utf8(bytes).ok()?).ok()
}

/// The answer to a request whose titles and identity are in order.
///
/// # Errors
/// The rejection to be sent.
pub(crate) fn answer(
    rq: &AssociateRq,
    policy: &StoragePolicy,
    pdu_bytes_max: u32,
    contexts_max: u32,
    identity_accepted: bool,
) -> Result<(AssociateAc, Agreed), Rejection> {
    // Shorter than a PDV header and one byte pair: nothing could ever be sent.
    if (1..8).contains(&rq.pdu_bytes_max) || rq.contexts.is_empty() {
        return Err(Rejection::NoReasonGiven);
    }
    if rq.contexts.len() > contexts_max as usize {
        return Err(Rejection::LocalLimitExceeded);
    }
    let send_bytes_max =
        if rq.pdu_bytes_max == 0 { pdu_bytes_max } else { rq.pdu_bytes_max.min(pdu_bytes_max) };
    let mut agreed = Agreed { pdu_bytes_max: send_bytes_max, ..Agreed::default() };
    let mut answers: Vec<AnsweredContext> = Vec::with_capacity(rq.contexts.len());
    for proposed in &rq.contexts {
        // An identifier that is even or was there already is broken (PS3.8 §7.1.1.13); answering it twice would
        // confuse more than the silence.
        if answers.iter().any(|answered| answered.id == proposed.id) {
            continue;
        }
        let service = policy.service(&proposed.abstract_syntax);
        let chosen = service
            .and_then(|service| {
                Some((service, policy.choose_transfer_syntax(service, &proposed.transfer_syntaxes)?))
            })
            .and_then(|(service, uid)| Some((service, dataset::TransferSyntax::parse(uid).ok()?)));
        let result = match (proposed.id % 2, service, &chosen) {
            (0, ..) => ContextResult::NoReason,
            (_, None, _) => ContextResult::AbstractSyntaxNotSupported,
            (_, Some(_), None) => ContextResult::TransferSyntaxesNotSupported,
            (_, Some(_), Some(_)) => ContextResult::Accepted,
        };
        let transfer_syntax = match (&chosen, proposed.transfer_syntaxes.first()) {
            (Some((_, syntax)), _) => syntax.as_str().to_owned(),
            (None, first) => first.cloned().unwrap_or_default(),
        };
        answers.push(AnsweredContext { id: proposed.id, result, transfer_syntax });
        if let (ContextResult::Accepted, Some((service, transfer_syntax))) = (result, chosen) {
            let abstract_syntax = proposed.abstract_syntax.clone();
            agreed.contexts.insert(proposed.id, Context { service, abstract_syntax, transfer_syntax });
        }
    }
    let extended = rq.extended.iter().filter_map(|wish| extension(wish, policy, &mut agreed.find)).collect();
    let provided = &mut agreed.stores_to_requestor;
    let roles = rq.roles.iter().filter_map(|wish| role(wish, policy, provided)).collect();
    let ac = AssociateAc {
        called: rq.called,
        calling: rq.calling,
        contexts: answers,
        pdu_bytes_max,
        identity_accepted,
        extended,
        roles,
    };
    Ok((ac, agreed))
}

/// The roles of the requestor that are accepted (PS3.7 §D.3.3.4): provider only of storage, which C-GET needs.
fn role(
    wish: &RoleSelection,
    policy: &StoragePolicy,
    stores_to_requestor: &mut BTreeSet<String>,
) -> Option<RoleSelection> {
    let service = policy.service(&wish.sop_class)?;
    let scp = if service == Service::Storage { wish.scp } else { RoleOffer::No };
    if scp == RoleOffer::Yes {
        stores_to_requestor.insert(wish.sop_class.clone());
    }
    Some(RoleSelection { sop_class: wish.sop_class.clone(), scu: wish.scu, scp })
}

/// Grants of an extended negotiation of C-FIND what is asked for and served: all but timezone adjustment.
fn extension(
    wish: &ExtendedNegotiation,
    policy: &StoragePolicy,
    find: &mut BTreeMap<String, FindExtensions>,
) -> Option<ExtendedNegotiation> {
    match policy.service(&wish.sop_class)? {
        Service::StudyRootFind | Service::PatientRootFind => {}
        _ => return None,
    }
    let asked = |at: usize| if wish.information.get(at) == Some(&1) { Extension::On } else { Extension::Off };
    let granted = FindExtensions { relational: asked(0), date_time: asked(1), fuzzy: asked(2) };
    find.insert(wish.sop_class.clone(), granted);
    let bytes = [granted.relational, granted.date_time, granted.fuzzy].map(|e| u8::from(e.is_on()));
    let mut information = bytes.to_vec();
    information.resize(wish.information.len().min(5), 0);
    Some(ExtendedNegotiation { sop_class: wish.sop_class.clone(), information })
}

/// The A-ASSOCIATE-RQ of a requestor that proposes one abstract syntax in the uncompressed little endian syntaxes.
pub(crate) fn request(
    calling: &AeTitle,
    called: &AeTitle,
    abstract_syntax: &str,
    pdu_bytes_max: u32,
) -> AssociateRq {
    use super::pdu::ProposedContext;
    let transfer_syntaxes =
        [dataset::TransferSyntax::EXPLICIT_LITTLE, dataset::TransferSyntax::IMPLICIT_LITTLE]
            .map(str::to_owned);
    AssociateRq {
        protocol_version: 1,
        called: padded(called),
        calling: padded(calling),
        application_context: APPLICATION_CONTEXT.to_owned(),
        contexts: vec![ProposedContext {
            id: 1,
            abstract_syntax: abstract_syntax.to_owned(),
            transfer_syntaxes: transfer_syntaxes.to_vec(),
        }],
        pdu_bytes_max,
        user_identity: None,
        extended: Vec::new(),
        roles: Vec::new(),
        implementation_version: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pdu::ProposedContext;
    use super::super::sop;
    use super::*;

    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    const EXPLICIT: &str = dataset::TransferSyntax::EXPLICIT_LITTLE;

    fn ae(text: &str) -> AeTitle {
        AeTitle::parse(text).unwrap()
    }

    fn rq(contexts: &[(u8, &str, &[&str])]) -> AssociateRq {
        let contexts = contexts.iter().map(|(id, abstract_syntax, syntaxes)| ProposedContext {
            id: *id,
            abstract_syntax: (*abstract_syntax).to_owned(),
            transfer_syntaxes: syntaxes.iter().map(|&s| s.to_owned()).collect(),
        });
        AssociateRq { contexts: contexts.collect(), ..request(&ae("CT1"), &ae("FARSIGHT"), CT, 16384) }
    }

    fn results(rq: &AssociateRq) -> Vec<(u8, ContextResult)> {
        let (ac, _) = answer(rq, &StoragePolicy::default(), 262_144, 128, false).unwrap();
        ac.contexts.iter().map(|c| (c.id, c.result)).collect()
    }

    #[test]
    fn titles_are_checked_in_the_standards_terms() {
        let good = rq(&[(1, CT, &[EXPLICIT])]);
        assert_eq!(titles(&good, &ae("FARSIGHT")), Ok(ae("CT1")));
        assert_eq!(titles(&good, &ae("OTHER")), Err(Rejection::CalledAeTitle));
        let rejection = |change: fn(&mut AssociateRq)| {
            let mut bad = good.clone();
            change(&mut bad);
            titles(&bad, &ae("FARSIGHT")).unwrap_err()
        };
        assert_eq!(rejection(|rq| rq.protocol_version = 2), Rejection::ProtocolVersion);
        assert_eq!(rejection(|rq| rq.application_context.clear()), Rejection::ApplicationContext);
        assert_eq!(rejection(|rq| rq.calling = [b' '; 16]), Rejection::CallingAeTitle);
        assert_eq!(rejection(|rq| rq.calling = [0xE8; 16]), Rejection::CallingAeTitle);
    }

    #[test]
    fn each_context_is_answered_once_and_for_its_own_reason() {
        use ContextResult as R;
        let contexts: [(u8, &str, &[&str]); 7] = [
            (1, CT, &[EXPLICIT]),
            (3, CT, &["1.2.840.10008.1.2.4.70"]),
            (5, "1.2.3", &[EXPLICIT]),
            (7, CT, &["1.2.3"]),
            (9, CT, &[]),
            (2, CT, &[EXPLICIT]),
            (1, sop::VERIFICATION, &[EXPLICIT]),
        ];
        let expected = [
            (1, R::Accepted),
            (3, R::Accepted),
            (5, R::AbstractSyntaxNotSupported),
            (7, R::TransferSyntaxesNotSupported),
            (9, R::TransferSyntaxesNotSupported),
            (2, R::NoReason),
        ];
        assert_eq!(results(&rq(&contexts)), expected);
        let (_, agreed) = answer(&rq(&contexts), &StoragePolicy::default(), 262_144, 128, false).unwrap();
        assert_eq!(agreed.contexts.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(agreed.contexts[&1].service, Service::Storage, "the first of a duplicate counts");
    }

    #[test]
    fn an_unlimited_or_huge_pdu_of_the_peer_stays_under_our_own_limit() {
        let sends = |theirs| {
            let request = AssociateRq { pdu_bytes_max: theirs, ..rq(&[(1, CT, &[EXPLICIT])]) };
            answer(&request, &StoragePolicy::default(), 65_536, 128, false)
                .map(|(_, agreed)| agreed.pdu_bytes_max)
        };
        assert_eq!(sends(0), Ok(65_536));
        assert_eq!(sends(u32::MAX), Ok(65_536));
        assert_eq!(sends(16_384), Ok(16_384));
        assert_eq!(sends(7), Err(Rejection::NoReasonGiven));
    }

    #[test]
    fn too_many_contexts_are_over_the_local_limit() {
        let many: Vec<(u8, &str, &[&str])> =
            (0..129).map(|i| ((i % 128) as u8 * 2 + 1, CT, &[EXPLICIT][..])).collect();
        assert_eq!(
            answer(&rq(&many), &StoragePolicy::default(), 65_536, 128, false).unwrap_err(),
            Rejection::LocalLimitExceeded
        );
        assert_eq!(results(&rq(&many[..128])).len(), 128);
    }

    #[test]
    fn find_extensions_are_granted_as_far_as_they_are_served() {
        let wish =
            ExtendedNegotiation { sop_class: sop::STUDY_ROOT_FIND.into(), information: vec![1, 1, 1, 1] };
        let request = AssociateRq { extended: vec![wish], ..rq(&[(1, sop::STUDY_ROOT_FIND, &[EXPLICIT])]) };
        let (ac, agreed) = answer(&request, &StoragePolicy::default(), 65_536, 128, false).unwrap();
        assert_eq!(ac.extended[0].information, [1, 1, 1, 0]);
        assert!(agreed.find[sop::STUDY_ROOT_FIND].relational.is_on());
    }

    #[test]
    fn a_requestor_may_be_provider_of_storage_and_of_nothing_else() {
        let wish =
            |class: &str| RoleSelection { sop_class: class.into(), scu: RoleOffer::No, scp: RoleOffer::Yes };
        let roles = vec![wish(CT), wish(sop::STUDY_ROOT_FIND), wish("1.2.3")];
        let request = AssociateRq { roles, ..rq(&[(1, CT, &[EXPLICIT])]) };
        let (ac, agreed) = answer(&request, &StoragePolicy::default(), 65_536, 128, false).unwrap();
        let refused = RoleSelection { scp: RoleOffer::No, ..wish(sop::STUDY_ROOT_FIND) };
        assert_eq!(ac.roles, [wish(CT), refused]);
        assert_eq!(agreed.stores_to_requestor, BTreeSet::from([CT.to_owned()]));
    }
}
