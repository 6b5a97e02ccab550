-- Work that is done later, at least once. Jobs of one lane are done one after the other, in the order of id.
CREATE TABLE job (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind           TEXT COLLATE "C" NOT NULL,
    lane           TEXT COLLATE "C" NOT NULL,
    owner          TEXT COLLATE "C" NOT NULL,
    body           TEXT COLLATE "C" NOT NULL,
    -- 'waiting' (also while it is worked on) or 'set_aside'.
    state          TEXT COLLATE "C" NOT NULL,
    attempts       BIGINT NOT NULL,
    due_at_ms      BIGINT NOT NULL,
    -- Who works on it, and until when nobody else may.
    lease          TEXT COLLATE "C" NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    -- A machine word: why the last attempt failed.
    problem        TEXT COLLATE "C" NOT NULL,
    created_at_ms  BIGINT NOT NULL
);
CREATE INDEX job_by_lane ON job (kind, state, lane, id);
CREATE INDEX job_by_owner ON job (owner, kind, id);
CREATE INDEX job_by_lease ON job (lease);

-- How far a reader of the outbox has come.
CREATE TABLE outbox_cursor (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    seq  BIGINT NOT NULL
);
