//! What a picture may take.

use super::*;
use crate::out::Rectangle;

fn plan(cut: Cut, size: (u32, u32)) -> Result<Plan, SlideError> {
    let view = View::plain(Rectangle { x: 0, y: 0, width: cut.image.0, height: cut.image.1 }, size);
    Plan::of(cut, &view, 1, &Limits::default())
}

/// All of an image, as one of this size.
fn whole(image: (u32, u32), tile: (u32, u32), size: (u32, u32)) -> Cut {
    Cut { image, tile, from: (0.0, 0.0), length: (image.0.into(), image.1.into()), size }
}

#[test]
fn a_slide_that_says_it_is_huge_is_refused_before_memory_is_taken() {
    for (image, tile) in [
        ((1 << 31, 60_000), (65_535, 60_000)),
        ((u32::MAX, u32::MAX), (1, 1)),
        ((u32::MAX, 1), (65_535, 1)),
        ((1, u32::MAX), (1, 65_535)),
        ((1 << 24, 1 << 24), (256, 256)),
    ] {
        let plan = plan(whole(image, tile, (1, 1)), (1, 1));
        assert!(matches!(plan, Err(SlideError::Refused(_))), "{image:?} {tile:?}: {plan:?}");
    }
}

#[test]
fn few_pixels_enlarged_to_many_are_large_work() {
    let cut = whole((2048, 2048), (256, 256), (16, 16));
    assert_eq!(plan(cut, (16, 16)).unwrap().work, Work::Small);
    assert_eq!(plan(cut, (4096, 4096)).unwrap().work, Work::Large);
    let label = whole((16, 16), (16, 16), (16, 16));
    assert_eq!(plan(label, (4096, 4096)).unwrap().work, Work::Large);
}

#[test]
fn large_tiles_are_read_one_by_one() {
    assert_eq!(plan(whole((4096, 256), (256, 256), (16, 1)), (16, 1)).unwrap().tiles_at_once, 16);
    assert_eq!(plan(whole((8000, 8000), (8000, 8000), (1, 1)), (1, 1)).unwrap().tiles_at_once, 1);
}
