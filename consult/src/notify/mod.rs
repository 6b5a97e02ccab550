//! Notifications: who is told of what, in the application and, if they want, by e-mail; organisations by webhook.
//!
//! [`audience`] is pure: from an event of the outbox to whom it concerns. [`outbox`] turns events into notices, each
//! once, in the transaction that moves its cursor. [`channels`] says who is reached where besides the application; what
//! goes there names the consult by its number and nothing of the patient.

mod audience;
mod channels;
mod inbox;
mod outbox;
mod problem;

pub use audience::What;
pub(crate) use channels::is_url;
pub use channels::{MAIL_JOB, MailSettings, Outgoing, WEBHOOK_JOB, Webhook, organisation_of_lane};
pub use inbox::{Inbox, Notice};
pub use problem::problem_code;

/// Topic of the event that a person has a new notice, or has read some.
pub const TOPIC: &str = "notice";
/// Record kind of notices.
const KIND: &str = "notice";
