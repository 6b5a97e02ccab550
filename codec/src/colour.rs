//! YBR_FULL to RGB, 8 bit (PS3.3 §C.7.6.3.1.2).

/// Turns Y, Cb, Cr triples into R, G, B in place, rounded to the nearest integer and clamped.
pub(crate) fn ybr_full_to_rgb(pixels: &mut [u8]) {
    // Fixed point with 16 fractional bits.
    const HALF: i32 = 1 << 15;
    for pixel in pixels.chunks_exact_mut(3) {
        let y = (i32::from(pixel[0]) << 16) + HALF;
        let cb = i32::from(pixel[1]) - 128;
        let cr = i32::from(pixel[2]) - 128;
        pixel[0] = clamp((y + 91_881 * cr) >> 16);
        pixel[1] = clamp((y - 22_554 * cb - 46_802 * cr) >> 16);
        pixel[2] = clamp((y + 116_130 * cb) >> 16);
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn clamp(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_one_step_of_the_standards_equations() {
        for y in (0..=255_u8).step_by(5) {
            for cb in (0..=255_u8).step_by(5) {
                for cr in (0..=255_u8).step_by(5) {
                    let mut pixel = [y, cb, cr];
                    ybr_full_to_rgb(&mut pixel);
                    let (y, b, r) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
                    let exact = [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b];
                    for (got, exact) in pixel.iter().zip(exact) {
                        assert!((f64::from(*got) - exact.clamp(0.0, 255.0)).abs() <= 0.51, "{got} {exact}");
                    }
                }
            }
        }
    }
}
