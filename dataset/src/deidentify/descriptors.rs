//! Clean Descriptors (PS3.15 §E.3.5): of a description only those words stay that are known to name anatomy, technique or
//! position, and short numbers. A list of what may stay cannot overlook a name that nobody has thought of.

/// Latin words, in lower case.
const WORDS: &[&str] = &[
    "abd",
    "abdomen",
    "abdominal",
    "acq",
    "acquisition",
    "adc",
    "angio",
    "angiography",
    "ankle",
    "ant",
    "anterior",
    "aorta",
    "ap",
    "apical",
    "arm",
    "arterial",
    "artery",
    "asl",
    "ax",
    "axial",
    "axis",
    "b0",
    "b1000",
    "b50",
    "b500",
    "b800",
    "biopsy",
    "bladder",
    "blade",
    "body",
    "bold",
    "bone",
    "brain",
    "bravo",
    "breast",
    "c",
    "c+",
    "calcium",
    "calibration",
    "cardiac",
    "carotid",
    "cc",
    "cerebral",
    "cervical",
    "chest",
    "cine",
    "clavicle",
    "cm",
    "colon",
    "contrast",
    "cor",
    "coronal",
    "coronary",
    "cr",
    "ct",
    "cta",
    "cube",
    "d",
    "de",
    "delayed",
    "derived",
    "diffusion",
    "dir",
    "dixon",
    "dr",
    "dti",
    "dual",
    "dwi",
    "dx",
    "dynamic",
    "early",
    "elbow",
    "energy",
    "enhanced",
    "epi",
    "esophagus",
    "ext",
    "extremity",
    "face",
    "fat",
    "fe",
    "femur",
    "ffdm",
    "fiesta",
    "finger",
    "flair",
    "flash",
    "foot",
    "forearm",
    "fov",
    "fs",
    "fse",
    "fused",
    "fusion",
    "gallbladder",
    "gastric",
    "gd",
    "grase",
    "gre",
    "hand",
    "haste",
    "head",
    "heart",
    "helical",
    "hip",
    "hrct",
    "humerus",
    "iac",
    "ihc",
    "in",
    "inf",
    "inferior",
    "inner",
    "internal",
    "ir",
    "iv",
    "joint",
    "kernel",
    "kidney",
    "kidneys",
    "knee",
    "kv",
    "l",
    "large",
    "larynx",
    "lat",
    "lateral",
    "lava",
    "left",
    "leg",
    "liver",
    "ll",
    "loc",
    "localizer",
    "low",
    "lower",
    "lumbar",
    "lung",
    "lungs",
    "mandible",
    "map",
    "mas",
    "maxilla",
    "median",
    "mediastinum",
    "mg",
    "min",
    "mip",
    "ml",
    "mlo",
    "mm",
    "moco",
    "mpr",
    "mprage",
    "mr",
    "mra",
    "mrcp",
    "mri",
    "mrs",
    "ms",
    "msec",
    "nasal",
    "native",
    "neck",
    "nm",
    "noncontrast",
    "o",
    "obl",
    "oblique",
    "off",
    "on",
    "opposed",
    "orbit",
    "out",
    "ovary",
    "pa",
    "pancreas",
    "pd",
    "pelvic",
    "pelvis",
    "perfusion",
    "pet",
    "pharynx",
    "phase",
    "pituitary",
    "plain",
    "plane",
    "portal",
    "pos",
    "post",
    "posterior",
    "pre",
    "projection",
    "prone",
    "propeller",
    "prostate",
    "pulmonary",
    "r",
    "rad",
    "radius",
    "recon",
    "reformat",
    "renal",
    "right",
    "rl",
    "routine",
    "sag",
    "sagittal",
    "scan",
    "scapula",
    "scout",
    "se",
    "section",
    "sense",
    "series",
    "shoulder",
    "sinus",
    "sinuses",
    "skull",
    "slab",
    "slice",
    "smooth",
    "soft",
    "space",
    "spgr",
    "spine",
    "spiral",
    "spleen",
    "stack",
    "standard",
    "std",
    "sternum",
    "stir",
    "stomach",
    "sup",
    "superior",
    "supine",
    "survey",
    "surview",
    "swi",
    "t1",
    "t1w",
    "t2",
    "t2*",
    "t2w",
    "temporal",
    "tfe",
    "thick",
    "thigh",
    "thin",
    "thoracic",
    "thorax",
    "thyroid",
    "tibia",
    "tirm",
    "tissue",
    "tof",
    "tomosynthesis",
    "topogram",
    "tra",
    "trans",
    "transversal",
    "transverse",
    "trufi",
    "tse",
    "upper",
    "urinary",
    "us",
    "uterus",
    "vein",
    "venous",
    "vessel",
    "vibe",
    "view",
    "views",
    "volume",
    "w",
    "water",
    "wb",
    "whole",
    "window",
    "with",
    "without",
    "wo",
    "wrist",
    "x",
    "y",
    "z",
];

/// Chinese terms; of those that fit, the longest is taken.
const TERMS: &[&str] = &[
    "头",
    "颅",
    "颅脑",
    "头颅",
    "头部",
    "脑",
    "脑部",
    "垂体",
    "眼眶",
    "鼻窦",
    "鼻咽",
    "颞骨",
    "内听道",
    "颈",
    "颈部",
    "颈椎",
    "甲状腺",
    "胸",
    "胸部",
    "胸椎",
    "胸腔",
    "肺",
    "肺部",
    "肺窗",
    "纵隔",
    "纵隔窗",
    "骨窗",
    "软组织窗",
    "心脏",
    "冠脉",
    "冠状动脉",
    "主动脉",
    "肺动脉",
    "动脉",
    "静脉",
    "血管",
    "乳腺",
    "腹",
    "腹部",
    "上腹部",
    "下腹部",
    "中腹部",
    "全腹部",
    "肝",
    "肝脏",
    "胆",
    "胆囊",
    "胰",
    "胰腺",
    "脾",
    "脾脏",
    "肾",
    "肾脏",
    "肾上腺",
    "输尿管",
    "膀胱",
    "前列腺",
    "子宫",
    "卵巢",
    "盆腔",
    "骨盆",
    "胃",
    "胃窦",
    "胃体",
    "食管",
    "结肠",
    "直肠",
    "小肠",
    "腰",
    "腰椎",
    "骶椎",
    "骶髂关节",
    "脊柱",
    "全脊柱",
    "肩关节",
    "肘关节",
    "腕关节",
    "髋关节",
    "膝关节",
    "踝关节",
    "手",
    "足",
    "上肢",
    "下肢",
    "股骨",
    "胫腓骨",
    "肱骨",
    "尺桡骨",
    "锁骨",
    "肋骨",
    "左",
    "右",
    "左侧",
    "右侧",
    "双侧",
    "双",
    "正位",
    "侧位",
    "斜位",
    "正侧位",
    "轴位",
    "平扫",
    "增强",
    "扫描",
    "动脉期",
    "静脉期",
    "门脉期",
    "延迟期",
    "实质期",
    "薄层",
    "厚层",
    "重建",
    "三维",
    "定位",
    "定位像",
    "矢状",
    "冠状",
    "横断",
    "矢状位",
    "冠状位",
    "横断位",
    "弥散",
    "灌注",
    "波谱",
    "水成像",
    "压脂",
    "脂肪抑制",
    "常规",
    "高分辨",
    "低剂量",
    "灌肠",
    "造影",
    "透视",
    "超声",
    "彩超",
    "病理",
    "活检",
    "冰冻",
    "免疫组化",
    "染色",
    "切片",
    "加",
];

/// What stands behind a number that measures something.
const UNITS: &[&str] = &["mm", "cm", "ms", "kv", "x", "d", "s", "min", "t"];

/// A piece of a text.
enum Piece {
    /// Words or terms of the lists, or a number with its unit.
    Known(String),
    /// A number by itself.
    Number(String),
    /// Anything else.
    Unknown,
}

/// Of a text what may stay, words separated by single spaces.
#[must_use]
pub fn cleaned(text: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    // Numbers that follow each other, whatever unknown stands between them: the groups of a telephone number, the parts of a
    // date. Only one that stands by itself may stay.
    let mut numbers: Vec<String> = Vec::new();
    for piece in pieces(text).into_iter().chain([Piece::Known(String::new())]) {
        match piece {
            Piece::Unknown => {}
            Piece::Number(number) => numbers.push(number),
            Piece::Known(known) => {
                if UNITS.contains(&known.to_ascii_lowercase().as_str()) {
                    // This one measures: it is of no group.
                    let measure = numbers.pop();
                    put_alone(&mut kept, &mut numbers);
                    numbers.extend(measure);
                }
                put_alone(&mut kept, &mut numbers);
                kept.push(known);
            }
        }
    }
    kept.retain(|word| !word.is_empty());
    kept.join(" ")
}

fn put_alone(kept: &mut Vec<String>, numbers: &mut Vec<String>) {
    if let [number] = numbers.as_slice()
        && is_short(number)
    {
        kept.push(number.clone());
    }
    numbers.clear();
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut word = String::new();
    let mut chinese = String::new();
    let mut characters = text.chars().chain([' ']).peekable();
    while let Some(character) = characters.next() {
        let is_between_digits = word.ends_with(|last: char| last.is_ascii_digit())
            && characters.peek().is_some_and(char::is_ascii_digit);
        let is_latin = character.is_ascii_alphanumeric()
            || matches!(character, '+' | '*' | '.')
            || (matches!(character, '-' | '/' | ':') && is_between_digits);
        let is_other = !is_latin && character.is_alphanumeric();
        if !is_other && !chinese.is_empty() {
            pieces.push(terms(&std::mem::take(&mut chinese)).map_or(Piece::Unknown, Piece::Known));
        }
        if !is_latin && !word.is_empty() {
            pieces.push(piece(std::mem::take(&mut word)));
        }
        match () {
            () if is_latin => word.push(character),
            () if is_other => chinese.push(character),
            () => {}
        }
    }
    pieces
}

/// A word of the list, or a number (with a unit behind it, perhaps).
fn piece(word: String) -> Piece {
    let lower = word.trim_end_matches('.').to_ascii_lowercase();
    let is_of_number = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'/' | b':');
    let (number, unit) = lower.split_at(lower.bytes().take_while(is_of_number).count());
    match (number.is_empty(), unit.is_empty()) {
        (true, _) if WORDS.binary_search(&unit).is_ok() => Piece::Known(word),
        (false, true) => Piece::Number(word),
        (false, false) if is_short(number) && UNITS.contains(&unit) => Piece::Known(word),
        _ => Piece::Unknown,
    }
}

/// Too short to be an identifier or a date.
fn is_short(number: &str) -> bool {
    number.bytes().filter(u8::is_ascii_digit).count() <= 3
}

/// The terms of the list in a run of characters without spaces; none, when anything else is in it.
fn terms(run: &str) -> Option<String> {
    let mut kept = String::new();
    let mut rest = run;
    while !rest.is_empty() {
        let longest = TERMS.iter().filter(|term| rest.starts_with(**term)).max_by_key(|term| term.len());
        match longest {
            Some(term) => {
                kept.push_str(term);
                rest = rest.get(term.len()..).unwrap_or_default();
            }
            // A run with something unknown in it goes whole: 左 in 左宗棠 is a surname.
            None => return None,
        }
    }
    Some(kept).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(WORDS.is_sorted());
    }

    #[test]
    fn names_and_numbers_go_and_technique_stays() {
        for (text, expected) in [
            ("CT Chest w/o contrast 5.0 mm Zhang San", "CT Chest w o contrast 5.0 mm"),
            ("胸部平扫", "胸部平扫"),
            ("胸部CT平扫 张三 13800138000", "胸部 CT 平扫"),
            ("左宗棠 胸部", "胸部"),
            ("AX T2 FLAIR 3mm for Dr. Miller 20260101", "AX T2 FLAIR 3mm Dr."),
            ("Renji Hospital", ""),
            ("120kV", "120kV"),
            // A date or an identifier does not come through in pieces.
            ("Chest 12/03/58", "Chest"),
            ("123-45-6789", ""),
            ("2026-03-21", ""),
            ("138 001 380", ""),
            ("13800138 000 Chest", "Chest"),
            ("胸部 58年3月12日", "胸部"),
            ("21 Mar 58 10:11", ""),
            ("2026–03–21", ""),
            // What measures or counts stays.
            ("Chest 3 5 mm", "Chest 3 5 mm"),
            ("Chest 2", "Chest 2"),
            ("Chest 1-2", "Chest 1-2"),
            ("", ""),
        ] {
            assert_eq!(cleaned(text), expected, "{text}");
        }
    }
}
