//! DIMSE over real sockets: with DCMTK, and with a scripted peer that breaks the rules.

mod fixture;
mod peers;
mod scripted;
