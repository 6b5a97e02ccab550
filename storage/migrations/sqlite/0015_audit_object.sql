-- Who has looked at something: what was stored is asked for by the instance, and is most of the chain.
CREATE INDEX audit_by_object ON audit (object, seq) WHERE action <> 'store';
