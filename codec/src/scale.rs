//! Making an 8-bit image smaller, by area average.

/// The width and height of an image that fits into `fit`, with the same aspect ratio and never enlarged; at least 1.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn fitted(width: u32, height: u32, fit: (u32, u32)) -> (u32, u32) {
    let (fit_width, fit_height) = (u64::from(fit.0.max(1)), u64::from(fit.1.max(1)));
    let (w, h) = (u64::from(width), u64::from(height));
    if w <= fit_width && h <= fit_height {
        return (width, height);
    }
    // Both are at most what they were, so they fit into 32 bits.
    let rounded = |a: u64, b: u64, divisor: u64| ((a * b + divisor / 2) / divisor).max(1) as u32;
    if w * fit_height >= h * fit_width {
        (fit_width as u32, rounded(h, fit_width, w).min(fit_height as u32))
    } else {
        (rounded(w, fit_height, h).min(fit_width as u32), fit_height as u32)
    }
}

/// How much of each source index a target index covers: `(first, weights)`, the weights summing to 1.
struct Coverage {
    first: usize,
    weights: Vec<f32>,
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn coverage(source: usize, target: usize) -> Vec<Coverage> {
    let step = source as f64 / target as f64;
    (0..target)
        .map(|index| {
            let (start, end) = (index as f64 * step, (index + 1) as f64 * step);
            let first = start.floor() as usize;
            let last = (end.ceil() as usize).clamp(first + 1, source);
            let weights = (first..last)
                .map(|at| {
                    let covered = end.min((at + 1) as f64) - start.max(at as f64);
                    (covered.max(0.0) / step) as f32
                })
                .collect();
            Coverage { first, weights }
        })
        .collect()
}

/// Averages `pixels` (8 bit, `channels` a pixel, `from` = width and height) down to the size `to`, which must not be
/// larger and not be empty; `pixels` must be as long as `from` says.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn area_average(pixels: &[u8], channels: usize, from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    let (width, height) = (from.0 as usize, from.1 as usize);
    let (new_width, new_height) = (to.0 as usize, to.1 as usize);
    let columns = coverage(width, new_width);
    let row_bytes = width * channels;
    let mut out = Vec::with_capacity(new_width * new_height * channels);
    let mut sums = vec![0_f32; row_bytes];
    for row in coverage(height, new_height) {
        sums.fill(0.0);
        let source = pixels[row.first * row_bytes..].chunks_exact(row_bytes);
        for (line, weight) in source.zip(&row.weights) {
            for (sum, value) in sums.iter_mut().zip(line) {
                *sum += weight * f32::from(*value);
            }
        }
        for column in &columns {
            for channel in 0..channels {
                let average: f32 = column
                    .weights
                    .iter()
                    .enumerate()
                    .map(|(offset, weight)| weight * sums[(column.first + offset) * channels + channel])
                    .sum();
                out.push((average + 0.5) as u8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aspect_ratio_is_kept_and_nothing_is_enlarged() {
        assert_eq!(fitted(512, 512, (128, 256)), (128, 128));
        assert_eq!(fitted(1000, 500, (100, 100)), (100, 50));
        assert_eq!(fitted(500, 1000, (100, 100)), (50, 100));
        assert_eq!(fitted(64, 32, (100, 100)), (64, 32));
        assert_eq!(fitted(10_000, 1, (100, 100)), (100, 1));
        assert_eq!(fitted(7, 7, (0, 0)), (1, 1));
    }

    #[test]
    fn a_pixel_is_the_mean_of_what_it_covers() {
        assert_eq!(area_average(&[0, 10, 20, 30, 40, 50, 60, 70], 1, (4, 2), (2, 1)), [25, 45]);
        // 3 → 2: one and a half pixels each.
        assert_eq!(area_average(&[0, 90, 30], 1, (3, 1), (2, 1)), [30, 50]);
        assert_eq!(area_average(&[1, 2, 3, 3, 4, 5], 3, (2, 1), (1, 1)), [2, 3, 4]);
    }

    #[test]
    fn a_flat_image_stays_flat() {
        for to in 1..37 {
            let small = area_average(&[255; 37 * 41], 1, (37, 41), (to, to));
            assert_eq!(small, vec![255; (to * to) as usize]);
        }
    }
}
