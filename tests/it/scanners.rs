//! Files as other scanners write them, imported without decoding a tile and judged by other people's readers.

use crate::support::node::Org;
use crate::support::programs::{finish, python};
use crate::support::{Node, run, sample};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub struct Imported {
    pub node: Node,
    pub folder: tempfile::TempDir,
    slides: Vec<Json>,
}

/// A node with every file that `scanner_files.py` writes and that needs no composing.
pub fn imported() -> &'static Imported {
    static IMPORTED: OnceLock<Imported> = OnceLock::new();
    IMPORTED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = python();
        command.arg("scanner_files.py").arg(sample("demo/slides/CMU-1-Small-Region.svs")).arg(folder.path());
        finish(command).expect_success();
        let node = Node::start("scanners");
        let mut paths = vec![
            sample("slides/CMU-1-Small-Region.jp2.tiff"),
            sample("slides/CMU-1-Small-Region.jpeg.tiff"),
            sample("slides/CMU-1-Small-Region.webp.tiff"),
        ];
        let written = std::fs::read_dir(folder.path()).expect("a folder");
        paths.extend(written.map(|entry| entry.expect("a file").path()));
        let mut arguments = vec!["import", "--org", node.id_of(Org::Township)];
        arguments.extend(paths.iter().map(|path| path.to_str().expect("UTF-8")));
        node.command(&arguments).expect_success();
        let slides = node.person("township").get("/api/v1/slides").expect(200).json();
        let slides = slides["slides"].as_array().expect("slides").clone();
        Imported { node, folder, slides }
    })
}

impl Imported {
    fn slide(&self, source: &str) -> &Json {
        self.slides
            .iter()
            .find(|slide| slide["source"] == source)
            .unwrap_or_else(|| panic!("{source} is missing"))
    }

    fn path(&self, source: &str) -> PathBuf {
        let written = ["", "several"].map(|folder| self.folder.path().join(folder).join(source));
        let found = written.into_iter().find(|path| path.exists());
        found.unwrap_or_else(|| sample(&format!("slides/{source}")))
    }
}

/// Imports as a grade, and other readers agree on tiles and pixels; dciodvfy finds the instances sound.
#[track_caller]
fn check(source: &str, format: &str, grade: &str) -> &'static Json {
    let imported = imported();
    let slide = imported.slide(source);
    assert_eq!((slide["format"].as_str(), slide["grade"].as_str()), (Some(format), Some(grade)), "{source}");
    let report = &slide["grade_report"];
    assert_eq!(report["tiles_checked"], report["tiles_equal"], "{source}");
    let token = imported.node.organisation(Org::Township)["token"].as_str().expect("a token");
    let mut command = python();
    command.args(["judge_scanner.py", imported.node.base_url(), token, slide["id"].as_str().expect("an id")]);
    command.arg(imported.path(source));
    let done = finish(command).expect_success();
    assert!(done.stdout.contains("pixels agree"), "{source}: {}", done.output());
    instances_are_sound(imported, slide, source);
    instances_say_what_was_done(imported, slide, source);
    slide
}

/// What the IOD has no word for: J2K whose components are Y, Cb and Cr without a transform of its own, not subsampled. PS3.5
/// §8.2.4 calls it YBR_FULL, and any other word would make readers show other colours.
const NO_WORD_FOR: &str = "Unrecognized enumerated value <YBR_FULL>";

/// David Clunie's dciodvfy finds no error.
fn instances_are_sound(imported: &Imported, slide: &Json, source: &str) {
    let uid = |key: &str| slide[key].as_str().expect("a UID");
    let path =
        format!("/dicom-web/studies/{}/series/{}", uid("study_instance_uid"), uid("series_instance_uid"));
    let folder = tempfile::tempdir().expect("a folder");
    let levels = slide["levels"].as_array().expect("levels").len();
    let files = fetched(imported, &path, folder.path());
    assert!(files.len() >= levels, "{source}");
    are_sound(&files, source);
}

/// The instances under a path of DICOMweb, as files of a folder.
fn fetched(imported: &Imported, path: &str, folder: &Path) -> Vec<PathBuf> {
    let accept = "multipart/related; type=\"application/dicom\"; transfer-syntax=*";
    let answer = imported.node.machine(Org::Township).get_as(path, accept).expect(200);
    let parts = answer.parts().into_iter().enumerate();
    let write = |(number, (_, bytes)): (usize, (_, Vec<u8>))| {
        let file = folder.join(format!("{number}.dcm"));
        std::fs::write(&file, bytes).expect("a file");
        file
    };
    parts.map(write).collect()
}

/// Judges older than JPEG XL in DICOM (2024) read neither its transfer syntaxes nor its photometric interpretation.
const JPEG_XL: &str = "jpeg-xl";

/// Writes a syntax that every judge knows as encapsulated where one of JPEG XL stands.
fn told_as_jpeg(file: &Path) {
    let mut bytes = std::fs::read(file).expect("a file");
    let is_syntax = |part: &[u8]| part == b"1.2.840.10008.1.2.4.111" || part == b"1.2.840.10008.1.2.4.112";
    let at = bytes.windows(23).position(is_syntax).expect("a syntax of JPEG XL");
    bytes[at..at + 23].copy_from_slice(b"1.2.840.10008.1.2.4.50\0");
    std::fs::write(file, bytes).expect("a file");
}

#[track_caller]
fn are_sound(files: &[PathBuf], source: &str) {
    for file in files {
        if source.starts_with(JPEG_XL) {
            told_as_jpeg(file);
        }
        let done = run("dciodvfy", &[file.to_str().expect("UTF-8")]);
        let is_known = |line: &&str| {
            source == "aperio-33003.svs" && line.contains(NO_WORD_FOR)
                || source.starts_with(JPEG_XL) && line.contains("Unrecognized enumerated value <XYB>")
        };
        let errors: Vec<_> =
            done.stderr.lines().filter(|line| line.starts_with("Error") && !is_known(line)).collect();
        assert!(errors.is_empty(), "{source}: {errors:#?}");
    }
}

/// Grade B has a derivation, grade C is derived also at its full size; of grade A nothing is said.
fn instances_say_what_was_done(imported: &Imported, slide: &Json, source: &str) {
    let path =
        format!("/dicom-web/studies/{}/metadata", slide["study_instance_uid"].as_str().expect("a UID"));
    let all = imported.node.machine(Org::Township).get(&path).expect(200).json();
    let (grade, levels) =
        (slide["grade"].as_str().expect("a grade"), slide["levels"].as_array().expect("levels"));
    for level in levels {
        let is_it = |one: &&Json| one["00080018"]["Value"][0] == level["sop_instance_uid"];
        let instance = all.as_array().expect("instances").iter().find(is_it).expect("the level's instance");
        let derivation = instance["00082111"]["Value"][0].as_str().unwrap_or_default();
        let is_said = match grade {
            "A" => derivation.is_empty(),
            "B" => derivation.contains("without decoding"),
            _ => derivation.contains("Decoded by OpenSlide") && derivation.contains("not known"),
        };
        assert!(is_said, "{source}: {derivation}");
        let is_original = grade != "C" && level["level"] == 0;
        let first = if is_original { "ORIGINAL" } else { "DERIVED" };
        assert_eq!(instance["00080008"]["Value"][0], first, "{source} level {}", level["level"]);
        let comments = instance["00204000"]["Value"][0].as_str().expect("comments");
        assert_eq!(comments.contains("nominal"), slide["mpp_um"].is_null(), "{source}: {comments}");
        assert!(comments.contains("Focus method is not known"), "{source}: {comments}");
    }
}

#[test]
fn aperio_with_jpeg_2000_in_rgb() {
    let slide = check("aperio-33005.svs", "Aperio SVS", "A");
    assert_eq!(slide["levels"].as_array().map(Vec::len), Some(2));
    assert!(slide["grade_report"]["codec"].as_str().is_some_and(|codec| codec.starts_with("JPEG 2000")));
}

#[test]
fn aperio_with_jpeg_2000_in_ycbcr() {
    check("aperio-33003.svs", "Aperio SVS", "A");
}

#[test]
fn a_tiff_with_shared_tables_and_no_scale() {
    let slide = check("tables.tif", "tiled TIFF", "A");
    assert!(slide["mpp_um"].is_null());
    assert_eq!((&slide["tile_width"], &slide["tile_height"]), (&208.into(), &176.into()));
    assert_eq!(slide["levels"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_tiff_with_jpeg_2000_files_as_tiles() {
    check("CMU-1-Small-Region.jp2.tiff", "tiled TIFF", "A");
}

/// A stranger's codestream of a kind that most readers of slides do not know; browsers get JPEG of it, and it says so.
#[test]
fn tiffs_with_tiles_in_jpeg_xl() {
    for (source, codec, syntax) in [
        ("jpeg-xl.tif", "JPEG XL (XYB)", ".112"),
        ("jpeg-xl-lossless.tif", "JPEG XL (RGB)", ".112"),
        ("jpeg-xl-recompressed.tif", "JPEG XL (recompressed JPEG)", ".111"),
    ] {
        let slide = check(source, "tiled TIFF", "A");
        assert_eq!(
            (&slide["grade_report"]["codec"], &slide["is_shown_derived"]),
            (&codec.into(), &true.into())
        );
        let person = || imported().node.person("township");
        let tile = format!("/api/v1/slides/{}/tiles/0/1/1", slide["id"].as_str().expect("an id"));
        assert_eq!(person().get(&tile).expect(200).header("content-type"), "image/jxl", "{source}");
        let shown =
            person().with_header("Accept", "image/avif,image/webp,image/*,*/*;q=0.8").get(&tile).expect(200);
        assert_eq!(shown.header("content-type"), "image/jpeg", "{source}");
        assert!(shown.header("farsight-derived").starts_with("tile;format=jpeg"), "{source}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = format!("/dicom-web/studies/{}", slide["study_instance_uid"].as_str().expect("a UID"));
        let files = fetched(imported(), &path, folder.path());
        let syntax = format!("1.2.840.10008.1.2.4{syntax}");
        let is_of = |file: &PathBuf| {
            let bytes = std::fs::read(file).expect("a file");
            bytes.windows(syntax.len()).any(|part| part == syntax.as_bytes())
        };
        assert!(files.iter().any(is_of), "{source}: {syntax}");
    }
}

#[test]
fn a_big_tiff_with_whole_jpeg_files_as_tiles() {
    check("CMU-1-Small-Region.jpeg.tiff", "tiled TIFF", "A");
}

#[test]
fn an_ome_tiff_with_its_levels_in_sub_ifds() {
    let slide = check("ome.tif", "tiled TIFF", "A");
    assert_eq!(slide["levels"].as_array().map(Vec::len), Some(3));
    assert_eq!((&slide["mpp_um"]["x"], &slide["study_date"]), (&0.5.into(), &"20250506".into()));
    assert_eq!(slide["has_label"], true);
}

#[test]
fn a_philips_tiff_with_tiles_left_out() {
    let slide = check("philips.tiff", "Philips TIFF", "A");
    assert_eq!(slide["grade_report"]["filled"], 2);
    assert_eq!((&slide["has_label"], &slide["has_overview"]), (&true.into(), &true.into()));
    assert_eq!(
        (&slide["scanner"], &slide["study_date"]),
        (&"PHILIPS UFS Scanner FMT0107".into(), &"20240203".into())
    );
}

#[test]
fn a_leica_file() {
    let slide = check("leica.scn", "Leica SCN", "A");
    assert_eq!((&slide["width"], &slide["mpp_um"]["x"]), (&2048.into(), &0.5.into()));
    assert_eq!((&slide["has_overview"], &slide["scanner"]), (&true.into(), &"Leica SCN400".into()));
}

#[test]
fn a_ventana_file_whose_tiles_lie_side_by_side() {
    let slide = check("ventana.bif", "Ventana BIF", "A");
    assert_eq!((&slide["has_overview"], &slide["scanner"]), (&true.into(), &"Ventana DP 200 2000515".into()));
}

#[test]
fn hamamatsus_one_large_jpeg_cut_into_tiles() {
    for source in ["hamamatsu-444.ndpi", "hamamatsu-422.ndpi", "hamamatsu-420.ndpi"] {
        let slide = check(source, "Hamamatsu NDPI", "B");
        assert_eq!(slide["levels"].as_array().map(Vec::len), Some(3), "{source}");
        assert_eq!(slide["has_overview"], true, "{source}");
    }
}

/// Label and overview lie in a study of their own.
#[test]
fn labels_and_overviews_are_sound() {
    let imported = imported();
    let machine = || imported.node.machine(Org::Township);
    let found = machine().get("/dicom-web/studies?includefield=00081030&limit=1000").expect(200).json();
    let is_apart = |study: &&Json| {
        study["00081030"]["Value"][0].as_str().is_some_and(|text| text.ends_with("(label and overview)"))
    };
    let studies: Vec<_> = found.as_array().expect("studies").iter().filter(is_apart).collect();
    let has = |slide: &&Json| slide["has_label"] == true || slide["has_overview"] == true;
    assert_eq!(studies.len(), imported.slides.iter().filter(has).count());
    for study in studies {
        let folder = tempfile::tempdir().expect("a folder");
        let uid = study["0020000D"]["Value"][0].as_str().expect("a UID");
        let files = fetched(imported, &format!("/dicom-web/studies/{uid}"), folder.path());
        assert!((1..=2).contains(&files.len()), "{uid}");
        are_sound(&files, uid);
    }
}

/// Exported to files, the slides of every format open with another program and show what the scanners' files do.
#[test]
fn wsidicom_opens_the_files_of_every_format() {
    let imported = imported();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = python();
    command.arg("judge_files.py");
    // JPEG XL it cannot read; components Y, Cb and Cr of J2K it shows as red, green and blue.
    let is_read = |slide: &&Json| {
        !slide["source"].as_str().is_some_and(|name| name.starts_with(JPEG_XL) || name == "aperio-33003.svs")
    };
    let read: Vec<_> = imported.slides.iter().filter(is_read).collect();
    for slide in &read {
        let uid = |key: &str| slide[key].as_str().expect("a UID");
        let path =
            format!("/dicom-web/studies/{}/series/{}", uid("study_instance_uid"), uid("series_instance_uid"));
        let own = folder.path().join(uid("id"));
        std::fs::create_dir(&own).expect("a folder");
        fetched(imported, &path, &own);
        command.arg(&own).arg(imported.path(slide["source"].as_str().expect("a name")));
    }
    let done = finish(command).expect_success();
    assert!(done.stdout.contains(&format!("{} slides agree", read.len())), "{}", done.output());
}

#[test]
fn a_grade_is_proved_again_from_the_original_that_is_kept() {
    let imported = imported();
    for (source, grade) in [("philips.tiff", "A"), ("hamamatsu-422.ndpi", "B")] {
        let slide = imported.slide(source);
        let done = imported.node.command(&["slide", "check", slide["id"].as_str().expect("an id")]);
        let said = done.expect_success().stdout;
        let tiles = slide["grade_report"]["tiles_checked"].as_u64().expect("a number");
        assert!(said.contains(&format!("grade {grade}: {tiles} of {tiles} tiles equal")), "{said}");
    }
    let listed = imported.node.command(&["slide", "list"]).expect_success().stdout;
    let is_listed = |slide: &Json| listed.contains(slide["id"].as_str().expect("an id"));
    assert!(imported.slides.iter().all(is_listed), "{listed}");
    for id in ["nonsense", "01a21588-442a-7562-a445-c7cc0eb60ec3"] {
        imported.node.command(&["slide", "check", id]).expect_failure();
    }
}

#[test]
fn the_scanners_file_comes_back_byte_for_byte() {
    let imported = imported();
    let slide = imported.slide("leica.scn");
    let path = format!("/api/v1/slides/{}/original", slide["id"].as_str().expect("an id"));
    let file = std::fs::read(imported.path("leica.scn")).expect("the file");
    let person = imported.node.person("township");
    let answer = person.get(&path).expect(200);
    assert!(answer.body == file, "{} bytes of {}", answer.body.len(), file.len());
    assert!(answer.header("content-disposition").ends_with("leica.scn"));
    let rest = imported.node.person("township").with_header("Range", "bytes=1000-").get(&path).expect(206);
    assert_eq!(rest.header("content-range"), format!("bytes 1000-{}/{}", file.len() - 1, file.len()));
    assert!(rest.body == file[1000..]);
    imported.node.person("township").with_header("Range", "bytes=99999999-").get(&path).expect(416);
    // It shows the label, and another organisation has no slide at all.
    imported.node.machine(Org::City).get(&path).expect_problem(404, "not-found");
    imported.node.person("reader").get(&path).expect_problem(404, "not-found");
}

/// Of grade C, with how alike its tiles are to what OpenSlide shows; and the same again from what is kept.
#[track_caller]
fn check_again_encoded(source: &str, format: &str) -> &'static Json {
    let slide = check(source, format, "C");
    let report = &slide["grade_report"];
    assert_eq!((&report["generations"], &report["tiles_checked"]), (&1.into(), &0.into()), "{source}");
    let likeness = &report["likeness"];
    let tiles: u64 =
        slide["levels"].as_array().expect("levels").iter().map(|level| tiles_of(level).min(128)).sum();
    assert!(likeness["tiles"].as_u64().is_some_and(|compared| compared >= tiles / 2), "{source}: {likeness}");
    assert!(likeness["psnr_db_worst"].as_f64() > Some(35.0), "{source}: {likeness}");
    assert!(likeness["block_difference_max"].as_u64() <= Some(4), "{source}: {likeness}");
    let id = slide["id"].as_str().expect("an id");
    let said = imported().node.command(&["slide", "check", id]).expect_success().stdout;
    let psnr = likeness["psnr_db_worst"].as_f64().expect("a number");
    assert!(said.contains(&format!("grade C: {} tiles", likeness["tiles"])), "{said}");
    assert!(said.contains(&format!("{psnr:.1} dB")), "{said}");
    slide
}

fn tiles_of(level: &Json) -> u64 {
    level["tiles_x"].as_u64().expect("a number") * level["tiles_y"].as_u64().expect("a number")
}

#[test]
fn what_only_openslide_reads_is_encoded_again_and_says_so() {
    check_again_encoded("CMU-1-Small-Region.webp.tiff", "tiled TIFF");
    check_again_encoded("ventana-overlap.bif", "Ventana BIF");
}

/// Side by side its tiles would show every seam twice and make a larger slide of it.
#[test]
fn a_trestle_file_is_put_together_by_openslide() {
    let slide = check_again_encoded("trestle.tif", "Trestle");
    // Nine tiles of 256 pixels each way that share 32 with their neighbours.
    assert_eq!((&slide["width"], &slide["height"]), (&2048.into(), &2048.into()));
}

#[test]
fn a_sakura_database_of_tiles_is_read_with_its_label() {
    let slide = check_again_encoded("sakura.svslide", "Sakura");
    assert_eq!((&slide["has_label"], &slide["has_overview"]), (&true.into(), &true.into()));
    assert_eq!((&slide["mpp_um"]["x"], &slide["objective"]), (&0.5.into(), &20.0.into()));
}

/// Other planes and channels do not vanish in silence, whoever reads the file.
#[test]
fn what_is_left_out_of_a_slide_is_said_and_why() {
    let stack = check_again_encoded("ome-stack.tif", "tiled TIFF");
    let why = "OME-TIFF with focal planes at an unknown distance";
    assert_eq!(stack["grade_report"]["reason"], why);
    assert_eq!(stack["omitted"], json!(["all focal planes, times and channels but the first"]));
    let said = imported().node.command(&["slide", "check", stack["id"].as_str().expect("an id")]);
    let said = said.expect_success().stdout;
    assert!(said.contains(why) && said.contains("Left out, but in the original: all focal planes"), "{said}");

    assert_eq!(imported().slide("CMU-1-Small-Region.webp.tiff")["grade_report"]["reason"], "WebP tiles");
    let whole = imported().slide("leica.scn");
    assert_eq!((&whole["omitted"], &whole["grade_report"]["reason"]), (&json!([]), &Json::Null));
}

/// What `original` gives, as tar lists it: names and contents.
fn original_files(slide: &Json) -> Vec<(String, Vec<u8>)> {
    let path = format!("/api/v1/slides/{}/original", slide["id"].as_str().expect("an id"));
    let answer = imported().node.person("township").get(&path).expect(200);
    let name = slide["source"].as_str().expect("a name");
    assert!(answer.header("content-disposition").ends_with(&format!("{name}.tar")));
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("archive.tar");
    std::fs::write(&archive, &answer.body).expect("a file");
    let archive = archive.to_str().expect("UTF-8");
    let listed = run("tar", &["-tf", archive]).expect_success().stdout;
    let to = folder.path().to_str().expect("UTF-8");
    run("tar", &["-xf", archive, "-C", to]).expect_success();
    let read = |name: &str| (name.to_owned(), std::fs::read(folder.path().join(name)).expect("a member"));
    listed.lines().map(read).collect()
}

#[test]
fn slides_of_several_files_are_kept_as_one_archive() {
    for (source, format, others) in [
        ("mirax.mrxs", "MIRAX", &["mirax/Data0000.dat", "mirax/Index.dat", "mirax/Slidedat.ini"][..]),
        ("hamamatsu.vms", "Hamamatsu", &["scan.jpg", "map.jpg", "macro.jpg"]),
        ("hamamatsu.vmu", "Hamamatsu", &["scan.ngr", "map.ngr", "small.jpg"]),
    ] {
        let slide = check_again_encoded(source, format);
        let files = original_files(slide);
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [&[source], others].concat(), "{source}");
        for (name, content) in &files {
            let written = imported().folder.path().join("several").join(name);
            assert!(std::fs::read(written).expect("a file") == *content, "{name}");
        }
    }
}

#[test]
fn a_slide_of_several_files_is_refused_when_one_is_missing_and_known_when_it_comes_again() {
    let imported = imported();
    let folder = tempfile::tempdir().expect("a folder");
    let import = |name: &str| {
        let path = folder.path().join(name);
        imported.node.command(&[
            "import",
            "--org",
            imported.node.id_of(Org::Township),
            path.to_str().expect("UTF-8"),
        ])
    };
    let copy = |name: &str| {
        let to = folder.path().join(name);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(imported.folder.path().join("several").join(name), to).expect("a copy");
    };
    copy("mirax.mrxs");
    let refused = import("mirax.mrxs").expect_failure();
    assert!(refused.output().contains("some of them are missing"), "{}", refused.output());
    for name in ["Slidedat.ini", "Index.dat"] {
        copy(&format!("mirax/{name}"));
    }
    import("mirax.mrxs").expect_failure();
    copy("mirax/Data0000.dat");
    let again = import("mirax.mrxs").expect_success();
    assert!(again.stdout.contains("1 already there"), "{}", again.output());
}

/// What a stranger's MIRAX names outside its folder is not read, nor what a link in it leads to.
#[test]
fn a_slide_of_several_files_reaches_no_others() {
    let imported = imported();
    let folder = tempfile::tempdir().expect("a folder");
    let several = imported.folder.path().join("several");
    let inner = folder.path().join("mirax");
    std::fs::create_dir(&inner).expect("a folder");
    std::fs::copy(several.join("mirax.mrxs"), folder.path().join("mirax.mrxs")).expect("a copy");
    std::fs::copy(several.join("mirax/Index.dat"), inner.join("Index.dat")).expect("a copy");
    std::fs::copy(several.join("mirax/Data0000.dat"), folder.path().join("secret.dat")).expect("a copy");
    let list = std::fs::read_to_string(several.join("mirax/Slidedat.ini")).expect("a list");
    std::fs::write(inner.join("Slidedat.ini"), list.replace("Data0000.dat", "../secret.dat"))
        .expect("a list");
    let path = folder.path().join("mirax.mrxs");
    let import = || {
        let path = path.to_str().expect("UTF-8");
        imported.node.command(&["import", "--org", imported.node.id_of(Org::Township), path])
    };
    import().expect_failure();
    std::fs::write(inner.join("Slidedat.ini"), &list).expect("a list");
    std::os::unix::fs::symlink(folder.path().join("secret.dat"), inner.join("Data0000.dat")).expect("a link");
    import().expect_failure();
}

#[test]
fn an_archive_that_people_made_of_a_slides_files_is_kept_as_it_is() {
    let imported = imported();
    let folder = tempfile::tempdir().expect("a folder");
    let several = imported.folder.path().join("several");
    let archive = folder.path().join("片子.mrxs.tar");
    let (from, to) = (several.to_str().expect("UTF-8"), archive.to_str().expect("UTF-8"));
    run("tar", &["--format=gnu", "-cf", to, "-C", from, "./mirax", "./mirax.mrxs"]).expect_success();
    let import =
        |path: &str| imported.node.command(&["import", "--org", imported.node.id_of(Org::Township), path]);
    let done = import(to).expect_success();
    assert!(done.stdout.contains("1 slides imported"), "{}", done.output());
    let listed = imported.node.person("township").get("/api/v1/slides").expect(200).json();
    let all = listed["slides"].as_array().expect("slides");
    let slide = all.iter().find(|slide| slide["source"] == "片子.mrxs.tar").expect("the slide");
    assert_eq!((&slide["format"], &slide["grade"]), (&"MIRAX".into(), &"C".into()));
    let id = slide["id"].as_str().expect("an id");
    let kept = imported.node.person("township").get(&format!("/api/v1/slides/{id}/original")).expect(200);
    assert!(kept.body == std::fs::read(&archive).expect("the archive"));
    imported.node.command(&["slide", "check", id]).expect_success();

    let other = folder.path().join("b.mrxs.tar");
    run("tar", &["-cf", other.to_str().expect("UTF-8"), "-C", from, "scan.jpg"]).expect_success();
    let refused = import(other.to_str().expect("UTF-8")).expect_failure();
    assert!(refused.output().contains("without a slide of several files"), "{}", refused.output());
}
