//! Labels with barcodes. The symbols were made by zxing-cpp 3.1.1 (Apache-2.0), which is not what reads them here: a line for
//! each row of modules, `#` where it is dark.

use crate::small_image::SmallImage;

/// Pixels of a side of the label.
const SIDE: usize = 420;

/// A symbol, and what it says.
#[derive(Clone, Copy)]
pub struct Symbol {
    pub text: &'static str,
    rows: &'static [&'static str],
    /// Pixels of a module: across and down.
    module: (usize, usize),
}

pub const DATA_MATRIX: Symbol = Symbol {
    text: "P7_B2026-17_HE",
    rows: &[
        "#.#.#.#.#.#.#.#.",
        "#........#.#..##",
        "#####..##..#.##.",
        "#....#.#..##..##",
        "#.#.##.....#....",
        "##.##.#..####.##",
        "#.#........#..#.",
        "#.#.###.#.#....#",
        "##...#..###..#..",
        "#.#..#...#.#####",
        "##..##.#.####.#.",
        "#....######..#.#",
        "######...####.#.",
        "#.#.#.#.#.##.#.#",
        "#....#...##...#.",
        "################",
    ],
    module: (6, 6),
};

pub const QR: Symbol = Symbol {
    text: "病理号 B2026-17",
    rows: &[
        "#######.#...#.#######",
        "#.....#....##.#.....#",
        "#.###.#.##..#.#.###.#",
        "#.###.#..##...#.###.#",
        "#.###.#..#.##.#.###.#",
        "#.....#.##.##.#.....#",
        "#######.#.#.#.#######",
        ".........#..#........",
        "#.#...##..#....#..#.#",
        "...#.#..#.#..######..",
        "####..#.######.#.####",
        "..#..#..###........#.",
        ".######..##...#....#.",
        "........#..#.#.#.#.##",
        "#######.#.####.#....#",
        "#.....#..#..#.#..#.##",
        "#.###.#.....#####.###",
        "#.###.#...###........",
        "#.###.#.##.##...##.##",
        "#.....#..####.....#..",
        "#######.#.#.###..###.",
    ],
    module: (6, 6),
};

/// In GBK, without an ECI, as many Chinese programs print; made by segno.
pub const QR_IN_GBK: Symbol = Symbol {
    text: "姓名：李四 B2026-17",
    rows: &[
        "#######..###.#..#.#######",
        "#.....#....##...#.#.....#",
        "#.###.#..###..###.#.###.#",
        "#.###.#.#.##.####.#.###.#",
        "#.###.#.#.#.#.#...#.###.#",
        "#.....#..##..##...#.....#",
        "#######.#.#.#.#.#.#######",
        ".........#..#.###........",
        "##...###.##.#..##...##...",
        ".##..#.#..#...###.##..#.#",
        "#.#..##..#.##..#.####.##.",
        ".....#.#..##...#..#.#####",
        "#.##..#..##..###.####...#",
        "#.........#.##.#...##.###",
        "#.#..##.#.#..###..#.#.##.",
        "#.#....##.#.###.#.##....#",
        "#.##..#.###.#.#########.#",
        "........#.#....##...#..##",
        "#######.#...###.#.#.#....",
        "#.....#.####..#.#...#.##.",
        "#.###.#..###...######.#.#",
        "#.###.#..##.##...##....##",
        "#.###.#..##..###..#####.#",
        "#.....#.##..##.##.#..##.#",
        "#######.######.###.####.#",
    ],
    module: (6, 6),
};

pub const CODE_128: Symbol = Symbol {
    text: "B2026-00017-A1",
    rows: &[
        "##.#..#....#...#.##...#.###.####.##..#..###.###..#..##.#.####.###.#..##.###..#.###.####.##.##..##..##..##.##..#.####.###.###.##.###.#..##.###..#.#...##...#..###..##.#.###.##...##...###.#.##",
    ],
    module: (2, 90),
};

pub const CODE_39: Symbol = Symbol {
    text: "S26-4711",
    rows: &[
        "#..#.##.##.#.#.##.#.##..#.#.##..#.#.##.#.##..##.#.#.#..#.#.##.##.#.#..##.#.##.#.#..#.##.##.##.#..#.#.##.##.#..#.#.##.#..#.##.##.#",
    ],
    module: (2, 90),
};

/// A white label with symbols whose upper left corners are here.
pub fn of(symbols: &[(Symbol, (usize, usize))]) -> SmallImage {
    let mut image =
        SmallImage { width: SIDE as u32, height: SIDE as u32, rgb: vec![252; SIDE * SIDE * 3], lossy: None };
    for (symbol, (left, top)) in symbols {
        let (across, down) = symbol.module;
        for (row, line) in symbol.rows.iter().enumerate() {
            for (column, _) in line.bytes().enumerate().filter(|(_, module)| *module == b'#') {
                fill(&mut image, (left + column * across, top + row * down), symbol.module);
            }
        }
    }
    image
}

/// Ink on a square.
pub fn blot(image: &mut SmallImage, corner: (usize, usize), side: usize) {
    fill(image, corner, (side, side));
}

fn fill(image: &mut SmallImage, (left, top): (usize, usize), (width, height): (usize, usize)) {
    let row_bytes = image.width as usize * 3;
    for row in top..top + height {
        image.rgb[row * row_bytes + left * 3..row * row_bytes + (left + width) * 3].fill(12);
    }
}

/// A quarter turn clockwise.
pub fn turned(image: &SmallImage) -> SmallImage {
    let (width, height) = (image.height as usize, image.width as usize);
    let pixel = |at: usize| {
        let (row, column) = (at / width, at % width);
        let from = ((width - 1 - column) * height + row) * 3;
        image.rgb[from..from + 3].to_vec()
    };
    let rgb = (0..width * height).flat_map(pixel).collect();
    SmallImage { width: width as u32, height: height as u32, rgb, lossy: None }
}

/// With light from one side, little contrast, blurred, and noise.
pub fn photographed(image: &SmallImage) -> SmallImage {
    let row_bytes = image.width as usize * 3;
    let shade = |at: usize| {
        let near = [at.saturating_sub(row_bytes), at.saturating_sub(3), at, at + 3, at + row_bytes];
        let sum: usize = near.iter().map(|at| usize::from(*image.rgb.get(*at).unwrap_or(&252))).sum();
        let light = 55 + 45 * (at % row_bytes) / row_bytes;
        let noise = (at as u32).wrapping_mul(2_654_435_761) >> 28;
        (40 + sum / 5 * light * 6 / 1000 + noise as usize) as u8
    };
    SmallImage { rgb: (0..image.rgb.len()).map(shade).collect(), ..image.clone() }
}

/// Each pixel as a square of so many.
pub fn enlarged(image: &SmallImage, by: usize) -> SmallImage {
    let width = image.width as usize;
    let row = |row: &[u8]| -> Vec<u8> { row.as_chunks::<3>().0.iter().flat_map(|p| p.repeat(by)).collect() };
    let rgb = image.rgb.chunks(width * 3).flat_map(|line| row(line).repeat(by)).collect();
    SmallImage { width: image.width * by as u32, height: image.height * by as u32, rgb, lossy: None }
}
