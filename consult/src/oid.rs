//! Object identifiers that the signatures use and `const-oid` does not name.
