//! Planes, paths, channels and revisions in every address of a slide's pixels, and in what people leave on it.

use crate::dicom_slides::{received, slide};
use crate::support::http::Client;
use serde_json::{Value as Json, json};

fn person() -> Client {
    received().node.person("township")
}

fn id_of(name: &str) -> &'static str {
    slide(name)["id"].as_str().expect("an id")
}

fn facts(name: &str) -> Json {
    person().get(&format!("/api/v1/slides/{}", id_of(name))).expect(200).json()
}

#[test]
fn an_address_with_the_revision_is_kept_for_good_and_one_of_another_is_not_there() {
    let facts = facts("fluor");
    let revision = facts["revision"].as_str().expect("a revision");
    let tile = |query: &str| person().get(&format!("/api/v1/slides/{}/tiles/0/1/1{query}", id_of("fluor")));
    for layer in ["", "&path=cy5", "&channels=dapi,cy5"] {
        let plain = tile(&format!("?{layer}")).expect(200);
        let kept = tile(&format!("?rev={revision}{layer}")).expect(200);
        assert_eq!(plain.header("cache-control"), "private, no-cache");
        assert_eq!(kept.header("cache-control"), "private, max-age=31536000, immutable");
        assert_eq!((kept.header("etag"), &kept.body), (plain.header("etag"), &plain.body));
    }
    for other in ["0123456789abcdef", "x", ""] {
        tile(&format!("?rev={other}")).expect_problem(404, "not-found");
    }
    let picture = |id: &str| person().get(&format!("/iiif/3/{id}/0,0,20,20/max/0/default.jpg"));
    let kept = picture(&format!("{};rev={revision}", id_of("fluor"))).expect(200);
    assert_eq!(kept.header("cache-control"), "private, max-age=31536000, immutable");
    picture(&format!("{};rev=0123456789abcdef", id_of("fluor"))).expect_problem(404, "not-found");
}

/// A plane of a path is the same tile by every address, byte for byte where it is stored as browsers show it.
#[test]
fn planes_and_paths_are_the_same_by_tile_deep_zoom_and_iiif() {
    let facts = facts("apart");
    let (width, height) =
        (facts["width"].as_u64().expect("pixels"), facts["height"].as_u64().expect("pixels"));
    let side = facts["tile_width"].as_u64().expect("pixels");
    let last = u64::BITS - (width.max(height) - 1).leading_zeros();
    let mut different = std::collections::HashSet::new();
    for plane in facts["focal_planes"].as_array().expect("planes") {
        for path in facts["channels"].as_array().expect("channels") {
            let query = format!(
                "z={}&path={}",
                plane["z"].as_str().expect("a name"),
                path["path"].as_str().expect("a name")
            );
            let id = id_of("apart");
            let tile = person().get(&format!("/api/v1/slides/{id}/tiles/0/0/0?{query}")).expect(200).body;
            let deep = format!("/api/v1/slides/{id}/dzi_files/{last}/0_0.jpg?{query}");
            assert!(person().get(&deep).expect(200).body == tile, "{query} by Deep Zoom");
            let iiif = format!("/iiif/3/{id};{query}/0,0,{side},{side}/max/0/default.jpg");
            assert!(person().get(&iiif).expect(200).body == tile, "{query} by IIIF");
            different.insert(tile);
        }
    }
    assert!(different.len() > 1);
    person().get(&format!("/api/v1/slides/{}/dzi.dzi?z=-0.5", id_of("apart"))).expect(200);
    person().get(&format!("/api/v1/slides/{}/dzi.dzi?z=99", id_of("apart"))).expect_problem(404, "not-found");
    person().get(&format!("/iiif/3/{};z=99/info.json", id_of("apart"))).expect_problem(404, "not-found");
    person().get(&format!("/iiif/3/{};w=1/info.json", id_of("apart"))).expect_problem(404, "not-found");
    person().get(&format!("/iiif/3/{};z=up/info.json", id_of("apart"))).expect_problem(422, "invalid");
}

#[test]
fn info_json_says_the_scale_and_what_there_is_to_choose_from() {
    let info = person().get(&format!("/iiif/3/{};path=cy5/info.json", id_of("fluor"))).expect(200).json();
    assert!(info["id"].as_str().is_some_and(|id| id.ends_with(";path=cy5")), "{info}");
    let services = info["service"].as_array().expect("services");
    let own = services.iter().find(|service| service["type"] == "FarsightSlide").expect("our own");
    assert_eq!((&own["shown"]["path"], own["channels"].as_array().map(Vec::len)), (&json!("cy5"), Some(3)));
    let mpp = own["mpp_um"]["x"].as_f64().expect("a scale");
    let scale = services.iter().find_map(|service| service["physicalScale"].as_f64()).expect("a scale");
    assert!((scale * 1000.0 / mpp - 1.0).abs() < 0.01, "{scale} mm, {mpp} µm");
}

fn bookmark(name: &str, layer: &Json) -> Json {
    let facts = facts(name);
    let (width, height) =
        (facts["width"].as_f64().expect("pixels"), facts["height"].as_f64().expect("pixels"));
    let mut view = json!({
        "x": width / 2.0, "y": height / 2.0, "zoom": 1.0, "rotation_deg": 0.0, "mirrored": false,
        "screen_width": width, "screen_height": height,
    });
    for (key, value) in layer.as_object().expect("a layer") {
        view[key] = value.clone();
    }
    let path = format!("/api/v1/slides/{}/bookmarks", id_of(name));
    person().post(&path, &json!({"name": "视野", "view": view})).expect(201).json()
}

#[test]
fn bookmarks_of_other_planes_and_channels_have_their_own_pictures() {
    let hash = |bookmark: &Json| bookmark["picture"]["sha256"].as_str().expect("a hash").to_owned();
    let usual = bookmark("fluor", &json!({}));
    assert_eq!(usual["view"]["channels"], facts("fluor")["composition"], "what is usual is written down");
    let alone = bookmark("fluor", &json!({"path": "cy5"}));
    let two = bookmark("fluor", &json!({"channels": "dapi:FF0000:0-100,cy5:00FF00:0-200"}));
    assert!(hash(&usual) != hash(&alone) && hash(&alone) != hash(&two) && hash(&two) != hash(&usual));
    assert_ne!(alone["picture"]["sop_instance_uid"], two["picture"]["sop_instance_uid"], "each path is one");

    let planes = facts("apart")["focal_planes"].clone();
    let of_plane = |at: usize| bookmark("apart", &json!({"z": planes[at]["z"]}));
    assert_ne!(hash(&of_plane(0)), hash(&of_plane(2)));
    let middle = bookmark("apart", &json!({}));
    assert_eq!(middle["view"]["z"], planes[1]["z"]);

    let path = format!("/api/v1/slides/{}/bookmarks", id_of("fluor"));
    for layer in [
        json!({"z": "up"}),
        json!({"path": "red"}),
        json!({"channels": "red"}),
        json!({"path": "cy5", "channels": "dapi"}),
    ] {
        let mut view = usual["view"].clone();
        view.as_object_mut().expect("a view").remove("channels");
        for (key, value) in layer.as_object().expect("a layer") {
            view[key] = value.clone();
        }
        let answer = person().post(&path, &json!({"name": "视野", "view": view}));
        assert_eq!(answer.expect_problem(422, "invalid").json()["field"], "view", "{layer}");
    }
}
