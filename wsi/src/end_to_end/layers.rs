//! Focal planes and channels, from the file to tiles.

use super::Node;
use crate::grade::same_levels;
use crate::layers::{LayerChoice, Window};
use crate::out::Seen;
use crate::readers;
use crate::testing::{KINDS, Ome, Packed, ndpi, ndpi_planes, source};
use crate::{Grade, Slide, TileForm};
use model::Limits;
use storage::Change;

/// A stored tile of a plane or path.
async fn stored(node: &Node, slide: &Slide, layer: LayerChoice, (x, y): (u32, u32)) -> Vec<u8> {
    let seen = Seen { layer, ..Seen::default() };
    let tile = node.slides.tile_of(&node.own(), &slide.id, (0, x, y), seen).await.unwrap();
    node.slides.read_tile(&node.own(), &tile, TileForm::Stored).await.unwrap().bytes.to_vec()
}

fn plane(z_nm: i64) -> LayerChoice {
    LayerChoice { z_nm: Some(z_nm), path: None }
}

/// The same, as it is made of the instances alone.
async fn adopted(node: &Node, slide: &Slide) -> Slide {
    let removes = vec![(crate::slides::KIND, slide.id.to_string())];
    node.storage.apply(&model::Scope::node("test"), Change { removes, ..Change::default() }).await.unwrap();
    let [slide] = node.slides.adopt(&node.owner, &slide.study).await.unwrap().try_into().unwrap();
    slide
}

#[tokio::test(flavor = "multi_thread")]
async fn every_focal_plane_of_an_ndpi_is_kept() {
    let node = Node::new().await;
    let planes = [0, -1500, 1500].map(|z_nm| (640, 555, 20, z_nm));
    let slide = node.import(&node.file(&ndpi_planes(&planes))).await.unwrap().slide;
    let tiles = slide.levels[0].tile_count();
    let grade = &slide.grade;
    assert_eq!((grade.grade, grade.tiles_checked, grade.tiles_equal), (Grade::B, 3 * tiles, 3 * tiles));
    let names: Vec<_> = slide.focal_planes.iter().map(crate::FocalPlane::name).collect();
    assert_eq!((names, slide.omitted.len()), (vec!["-1.5".to_owned(), "0".to_owned(), "1.5".to_owned()], 0));
    assert!(slide.focal_planes.iter().all(|plane| plane.is_distance));
    let mut seen = Vec::new();
    for z_nm in [-1500, 0, 1500] {
        seen.push(stored(&node, &slide, plane(z_nm), (0, 0)).await);
    }
    assert_eq!(stored(&node, &slide, LayerChoice::default(), (0, 0)).await, seen[1], "the plane in focus");
    assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    let proof = node.slides.check(&node.own(), &slide.id, &|_| {}).await.unwrap();
    assert_eq!((proof.report, proof.frames.equal), (slide.grade.clone(), 3 * tiles));
    let alone = adopted(&node, &slide).await;
    assert_eq!((&alone.levels, &alone.focal_planes), (&slide.levels, &slide.focal_planes));
}

#[tokio::test(flavor = "multi_thread")]
async fn focal_planes_that_no_instance_can_hold_together_are_named() {
    let node = Node::new().await;
    let uneven = [0, -1500, 4000].map(|z_nm| (640, 555, 20, z_nm));
    let slide = node.import(&node.file(&ndpi_planes(&uneven))).await.unwrap().slide;
    let why = |number: u32| format!("image {number}: a further focal plane at an uneven distance");
    assert_eq!(slide.omitted, [why(1), why(2)]);
    assert_eq!((slide.grade.grade, slide.focal_planes.len()), (Grade::B, 0));
    assert_eq!(slide.grade.tiles_checked, slide.levels[0].tile_count());

    let shapes = [(640, 555, 20, 0), (640, 555, 10, 1000), (640, 555, 20, 2000), (320, 277, 20, 3000)];
    let slide = node.import(&node.file(&ndpi_planes(&shapes))).await.unwrap().slide;
    let why = |number: u32| format!("image {number}: a further focal plane of another shape");
    assert_eq!((slide.levels.len(), slide.focal_planes.len()), (1, 2), "{:?}", slide.omitted);
    assert_eq!(slide.omitted, [why(1), why(3)]);
}

#[test]
fn a_slide_of_which_only_the_plane_in_focus_was_kept_is_proved_by_that_plane() {
    let levels = |bytes: Vec<u8>| readers::plan(source(bytes), &Limits::default()).unwrap().levels;
    let planes = levels(ndpi_planes(&[0, -1500, 1500].map(|z_nm| (640, 555, 20, z_nm))));
    let node = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let before = node.block_on(async {
        let node = Node::new().await;
        node.import(&node.file(&ndpi(640, 555, Some(20), true))).await.unwrap().slide
    });
    let same = same_levels(planes, &before).unwrap();
    assert_eq!(same[0].frame_count(), before.levels[0].tile_count());
    let other = levels(ndpi_planes(&[(320, 277, 20, 0)]));
    assert!(same_levels(other, &before).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_of_sixteen_bits_are_kept_sample_for_sample() {
    for (kind, packed, is_differenced, grade, reason) in [
        (KINDS[0], Packed::Not, false, Grade::A, None),
        (KINDS[3], Packed::Not, false, Grade::C, Some("uncompressed tiles of another byte order")),
        (KINDS[0], Packed::Lzw, false, Grade::C, Some("LZW tiles")),
        (KINDS[1], Packed::Lzw, true, Grade::C, Some("LZW tiles")),
        (KINDS[2], Packed::Deflate, true, Grade::C, Some("deflated tiles")),
    ] {
        let case = format!("{kind:?} {packed:?} {is_differenced}");
        let node = Node::new().await;
        let ome = Ome { kind, packed, is_differenced, ..Ome::of(3) };
        let slide = node.import(&node.file(&ome.build())).await.unwrap().slide;
        let report = &slide.grade;
        assert_eq!(
            (report.grade, report.generations, report.reason.as_deref()),
            (grade, 0, reason),
            "{case}"
        );
        assert_eq!((report.tiles_checked, report.tiles_equal), (36, 36), "{case}");
        for (number, channel) in slide.channels.iter().enumerate() {
            assert_eq!((channel.description.clone(), channel.bits), (format!("Dye {number}"), 16), "{case}");
            assert!(
                channel.colour.is_some() && channel.window.is_some_and(|Window { low, high }| low < high)
            );
            let layer = LayerChoice { z_nm: None, path: Some(channel.identifier.clone()) };
            let tile = stored(&node, &slide, layer, (2, 1)).await;
            let expected = ome.tile_of(number, 2, 1);
            if grade == Grade::A {
                assert!(tile == expected, "{case}: channel {number}");
            } else {
                let format = codec::FrameFormat {
                    bits_allocated: 16,
                    bits_stored: 16,
                    ..codec::FrameFormat::eight_bit(32, 32, 1, codec::Photometric::Monochrome2)
                };
                let decoded = codec::decode("1.2.840.10008.1.2.4.80", &tile, &format, 1 << 20).unwrap();
                assert!(decoded.bytes == expected, "{case}: channel {number}");
            }
        }
        assert_eq!(slide.channels.len(), 3, "{case}");
        let proof = node.slides.check(&node.own(), &slide.id, &|_| {}).await.unwrap();
        assert_eq!((&proof.report, proof.frames.equal), (&slide.grade, 36), "{case}");
        let tile = node.slides.tile(&node.own(), &slide.id, 0, 0, 0).await.unwrap();
        let shown =
            node.slides.composed_tile(&node.own(), &slide.id, (0, 0, 0), &Seen::default()).await.unwrap();
        assert!(!tile.is_jpeg() && !shown.may_change);
        node.slides.read_composed(&node.own(), &shown).await.unwrap();
        let alone = adopted(&node, &slide).await;
        assert_eq!((&alone.levels, &alone.channels), (&slide.levels, &slide.channels), "{case}");
    }
}
