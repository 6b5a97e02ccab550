//! The ICC profile of the optical path (PS3.3 §C.11.15): the slide's own, or sRGB when it has none.

use std::sync::OnceLock;

/// Where an ICC.1 header keeps the time of its making.
const CREATED: std::ops::Range<usize> = 24..36;
/// 2000-01-01: the same profile, byte for byte, whenever it is written.
const CREATED_AT: [u8; 12] = [0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];

/// The sRGB profile; the same bytes at every call and on every day.
pub(crate) fn srgb() -> &'static [u8] {
    static PROFILE: OnceLock<Vec<u8>> = OnceLock::new();
    PROFILE.get_or_init(|| {
        let mut bytes = moxcms::ColorProfile::new_srgb().encode().unwrap_or_default();
        if let Some(created) = bytes.get_mut(CREATED) {
            created.copy_from_slice(&CREATED_AT);
        }
        bytes
    })
}

/// Whether bytes have the header of an ICC profile of their own length.
pub(crate) fn is_profile(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize);
    bytes.get(36..40) == Some(b"acsp") && length == Some(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srgb_is_a_profile_for_rgb() {
        assert!(is_profile(srgb()));
        assert_eq!(&srgb()[16..20], b"RGB ");
        assert_eq!(srgb()[CREATED], CREATED_AT);
        assert!(!is_profile(&srgb()[1..]));
    }
}
