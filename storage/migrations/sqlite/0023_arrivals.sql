-- What came last is what is asked about, however old the study is.
CREATE INDEX study_by_arrival ON study (owner, received_at_ms, id);
