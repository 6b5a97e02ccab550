//! A question of the township hospital about a study of its own, sent to the reading centre.

use super::node::Org;
use super::{Answer, Client, Ct, Node};
use serde_json::{Value as Json, json};

/// A consult that was sent.
pub struct Asked {
    /// Its identifier.
    pub id: String,
    /// What people call it.
    pub number: String,
}

impl Asked {
    /// A draft that nobody but the township sees.
    pub fn draft(node: &Node) -> (Client, Json) {
        let ct = Ct::new();
        node.machine(Org::Township).stow(&[ct.file()]).expect(200);
        let township = node.person("township");
        let request = json!({
            "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "urgent",
            "study": {"org": node.id_of(Org::Township), "study_instance_uid": ct.study},
            "question": "气胸？", "history": "突发胸痛", "consent": true,
        });
        let draft = township.post("/api/v1/consults", &request).expect(201).json();
        (township, draft)
    }

    /// Asked and sent; the agreement of the demonstration puts it into the pool.
    pub fn new(node: &Node) -> Self {
        let (township, draft) = Self::draft(node);
        let text = |value: &Json| value.as_str().expect("a text").to_owned();
        let asked = Self { id: text(&draft["id"]), number: text(&draft["number"]) };
        asked.act(&township, "submit").expect(200);
        asked
    }

    /// An address below the consult's.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/consults/{}{rest}", self.id)
    }

    /// As this person sees it.
    pub fn seen_by(&self, person: &Client) -> Json {
        person.get(&self.path("")).expect(200).json()
    }

    /// Does something that needs only the version.
    pub fn act(&self, person: &Client, action: &str) -> Answer {
        let version = &self.seen_by(person)["version"];
        person.post(&self.path(&format!("/{action}")), &json!({"version": version}))
    }

    /// Read and signed by the demonstration's reader; delivered.
    pub fn signed(&self, node: &Node) {
        let reader = node.person("reader");
        self.act(&reader, "claim").expect(200);
        let version = &self.seen_by(&reader)["version"];
        let report = json!({"findings": "右侧气胸。", "diagnosis": "右侧张力性气胸。", "recommendation": "立即处理。"});
        reader.put(&self.path("/report"), &json!({"version": version, "report": report})).expect(200);
        let preview = reader.get(&self.path("/report/preview")).expect(200).json();
        let signing = json!({
            "version": self.seen_by(&reader)["version"], "canonical_sha256": preview["canonical_sha256"],
            "passphrase": node.account("reader")["signing_passphrase"],
        });
        reader.post(&self.path("/sign"), &signing).expect(200);
    }
}
