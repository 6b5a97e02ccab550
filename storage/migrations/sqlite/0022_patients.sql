-- Patients across hospitals. An identity is a hash of owner, Patient ID and its issuer: 32 hex digits, so that these tables hold no
-- personal data, and what people have decided outlives a rebuilt index. '' is nobody's.
ALTER TABLE study ADD COLUMN identity TEXT NOT NULL DEFAULT '';
-- 1: whose it is has yet to be worked out, by patients/settle.rs.
ALTER TABLE study ADD COLUMN identity_stale INTEGER NOT NULL DEFAULT 1;
CREATE INDEX study_by_identity ON study (identity, moment, id);
CREATE INDEX study_by_identity_stale ON study (id) WHERE identity_stale = 1;

-- Hashes of what identities are compared by: a name's form with the birth date, an identifier with its issuer; and, with is_all = 1,
-- one of all that is known, which tells whether anything is new.
CREATE TABLE patient_key (
    key      TEXT    NOT NULL,
    identity TEXT    NOT NULL,
    is_all   INTEGER NOT NULL,
    PRIMARY KEY (key, identity)
) WITHOUT ROWID;
CREATE INDEX patient_key_by_identity ON patient_key (identity);

-- Two identities, one < other. `open`: a person is to decide; `linked`; `apart`: not the same person.
CREATE TABLE patient_pair (
    one        TEXT    NOT NULL,
    other      TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    -- 1: by a person, which no rule changes.
    is_decided INTEGER NOT NULL,
    last_act   INTEGER NOT NULL,
    PRIMARY KEY (one, other)
) WITHOUT ROWID;
CREATE INDEX patient_pair_by_other ON patient_pair (other);
CREATE INDEX patient_pair_open ON patient_pair (last_act) WHERE state = 'open';

-- All that was ever done to pairs, only added to. `before_state` '' is a pair that was not there.
CREATE TABLE patient_act (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    one           TEXT    NOT NULL,
    other         TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    before_state  TEXT    NOT NULL,
    was_decided   INTEGER NOT NULL,
    after_state   TEXT    NOT NULL,
    -- The act that this one takes back; 0 for others.
    undoes        INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    organisation  TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    at_ms         INTEGER NOT NULL
);
CREATE INDEX patient_act_by_pair ON patient_act (one, other, seq);
CREATE INDEX patient_act_by_undone ON patient_act (undoes) WHERE undoes <> 0;
CREATE INDEX patient_act_by_person ON patient_act (seq) WHERE organisation <> '';
