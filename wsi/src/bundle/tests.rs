//! Archives of slides of several files, ours and other people's.

use super::*;

fn whole(bundle: &Bundle) -> Vec<u8> {
    let mut bytes = vec![0; bundle.length() as usize];
    bundle.read_at(0, &mut bytes).unwrap();
    bytes
}

fn mirax(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder.join("片子")).unwrap();
    std::fs::write(folder.join("片子.mrxs"), b"picture").unwrap();
    std::fs::write(folder.join("片子/Slidedat.ini"), vec![7; 1024]).unwrap();
    std::fs::write(folder.join("片子/Data0000.dat"), vec![8; 1500]).unwrap();
    std::fs::write(folder.join("片子/Index.dat"), b"").unwrap();
    std::fs::create_dir(folder.join("片子/more")).unwrap();
    std::fs::write(folder.join("片子/.DS_Store"), b"no part of it").unwrap();
    folder.join("片子.mrxs")
}

#[test]
fn an_archive_is_the_same_for_the_same_files_and_others_can_read_it() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = folders.each_ref().map(|folder| mirax(folder.path()));
    let bundle = Bundle::of(&one).unwrap().unwrap();
    let bytes = whole(&bundle);
    assert_eq!(bytes, whole(&Bundle::of(&other).unwrap().unwrap()));
    assert_eq!((bundle.count(), bytes.len() % 512), (4, 0));
    let mut listed = tar::Archive::new(&bytes[..]);
    let listed: Vec<_> = listed
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().into_owned(), content.len())
        })
        .collect();
    let expected =
        [("片子.mrxs", 7), ("片子/Data0000.dat", 1500), ("片子/Index.dat", 0), ("片子/Slidedat.ini", 1024)];
    assert_eq!(listed, expected.map(|(name, length)| (PathBuf::from(name), length)));
}

/// The page of uploads makes the same one (viewer/src/uploads/bundle.test.ts).
#[test]
fn an_archive_is_what_the_browser_makes_of_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("片子")).unwrap();
    let files = [
        ("片子.mrxs", "picture".to_owned()),
        ("片子/Slidedat.ini", "x".repeat(1024)),
        ("片子/Data0000.dat", "y".repeat(1500)),
    ];
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let archive = whole(&Bundle::of(&folder.path().join("片子.mrxs")).unwrap().unwrap());
    let sha256 = model::Sha256(<sha2::Sha256 as sha2::Digest>::digest(&archive).into());
    assert_eq!(sha256.to_string(), "05eca786db78f3437cba15da4739f646130caed599222dc9251d2bbba62eae74");
}

#[test]
fn any_part_of_an_archive_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::of(&mirax(folder.path())).unwrap().unwrap();
    let bytes = whole(&bundle);
    for start in (0..bytes.len()).step_by(97) {
        for length in [1, 511, 513, 3000] {
            let end = (start + length).min(bytes.len());
            let mut part = vec![1; end - start];
            bundle.read_at(start as u64, &mut part).unwrap();
            assert!(part == bytes[start..end], "{start} {length}");
        }
    }
    assert!(bundle.read_at(bytes.len() as u64, &mut [0]).is_err());
    assert!(bundle.read_at(u64::MAX, &mut [0]).is_err());
}

#[test]
fn files_come_back_byte_for_byte() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = mirax(from.path());
    let bundle: Arc<dyn ReadAt> = Arc::new(Bundle::of(&path).unwrap().unwrap());
    assert!(is_archive(bundle.as_ref()).unwrap());
    let (first, count) = unpack(bundle, to.path()).unwrap();
    assert_eq!((first, count), (to.path().join("片子.mrxs"), 4));
    for name in ["片子.mrxs", "片子/Data0000.dat", "片子/Slidedat.ini", "片子/Index.dat"] {
        let read = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        assert!(read(from.path()) == read(to.path()), "{name}");
    }
}

#[test]
fn links_and_missing_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = mirax(folder.path());
    let other = folder.path().join("b.mrxs");
    std::os::unix::fs::symlink(&path, &other).unwrap();
    assert_eq!(Bundle::of(&other).err(), Some(ODD_NAME), "a link is opened");
    std::fs::remove_file(&other).unwrap();
    std::fs::write(&other, b"picture").unwrap();
    assert_eq!(Bundle::of(&other).err(), Some(MISSING), "there is no folder");
    std::os::unix::fs::symlink(folder.path().join("片子"), folder.path().join("b")).unwrap();
    assert_eq!(Bundle::of(&other).err(), Some(MISSING), "the folder is a link");
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("片子/Data0001.dat")).unwrap();
    assert_eq!(Bundle::of(&path).unwrap().unwrap().count(), 4, "a link in it is no part of it");
    assert!(Bundle::of(&folder.path().join("none.mrxs")).is_err());
    assert!(Bundle::of(&folder.path().join("a.svs")).unwrap().is_none());
}

#[test]
fn a_file_that_changes_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = mirax(folder.path());
    let bundle = Bundle::of(&path).unwrap().unwrap();
    assert!(bundle.is_unchanged());
    std::fs::write(path.with_extension("").join("Data0000.dat"), b"shorter").unwrap();
    assert!(!bundle.is_unchanged());
}

#[test]
fn a_list_names_files_beside_it_only() {
    let text = "[Virtual Microscope Specimen]\nNoLayers=1\nImageFile=a.jpg\nImageFile(1,0)=b.jpg\nMapFile= m.jpg \n\
                MacroImage=a.jpg\nOptimisationFile=o.opt\nAuthCode=x/y\n";
    assert_eq!(named(text).unwrap(), ["a.jpg", "b.jpg", "m.jpg", "o.opt"]);
    for name in ["../a.jpg", "/etc/passwd", "a/b.jpg", ".hidden", "a\\b", &"a".repeat(101)] {
        assert_eq!(named(&format!("ImageFile={name}")), Err(ODD_NAME), "{name}");
    }
    let many: String = (0..600).map(|number| format!("ImageFile({number},0)={number}.jpg\n")).collect();
    assert!(matches!(named(&many), Err(SlideError::OverLimit(_))));
}

#[test]
fn an_archive_of_another_kind_is_not_unpacked() {
    struct Bytes(Vec<u8>);
    impl ReadAt for Bytes {
        fn length(&self) -> u64 {
            self.0.len() as u64
        }
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError> {
            buffer.copy_from_slice(&self.0[offset as usize..][..buffer.len()]);
            Ok(())
        }
    }
    let archive = |name: &str, kind: tar::EntryType| {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(0);
        header.set_mode(0o644);
        header.set_entry_type(kind);
        header.set_link_name("/etc/passwd").unwrap();
        header.set_cksum();
        Arc::new(Bytes([header.as_bytes(), &[0; 1024][..]].concat()))
    };
    let unpacked = |archive| {
        let folder = tempfile::tempdir().unwrap();
        unpack(archive, folder.path()).is_ok()
    };
    assert!(unpacked(archive("a.mrxs", tar::EntryType::Regular)));
    assert!(unpacked(archive("./a.vms", tar::EntryType::Regular)));
    for (name, kind) in [
        ("../a", tar::EntryType::Regular),
        ("/a", tar::EntryType::Regular),
        ("a.svs", tar::EntryType::Regular),
        ("c/b/a.mrxs", tar::EntryType::Regular),
        ("a/../b", tar::EntryType::Regular),
        ("a/b/c/d", tar::EntryType::Regular),
        ("a", tar::EntryType::Symlink),
        ("a", tar::EntryType::Link),
        ("a", tar::EntryType::Fifo),
    ] {
        assert!(!unpacked(archive(name, kind)), "{name} {kind:?}");
    }
    assert!(!unpacked(Arc::new(Bytes(vec![0; 1024]))), "nothing in it");
    assert!(!unpacked(Arc::new(Bytes(vec![9; 4096]))), "no archive");
}

/// Made by Python's `zipfile` (3.11) of `a.mrxs` ("picture", stored) and `a/Slidedat.ini` (1000 × "x", deflated), in a folder `b`.
const ZIP: &str = "504b030414000000000000002100894fdb16070000000700000008000000622f612e6d72787370696374757265\
     504b030414000000080000002100e6c9413b0b000000e803000010000000622f612f536c6964656461742e696e\
     69aba81805a360140c770000504b0102140314000000000000002100894fdb1607000000070000000800000000\
     00000000000000800100000000622f612e6d727873504b0102140314000000080000002100e6c9413b0b000000\
     e803000010000000000000000000000080012d000000622f612f536c6964656461742e696e69504b0506000000\
     000200020074000000660000000000";

fn zip() -> Vec<u8> {
    hex::decode(ZIP).unwrap()
}

fn unzipped(bytes: Vec<u8>) -> Result<(tempfile::TempDir, PathBuf, u32), SlideError> {
    let folder = tempfile::tempdir().unwrap();
    let (path, count) = unpack(Arc::new(crate::testing::Memory(bytes)), folder.path())?;
    Ok((folder, path, count))
}

#[test]
fn a_zip_of_a_folder_is_unpacked() {
    let (folder, path, count) = unzipped(zip()).unwrap();
    assert_eq!((path.strip_prefix(folder.path()).unwrap(), count), (Path::new("b/a.mrxs"), 2));
    assert_eq!(std::fs::read(&path).unwrap(), b"picture");
    assert_eq!(std::fs::read(path.with_extension("").join("Slidedat.ini")).unwrap(), vec![b'x'; 1000]);
}

/// All files in a folder and its folders.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

#[test]
fn a_zip_that_lies_or_is_cut_short_is_refused() {
    let whole = zip();
    for length in 0..whole.len() {
        // A comment that is cut off is none that was there.
        assert!(unzipped(whole[..length].to_vec()).is_err(), "{length}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x15;
        // Whatever is let through has both files whole.
        if let Ok((folder, path, 2)) = unzipped(bytes) {
            assert_eq!(std::fs::read(&path).unwrap(), b"picture", "{at}");
            let others: Vec<_> =
                files_under(folder.path()).into_iter().filter(|other| *other != path).collect();
            assert_eq!(others.len(), 1, "{at}");
            assert_eq!(std::fs::read(&others[0]).unwrap(), vec![b'x'; 1000], "{at}");
        }
    }
    let directory = whole.windows(4).position(|mark| mark == b"PK\x01\x02").unwrap();
    let mut large = whole.clone();
    large[directory + 24..directory + 28].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
    assert_eq!(unzipped(large).err(), Some(SlideError::OverLimit("what is packed in its archive")));
    let mut short = whole;
    short[directory + 24] -= 1;
    assert!(matches!(unzipped(short), Err(SlideError::Damaged(_))));
}

/// An archive of headers, each with so many bytes said and these there.
fn tar_of(entries: &[(tar::EntryType, &str, u64, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (kind, name, said, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(*said);
        header.set_mode(0o644);
        header.set_entry_type(*kind);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(BLOCK as usize), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

#[test]
fn names_that_stand_before_a_file_are_read_and_never_of_any_length() {
    use tar::EntryType::{GNULongLink, GNULongName, Regular, XGlobalHeader, XHeader};
    let first = |entries: &[_]| {
        unzipped(tar_of(entries))
            .map(|(folder, path, _)| path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned())
    };
    let file = (Regular, "x", 1, &b"1"[..]);
    let pax = "22 path=b/片子.mrxs\n".as_bytes();
    assert_eq!(first(&[(XHeader, "h", pax.len() as u64, pax), file]).unwrap(), "b/片子.mrxs");
    assert_eq!(first(&[(GNULongName, "././@LongLink", 7, b"a.mrxs\0"), file]).unwrap(), "a.mrxs");
    let comment = (XGlobalHeader, "pax_global_header", 13, &b"13 comment=a\n"[..]);
    assert_eq!(first(&[comment, (Regular, "a.mrxs", 1, b"1")]).unwrap(), "a.mrxs");
    for kind in [GNULongName, XHeader] {
        let found = first(&[(kind, "h", 40 << 30, b"a.mrxs"), file]);
        assert_eq!(found, Err(SlideError::OverLimit("a name in its archive")), "{kind:?}");
    }
    let size = b"11 size=99\n";
    assert_eq!(first(&[(XHeader, "h", 11, size), (Regular, "a.mrxs", 1, b"1")]), Err(ODD));
    assert_eq!(first(&[(GNULongLink, "h", 40 << 30, b"a"), file]), Err(ODD));
}

#[test]
fn an_archive_of_two_slides_is_refused() {
    let regular = |name| (tar::EntryType::Regular, name, 1, &b"1"[..]);
    assert!(unzipped(tar_of(&[regular("a.mrxs"), regular("a/Slidedat.ini")])).is_ok());
    for second in ["b.mrxs", "c/b.vms"] {
        assert_eq!(unzipped(tar_of(&[regular("a.mrxs"), regular(second)])).err(), Some(SEVERAL), "{second}");
    }
}

#[test]
fn nothing_is_unpacked_that_the_disk_has_no_room_for() {
    let gib = |count: u64| count << 30;
    assert_eq!(room(gib(10), gib(30), gib(100)), Ok(()));
    assert_eq!(room(gib(14), gib(30), gib(100)), Err(SlideError::Io(io::ErrorKind::StorageFull)));
    assert!(matches!(room(gib(60), gib(100), gib(100)), Err(SlideError::OverLimit(_))));
    assert!(matches!(room(u64::MAX, gib(100), gib(100)), Err(SlideError::OverLimit(_))));
}
