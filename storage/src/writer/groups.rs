//! Whether the instances of a batch are durable: their segment is flushed while their rows are written.

use super::job::Job;
use super::{Flushed, closed};
use crate::StorageError;
use tokio::sync::oneshot;

/// The groups of instances in a batch, and whether they are durable.
#[derive(Default)]
pub(super) struct Groups(Vec<Group>);

enum Group {
    BeingFlushed(Flushed),
    Over(Result<(), StorageError>),
}

impl Groups {
    /// One more; its number.
    pub fn add(&mut self, flushed: Option<Flushed>) -> usize {
        self.0.push(flushed.map_or(Group::Over(Ok(())), Group::BeingFlushed));
        self.0.len() - 1
    }

    /// Whether all are durable, or one has failed, if that is known already.
    pub fn now(&mut self) -> Option<Result<(), StorageError>> {
        for group in &mut self.0 {
            if let Group::BeingFlushed(flushed) = group {
                *group = match flushed.try_recv() {
                    Ok(result) => Group::Over(result),
                    Err(oneshot::error::TryRecvError::Empty) => return None,
                    Err(oneshot::error::TryRecvError::Closed) => Group::Over(Err(closed())),
                };
            }
            if let Group::Over(Err(error)) = group {
                return Some(Err(error.clone()));
            }
        }
        Some(Ok(()))
    }

    /// Until all are durable, or one has failed.
    pub async fn wait(&mut self) -> Result<(), StorageError> {
        for no in 0..self.0.len() {
            self.wait_for_group(no).await?;
        }
        Ok(())
    }

    /// Until that of a job is.
    pub async fn wait_for(&mut self, job: &Job) -> Result<(), StorageError> {
        match job {
            Job::Instance(.., no) => self.wait_for_group(*no).await,
            _ => Ok(()),
        }
    }

    async fn wait_for_group(&mut self, no: usize) -> Result<(), StorageError> {
        let Some(group) = self.0.get_mut(no) else { return Ok(()) };
        if let Group::BeingFlushed(flushed) = group {
            *group = Group::Over(flushed.await.unwrap_or_else(|_| Err(closed())));
        }
        match group {
            Group::Over(result) => result.clone(),
            Group::BeingFlushed(_) => Err(closed()),
        }
    }
}
