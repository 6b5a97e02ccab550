//! The transport as a stream of PDUs, with P-DATA-TF (PS3.8 §9.3.5) handed on in pieces as they come: one copy, from
//! the socket into the buffer or, of large PDVs, to where the caller wants them; and never more in memory than the
//! buffer, whatever lengths a peer declares.

use super::pdu::{AbortReason, PduType};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes of the buffer until an association stands: unknown peers cost no more.
const BUFFER_BYTES_BEFORE: usize = 8 * 1024;
/// Bytes of the read buffer of an association.
const BUFFER_BYTES: usize = 64 * 1024;
/// Bytes of a PDV from which on it is read to where it belongs, and only its headers into the buffer. Of a smaller one,
/// a second read costs more than the copy.
const BULK_BYTES: u32 = 32 * 1024;
/// Bytes of the headers of a P-DATA-TF and its first PDV.
const HEADERS_BYTES: usize = 12;
/// Bytes of an A-ASSOCIATE PDU at most: 128 contexts with every transfer syntax there is need 600 KiB.
const ASSOCIATE_BYTES_MAX: u32 = 1 << 20;
/// Some implementations count the PDU's or PDV's own header out of the maximum length; so much is forgiven.
const PDATA_SLACK_BYTES: u32 = 64;
/// PDVs without a byte that may follow one another: one ends a data set, and a few are forgiven.
const EMPTY_PDVS_MAX: u32 = 16;
/// Bytes of a PDV item before its data: length, presentation context, message control header.
const PDV_HEADER_BYTES: usize = 6;

/// Why nothing more can be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// The peer closed or broke the transport.
    #[error("the transport is closed")]
    Closed,
    /// The peer was silent, or took nothing, for too long.
    #[error("the peer was silent for too long")]
    TimedOut,
    /// The bytes are no valid PDU; the reason is for the A-ABORT.
    #[error("an invalid PDU ({0:?})")]
    Invalid(AbortReason),
    /// The network failed.
    #[error("the network failed: {0}")]
    Io(io::ErrorKind),
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as K;
        match error.kind() {
            K::UnexpectedEof | K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe => Self::Closed,
            kind => Self::Io(kind),
        }
    }
}

/// The message control header's first bit (PS3.8 §E.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FragmentKind {
    /// Data set information.
    Data,
    /// Command information.
    Command,
}

/// The message control header's second bit, and where in its PDV a piece ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FragmentEnd {
    /// More follows.
    Open,
    /// With this piece the command or data set is complete.
    Last,
}

/// A piece of a PDV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    /// Presentation context identifier.
    pub context: u8,
    /// Command or data set.
    pub kind: FragmentKind,
    /// Whether it completes the command or data set.
    pub end: FragmentEnd,
    /// The bytes; possibly none.
    pub bytes: &'a [u8],
}

/// What the peer sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received<'a> {
    /// A piece of a PDV of a P-DATA-TF.
    Fragment(Fragment<'a>),
    /// Any other PDU, its body whole.
    Pdu(PduType, Vec<u8>),
}

/// Where in a P-DATA-TF the reader stands.
#[derive(Debug, Clone, Copy)]
struct PData {
    /// Bytes of the PDU still to come, those of the PDV included.
    pdu_left: u32,
    pdv_left: u32,
    context: u8,
    control: u8,
}

/// What comes next.
enum Step {
    /// Bytes of a PDV, none of them taken yet.
    Data(PData),
    /// A PDV without bytes.
    Empty(PData),
    Pdu(PduType, Vec<u8>),
}

/// A transport with a read buffer and time limits.
pub(crate) struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    pdata: Option<PData>,
    pdata_bytes_max: u32,
    timeout: Duration,
    bytes_read: u64,
    /// PDVs without a byte since the last one with any.
    empty_pdvs: u32,
    /// Whether data sets come in large PDVs, so that nothing is read ahead of them.
    is_bulk: bool,
    /// Whether something came that is no PDU: where the next one begins is unknown from then on.
    is_out_of_step: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// A wire on which a P-DATA-TF may be `pdata_bytes_max` long and every wait lasts `timeout` at most.
    pub(crate) fn new(stream: S, pdata_bytes_max: u32, timeout: Duration) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER_BYTES_BEFORE],
            start: 0,
            end: 0,
            pdata: None,
            pdata_bytes_max,
            timeout,
            bytes_read: 0,
            empty_pdvs: 0,
            is_bulk: true,
            is_out_of_step: false,
        }
    }

    /// The association stands: a larger buffer, and another time limit.
    pub(crate) fn established(&mut self, timeout: Duration) {
        self.buffer.resize(BUFFER_BYTES, 0);
        self.timeout = timeout;
    }

    /// Bytes that came from the peer so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Waits for the peer to send something. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`WireError`].
    pub(crate) async fn wait_input(&mut self) -> Result<(), WireError> {
        self.fill(1, HEADERS_BYTES).await
    }

    /// Whether bytes came that are no PDU, so that [`Wire::next`] can find no more.
    pub(crate) fn is_out_of_step(&self) -> bool {
        self.is_out_of_step
    }

    /// The next PDU or piece of one.
    ///
    /// # Errors
    /// [`WireError`]; after [`WireError::Invalid`] nothing more can be read.
    pub(crate) async fn next(&mut self) -> Result<Received<'_>, WireError> {
        let mut pdata = match self.checked_step().await? {
            Step::Data(pdata) => pdata,
            Step::Empty(pdata) => return Ok(Received::Fragment(fragment(pdata, &[]))),
            Step::Pdu(kind, body) => return Ok(Received::Pdu(kind, body)),
        };
        if self.start == self.end {
            self.fill(1, (pdata.pdv_left as usize).saturating_add(HEADERS_BYTES)).await?;
        }
        let count = pdata.pass(self.end - self.start);
        self.pdata = Some(pdata);
        let from = self.start;
        self.start += count;
        Ok(Received::Fragment(fragment(pdata, &self.buffer[from..self.start])))
    }

    /// The same, with the bytes of a piece in `room`, which must not be empty.
    ///
    /// # Errors
    /// As [`Wire::next`].
    pub(crate) async fn next_into<'r>(&mut self, room: &'r mut [u8]) -> Result<Received<'r>, WireError> {
        let mut pdata = match self.checked_step().await? {
            Step::Data(pdata) => pdata,
            Step::Empty(pdata) => return Ok(Received::Fragment(fragment(pdata, &[]))),
            Step::Pdu(kind, body) => return Ok(Received::Pdu(kind, body)),
        };
        if self.start == self.end && !self.is_bulk {
            self.fill(1, 1).await?;
        }
        let available = self.end - self.start;
        let count = if available > 0 {
            let count = pdata.pass(available.min(room.len()));
            room[..count].copy_from_slice(&self.buffer[self.start..self.start + count]);
            self.start += count;
            count
        } else {
            let wanted = room.len().min(pdata.pdv_left as usize);
            let read = self.stream.read(&mut room[..wanted]);
            let count = tokio::time::timeout(self.timeout, read).await.map_err(|_| WireError::TimedOut)??;
            if count == 0 {
                return Err(WireError::Closed);
            }
            self.bytes_read += count as u64;
            pdata.pass(count)
        };
        self.pdata = Some(pdata);
        Ok(Received::Fragment(fragment(pdata, &room[..count])))
    }

    async fn checked_step(&mut self) -> Result<Step, WireError> {
        let step = self.step().await;
        self.is_out_of_step |= matches!(step, Err(WireError::Invalid(_)));
        step
    }

    async fn step(&mut self) -> Result<Step, WireError> {
        loop {
            let Some(mut pdata) = self.pdata else {
                self.fill(6, HEADERS_BYTES).await?;
                let [kind, _, length @ ..] = self.take_array::<6>();
                let length = u32::from_be_bytes(length);
                let kind =
                    PduType::from_byte(kind).ok_or(WireError::Invalid(AbortReason::UnrecognizedPdu))?;
                if kind != PduType::PData {
                    let body = self.body(kind, length).await?;
                    return Ok(Step::Pdu(kind, body));
                }
                if length == 0 || length > self.pdata_bytes_max.saturating_add(PDATA_SLACK_BYTES) {
                    return Err(WireError::Invalid(AbortReason::InvalidParameterValue));
                }
                self.pdata = Some(PData { pdu_left: length, pdv_left: 0, context: 0, control: 0 });
                continue;
            };
            if pdata.pdv_left == 0 {
                if pdata.pdu_left == 0 {
                    self.pdata = None;
                    continue;
                }
                self.pdv_header(&mut pdata).await?;
                self.pdata = Some(pdata);
                if pdata.pdv_left > 0 {
                    self.empty_pdvs = 0;
                    continue;
                }
                self.empty_pdvs += 1;
                if self.empty_pdvs > EMPTY_PDVS_MAX {
                    return Err(WireError::Invalid(AbortReason::InvalidParameterValue));
                }
                return Ok(Step::Empty(pdata));
            }
            return Ok(Step::Data(pdata));
        }
    }

    /// Whether the peer has sent something that has not been taken yet; does not wait.
    ///
    /// # Errors
    /// [`WireError::Closed`] when the peer is gone.
    pub(crate) async fn has_input(&mut self) -> Result<bool, WireError> {
        if self.start < self.end {
            return Ok(true);
        }
        (self.start, self.end) = (0, 0);
        let read = std::pin::pin!(self.stream.read(&mut self.buffer));
        match futures_util::future::poll_immediate(read).await {
            None => Ok(false),
            Some(Ok(0)) => Err(WireError::Closed),
            Some(Ok(count)) => {
                self.end = count;
                self.bytes_read += count as u64;
                Ok(true)
            }
            Some(Err(error)) => Err(error.into()),
        }
    }

    /// Writes whole PDUs.
    ///
    /// # Errors
    /// [`WireError`].
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let timeout = self.timeout;
        tokio::time::timeout(timeout, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
        .map_err(|_| WireError::TimedOut)?
        .map_err(WireError::from)
    }

    /// Reads and forgets until the peer closes, or this many bytes have come from it in all.
    pub(crate) async fn discard(&mut self, bytes_max: u64) {
        (self.start, self.end) = (0, 0);
        while self.bytes_read < bytes_max {
            match self.stream.read(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => self.bytes_read += count as u64,
            }
        }
    }

    /// Closes our side, so that TLS says so before TCP does; what cannot be written any more is let go.
    pub(crate) async fn close(&mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.stream.shutdown()).await;
    }

    async fn pdv_header(&mut self, pdata: &mut PData) -> Result<(), WireError> {
        let invalid = WireError::Invalid(AbortReason::InvalidParameterValue);
        if (pdata.pdu_left as usize) < PDV_HEADER_BYTES {
            return Err(invalid);
        }
        self.fill(PDV_HEADER_BYTES, PDV_HEADER_BYTES).await?;
        let [l0, l1, l2, l3, context, control] = self.take_array::<PDV_HEADER_BYTES>();
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        // The item length counts the context identifier and the control header, and ends within the PDU.
        let data = length.checked_sub(2).ok_or(WireError::Invalid(AbortReason::InvalidParameterValue))?;
        pdata.pdu_left -= PDV_HEADER_BYTES as u32;
        if data > pdata.pdu_left || control & !3 != 0 {
            return Err(invalid);
        }
        (pdata.pdv_left, pdata.context, pdata.control) = (data, context, control);
        // What remains at the end of a data set says nothing of the next one.
        if data >= BULK_BYTES {
            self.is_bulk = true;
        } else if control & 3 == 0 {
            self.is_bulk = false;
        }
        Ok(())
    }

    async fn body(&mut self, kind: PduType, length: u32) -> Result<Vec<u8>, WireError> {
        let fits = match kind {
            PduType::AssociateRq | PduType::AssociateAc => (68..=ASSOCIATE_BYTES_MAX).contains(&length),
            _ => length == 4,
        };
        if !fits {
            return Err(WireError::Invalid(AbortReason::InvalidParameterValue));
        }
        let mut body = Vec::new();
        let mut left = length as usize;
        while left > 0 {
            if self.start == self.end {
                self.fill(1, left).await?;
            }
            let count = left.min(self.end - self.start);
            body.extend_from_slice(&self.buffer[self.start..self.start + count]);
            self.start += count;
            left -= count;
        }
        Ok(body)
    }

    /// Reads until at least `need` (a few) bytes are there; ahead of large PDVs not more than `most`.
    async fn fill(&mut self, need: usize, most: usize) -> Result<(), WireError> {
        if self.end - self.start >= need {
            return Ok(());
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.buffer.len() - self.start < need {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let end_max = match self.is_bulk {
            true => self.start.saturating_add(most.max(need)).min(self.buffer.len()),
            false => self.buffer.len(),
        };
        while self.end - self.start < need {
            let read = self.stream.read(&mut self.buffer[self.end..end_max]);
            let count = tokio::time::timeout(self.timeout, read).await.map_err(|_| WireError::TimedOut)??;
            if count == 0 {
                return Err(WireError::Closed);
            }
            self.end += count;
            self.bytes_read += count as u64;
        }
        Ok(())
    }

    /// Takes bytes that [`Wire::fill`] has brought.
    fn take_array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.buffer[self.start..self.start + N]);
        self.start += N;
        array
    }
}

impl PData {
    /// Passes over as many of these bytes as belong to the PDV; how many.
    fn pass(&mut self, bytes: usize) -> usize {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.pdv_left);
        self.pdv_left -= count;
        self.pdu_left -= count;
        count as usize
    }
}

fn fragment(pdata: PData, bytes: &[u8]) -> Fragment<'_> {
    let is_last = pdata.control & 2 != 0 && pdata.pdv_left == 0;
    Fragment {
        context: pdata.context,
        kind: if pdata.control & 1 != 0 { FragmentKind::Command } else { FragmentKind::Data },
        end: if is_last { FragmentEnd::Last } else { FragmentEnd::Open },
        bytes,
    }
}

/// Appends P-DATA-TF PDUs with one PDV each that carry `bytes` as one command or data set; none is longer than
/// `pdu_bytes_max` (PS3.8 §9.3.1: fragments of even length, but for the last).
pub(crate) fn put_pdata(to: &mut Vec<u8>, context: u8, kind: FragmentKind, bytes: &[u8], pdu_bytes_max: u32) {
    put_part(to, context, kind, bytes, FragmentEnd::Last, pdu_bytes_max);
}

/// The same for a part of a command or data set, of even length unless it is the last.
pub(crate) fn put_part(
    to: &mut Vec<u8>,
    context: u8,
    kind: FragmentKind,
    bytes: &[u8],
    end: FragmentEnd,
    pdu_bytes_max: u32,
) {
    let room = (pdu_bytes_max as usize).saturating_sub(PDV_HEADER_BYTES).max(2) & !1;
    let mut rest = bytes;
    loop {
        let (piece, after) = rest.split_at(room.min(rest.len()));
        rest = after;
        let last = if rest.is_empty() && end == FragmentEnd::Last { 2 } else { 0 };
        let control = last | u8::from(kind == FragmentKind::Command);
        // A piece is no longer than a u32, because `room` came from one.
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX - 6);
        to.extend_from_slice(&[4, 0]);
        to.extend_from_slice(&(length + 6).to_be_bytes());
        to.extend_from_slice(&(length + 2).to_be_bytes());
        to.extend_from_slice(&[context, control]);
        to.extend_from_slice(piece);
        if rest.is_empty() {
            return;
        }
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
