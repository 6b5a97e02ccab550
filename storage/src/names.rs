//! Search keys of person names: every component group as sent, folded; Chinese also by character, by pinyin and by
//! pinyin initials, so that 张, zhang, zs, 张三, zhangsan and zhang^san find 张三.

use model::Matching;
use pinyin::ToPinyin as _;
use std::collections::BTreeSet;

/// Keys of one person name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NameKeys {
    /// The name as a whole, and its surname and given name, in each form: what single values and wildcards are matched
    /// against.
    pub whole: BTreeSet<String>,
    /// All of that, and everything else that a word of a search may begin.
    pub parts: BTreeSet<String>,
}

/// Characters of a component group that are looked at (PS3.5 §6.2 allows 64).
pub(crate) const GROUP_CHARS_MAX: usize = 64;

/// Lower case; wide and narrow forms as one, katakana too; `^` and runs of white space as one space: how names are
/// compared (PS3.4 §C.2.2.2.1 leaves case and width to us).
#[must_use]
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            '\u{FF61}'..='\u{FF9F}' => full_katakana(c),
            '\u{3000}' | '^' | '·' | '・' | '\0' => ' ',
            other => other,
        };
        let c = if c == '・' { ' ' } else { c };
        if let '\u{3099}' | '\u{309A}' | '\u{309B}' | '\u{309C}' = c
            && let Some(voiced) = out.chars().next_back().and_then(|base| voiced(base, c))
        {
            out.pop();
            out.push(voiced);
        } else if c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.extend(c.to_lowercase());
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Half-width katakana U+FF61 to U+FF9F as the full-width ones.
const KATAKANA: &str = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜";

fn full_katakana(half: char) -> char {
    let index = (half as u32).saturating_sub(0xFF61) as usize;
    KATAKANA.chars().nth(index).unwrap_or(half)
}

/// A kana with its sound mark, which a half-width text writes behind it.
fn voiced(base: char, mark: char) -> Option<char> {
    let is_half_voiced = matches!(mark, '\u{309A}' | '\u{309C}');
    match base {
        'ウ' if !is_half_voiced => Some('ヴ'),
        'カ' | 'キ' | 'ク' | 'ケ' | 'コ' | 'サ' | 'シ' | 'ス' | 'セ' | 'ソ' | 'タ' | 'チ' | 'ツ' | 'テ'
        | 'ト'
            if !is_half_voiced =>
        {
            char::from_u32(base as u32 + 1)
        }
        'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ' => char::from_u32(base as u32 + 1 + u32::from(is_half_voiced)),
        _ => None,
    }
}

/// The wildcards of a folded pattern: characters that no name has, so that a wide `＊` stays what it is.
pub(crate) const ANY: char = '\u{E000}';
pub(crate) const ONE: char = '\u{E001}';

/// A text with `*` and `?` as a pattern.
pub(crate) fn pattern(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '*' => ANY,
            '?' | ANY => ONE,
            other => other,
        })
        .collect()
}

/// What one component group of a wildcard asks of a form of a name: one of these patterns fits. `None` when it asks
/// nothing.
pub(crate) fn group_patterns(group: &str) -> Option<Vec<String>> {
    let folded = fold(&pattern(group));
    if folded.chars().all(|c| c == ANY) {
        return None;
    }
    // Components that are empty may be left out with their delimiters (PS3.5 §6.2.1): `Li^*` asks for `Li` too.
    let rest = folded.trim_end_matches(ANY);
    let short = (rest.len() < folded.len()).then(|| rest.strip_suffix(' ')).flatten().map(str::to_owned);
    Some(std::iter::once(folded.clone()).chain(short).collect())
}

/// The component groups of a name or a pattern that say something.
pub(crate) fn groups(text: &str) -> impl Iterator<Item = &str> {
    text.split('=').filter(|group| !fold(group).is_empty())
}

/// The words that fuzzy matching looks for; wildcards only part them.
pub(crate) fn words(text: &str) -> Vec<String> {
    let folded = fold(&text.replace(['*', '?', '='], " "));
    folded.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether a pattern fits a whole text.
pub(crate) fn fits(pattern: &[char], text: &[char]) -> bool {
    // The row of a table: which beginnings of the text the pattern so far fits.
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for c in pattern {
        let mut next = vec![false; text.len() + 1];
        next[0] = row[0] && *c == ANY;
        for i in 1..=text.len() {
            next[i] = match *c {
                ANY => row[i] || next[i - 1],
                ONE => row[i - 1],
                c => row[i - 1] && text[i - 1] == c,
            };
        }
        row = next;
    }
    row[text.len()]
}

/// Whether a person name (component groups separated by `=`) matches: what the index answers, for names that are not
/// in it, such as those of orders.
#[must_use]
pub fn name_fits(name: &str, matching: &Matching) -> bool {
    let keys = keys(name.split('='));
    let is_whole = |group: &str| keys.whole.contains(&fold(group));
    let fits_one = |patterns: &[String]| {
        patterns.iter().any(|pattern| {
            let pattern: Vec<char> = pattern.chars().collect();
            keys.whole.iter().any(|form| fits(&pattern, &form.chars().collect::<Vec<_>>()))
        })
    };
    match matching {
        Matching::Single(text) => groups(text).all(is_whole),
        Matching::Wildcard(text) => {
            groups(text).all(|group| group_patterns(group).is_none_or(|patterns| fits_one(&patterns)))
        }
        Matching::AnyOf(all) => {
            all.is_empty()
                || all.iter().any(|text| match text.contains(['*', '?']) {
                    true => name_fits(name, &Matching::Wildcard(text.clone())),
                    false => name_fits(name, &Matching::Single(text.clone())),
                })
        }
        Matching::Fuzzy(text) => {
            words(text).iter().all(|word| keys.parts.iter().any(|key| key.starts_with(word.as_str())))
        }
        Matching::Empty => keys.whole.is_empty(),
        Matching::Range { .. } => true,
    }
}

/// Han ideographs, the blocks that names use.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' | '〇')
}

/// Readings as a surname that differ from the common reading.
const SURNAME_READINGS: &[(char, &str)] = &[
    ('单', "shan"),
    ('曾', "zeng"),
    ('解', "xie"),
    ('仇', "qiu"),
    ('区', "ou"),
    ('朴', "piao"),
    ('查', "zha"),
    ('任', "ren"),
    ('盖', "ge"),
    ('乐', "yue"),
    ('翟', "zhai"),
    ('缪', "miao"),
    ('覃', "qin"),
    ('员', "yun"),
    ('种', "chong"),
    ('繁', "po"),
    ('秘', "bi"),
    ('折', "she"),
    ('冼', "xian"),
    ('洗', "xian"),
    ('召', "shao"),
    ('黑', "he"),
    ('么', "yao"),
    ('牟', "mu"),
    ('祭', "zhai"),
    ('郇', "xun"),
    ('万', "wan"),
    ('尉', "wei"),
    ('长', "zhang"),
    ('隗', "kui"),
    ('卜', "bu"),
    ('葛', "ge"),
    ('宁', "ning"),
    ('石', "shi"),
    ('车', "che"),
    ('贾', "jia"),
    ('沈', "shen"),
    ('都', "du"),
    ('都', "dou"),
    ('教', "jiao"),
    ('曲', "qu"),
    ('朝', "chao"),
    ('哈', "ha"),
    ('那', "na"),
    ('柏', "bai"),
    ('薄', "bo"),
    ('褚', "chu"),
    ('晁', "chao"),
    ('钭', "tou"),
    ('佴', "nai"),
    ('逄', "pang"),
    ('逯', "lu"),
    ('臧', "zang"),
    ('占', "zhan"),
    ('应', "ying"),
    ('相', "xiang"),
    ('燕', "yan"),
    ('於', "yu"),
    ('能', "nai"),
    ('撒', "sa"),
    ('纪', "ji"),
    ('过', "guo"),
    ('华', "hua"),
];

/// Compound surnames with their readings, for where the surname ends.
const COMPOUND_SURNAMES: &[(&str, [&str; 2])] = &[
    ("欧阳", ["ou", "yang"]),
    ("司马", ["si", "ma"]),
    ("上官", ["shang", "guan"]),
    ("诸葛", ["zhu", "ge"]),
    ("尉迟", ["yu", "chi"]),
    ("万俟", ["mo", "qi"]),
    ("长孙", ["zhang", "sun"]),
    ("夏侯", ["xia", "hou"]),
    ("皇甫", ["huang", "fu"]),
    ("令狐", ["ling", "hu"]),
    ("宇文", ["yu", "wen"]),
    ("慕容", ["mu", "rong"]),
    ("司徒", ["si", "tu"]),
    ("公孙", ["gong", "sun"]),
    ("东方", ["dong", "fang"]),
    ("端木", ["duan", "mu"]),
    ("独孤", ["du", "gu"]),
    ("南宫", ["nan", "gong"]),
    ("轩辕", ["xuan", "yuan"]),
    ("赫连", ["he", "lian"]),
    ("澹台", ["tan", "tai"]),
    ("单于", ["chan", "yu"]),
    ("呼延", ["hu", "yan"]),
    ("闻人", ["wen", "ren"]),
];

/// Keys of a name given by its component groups (alphabetic, ideographic, phonetic), in any order.
pub(crate) fn keys<'a>(groups: impl IntoIterator<Item = &'a str>) -> NameKeys {
    let mut keys = NameKeys::default();
    for group in groups {
        let text: String = group.chars().take(GROUP_CHARS_MAX).collect();
        let folded = fold(&text);
        if folded.is_empty() {
            continue;
        }
        written_keys(&folded, &mut keys);
        if folded.chars().any(is_han) {
            han_keys(&folded, &mut keys);
        }
    }
    let whole = keys.whole.clone();
    keys.parts.extend(whole);
    keys
}

/// Whether somebody who types `word` into a search box looks for this name (component groups separated by `=`): the same
/// keys that studies are found by.
#[must_use]
pub fn name_matches(name: &str, word: &str) -> bool {
    let word = fold(word);
    !word.is_empty() && keys(name.split('=')).parts.iter().any(|key| key.starts_with(&word))
}

/// Keys of a group as it is written.
fn written_keys(folded: &str, keys: &mut NameKeys) {
    let joined: String = folded.split(' ').collect();
    keys.whole.insert(folded.to_owned());
    keys.whole.insert(joined);
    keys.whole.extend(folded.split(' ').map(str::to_owned));
    if !folded.chars().any(is_han) && folded.contains(' ') {
        let initials: String = folded.split(' ').filter_map(|word| word.chars().next()).collect();
        keys.whole.insert(initials);
    }
    // An ü is typed as v or as u.
    if folded.contains('ü') {
        for typed in ["v", "u"] {
            let text = folded.replace('ü', typed);
            written_keys(&text, keys);
        }
    }
}

/// Keys of a group with Chinese characters.
fn han_keys(folded: &str, keys: &mut NameKeys) {
    for word in folded.split(' ') {
        let chars: Vec<char> = word.chars().collect();
        for start in 0..chars.len() {
            let Some(rest) = chars.get(start..) else { continue };
            if !rest.first().copied().is_some_and(is_han) {
                continue;
            }
            // From each character on: one, two, and all that follow.
            for length in [1, 2, rest.len()] {
                keys.parts.insert(rest.iter().take(length).collect());
            }
        }
    }
    let compact: Vec<char> = folded.chars().filter(|c| *c != ' ').collect();
    let surname_chars = surname_length(folded, &compact).min(compact.len());
    let (surname, given) = compact.split_at(surname_chars);
    keys.whole.extend(
        [surname, given].map(|part| part.iter().collect::<String>()).into_iter().filter(|p| !p.is_empty()),
    );
    for reading in readings(&compact) {
        let joined = reading.concat();
        let (surname, given) = reading.split_at(surname_chars.min(reading.len()));
        keys.whole.insert(joined);
        keys.whole.insert(reading.join(" "));
        keys.whole.insert(surname.concat());
        if !given.is_empty() {
            keys.whole.insert(given.concat());
            keys.whole.insert(format!("{} {}", surname.concat(), given.concat()));
        }
        keys.whole.insert(reading.iter().filter_map(|s| s.chars().next()).collect());
        for start in 0..reading.len() {
            keys.parts.insert(reading.iter().skip(start).map(String::as_str).collect());
        }
    }
}

/// How many characters the surname has: up to the first space, a compound surname's two, or one.
fn surname_length(folded: &str, compact: &[char]) -> usize {
    if let Some((surname, _)) = folded.split_once(' ') {
        return surname.chars().count();
    }
    let first_two: String = compact.iter().take(2).collect();
    if compact.len() > 2 && COMPOUND_SURNAMES.iter().any(|(name, _)| *name == first_two) { 2 } else { 1 }
}

/// The syllables of a name: the common reading, and the one of its surname when that differs. Characters that are not
/// Chinese stand for themselves; ü is written as v, and once more as u.
pub(crate) fn readings(compact: &[char]) -> Vec<Vec<String>> {
    let common: Vec<String> = compact
        .iter()
        .map(|c| c.to_pinyin().map_or_else(|| c.to_string(), |reading| reading.plain().to_owned()))
        .collect();
    let mut all = vec![common.clone()];
    let first_two: String = compact.iter().take(2).collect();
    if let Some((_, reading)) = COMPOUND_SURNAMES.iter().find(|(name, _)| *name == first_two) {
        let mut other = common.clone();
        for (syllable, read) in other.iter_mut().zip(reading) {
            *syllable = (*read).to_owned();
        }
        all.push(other);
    }
    for (_, reading) in SURNAME_READINGS.iter().filter(|(c, _)| compact.first() == Some(c)) {
        let mut other = common.clone();
        if let Some(first) = other.first_mut() {
            *first = (*reading).to_owned();
        }
        all.push(other);
    }
    let typed: Vec<Vec<String>> = all
        .iter()
        .flat_map(|reading| {
            let has_u = reading.iter().any(|s| s.contains('ü'));
            let forms: &[&str] = if has_u { &["v", "u"] } else { &["v"] };
            forms
                .iter()
                .map(|form| reading.iter().map(|s| s.replace('ü', form)).collect())
                .collect::<Vec<_>>()
        })
        .collect();
    let mut distinct: Vec<Vec<String>> = Vec::new();
    for reading in typed {
        if !distinct.contains(&reading) {
            distinct.push(reading);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn begins(keys: &NameKeys, word: &str) -> bool {
        keys.parts.iter().any(|key| key.starts_with(&fold(word)))
    }

    #[test]
    fn a_chinese_name_is_found_by_whatever_people_type() {
        let of = |groups: &[&str]| keys(groups.iter().copied());
        let found: &[(&[&str], &[&str])] = &[
            (
                &["张三"],
                &["张", "三", "张三", "zhang", "zhangs", "zhangsan", "san", "zs", "zhang^san", "ZHANG"],
            ),
            (&["Zhang^San", "张^三"], &["张", "张三", "张^三", "zhang", "zs", "zhangsan", "Zhang^San"]),
            (&["Wang^XiaoDong", "王^小东", ""], &["小东", "东", "王小", "wxd", "wangxiaodong", "xiaodong"]),
            (&["单雄信"], &["shan", "sxx", "dan"]),
            (&["吕布"], &["lv", "lu", "lvbu", "lb"]),
            (&["欧阳修"], &["ouyang", "ouyang^xiu", "oyx"]),
            (&["尉迟恭"], &["yuchi", "yuchigong"]),
            (&["ＬＩ　Ｓｉ"], &["li", "lisi", "ls"]),
            (&["Müller^Jürgen"], &["müller", "muller", "mj"]),
        ];
        for (groups, words) in found {
            for word in *words {
                assert!(begins(&of(groups), word), "{groups:?} {word}");
            }
        }
        for word in ["李", "li", "zh s", "x"] {
            assert!(!begins(&of(&["张三"]), word), "{word}");
        }
    }

    #[test]
    fn a_name_outside_the_index_is_found_by_the_same_words() {
        for word in ["张", "zhang", "zs", "ZhangSan"] {
            assert!(name_matches("张三", word) && name_matches("Zhang^San=张^三", word), "{word}");
        }
        assert!(!name_matches("张三", "li") && !name_matches("张三", " "));
    }

    #[test]
    fn width_case_and_sound_marks_do_not_count() {
        for (one, other) in
            [("ＡＢＣ", "abc"), ("ﾔﾏﾀﾞ^ﾀﾛｳ", "ヤマダ タロウ"), ("ﾊﾟﾌﾞ", "パブ"), ("ヴ", "ｳﾞ"), ("ｱ･ｲ", "ア イ")]
        {
            assert_eq!(fold(one), fold(other));
        }
        assert_ne!(fold("ハ"), fold("バ"));
    }

    #[test]
    fn wildcards_are_matched_by_component_group() {
        let wild = |text: &str| Matching::Wildcard(text.to_owned());
        let name = "Yamada^Tarou=山田^太郎=やまだ^たろう";
        for text in ["yamada*", "*^tarou", "山田^?郎", "=山田*", "Y*=山*=や*", "yamada^tarou^*", "*"] {
            assert!(name_fits(name, &wild(text)), "{text}");
        }
        for text in ["ama*", "川?", "Y*=川*", "yamada^t", "＊"] {
            assert!(!name_fits(name, &wild(text)), "{text}");
        }
        assert!(name_fits("", &Matching::Empty) && !name_fits(name, &Matching::Empty));
    }

    #[test]
    fn a_part_of_a_given_name_is_no_whole_name() {
        let keys = keys(["Zhang^Sanfeng", "张^三丰"]);
        for whole in ["zhang sanfeng", "zhangsanfeng", "张 三丰", "张三丰", "张", "三丰", "zsf", "zhang"]
        {
            assert!(keys.whole.contains(whole), "{whole}");
        }
        for part in ["张三", "三", "丰", "zhangsan", "feng"] {
            assert!(!keys.whole.contains(part), "{part}");
        }
    }

    proptest! {
        #[test]
        fn keys_are_bounded(text in "\\PC{0,200}") {
            let keys = keys([text.as_str()]);
            prop_assert!(keys.parts.len() < 800);
            prop_assert!(keys.parts.iter().all(|k| k.len() < 64 * 8 * 4));
        }
    }
}
