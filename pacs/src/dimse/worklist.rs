//! C-FIND of the Modality Worklist model as provider (PS3.4 Annex K), answered from orders.

use super::association::{Association, Request, Stop};
use super::command::tag;
use super::retrieve;
use super::status;
use crate::orders::{self, OrderFilter, OrderState, Worklist};
use access::Right;
use storage::{AuditAction, AuditEntry, AuditOutcome, StorageError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Orders of one look into the records.
const PAGE: u32 = 200;
/// Bytes of responses gathered before they are sent.
const FLUSH_BYTES: usize = 64 * 1024;

/// Serves a C-FIND-RQ.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<(), Stop> {
    association.node.counters.finds.add(1);
    let worklist = match understand(association, request).await? {
        Ok(worklist) => worklist,
        Err((status, comment)) => return association.refuse(request, status, comment).await,
    };
    if let Err(error) = audit(association).await {
        return association.refuse(request, status::of_find(&error), &status::comment(&error)).await;
    }
    match answer(association, request, &worklist).await? {
        Ok(status) => association.respond(request, &request.command.response(status)).await,
        Err(error) => association.refuse(request, status::of_find(&error), &status::comment(&error)).await,
    }
}

async fn understand<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<Result<Worklist, (u16, &'static str)>, Stop> {
    let search = (Right::Search, "this AE may not search");
    let identifier = match association.receive_identifier(request, search).await? {
        Ok(identifier) => identifier,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let worklist = Worklist::parse(&identifier);
    Ok(worklist.map_err(|comment| (status::DOES_NOT_MATCH_SOP_CLASS, comment)))
}

/// Sends a pending response for every order that matches; the final status.
async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    worklist: &Worklist,
) -> Result<Result<u16, StorageError>, Stop> {
    let node = association.node;
    let pending =
        if worklist.all_keys_supported { status::PENDING } else { status::PENDING_KEYS_UNSUPPORTED };
    let (from, to) = worklist.days();
    let mut filter =
        OrderFilter { state: Some(OrderState::Scheduled), from, to, limit: PAGE, ..OrderFilter::default() };
    let mut out = Vec::new();
    loop {
        let page = match orders::page(&node.storage, association.caller.scope(), &filter).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        for answer in page.orders.iter().filter_map(|order| worklist.answer(order)) {
            let response = request.command.response(pending).with_u16(tag::COMMAND_DATA_SET_TYPE, 1);
            let bytes = dataset::write::to_bytes(&answer, &request.context.transfer_syntax);
            association.put_response(&mut out, request, &response, Some(&bytes));
            node.counters.find_matches.add(1);
            if out.len() >= FLUSH_BYTES {
                association.wire.write(&out).await?;
                out.clear();
            }
        }
        if !out.is_empty() {
            association.wire.write(&out).await?;
            out.clear();
        }
        if retrieve::is_cancelled(association, request).await? {
            return Ok(Ok(status::CANCELLED));
        }
        if !page.more {
            return Ok(Ok(status::SUCCESS));
        }
        filter.offset = filter.offset.saturating_add(PAGE);
    }
}

async fn audit<S>(association: &Association<'_, S>) -> Result<(), StorageError> {
    let entry = AuditEntry {
        action: AuditAction::Search,
        object: "worklist".to_owned(),
        outcome: AuditOutcome::Success,
        detail: "c-find".to_owned(),
    };
    association.node.storage.audit_reading(association.caller.scope(), entry).await
}
