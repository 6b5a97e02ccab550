//! What tests of several modules share: data sets made up by proptest.

use crate::{Dataset, Tag, VR};
use proptest::prelude::*;

/// Data sets of public and private elements, some of them sequences.
pub(crate) fn any_dataset() -> impl Strategy<Value = Dataset> {
    let value = prop_oneof![
        "[ -\\[\\]-~]{0,20}".prop_map(|text| (VR::LO, text.into_bytes())),
        proptest::collection::vec(any::<u16>(), 0..8)
            .prop_map(|numbers| (VR::US, numbers.iter().flat_map(|n| n.to_le_bytes()).collect())),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| (VR::OB, bytes)),
    ];
    let leaf = proptest::collection::vec((1u16..0x70, value), 0..8).prop_map(|elements| {
        let mut dataset = Dataset::new();
        for (number, (vr, mut bytes)) in elements {
            if bytes.len() % 2 == 1 {
                bytes.push(b' ');
            }
            dataset.put_bytes(Tag(0x0009, 0x1000 + number), vr, bytes);
        }
        dataset
    });
    leaf.prop_recursive(4, 24, 3, |inner| {
        (inner.clone(), proptest::collection::vec(inner, 0..3), 0x1080u16..0x1090).prop_map(
            |(mut dataset, items, number)| {
                dataset.put_items(Tag(0x0009, number), items);
                dataset
            },
        )
    })
}
