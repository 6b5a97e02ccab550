"""The people on the generated studies: invented, with the names and encodings that Chinese hospitals send."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Patient:
    """`romanised` is `Family^Given` in pinyin, `family` and `given` the characters; the dates are YYYYMMDD."""

    romanised: str
    family: str
    given: str
    sex: str
    birth_date: str
    patient_id: str

    def name(self, groups: bool) -> str:
        """As PN: all component groups, or (as many devices do) only the characters, in the alphabetic group."""
        if groups:
            return f"{self.romanised}={self.family}^{self.given}"
        return f"{self.family}{self.given}"


ZHANG_SAN = Patient("Zhang^San", "张", "三", "M", "19610412", "FS000001")

PATIENTS = [
    ZHANG_SAN,
    Patient("Li^Xiuying", "李", "秀英", "F", "19580903", "FS000002"),
    Patient("Wang^Xiaoming", "王", "小明", "M", "19870227", "FS000003"),
    Patient("Ouyang^Nana", "欧阳", "娜娜", "F", "19941105", "FS000004"),
    Patient("Liu^Guoqiang", "刘", "国强", "M", "19700518", "FS000005"),
    # The second GBK byte of 誠 and 錦 is 0x5C, the backslash.
    Patient("Chen^Cheng", "陈", "誠錦", "M", "19661230", "FS000006"),
    # 䶮 has two bytes in new fonts and four in GB18030; 𠮷 lies outside the Basic Multilingual Plane.
    Patient("Zhao^Yan", "赵", "䶮", "M", "19790715", "FS000007"),
    Patient("Sun^Ji", "孙", "𠮷", "M", "19910324", "FS000008"),
    Patient("Zhou^Jie", "周", "杰", "M", "19830118", "FS000009"),
    Patient("Wu^Guihua", "吴", "桂花", "F", "19491001", "FS000010"),
    Patient("Maimaiti^Aili", "买买提", "艾力", "M", "19760621", "FS000011"),
    Patient("Zhuge^Zhengming", "诸葛", "正明", "M", "19550809", "FS000012"),
]


def patient(index: int) -> Patient:
    """The person of study `index`; after the list is used up, the same names with other ids, as in life."""
    base = PATIENTS[index % len(PATIENTS)]
    if index < len(PATIENTS):
        return base
    return Patient(base.romanised, base.family, base.given, base.sex, base.birth_date, f"FS{index + 1:06d}")
