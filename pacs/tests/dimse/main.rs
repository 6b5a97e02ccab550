//! DIMSE over real sockets: with DCMTK, and with a scripted peer that breaks the rules.

mod charsets;
mod fixture;
mod load;
mod peers;
mod reach;
mod rules;
mod scripted;
mod services;
mod syntaxes;
mod table_9_10;
mod tls;
