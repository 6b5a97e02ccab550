//! Where frames are, of instances that say it well and of others.

use super::*;
use model::Uid;
use std::sync::Arc;

/// 250 × 150 pixels in tiles of 100 × 100.
fn facts(frames: u32, places: Places) -> Facts {
    Facts {
        instance: Uid::parse("1.2.3").unwrap(),
        instance_number: 1,
        flavor: "VOLUME".to_owned(),
        shows_label: false,
        lossy_encodings: 0,
        pyramid: String::new(),
        total: (250, 150),
        tile: (100, 100),
        frames,
        focal_planes: 1,
        z_nm: 0,
        plane_step_nm: None,
        paths: Vec::new(),
        path_count: None,
        shared_path: None,
        concatenation: None,
        places,
        mpp_um: None,
        objective: None,
        container: String::new(),
        stain: None,
    }
}

fn sparse(frames: &[(u32, u32, i64, &str)]) -> (Facts, Vec<Position>) {
    let places: Vec<_> = frames
        .iter()
        .map(|(column, row, z_nm, path)| Position {
            column: *column,
            row: *row,
            z_nm: *z_nm,
            path: (*path).into(),
        })
        .collect();
    let listed = Places::Listed(Arc::from(places.clone()));
    (facts(u32::try_from(frames.len()).unwrap(), listed), places)
}

type Found = Vec<(String, i64, Vec<u32>)>;

/// Path, height and the frame of each tile of each layer.
fn scatter(facts: &Facts, places: &[Position]) -> Option<Found> {
    let grid = Grid::of(facts)?;
    let tiles = grid.tiles() as usize;
    let (layers, map) = scattered(facts, &grid, &places.iter().collect::<Vec<_>>())?;
    let one = |layer: StackLayer| {
        let first = layer.first as usize;
        (layer.path.identifier, layer.z_nm, map[first..first + tiles].to_vec())
    };
    Some(layers.into_iter().map(one).collect())
}

const NO: u32 = MISSING;

#[test]
fn sizes_that_nothing_can_have_make_no_level() {
    let check = |total, tile, is: bool| {
        let facts = Facts { total, tile, ..facts(1, Places::RowByRow) };
        assert_eq!(is_sound(&facts, &Limits::default()).is_ok(), is, "{total:?} {tile:?}");
    };
    check((300_000, 200_000), (256, 256), true);
    check((12_000, 12_000), (12_000, 12_000), true);
    check((1 << 31, 60_000), (256, 256), false);
    check((100, u32::MAX), (256, 256), false);
    check((60_000, 60_000), (60_000, 60_000), false);
    check((u32::MAX, u32::MAX), (u32::MAX, u32::MAX), false);
}

#[test]
fn frames_of_a_sparse_level_are_found_by_their_places() {
    let (facts, places) = sparse(&[(200, 0, 0, "1"), (0, 100, 0, "1")]);
    assert_eq!(scatter(&facts, &places).unwrap(), [("1".to_owned(), 0, vec![NO, NO, 0, 1, NO, NO])]);
}

#[test]
fn each_plane_of_each_path_is_a_layer() {
    let (facts, places) = sparse(&[
        (0, 0, -1500, "blue"),
        (0, 0, 0, "blue"),
        (0, 0, 1500, "blue"),
        (0, 0, 0, "green"),
        (100, 0, 0, "green"),
        (100, 0, 0, "green"),
    ]);
    let layer =
        |path: &str, z_nm, frames: [u32; 2]| (path.to_owned(), z_nm, [&frames[..], &[NO; 4]].concat());
    let expected = [
        layer("blue", -1500, [0, NO]),
        layer("blue", 0, [1, NO]),
        layer("blue", 1500, [2, NO]),
        layer("green", -1500, [NO, NO]),
        layer("green", 0, [3, 4]),
        layer("green", 1500, [NO, NO]),
    ];
    assert_eq!(scatter(&facts, &places).unwrap(), expected, "of two frames at one place the first");
}

#[test]
fn the_first_path_is_the_one_that_is_listed_first() {
    let (mut facts, places) = sparse(&[(0, 0, 0, "unlisted"), (0, 0, 0, "green"), (0, 0, 0, "blue")]);
    facts.paths = vec![path("blue"), path("green"), path("red")];
    let paths: Vec<_> = scatter(&facts, &places).unwrap().into_iter().map(|(path, ..)| path).collect();
    assert_eq!(paths, ["blue", "green", "unlisted"]);
}

#[test]
fn tiles_that_were_focused_one_by_one_are_one_plane() {
    let (facts, places) = sparse(&[(0, 0, 1200, "1"), (100, 0, 1310, "1"), (200, 0, 1250, "1")]);
    assert_eq!(scatter(&facts, &places).unwrap(), [("1".to_owned(), 1250, vec![0, 1, 2, NO, NO, NO])]);
    let (mut facts, places) =
        sparse(&[(0, 0, 1200, "1"), (0, 0, 200, "1"), (100, 0, 1310, "1"), (100, 0, 310, "1")]);
    facts.focal_planes = 2;
    let found = scatter(&facts, &places).unwrap();
    let frames: Vec<_> = found.iter().map(|(_, z_nm, frames)| (*z_nm, frames[0], frames[1])).collect();
    assert_eq!(frames, [(310, 1, 3), (1310, 0, 2)]);
}

#[test]
fn tiles_out_of_line_are_not_shown_at_a_wrong_place() {
    let (facts, places) = sparse(&[(0, 0, 0, "1"), (50, 0, 0, "1")]);
    assert_eq!(scatter(&facts, &places), None);
    let (facts, places) = sparse(&[(0, 0, 0, "1"), (4_294_967_200, 0, 0, "1"), (0, 4_000_000_000, 0, "1")]);
    assert_eq!(scatter(&facts, &places).unwrap()[0].2, [0, NO, NO, NO, NO, NO], "outside the matrix");
    let (facts, places) = sparse(&[(300, 0, 0, "1")]);
    assert_eq!(scatter(&facts, &places), None, "nothing of it is inside");
}

#[test]
fn a_level_far_larger_than_its_frames_is_not_shown() {
    let (mut facts, places) = sparse(&[(0, 0, 0, "1")]);
    let map = |facts: &Facts, frames: usize| {
        let grid = Grid::of(facts)?;
        scattered(facts, &grid, &vec![&places[0]; frames]).map(|(_, map)| map.len())
    };
    for (side, expected) in [
        (25_600, [Some(65_536); 2]),
        (30_000, [None, Some(90_000)]),
        (60_000, [None, None]),
        (u32::MAX, [None, None]),
    ] {
        facts.total = (side, side);
        assert_eq!([map(&facts, 1), map(&facts, 2000)], expected, "{side}");
    }
    facts.tile = (1, 1);
    assert!(Grid::of(&facts).is_none(), "more tiles than 32 bits count");
}

type Line = (String, i64, u32);

/// Layers of TILED_FULL: path, height, first frame; and whether it is contradictory.
fn lines(facts: &Facts) -> Option<(Vec<Line>, bool)> {
    let grid = Grid::of(facts)?;
    let mut stack = Stack {
        total: facts.total,
        tile: facts.tile,
        parts: Vec::new(),
        frames: facts.frames,
        layers: Vec::new(),
        map: None,
        is_contradictory: false,
    };
    stack.in_line(facts, &grid)?;
    let layers = stack.layers.into_iter().map(|layer| (layer.path.identifier, layer.z_nm, layer.first));
    Some((layers.collect(), stack.is_contradictory))
}

fn path(identifier: &str) -> PathFacts {
    unnamed(identifier)
}

#[test]
fn planes_follow_each_other_within_each_path() {
    let stack = Facts {
        focal_planes: 2,
        plane_step_nm: Some(500),
        z_nm: -250,
        paths: vec![path("blue"), path("")],
        ..facts(24, Places::RowByRow)
    };
    let (layers, is_contradictory) = lines(&stack).unwrap();
    let expected = [("blue", -250, 0), ("blue", 250, 6), ("2", -250, 12), ("2", 250, 18)];
    assert_eq!(layers, expected.map(|(path, z, first)| (path.to_owned(), z, first)));
    assert!(!is_contradictory);
    let counted = Facts { plane_step_nm: None, ..stack };
    let heights: Vec<_> = lines(&counted).unwrap().0.into_iter().map(|(_, z_nm, _)| z_nm).collect();
    assert_eq!(heights, [0, 1000, 0, 1000], "numbers, when no distance is said");
}

#[test]
fn paths_of_one_name_are_told_apart() {
    let stack = Facts { paths: vec![path("1"), path("1")], ..facts(12, Places::RowByRow) };
    let names: Vec<_> = lines(&stack).unwrap().0.into_iter().map(|(path, ..)| path).collect();
    assert_eq!(names, ["1", "1 (2)"]);
    let unsaid: Vec<_> =
        lines(&facts(18, Places::RowByRow)).unwrap().0.into_iter().map(|(path, ..)| path).collect();
    assert_eq!(unsaid, ["1", "2", "3"], "frames say how many there are");
    let shared = Facts {
        shared_path: Some("red".into()),
        paths: vec![path("blue"), path("red")],
        ..facts(6, Places::RowByRow)
    };
    assert_eq!(lines(&shared).unwrap().0[0].0, "red", "of the paths that are said to be there");
}

#[test]
fn contradictions_leave_the_first_layer() {
    let of = |frames, focal_planes, path_count| {
        let stack = Facts { focal_planes, path_count, ..facts(frames, Places::RowByRow) };
        lines(&stack).map(|(layers, is_contradictory)| (layers.len(), is_contradictory))
    };
    assert_eq!(of(12, 2, Some(1)), Some((2, false)));
    for (frames, planes, paths) in [
        (12, 3, Some(1)),
        (12, 1, Some(1)),
        (12, u32::MAX, Some(u32::MAX)),
        (6, 2, None),
        (18, 2, None),
        (6, 1, Some(0)),
    ] {
        assert_eq!(of(frames, planes, paths), Some((1, true)), "{frames} {planes} {paths:?}");
    }
    assert_eq!(of(6 * 2000, 2000, Some(1)), Some((1, true)), "more layers than are listed");
    for frames in [0, 5, 7, u32::MAX] {
        assert_eq!(of(frames, 1, None), None, "{frames}");
    }
}
