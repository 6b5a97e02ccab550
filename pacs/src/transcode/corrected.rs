//! The right patient in front of a corrected instance's pixels, in whatever transfer syntax it goes out.

use bytes::Bytes;
use dataset::TransferSyntax;
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _, TryStreamExt as _};
use storage::{InstanceRef, StorageError};

type Piece = Result<Bytes, StorageError>;

/// The same data set with its front written anew. What stands in front of the pixels is gathered first; the rest is
/// passed on.
pub fn stream(
    instance: InstanceRef,
    syntax: TransferSyntax,
    mut bytes: BoxStream<'static, Piece>,
) -> impl Stream<Item = Piece> + Send + 'static {
    let front = async move {
        let mut prefix = Vec::new();
        let mut tried = 0;
        loop {
            let piece = bytes.next().await.transpose()?;
            let is_over = piece.is_none();
            prefix.extend_from_slice(&piece.unwrap_or_default());
            // Each try begins anew: not before there is half as much again.
            if !is_over && prefix.len() < tried + tried / 2 {
                continue;
            }
            tried = prefix.len();
            let length = if is_over { prefix.len() as u64 } else { u64::MAX };
            if let Some(front) = instance.corrected_front(&syntax, &prefix, length)? {
                let at = usize::try_from(front.resume_at).map_or(prefix.len(), |at| at.min(prefix.len()));
                let rest = Bytes::from(prefix).slice(at..);
                let begin = stream::iter([Ok(Bytes::from(front.bytes)), Ok(rest)]);
                return Ok::<_, StorageError>(begin.chain(bytes));
            }
            if is_over {
                return Err(StorageError::Corrupt("a data set that breaks off"));
            }
        }
    };
    stream::once(front).try_flatten().try_filter(|piece| std::future::ready(!piece.is_empty()))
}
