//! C-FIND as provider (PS3.4 §C.4.1, PS3.7 §9.3.2): the index is read page by page, and a C-CANCEL is heard in between.

use super::association::{Association, Request, Stop};
use super::command::{Command, field, tag};
use super::identifier::{Find, KeySupport};
use super::pdu::AbortReason;
use super::status;
use access::Right;
use std::collections::HashSet;
use storage::{AuditAction, AuditEntry, AuditOutcome, Row, StorageError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Rows of the first look into the index, so that the first answers go out soon, and of later ones, which have to pass
/// by what was sent.
const PAGE_ROWS: std::ops::RangeInclusive<u32> = 100..=1000;
/// Bytes of responses gathered before they are sent.
const FLUSH_BYTES: usize = 64 * 1024;

/// Serves a C-FIND-RQ.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<(), Stop> {
    association.node.counters.finds.add(1);
    let find = match understand(association, request).await? {
        Ok(find) => find,
        Err((status, comment)) => return association.refuse(request, status, comment).await,
    };
    if let Err(error) = audit(association, &find, AuditOutcome::Success).await {
        return association.refuse(request, status::of_find(&error), &status::comment(&error)).await;
    }
    match answer(association, request, find).await? {
        Ok(End::Complete) => association.respond(request, &response(request, status::SUCCESS)).await,
        Ok(End::Cancelled) => association.respond(request, &response(request, status::CANCELLED)).await,
        Ok(End::TooMany) => {
            association
                .refuse(request, status::OUT_OF_RESOURCES, "more matches than this node sends at once")
                .await
        }
        Ok(End::Cut { studies }) => {
            let comment = format!("only the newest {studies} studies were looked at; narrow the dates");
            association.refuse(request, status::OUT_OF_RESOURCES, &comment).await
        }
        Err(error) => association.refuse(request, status::of_find(&error), &status::comment(&error)).await,
    }
}

/// How an answer ended.
enum End {
    Complete,
    Cancelled,
    TooMany,
    /// Older studies than so many were not looked at.
    Cut {
        studies: u32,
    },
}

/// Reads the identifier; or the status of the refusal.
async fn understand<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<Result<Find, (u16, &'static str)>, Stop> {
    let search = (Right::Search, "this AE may not search");
    let identifier = match association.receive_identifier(request, search).await? {
        Ok(identifier) => identifier,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let extensions =
        association.agreed.find.get(&request.context.abstract_syntax).copied().unwrap_or_default();
    let find = Find::parse(request.context.service, extensions, &identifier);
    Ok(find.map_err(|bad| (status::DOES_NOT_MATCH_SOP_CLASS, bad.0)))
}

/// Sends a pending response for every match.
async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    mut find: Find,
) -> Result<Result<End, StorageError>, Stop> {
    let node = association.node;
    let rows_max = node.config.limits.query_rows_max;
    let mut sent = HashSet::new();
    let mut out = Vec::new();
    loop {
        let rows = find.query.offset.clamp(*PAGE_ROWS.start(), *PAGE_ROWS.end());
        find.query.limit = rows.min(rows_max.saturating_sub(find.query.offset));
        let page = match node.storage.search(association.caller.scope(), &find.query).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let count = u32::try_from(page.rows.len()).unwrap_or(u32::MAX);
        find.query.offset = find.query.offset.saturating_add(count);
        for row in &page.rows {
            // Instances that arrive meanwhile push rows to a later page: what was sent is not sent again. Two
            // organisations may hold the same UID, and the first in order is the caller's own.
            if find.identity(row).is_some_and(|identity| !sent.insert(identity)) {
                continue;
            }
            put_match(association, request, &find, row, &mut out);
            node.counters.find_matches.add(1);
            if out.len() >= FLUSH_BYTES && flush(association, request, &mut out).await? {
                return Ok(Ok(End::Cancelled));
            }
        }
        if flush(association, request, &mut out).await? {
            return Ok(Ok(End::Cancelled));
        }
        if let Some(studies) = page.looked_at {
            return Ok(Ok(End::Cut { studies }));
        }
        if !page.more || count == 0 {
            return Ok(Ok(End::Complete));
        }
        if find.query.offset >= rows_max {
            return Ok(Ok(End::TooMany));
        }
    }
}

fn put_match<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &Association<'_, S>,
    request: &Request,
    find: &Find,
    row: &Row,
    out: &mut Vec<u8>,
) {
    let pending = match find.support {
        KeySupport::All => status::PENDING,
        KeySupport::Some => status::PENDING_KEYS_UNSUPPORTED,
    };
    let response = response(request, pending).with_u16(tag::COMMAND_DATA_SET_TYPE, 0x0001);
    let identifier = find.answer(&row.attributes, &association.node.config.ae_title);
    let bytes = dataset::write::to_bytes(&identifier, &request.context.transfer_syntax);
    association.put_response(out, request, &response, Some(&bytes));
}

/// Sends what was gathered; whether the peer cancelled meanwhile.
async fn flush<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    out: &mut Vec<u8>,
) -> Result<bool, Stop> {
    if !out.is_empty() {
        association.wire.write(out).await?;
        out.clear();
    }
    if !association.wire.has_input().await? {
        return Ok(false);
    }
    let message = association.receive_command().await?;
    let ours = request.command.u16(tag::MESSAGE_ID);
    if message.command.field() != field::C_CANCEL_RQ {
        // Asynchronous operations were not negotiated: nothing else may come now.
        return Err(Stop::Abort(AbortReason::UnexpectedPdu));
    }
    Ok(message.command.u16(tag::MESSAGE_ID_BEING_RESPONDED_TO) == ours)
}

/// A response of C-FIND names no SOP instance.
fn response(request: &Request, status: u16) -> Command {
    request.command.response(status)
}

async fn audit<S>(
    association: &Association<'_, S>,
    find: &Find,
    outcome: AuditOutcome,
) -> Result<(), StorageError> {
    let entry = AuditEntry {
        action: AuditAction::Search,
        object: format!("query/{}", find.level.as_str().to_ascii_lowercase()),
        outcome,
        detail: "c-find".to_owned(),
    };
    association.node.storage.audit_reading(association.caller.scope(), entry).await
}
