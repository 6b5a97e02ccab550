//! A PostgreSQL cluster of the tests' own, and instances to store.

pub mod build;
pub mod postgres;
