//! Signing with keys in the signers' own hands: what is handed out, what is taken, and what signs nothing.

use crate::house::{CENTRE, House, NOW, house, org, report, secret};
use access::{Agreement, Caller, Membership, Role, Signatures};
use consult::own_key::{OwnQuestion, PATIENCE};
use consult::registered_key::{Elsewhere, RegisteredKey};
use consult::signing::As;
use consult::signing_key::SigningKey;
use consult::{
    CertificateAuthority, ConsultError, ConsultView, Judgement, KeyPlace, Keystore, ReportPart, State,
};
use model::{ConsultId, Scope, Sha256};
use storage::{Change, Expected, Put, StorageError};
use time::{Duration, OffsetDateTime};

/// Somebody with a key of their own, registered.
struct Hand<'a> {
    house: &'a House,
    person: &'a Caller,
    key: SigningKey,
    chain: Vec<Vec<u8>>,
}

impl<'a> Hand<'a> {
    /// With the key that the house has issued to them.
    async fn of(house: &'a House, person: &'a Caller) -> Self {
        let keystore = Keystore::new(house.storage.clone());
        let me = &person.as_person().unwrap().id;
        let unlocked = keystore.unlock(me, secret("签名口令 2026")).await.unwrap();
        house.service.register_own(person, &unlocked.chain, NOW).await.unwrap();
        Self { house, person, key: unlocked.key, chain: unlocked.chain }
    }

    /// Written, and its hash.
    async fn written(&self, diagnosis: &str) -> (ConsultView, Sha256) {
        let claimed = self.house.claimed().await;
        self.saved(&claimed, diagnosis).await
    }

    async fn saved(&self, view: &ConsultView, diagnosis: &str) -> (ConsultView, Sha256) {
        let (service, id) = (&self.house.service, &view.consult.id);
        let report = consult::ReportDraft { diagnosis: diagnosis.into(), ..report() };
        let saved = service.save_report(self.person, id, view.version, report, NOW).await.unwrap();
        let preview = service.preview_for(self.person, id, Some(KeyPlace::Own)).await.unwrap();
        (saved, preview.canonical_sha256)
    }

    async fn asked(&self, role: As, view: &ConsultView, hash: &Sha256) -> Result<OwnQuestion, ConsultError> {
        self.house.service.begin_own(self.person, &view.consult.id, role, view.version, hash, NOW).await
    }

    fn values(&self, question: &OwnQuestion) -> Vec<Vec<u8>> {
        question.messages.iter().map(|message| self.key.sign(message).unwrap()).collect()
    }

    async fn completed(
        &self,
        id: &ConsultId,
        question: &OwnQuestion,
        values: Vec<Vec<u8>>,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        self.house.service.complete_own(self.person, id, &question.transaction, values, now).await
    }

    async fn assert_unsigned(&self, id: &ConsultId) {
        let now = self.house.service.get(self.person, id).await.unwrap().consult;
        assert_eq!((now.state, now.versions.len()), (State::Reading, 0));
    }
}

fn field(result: &Result<ConsultView, ConsultError>) -> &'static str {
    match result {
        Err(ConsultError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_and_reviewer_sign_with_keys_of_their_own() {
    let house = house(Signatures::Double).await;
    let (wang, zhao) = (Hand::of(&house, &house.readers[0]).await, Hand::of(&house, &house.reviewer).await);
    let (saved, hash) = wang.written("右肺结节，良性。").await;
    let id = &saved.consult.id;
    let asked = wang.asked(As::Sign, &saved, &hash).await.unwrap();
    assert_eq!(asked.scheme.name(), "ecdsa-p256-sha256");
    let all = asked.messages.concat();
    for word in ["右肺结节，良性。", "张", "Zhang", "P001"] {
        let is_there = all.windows(word.len()).any(|part| part == word.as_bytes());
        assert!(!is_there, "{word} is handed out");
    }
    wang.assert_unsigned(id).await;
    let signed = wang.completed(id, &asked, wang.values(&asked), NOW + Duration::minutes(1)).await.unwrap();
    assert_eq!(signed.consult.state, State::Preliminary);

    let service = &house.service;
    let hash = service.preview(&house.reviewer, id).await.unwrap().canonical_sha256;
    let asked = zhao.asked(As::Review, &signed, &hash).await.unwrap();
    let done = zhao.completed(id, &asked, zhao.values(&asked), NOW).await.unwrap();
    assert_eq!(done.consult.state, State::Delivered);
    let places: Vec<_> = done.consult.versions[0].signers.iter().map(|signer| signer.key).collect();
    assert_eq!(places, [KeyPlace::Own, KeyPlace::Own]);
    let verdict = service.verify_stored(&house.doctor, id).await.unwrap();
    assert!(verdict.ok, "{verdict:?}");
    assert_eq!(verdict.integrity.result, Judgement::Good);
    let said: Vec<_> = verdict.signers.iter().map(|signer| signer.key).collect();
    assert_eq!(said, [Some(KeyPlace::Own), Some(KeyPlace::Own)]);
    let part = |part| service.report_file(&house.doctor, id, part, None);
    let json = part(ReportPart::Json).await.unwrap();
    for p7s in [ReportPart::ReaderSignature, ReportPart::ReviewerSignature] {
        assert!(crate::openssl(&house, &part(p7s).await.unwrap(), &json));
    }
}

/// What a program makes of what it is to sign.
type Values<'a> = dyn Fn(&OwnQuestion) -> Vec<Vec<u8>> + 'a;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_the_registered_key_signs_nothing() {
    let house = house(Signatures::Single).await;
    let (wang, zhao) = (Hand::of(&house, &house.readers[0]).await, Hand::of(&house, &house.reviewer).await);
    let (saved, hash) = wang.written("右肺结节，良性。").await;
    let id = &saved.consult.id;
    let another =
        |question: &OwnQuestion| vec![wang.key.sign(b"another").unwrap(), wang.values(question).remove(1)];
    let swapped = |question: &OwnQuestion| wang.values(question).into_iter().rev().collect();
    let one = |question: &OwnQuestion| vec![wang.values(question).remove(0)];
    let by_another_key = |question: &OwnQuestion| zhao.values(question);
    let empty = |_: &OwnQuestion| vec![Vec::new(), Vec::new()];
    let wrong: [&Values; 5] = [&another, &swapped, &one, &by_another_key, &empty];
    for wrong in wrong {
        let asked = wang.asked(As::Sign, &saved, &hash).await.unwrap();
        let refused = wang.completed(id, &asked, wrong(&asked), NOW).await;
        assert_eq!(field(&refused), "values");
        wang.assert_unsigned(id).await;
        // It is over: also the right values come too late.
        let again = wang.completed(id, &asked, wang.values(&asked), NOW).await;
        assert!(matches!(again, Err(ConsultError::Conflict { .. })), "{again:?}");
        wang.assert_unsigned(id).await;
    }

    // What was handed out before, what nobody handed out, and what was handed out to somebody else.
    let first = wang.asked(As::Sign, &saved, &hash).await.unwrap();
    let second = wang.asked(As::Sign, &saved, &hash).await.unwrap();
    assert_eq!(field(&wang.completed(id, &first, wang.values(&first), NOW).await), "transaction");
    let made_up = OwnQuestion { transaction: "made up".into(), ..second.clone() };
    assert_eq!(field(&wang.completed(id, &made_up, wang.values(&second), NOW).await), "transaction");
    assert_eq!(field(&zhao.completed(id, &second, wang.values(&second), NOW).await), "transaction");
    let late = NOW + PATIENCE + Duration::seconds(1);
    assert_eq!(field(&wang.completed(id, &second, wang.values(&second), late).await), "transaction");
    wang.assert_unsigned(id).await;

    // The right values sign once.
    let asked = wang.asked(As::Sign, &saved, &hash).await.unwrap();
    let both = || wang.completed(id, &asked, wang.values(&asked), NOW);
    let (a, b) = tokio::join!(both(), both());
    assert_ne!(a.is_ok(), b.is_ok(), "{a:?} {b:?}");
    let again = both().await;
    assert!(matches!(again, Err(ConsultError::Conflict { .. })), "{again:?}");
    assert_eq!(house.service.get(&house.doctor, id).await.unwrap().consult.versions.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_changed_meanwhile_is_not_signed() {
    let house = house(Signatures::Single).await;
    let wang = Hand::of(&house, &house.readers[0]).await;
    let (saved, hash) = wang.written("右肺结节，良性。").await;
    let id = &saved.consult.id;
    let stale = wang.asked(As::Sign, &saved, &Sha256([7; 32])).await;
    assert_eq!(stale.err(), Some(ConsultError::Stale));

    let asked = wang.asked(As::Sign, &saved, &hash).await.unwrap();
    let (saved, hash) = wang.saved(&saved, "右肺结节，恶性不除外。").await;
    let refused = wang.completed(id, &asked, wang.values(&asked), NOW).await;
    assert_eq!(refused.err(), Some(ConsultError::Stale));
    wang.assert_unsigned(id).await;

    // Another certificate is registered, or none.
    let keystore = Keystore::new(house.storage.clone());
    let me = wang.person.as_person().unwrap();
    for other in [Some(RegisteredKey::own(&wang.chain[1..])), None] {
        house.service.register_own(wang.person, &wang.chain, NOW).await.unwrap();
        let asked = wang.asked(As::Sign, &saved, &hash).await.unwrap();
        match &other {
            Some(key) => keystore.register(wang.person.scope(), &me.id, key).await.unwrap(),
            None => keystore.unregister(wang.person.scope(), &me.id, Elsewhere::Own).await.unwrap(),
        }
        let refused = wang.completed(id, &asked, wang.values(&asked), NOW).await;
        assert_eq!(refused.err(), Some(ConsultError::NoSigningKey));
        wang.assert_unsigned(id).await;
    }
    let (saved, hash) = wang.saved(&saved, "右肺结节。").await;
    assert_eq!(wang.asked(As::Sign, &saved, &hash).await.err(), Some(ConsultError::NoSigningKey));

    // Given up, it is somebody else's to sign.
    house.service.register_own(wang.person, &wang.chain, NOW).await.unwrap();
    let (saved, hash) = wang.saved(&saved, "右肺结节。").await;
    let asked = wang.asked(As::Sign, &saved, &hash).await.unwrap();
    house.service.release(wang.person, id, saved.version, NOW).await.unwrap();
    let refused = wang.completed(id, &asked, wang.values(&asked), NOW).await;
    assert!(refused.is_err());
    let now = house.service.get(wang.person, id).await.unwrap().consult;
    assert_eq!((now.state, now.versions.len()), (State::Accepted, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_certificate_that_could_sign_is_registered() {
    let house = house(Signatures::Single).await;
    let (wang, zhao) = (Hand::of(&house, &house.readers[0]).await, Hand::of(&house, &house.reviewer).await);
    let unknown = CertificateAuthority::create("别的根证书", NOW).unwrap();
    let issued = |name: &str, at| unknown.issue(name, CENTRE, at).unwrap().chain;
    let untrusted = issued("王建国", NOW);
    for chain in [&zhao.chain[..], &untrusted, &[], &[vec![1, 2, 3]], &vec![wang.chain[0].clone(); 11]] {
        let refused = house.service.register_own(wang.person, chain, NOW).await;
        assert!(matches!(refused, Err(ConsultError::Invalid { field: "certificates", .. })), "{refused:?}");
    }
    let expired = house.service.register_own(wang.person, &wang.chain, NOW + Duration::weeks(5200)).await;
    assert!(matches!(expired, Err(ConsultError::Invalid { .. })), "{expired:?}");
    let me = wang.person.as_person().unwrap();
    let kept = house.service.own_certificate(me).await.unwrap().unwrap();
    assert_eq!(kept.chain().unwrap(), wang.chain);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_agreement_in_force_lends_authorities_to_who_registers() {
    let house = house(Signatures::Single).await;
    let (storage, wang) = (&house.storage, &house.readers[0]);
    let theirs = CertificateAuthority::create("双方约定的根证书", NOW).unwrap();
    let chain = theirs.issue("王建国", CENTRE, NOW).unwrap().chain;
    let held = storage.agreement("agreement-1").await.unwrap();
    let named = Agreement { trust_anchors_pem: Some(theirs.anchor_pem().unwrap()), ..held.clone() };
    let awaiting = Agreement { awaits: Some(org("township")), ..named.clone() };
    let over = Agreement { valid_until: NOW - Duration::seconds(1), ..named.clone() };
    let not_yet = Agreement { valid_from: NOW + Duration::seconds(1), ..named.clone() };
    let proposed = Agreement { proposed: Some(Box::new(awaiting.clone())), ..held };
    for agreement in [awaiting, over, not_yet, proposed] {
        storage.put_agreement(&Scope::node("test"), &agreement).await.unwrap();
        let refused = house.service.register_own(wang, &chain, NOW).await;
        assert!(
            matches!(refused, Err(ConsultError::Invalid { field: "certificates", .. })),
            "{agreement:?}: {refused:?}"
        );
    }
    storage.put_agreement(&Scope::node("test"), &named).await.unwrap();
    house.service.register_own(wang, &chain, NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_its_owners_for_whomever_they_act() {
    let house = house(Signatures::Single).await;
    let (service, storage) = (&house.service, &house.storage);
    let keystore = Keystore::new(storage.clone());
    let mut person = house.readers[0].as_person().unwrap().clone();
    person.memberships = vec![Membership { organisation: org("other"), roles: vec![Role::Reader] }];
    let here = Caller::person(&person, None);
    let there = Caller::person(&person.acting_for(&org("other")).unwrap(), None);
    let chain = |organisation: &str| house.authority.issue("王建国", organisation, NOW).unwrap().chain;
    let (of_here, of_there) = (chain(CENTRE), chain("别的医院"));
    let registered = async || {
        let key = service.own_certificate(&person).await.unwrap();
        key.map(|key| key.chain().unwrap())
    };
    // As former versions have kept it, in one organisation's sight.
    let kept = Put {
        kind: Elsewhere::Own.kind(),
        id: person.id.to_string(),
        expected: Expected::Absent,
        body: serde_json::to_value(RegisteredKey::own(&of_here)).unwrap(),
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: vec![org("city")],
    };
    storage.apply(here.scope(), Change { puts: vec![kept], ..Change::default() }).await.unwrap();
    assert_eq!(registered().await, Some(of_here.clone()));
    service.register_own(&there, &of_there, NOW).await.unwrap();
    assert_eq!(registered().await, Some(of_there));
    service.register_own(&here, &of_here, NOW).await.unwrap();
    assert_eq!(registered().await, Some(of_here));
    for caller in [&here, &there, &house.reviewer, &house.stranger] {
        let seen = storage.record(caller.scope(), Elsewhere::Own.kind(), person.id.as_str()).await;
        assert!(matches!(seen, Err(StorageError::NotFound)), "{seen:?}");
    }
    keystore.unregister(there.scope(), &person.id, Elsewhere::Own).await.unwrap();
    assert_eq!(registered().await, None);

    // Auditors of the organisation that they acted for see it.
    let events = storage.audit_events(&Scope::node("test"), None, 1000).await.unwrap();
    let noted = |detail: &str| -> Vec<_> {
        let of_it = events.iter().filter(|event| event.entry.detail == detail);
        of_it.map(|event| (event.actor.id.clone(), event.organisation.clone())).collect()
    };
    let by = |organisation: &str| ("wang".to_owned(), Some(org(organisation)));
    assert_eq!(noted("own_certificate registered"), [by("city"), by("other")]);
    assert_eq!(noted("own_certificate unregistered"), [by("other")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_under_a_passphrase_is_its_owners_for_whomever_they_act() {
    let house = house(Signatures::Single).await;
    let keystore = Keystore::new(house.storage.clone());
    let me = house.readers[0].as_person().unwrap().id.clone();
    let installed = async || {
        let certificate = keystore.certificate(&me).await.unwrap();
        certificate.map(|of| consult::certificate::organisation(&of))
    };
    assert_eq!(installed().await.as_deref(), Some(CENTRE));
    // As former versions have kept it, in one organisation's sight.
    let record =
        house.storage.record(&Scope::node("test"), consult::keystore::KIND, me.as_str()).await.unwrap();
    let kept = Put {
        kind: consult::keystore::KIND,
        id: me.to_string(),
        expected: Expected::Version(record.version),
        body: record.body,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: vec![org("city")],
    };
    house
        .storage
        .apply(&Scope::node("test"), Change { puts: vec![kept], ..Change::default() })
        .await
        .unwrap();
    keystore.unlock(&me, secret("签名口令 2026")).await.unwrap();
    let key = house.authority.issue("王建国", "别的医院", NOW).unwrap();
    let there = Scope::organisation(house.readers[0].scope().actor.clone(), org("other"));
    keystore.install(&there, &me, key, secret("签名口令 2027")).await.unwrap();
    assert_eq!(installed().await.as_deref(), Some("别的医院"));
    for caller in [&house.readers[0], &house.reviewer, &house.stranger] {
        let seen = house.storage.record(caller.scope(), consult::keystore::KIND, me.as_str()).await;
        assert!(matches!(seen, Err(StorageError::NotFound)), "{seen:?}");
    }
}
