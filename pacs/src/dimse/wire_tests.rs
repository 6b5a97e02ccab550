//! P-DATA-TF against PS3.8 Table 9-22 and Annex E, and what a hostile peer does with lengths.

use super::*;
use tokio::io::DuplexStream;

const SECOND: Duration = Duration::from_secs(1);

/// A wire on which these bytes arrive, and then the end.
async fn wire(bytes: &[u8]) -> Wire<DuplexStream> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    theirs.write_all(bytes).await.unwrap();
    Wire::new(ours, 65_536, SECOND)
}

/// Everything that arrives until an error, pieces of a PDV joined.
async fn all(mut wire: Wire<DuplexStream>) -> (Vec<(u8, FragmentKind, FragmentEnd, Vec<u8>)>, WireError) {
    let mut pieces = Vec::new();
    loop {
        match wire.next().await {
            Ok(Received::Fragment(f)) => pieces.push((f.context, f.kind, f.end, f.bytes.to_vec())),
            Ok(Received::Pdu(kind, _)) => panic!("an unexpected {kind:?}"),
            Err(error) => return (pieces, error),
        }
    }
}

fn is_invalid(error: &WireError) -> bool {
    matches!(error, WireError::Invalid(AbortReason::InvalidParameterValue))
}

#[tokio::test]
async fn a_pdu_with_two_pdvs_gives_two_fragments() {
    let mut bytes = vec![4, 0, 0, 0, 0, 6 + 4 + 6 + 2];
    bytes.extend([0, 0, 0, 6, 1, 3, b'c', b'o', b'm', b'd']);
    bytes.extend([0, 0, 0, 4, 1, 0, b'd', b'a']);
    let (pieces, error) = all(wire(&bytes).await).await;
    let expected = [
        (1, FragmentKind::Command, FragmentEnd::Last, b"comd".to_vec()),
        (1, FragmentKind::Data, FragmentEnd::Open, b"da".to_vec()),
    ];
    assert_eq!(pieces, expected);
    assert!(matches!(error, WireError::Closed));
}

#[tokio::test]
async fn an_empty_last_fragment_ends_a_data_set() {
    let (pieces, _) = all(wire(&[4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 5, 2]).await).await;
    assert_eq!(pieces, [(5, FragmentKind::Data, FragmentEnd::Last, Vec::new())]);
}

#[tokio::test]
async fn what_is_written_is_read_again_in_pdus_of_the_agreed_length() {
    let data: Vec<u8> = (0..100_000_u32).map(|i| i as u8).collect();
    for pdu_bytes_max in [8, 9, 16_384, 65_536, u32::MAX] {
        let mut bytes = Vec::new();
        put_pdata(&mut bytes, 7, FragmentKind::Data, &data[..10_001], pdu_bytes_max);
        let first = u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]);
        assert!(first <= pdu_bytes_max && first % 2 == if pdu_bytes_max > 10_007 { 1 } else { 0 });
        let (pieces, _) = all(wire(&bytes).await).await;
        let joined: Vec<u8> = pieces.iter().flat_map(|(.., bytes)| bytes.clone()).collect();
        assert_eq!(joined, &data[..10_001]);
        assert_eq!(pieces.last().unwrap().2, FragmentEnd::Last);
        assert_eq!(pieces.iter().filter(|(_, _, end, _)| *end == FragmentEnd::Last).count(), 1);
    }
}

#[tokio::test]
async fn lengths_that_do_not_fit_are_invalid() {
    let four_gigabytes = [4, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0];
    let four_gigabyte_request = [1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0];
    let over_the_maximum = [4, 0, 0, 1, 0, 65, 0, 0];
    let empty_pdata = [4, 0, 0, 0, 0, 0];
    let pdv_over_the_end = [4, 0, 0, 0, 0, 8, 0, 0, 0, 5, 1, 0, 1, 2];
    let pdv_of_four_gigabytes = [4, 0, 0, 0, 0, 8, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 1, 2];
    let pdv_too_short = [4, 0, 0, 0, 0, 8, 0, 0, 0, 1, 1, 0, 1, 2];
    let pdv_cut_by_the_pdu = [4, 0, 0, 0, 0, 3, 0, 0, 0];
    let reserved_control_bits = [4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 0x80, 1, 2];
    let long_release = [5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0];
    let cases: [&[u8]; 10] = [
        &four_gigabytes,
        &four_gigabyte_request,
        &over_the_maximum,
        &empty_pdata,
        &pdv_over_the_end,
        &pdv_of_four_gigabytes,
        &pdv_too_short,
        &pdv_cut_by_the_pdu,
        &reserved_control_bits,
        &long_release,
    ];
    for bytes in cases {
        let (pieces, error) = all(wire(bytes).await).await;
        assert!(pieces.is_empty() && is_invalid(&error), "{bytes:?}: {error:?}");
    }
    let (_, error) = all(wire(&[9, 0, 0, 0, 0, 4, 0, 0, 0, 0]).await).await;
    assert!(matches!(error, WireError::Invalid(AbortReason::UnrecognizedPdu)));
}

#[tokio::test]
async fn a_length_alone_takes_no_memory() {
    let mut wire = wire(&[4, 0, 0, 1, 0, 0, 0, 0, 0xFF, 0, 1, 0, 1, 2, 3]).await;
    let Ok(Received::Fragment(fragment)) = wire.next().await else { panic!("a fragment") };
    assert_eq!(fragment.bytes, [1, 2, 3]);
    assert!(wire.buffer.capacity() <= BUFFER_BYTES_BEFORE);
}

#[tokio::test]
async fn silence_in_the_middle_of_a_pdu_ends_in_time() {
    let (ours, mut theirs) = tokio::io::duplex(64);
    theirs.write_all(&[1, 0, 0]).await.unwrap();
    let mut wire = Wire::new(ours, 65_536, Duration::from_millis(20));
    assert!(matches!(wire.next().await, Err(WireError::TimedOut)));
    drop(theirs);
}

#[tokio::test]
async fn input_is_noticed_without_waiting() {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let mut wire = Wire::new(ours, 65_536, SECOND);
    assert!(!wire.has_input().await.unwrap());
    theirs.write_all(&[4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 5, 2]).await.unwrap();
    assert!(wire.has_input().await.unwrap());
    assert!(matches!(wire.next().await, Ok(Received::Fragment(_))), "and nothing of it is lost");
    drop(theirs);
    assert!(matches!(wire.has_input().await, Err(WireError::Closed)));
}

#[tokio::test]
async fn a_peer_that_reads_nothing_does_not_hold_us() {
    let (ours, theirs) = tokio::io::duplex(64);
    let mut wire = Wire::new(ours, 65_536, Duration::from_millis(20));
    assert!(matches!(wire.write(&[0; 65_536]).await, Err(WireError::TimedOut)));
    drop(theirs);
}

#[tokio::test]
async fn nothing_is_found_behind_what_is_no_pdu() {
    let (ours, mut theirs) = tokio::io::duplex(64);
    theirs.write_all(&[0x99, 0, 0, 0, 0, 4, 0, 0, 0, 0]).await.unwrap();
    let mut wire = Wire::new(ours, 65_536, SECOND);
    assert!(!wire.is_out_of_step());
    assert!(matches!(wire.next().await, Err(WireError::Invalid(AbortReason::UnrecognizedPdu))));
    assert!(wire.is_out_of_step());
    theirs.write_all(&[7; 40]).await.unwrap();
    drop(theirs);
    wire.discard(1000).await;
    assert_eq!(wire.bytes_read(), 50);
}

#[tokio::test]
async fn what_never_ends_is_discarded_up_to_a_limit() {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let mut wire = Wire::new(ours, 65_536, SECOND);
    let endless = tokio::spawn(async move { while theirs.write_all(&[0; 64]).await.is_ok() {} });
    wire.discard(10_000).await;
    assert!((10_000..20_000).contains(&wire.bytes_read()));
    drop(wire);
    endless.await.unwrap();
}

#[tokio::test]
async fn pieces_go_where_the_caller_wants_them_whatever_their_pdus_are() {
    let data: Vec<u8> = (0..200_000_u32).map(|i| (i / 7) as u8).collect();
    for pdu_bytes_max in [16, 4096, 20_000, 40_000, 65_536] {
        for room_bytes in [1000, 70_000] {
            let mut bytes = Vec::new();
            put_pdata(&mut bytes, 7, FragmentKind::Command, b"before", pdu_bytes_max);
            put_pdata(&mut bytes, 7, FragmentKind::Data, &data, pdu_bytes_max);
            put_pdata(&mut bytes, 7, FragmentKind::Command, b"after.", pdu_bytes_max);
            let mut wire = wire(&bytes).await;
            let mut room = vec![0; room_bytes];
            assert_eq!(command(&mut wire).await, b"before");
            let mut joined = Vec::new();
            loop {
                let Ok(Received::Fragment(piece)) = wire.next_into(&mut room).await else {
                    panic!("a piece")
                };
                assert_eq!((piece.context, piece.kind), (7, FragmentKind::Data));
                joined.extend_from_slice(piece.bytes);
                if piece.end == FragmentEnd::Last {
                    break;
                }
            }
            assert!(joined == data, "{pdu_bytes_max} {room_bytes}");
            assert_eq!(command(&mut wire).await, b"after.");
            assert!(matches!(wire.next_into(&mut room).await, Err(WireError::Closed)));
            assert_eq!(wire.bytes_read(), bytes.len() as u64);
        }
    }
}

async fn command(wire: &mut Wire<DuplexStream>) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let Ok(Received::Fragment(piece)) = wire.next().await else { panic!("a piece") };
        assert_eq!(piece.kind, FragmentKind::Command);
        bytes.extend_from_slice(piece.bytes);
        if piece.end == FragmentEnd::Last {
            return bytes;
        }
    }
}
