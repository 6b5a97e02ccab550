//! A PostgreSQL cluster of the tests' own, instances to store, and whole indexes.

pub mod build;
pub mod population;
pub mod postgres;
