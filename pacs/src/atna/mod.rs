//! Events of the audit chain for an audit record repository (IHE ATNA): messages of PS3.15 §A.5 in syslog (RFC 5424), sent over
//! TCP or TLS with octet counting (RFC 5425, RFC 6587).

mod message;
mod sender;

pub use message::{Source, framed, syslog};
pub use sender::{Sender, Target, Transport};
