//! Colours of what is drawn: P-Values and CIELab (PS3.3 §C.10.7.1.1) as sRGB.

use dataset::{Dataset, tags};

const WHITE: [u8; 3] = [255; 3];

/// Of the shutter (PS3.3 §C.7.6.11): black when it has none.
pub fn of_shutter(dataset: &Dataset) -> [u8; 3] {
    let lab = dataset.numbers(tags::SHUTTER_PRESENTATION_COLOR_CIE_LAB_VALUE);
    from_lab(&lab)
        .unwrap_or_else(|| [shade(dataset.integer(tags::SHUTTER_PRESENTATION_VALUE).unwrap_or(0)); 3])
}

/// Of a graphic layer: white when it recommends nothing.
pub fn of_layer(layer: Option<&Dataset>) -> [u8; 3] {
    let Some(layer) = layer else { return WHITE };
    let lab = layer.numbers(tags::GRAPHIC_LAYER_RECOMMENDED_DISPLAY_CIE_LAB_VALUE);
    from_lab(&lab)
        .or_else(|| {
            let value = layer.integer(tags::GRAPHIC_LAYER_RECOMMENDED_DISPLAY_GRAYSCALE_VALUE)?;
            Some([shade(value); 3])
        })
        .unwrap_or(WHITE)
}

/// A P-Value of 16 bits.
fn shade(value: i64) -> u8 {
    u8::try_from(value.clamp(0, 0xFFFF) >> 8).unwrap_or(0)
}

/// L* in 65535ths of 100, a* and b* in 65535ths of 255 from −128 on, for D50.
fn from_lab(numbers: &[f64]) -> Option<[u8; 3]> {
    let [l, a, b] = numbers else { return None };
    let l = (l / 65535.0 * 100.0 + 16.0) / 116.0;
    let a = a / 65535.0 * 255.0 - 128.0;
    let b = b / 65535.0 * 255.0 - 128.0;
    let cube = |t: f64| if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * 108.0 / 841.0 };
    let (x, y, z) = (0.964_22 * cube(l + a / 500.0), cube(l), 0.825_21 * cube(l - b / 200.0));
    // XYZ for D50 to linear sRGB, Bradford-adapted (IEC 61966-2-1).
    let linear = [
        3.133_856 * x - 1.616_867 * y - 0.490_615 * z,
        -0.978_768 * x + 1.916_142 * y + 0.033_454 * z,
        0.071_945 * x - 0.228_991 * y + 1.405_243 * z,
    ];
    Some(linear.map(|share| {
        let share = share.clamp(0.0, 1.0);
        let coded = if share <= 0.003_130_8 { share * 12.92 } else { 1.055 * share.powf(1.0 / 2.4) - 0.055 };
        // A cast from float clamps.
        (coded * 255.0).round() as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_values_of_known_colours() {
        // L* 100 is white; sRGB red has L* 54.29, a* 80.81, b* 69.89 for D50.
        let coded = |l: f64, a: f64, b: f64| {
            [l / 100.0 * 65535.0, (a + 128.0) / 255.0 * 65535.0, (b + 128.0) / 255.0 * 65535.0]
        };
        assert_eq!(from_lab(&coded(100.0, 0.0, 0.0)), Some([255; 3]));
        assert_eq!(from_lab(&coded(0.0, 0.0, 0.0)), Some([0; 3]));
        let red = from_lab(&coded(54.29, 80.81, 69.89)).unwrap();
        assert!(red[0] >= 254 && red[1] <= 3 && red[2] <= 3, "{red:?}");
        assert_eq!(from_lab(&[1.0]), None);
    }
}
