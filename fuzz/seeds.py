#!/usr/bin/env python3
"""Writes the first seeds of the fuzz targets into fuzz/seeds/; what a run found is kept beside them by hand."""

import io
import json
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

ROOT = Path(__file__).parent / "seeds"


def put(target, name, data):
    folder = ROOT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


# --- data sets (PS3.5 §7.1) ---------------------------------------------------------------------------------------

LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}


class Writer:
    def __init__(self, explicit=True, big=False):
        self.explicit, self.order, self.out = explicit, ">" if big else "<", b""

    def head(self, tag, vr, length):
        self.out += struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if tag >> 16 == 0xFFFE or not self.explicit:
            self.out += struct.pack(self.order + "I", length)
        elif vr in LONG:
            self.out += vr.encode() + struct.pack(self.order + "HI", 0, length)
        else:
            self.out += vr.encode() + struct.pack(self.order + "H", length)
        return self

    def put(self, tag, vr, value):
        if isinstance(value, str):
            value = value.encode()
        if len(value) % 2:
            value += b"\0" if vr in ("UI", "OB", "UN") else b" "
        self.head(tag, vr, len(value))
        self.out += value
        return self

    def us(self, tag, value):
        return self.put(tag, "US", struct.pack(self.order + "H", value))


def patient(w):
    w.put(0x00080005, "CS", "ISO_IR 192").put(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2")
    w.put(0x00080018, "UI", "1.2.3.1").put(0x00080020, "DA", "20260102").put(0x00080060, "CS", "CT")
    w.put(0x00100010, "PN", "Zhang^San=张^三").put(0x00100020, "LO", "P1")
    return w.put(0x0020000D, "UI", "1.2.3").put(0x0020000E, "UI", "1.2.3.4")


def sequence(w, undefined):
    endless = 0xFFFFFFFF
    item = Writer(w.explicit, w.order == ">").put(0x00080100, "SH", "A").put(0x00080102, "SH", "99X").out
    if undefined:
        w.head(0x00081110, "SQ", endless).head(0xFFFEE000, "", endless)
        w.out += item
        return w.head(0xFFFEE00D, "", 0).head(0xFFFEE0DD, "", 0)
    inner = Writer(w.explicit, w.order == ">").head(0xFFFEE000, "", len(item))
    return w.put(0x00081110, "SQ", inner.out + item)


def pixels(w, frames=2, bits=8):
    w.us(0x00280002, 1).put(0x00280004, "CS", "MONOCHROME2").put(0x00280008, "IS", str(frames))
    w.us(0x00280010, 4).us(0x00280011, 4).us(0x00280100, bits).us(0x00280101, bits).us(0x00280102, bits - 1)
    return w.us(0x00280103, 0)


def fragments(w, parts, table=b""):
    w.head(0x7FE00010, "OB", 0xFFFFFFFF)
    for part in [table, *parts]:
        w.head(0xFFFEE000, "", len(part))
        w.out += part
    return w.head(0xFFFEE0DD, "", 0)


def data_sets():
    for number, (name, explicit, big) in enumerate(
        [("implicit", False, False), ("explicit", True, False), ("big", True, True)]
    ):
        w = pixels(sequence(sequence(patient(Writer(explicit, big)), True), False))
        put("data_set", f"{name}-native", bytes([number, 6]) + w.put(0x7FE00010, "OW", bytes(32)).out)
        put("data_set", f"{name}-private", bytes([number, 0]) + patient(Writer(explicit, big))
            .put(0x00091001, "UN", b"\1\2\3\4").put(0x00091010, "LO", "x").out)
    w = pixels(patient(Writer()))
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = w.put(0x7FE00010, "OB", bytes(32)).out
    put("data_set", "deflated", bytes([3, 20]) + deflate.compress(plain) + deflate.flush())
    table = struct.pack("<II", 0, 24)
    w = fragments(pixels(patient(Writer())), [b"\xFF\xD8\xFF" + bytes(13)] * 2, table)
    put("data_set", "encapsulated", bytes([4, 3]) + w.out)
    w = pixels(patient(Writer()))
    w.put(0x7FE00001, "OV", struct.pack("<QQ", 0, 24)).put(0x7FE00002, "OV", struct.pack("<QQ", 16, 16))
    put("data_set", "extended-table", bytes([4, 255]) + fragments(w, [bytes(16)] * 2).out)
    put("data_set", "video", bytes([5, 40]) + fragments(pixels(patient(Writer())), [bytes(20)]).out)
    w = Writer()
    for _ in range(12):
        w.head(0x00081110, "SQ", 0xFFFFFFFF).head(0xFFFEE000, "", 0xFFFFFFFF)
    put("data_set", "nested", bytes([1, 2]) + w.out)
    w = patient(Writer()).put(0x00104000, "LT", "x" * 100).put(0x00400275, "UN", sequence(Writer(False), True).out)
    put("data_set", "large-value-and-unknown-sequence", bytes([1, 9]) + w.out)

    meta = Writer().put(0x00020010, "UI", "1.2.840.10008.1.2.1").put(0x00020003, "UI", "1.2.3.1").out
    group = Writer().put(0x00020000, "UL", struct.pack("<I", len(meta))).out
    body = patient(Writer()).out
    put("part10", "file", bytes([3]) + bytes(128) + b"DICM" + group + meta + body)
    put("part10", "no-group-length", bytes([40]) + bytes(128) + b"DICM" + meta + body)
    put("part10", "no-preamble", bytes([7]) + b"DICM" + meta + body)

    query = Writer().put(0x00080005, "CS", "GB18030").put(0x00080020, "DA", "20260101-20260201")
    query.put(0x00080030, "TM", "08-12").put(0x00080052, "CS", "STUDY")
    query.put(0x00100010, "PN", "张*".encode("gb18030")).put(0x0020000D, "UI", "1.2\\1.3")
    put("identifier", "study", bytes([1]) + query.out)
    series = Writer(False).put(0x00080052, "CS", "SERIES").put(0x00080060, "CS", "CT").put(0x0020000D, "UI", "1.2")
    request = Writer(False).put(0x00400009, "SH", "S1").out
    series.put(0x00400275, "SQ", Writer(False).head(0xFFFEE000, "", len(request)).out + request)
    put("identifier", "series", bytes([2]) + series.out)
    step = Writer().put(0x00080060, "CS", "CT").put(0x00400001, "AE", "CT1").put(0x00400002, "DA", "20261126-").out
    worklist = Writer().put(0x00100010, "PN", "").put(
        0x00400100, "SQ", Writer().head(0xFFFEE000, "", len(step)).out + step)
    put("identifier", "worklist", bytes([17]) + worklist.out)


# --- text -----------------------------------------------------------------------------------------------------------

def text():
    sets = "character_set"
    put(sets, "default", bytes([0]) + b"Smith^John")
    put(sets, "latin", bytes([1, 2]) + "Müller^Ärger".encode("latin-1"))
    put(sets, "utf-8", bytes([1, 29]) + "Wang^XiaoDong=王^小东=".encode())
    put(sets, "gb18030", bytes([1, 30]) + "Wang^Cheng=誠^運錦㐀".encode("gb18030"))
    put(sets, "gbk", bytes([1, 31]) + "誠^運\\錦".encode("gbk"))
    put(sets, "chinese-escapes", bytes([2, 0, 28]) + b"Zhang^X=\x1b$)A" + "张^\x1b$)A小".encode("gb2312"))
    put(sets, "japanese-escapes", bytes([2, 24, 25]) + b"\xd4\xcf\xc0\xde^=\x1b$B" + b";3ED\x1b(J^\x1b$BB@O:\x1b(J")
    put(sets, "japanese-supplement", bytes([3, 0, 25, 26]) + b"\x1b$(D0!\x1b(B \x1b$B0!\x1b(B")
    put(sets, "korean-escapes", bytes([2, 0, 27]) + b"Hong^Gil=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7")
    put(sets, "cyrillic-greek", bytes([3, 0, 19, 21]) + b"\x1b-L\xbb\xee^\x1b-F\xc4\xe9\\x")
    put(sets, "thai", bytes([1, 13]) + b"\xb9\xd2\xc2^\xa1")
    put(sets, "unfinished-escape", bytes([2, 0, 28]) + b"a\x1b$)")

    target = "dicom_json"
    put(target, "values", """{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00080018":{"vr":"UI","Value":["1.2.3"]},
"00100010":{"vr":"PN","Value":[{"Alphabetic":"Zhang^San","Ideographic":"张^三"}]},"00101030":{"vr":"DS","Value":[60.5,"7"]},
"00280010":{"vr":"US","Value":[512]},"00080008":{"vr":"CS","Value":["A",null,"B"]}}""".encode())
    put(target, "sequence", b'{"00081110":{"vr":"SQ","Value":[{"00081150":{"vr":"UI","Value":["1.2"]}},{}]}}')
    put(target, "bulk", b'{"7FE00010":{"vr":"OW","BulkDataURI":"p"},"00091010":{"vr":"OB","InlineBinary":"AAEC"}}')
    put(target, "numbers", b'{"00091001":{"vr":"SV","Value":[-9223372036854775808]},"00091002":{"vr":"FD","Value":[1e308,"NaN"]},'
        b'"00091003":{"vr":"AT","Value":["00280010"]},"00091004":{"vr":"UV","Value":["18446744073709551615"]}}')
    put(target, "loose", b'{"00100020":{"Value":"P1"},"00200013":{"vr":"IS","Value":["1"]},"00100010":{"vr":"PN","Value":["A^B"]}}')

    head = '<?xml version="1.0"?><NativeDicomModel>'
    end = "</NativeDicomModel>"
    xml = "dicom_xml"
    put(xml, "values", (head + '<DicomAttribute tag="00100010" vr="PN"><PersonName number="1"><Alphabetic><FamilyName>Li'
        '</FamilyName><GivenName>S&amp;i</GivenName></Alphabetic><Ideographic><FamilyName>李</FamilyName></Ideographic>'
        '</PersonName></DicomAttribute><DicomAttribute tag="00280010" vr="US"><Value number="1">512</Value>'
        "</DicomAttribute>" + end).encode())
    put(xml, "sequence", (head + '<DicomAttribute tag="00081110" vr="SQ"><Item number="1"><DicomAttribute tag="00081150" '
        'vr="UI"><Value number="1">1.2</Value></DicomAttribute></Item></DicomAttribute>' + end).encode())
    put(xml, "binary", (head + '<DicomAttribute tag="00091010" vr="OB" privateCreator="X"><InlineBinary>AAEC</InlineBinary>'
        '</DicomAttribute><DicomAttribute tag="7FE00010" vr="OW"><BulkData uri="p"/></DicomAttribute>' + end).encode())
    put(xml, "entities", (head + '<DicomAttribute tag="00104000" vr="LT"><Value number="2">&#65;&lt;&#x5F20;<![CDATA[<>]]>'
        "</Value></DicomAttribute>" + end).encode())
    put(xml, "document-type", b'<!DOCTYPE x [<!ENTITY a "b">]><NativeDicomModel>&a;</NativeDicomModel>')


# --- frames ---------------------------------------------------------------------------------------------------------

def frames():
    def index(name, count, basic, extended, parts):
        words = struct.pack(f"<{len(basic + extended + parts)}H", *basic, *extended, *parts)
        put("frame_index", name, bytes([count, len(basic), len(extended), len(parts)]) + words)

    index("one-each", 2, [], [], [0x1001, 0x1001])
    index("basic-table", 2, [0, 48], [], [0x1000, 0x1000, 0x1000])
    index("extended-table", 2, [], [0, 48], [0x1000, 0x1000, 0x1000])
    index("tables-that-differ", 3, [0, 24], [0, 48], [0x1001, 0x1000, 0x1001])
    index("a-table-that-points-outside", 2, [0, 0xFFFE], [0, 0xFFFF], [0x1000, 0x1000])
    index("beginnings", 2, [], [], [0x1001, 0x1000, 0x1001])
    index("fewer-fragments-than-frames", 5, [], [], [0x1000, 0x1000])
    index("empty-fragments", 2, [0, 8], [], [0, 0, 0x200])

    def frame(name, syntax, shape, data):
        put("frame", name, bytes([syntax, *shape]) + data)

    grey, wide, rgb, planes = (4, 4, 0, 1, 8, 0), (2, 2, 0, 2, 12, 1), (2, 2, 1, 1, 8, 8), (2, 2, 1, 1, 8, 10)
    rle = lambda starts, data: struct.pack("<16I", len(starts), *starts, *[0] * (15 - len(starts))) + data
    frame("rle-grey", 0, grey, rle([64], bytes([0xF1, 7])))
    frame("rle-16-bit", 0, wide, rle([64, 66], bytes([0xFD, 1, 3, 1, 2, 3, 4])))
    frame("rle-rgb", 0, rgb, rle([64, 66, 68], bytes([0xFD, 1, 0xFD, 2, 0xFD, 3])))
    frame("rle-segments-outside", 0, grey, rle([0xFFFFFF00], b""))
    frame("native", 1, grey, bytes(range(16)))
    frame("native-planes", 1, planes, bytes(range(12)))
    frame("native-one-bit", 1, (3, 5, 0, 0, 1, 0), b"\xAA\x55")
    frame("native-422", 1, (2, 2, 1, 1, 8, 16), bytes(range(8)))
    frame("native-big", 2, wide, bytes(range(8)))
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    frame("deflated", 3, grey, deflate.compress(bytes(16)) + deflate.flush())


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def sof(marker, bits, components, names=b"\1\2\3"):
    body = struct.pack(">BHHB", bits, 32, 32, components)
    return segment(marker, body + b"".join(bytes([names[n], 0x11, 0]) for n in range(components)))


def jpeg_tile(components=3):
    scan = segment(0xDA, bytes([components]) + bytes([1, 0, 2, 0x11, 3, 0x11][: components * 2]) + b"\0\x3F\0")
    return b"\xFF\xD8" + sof(0xC0, 8, components) + scan + b"\x7F\xA0\xFF\xD9"


def codestream(components=3, tiles=(32, 32), subsampled=False):
    siz = struct.pack(">H8I", 0, 32, 32, 0, 0, *tiles, 0, 0) + struct.pack(">H", components)
    siz += b"".join(bytes([7, 2 if subsampled and n else 1, 1]) for n in range(components))
    cod = segment(0x52, bytes([0, 2, 0, 1, 1, 5, 4, 4, 0, 1]))
    part = b"\xFF\x93\x00\x00"
    tile = segment(0x90, struct.pack(">HIBB", 0, 12 + len(part), 0, 1)) + part
    return b"\xFF\x4F" + segment(0x51, siz) + cod + segment(0x5C, b"\x40" + bytes(16)) + tile + b"\xFF\xD9"


def archives():
    files = [("a.mrxs", b"picture", zipfile.ZIP_STORED), ("a/Slidedat.ini", b"x" * 300, zipfile.ZIP_DEFLATED)]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content, method in files:
            archive.writestr(zipfile.ZipInfo("b/" + name, (1980, 1, 1, 0, 0, 0)), content, method)
    put("archive", "zip", packed.getvalue())
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, _ in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    put("archive", "tar", packed.getvalue()[:3584])


def headers():
    target = "codestream_header"
    jfif, adobe = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0"), segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    put(target, "jpeg", b"\xFF\xD8" + jfif + adobe + sof(0xC1, 12, 3, b"RGB") + segment(0xDA, b"\1\1\0\0\x3F\0"))
    put(target, "jpeg-lossless", b"\xFF\xD8\xFF" + sof(0xC3, 16, 1) + segment(0xDA, b"\1\1\0\1\0\0"))
    put(target, "jpeg-ls", b"\xFF\xD8" + sof(0xF7, 8, 3) + segment(0xDA, b"\3\1\0\2\0\3\0\0\2\0"))
    put(target, "jpeg-2000", codestream())
    put(target, "jpeg-2000-tiles", codestream(1, (8, 8)))
    box = lambda kind, body: struct.pack(">I", len(body) + 8) + kind + body
    jp2 = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(b"jp2c", codestream())
    put(target, "jp2", jp2)
    put(target, "jp2-open-end", jp2[:32] + b"\0\0\0\0jp2c" + codestream())
    put(target, "jp2-long-box", jp2[:32] + b"\0\0\0\1jp2c" + struct.pack(">Q", 1 << 63) + codestream())


# --- slides ---------------------------------------------------------------------------------------------------------

def slide_facts(organization, frames, **more):
    def item(**values):
        return {tag: {"vr": "UN", "Value": value if isinstance(value, list) else [value]} for tag, value in values.items()}

    groups = [
        item(**{"0048021A": [item(**{"0048021E": x, "0048021F": y, "0040074A": z})],
                "00480207": [item(**{"00480106": path})]})
        for x, y, z, path in frames
    ]  # fmt: skip
    facts = {
        "00080018": "1.2.3", "00080008": ["ORIGINAL", "PRIMARY", "VOLUME"], "00280008": str(len(frames) or 24),
        "00280010": 10, "00280011": 10, "00480006": 25, "00480007": 15, "00209311": organization,
        "00480105": [item(**{"00480106": name, "00220055": 488.5}) for name in ("a", "b")], "52009230": groups, **more,
    }  # fmt: skip
    return json.dumps([item(**facts)]).encode()


def tiff(big_file, big_endian, images, blobs):
    """A TIFF of images, each a list of (tag, type, values); `blobs` stand first, from byte 16 on."""
    order, width = ">" if big_endian else "<", 8 if big_file else 4
    number = lambda value, size: struct.pack(order + {1: "B", 2: "H", 4: "I", 8: "Q"}[size], value)
    out = bytearray(16)
    for blob in blobs:
        out += blob
    link = 8 if big_file else 4
    for fields in images:
        entries = b""
        for tag, kind, values in sorted(fields):
            size = {2: 1, 3: 2, 4: 4, 7: 1, 16: 8}[kind]
            value = bytes(values) if size == 1 else b"".join(number(v, size) for v in values)
            count = len(values)
            if len(value) > width:
                place = len(out)
                out += value
                value = number(place, width)
            entries += number(tag, 2) + number(kind, 2) + number(count, width) + value.ljust(width, b"\0")
        out[link : link + width] = number(len(out), width)
        out += number(len(fields), 8 if big_file else 2) + entries
        link = len(out)
        out += bytes(width)
    out[:4] = (b"MM" if big_endian else b"II") + number(43 if big_file else 42, 2)
    if big_file:
        out[4:8] = number(8, 2) + number(0, 2)
    return bytes(out)


def slides():
    def image(tile, count, compression, tables=None):
        places = [16 + n * len(tile) for n in range(count)]
        fields = [(256, 3, [64]), (257, 3, [32 * count // 2]), (258, 3, [8, 8, 8]), (259, 3, [compression]),
                  (262, 3, [6 if compression == 7 else 2]), (277, 3, [3]), (322, 3, [32]), (323, 3, [32]),
                  (270, 2, b"Aperio Image Library v1\r\n64x64|AppMag = 40|MPP = 0.25|Date = 12/29/09\0"),
                  (324, 4, places), (325, 4, [len(tile)] * count)]
        return fields + ([(347, 7, tables)] if tables else [])

    tables = b"\xFF\xD8" + segment(0xDB, bytes(65)) + b"\xFF\xD9"
    rgb = bytes(range(48))
    label = [(254, 4, [1]), (256, 3, [4]), (257, 3, [4]), (258, 3, [8, 8, 8]), (259, 3, [1]), (262, 3, [2]),
             (270, 2, b"Aperio\nlabel 4x4\0"), (277, 3, [3]), (278, 3, [4]), (279, 4, [48])]
    for name, big_file, big_endian in [("classic", 0, 0), ("classic-big-endian", 0, 1), ("big", 1, 0), ("big-big-endian", 1, 1)]:
        tile = jpeg_tile()
        at = 16 + 4 * len(tile)
        put("tiff", name, tiff(big_file, big_endian, [image(tile, 4, 7, tables), label + [(273, 4, [at])]],
                               [tile] * 4 + [rgb]))
    tile = codestream()
    full = {
        "00480302": 2, "00480303": 2, "52009230": [],
        "52009229": [{"00289110": {"vr": "SQ", "Value": [{"00180088": {"vr": "DS", "Value": ["0.001"]}}]}}],
    }  # fmt: skip
    put("slide_facts", "full", slide_facts("TILED_FULL", [], **full))
    places = [(x, y, z, path) for path in "ab" for z in (-1, 0.5) for x, y in ((1, 1), (11, 1), (21, 11))]
    put("slide_facts", "sparse", slide_facts("TILED_SPARSE", places))
    put("slide_facts", "focused", slide_facts("TILED_SPARSE", [(x, 1, x / 7, "a") for x in (1, 11, 21)]))
    put("tiff", "jpeg-2000", tiff(0, 0, [image(tile, 2, 33005)], [tile] * 2))
    lzw = [f if f[0] != 259 else (259, 3, [5]) for f in label]
    put("tiff", "lzw-label", tiff(0, 0, [image(jpeg_tile(), 2, 7), lzw + [(273, 4, [16 + 2 * len(jpeg_tile())]), (317, 3, [2])]],
                                  [jpeg_tile()] * 2 + [b"\x80\x00\x20\x50\x38\x24\x16\x0D\x07\x80" * 5]))
    put("tile", "tables-and-tile", struct.pack("<H", len(tables)) + tables + jpeg_tile())
    put("tile", "no-tables", struct.pack("<H", 4) + b"\xFF\xD8\xFF\xD9" + jpeg_tile(1))
    put("tile", "jpeg-2000", codestream(3, subsampled=True))

    # Needs Pillow; what it wrote is kept.
    import io

    from PIL import Image

    picture = Image.frombytes("RGB", (24, 20), bytes((x * 9 + y * 5 + c * 70) % 256 for y in range(20) for x in range(24) for c in range(3)))
    for name, mode, subsampling in [("grey", "L", 0), ("colour-444", "RGB", 0), ("colour-420", "RGB", 2)]:
        out = io.BytesIO()
        picture.convert(mode).save(out, "JPEG", quality=40, subsampling=subsampling)
        put("coefficients", name, out.getvalue())


# --- the network ----------------------------------------------------------------------------------------------------

def network():
    item = lambda kind, body: struct.pack(">BBH", kind, 0, len(body)) + body
    fixed = struct.pack(">HH", 1, 0) + b"FARSIGHT".ljust(16) + b"CT1".ljust(16) + bytes(32)
    application = item(0x10, b"1.2.840.10008.3.1.1.1")
    ct, implicit, explicit = b"1.2.840.10008.5.1.4.1.1.2", b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1"
    context = lambda number, syntax: item(0x20, bytes([number, 0, 0, 0]) + item(0x30, syntax)
                                          + item(0x40, explicit) + item(0x40, implicit))
    counted = lambda body: struct.pack(">H", len(body)) + body
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3") + item(0x55, b"X_1")
    put("associate", "request", fixed + application + context(1, ct) + context(3, b"1.2.840.10008.1.1") + item(0x50, user))
    identity = item(0x58, b"\2\1" + counted(b"user") + counted(b"secret"))
    find = counted(b"1.2.840.10008.5.1.4.1.2.2.1") + b"\1\1\1"
    put("associate", "identity-roles-extended", fixed + application + context(1, b"1.2.840.10008.5.1.4.1.2.2.1")
        + item(0x50, user + identity + item(0x54, counted(ct) + b"\1\1") + item(0x56, find)))
    answer = item(0x21, b"\1\0\0\0" + item(0x40, explicit)) + item(0x21, b"\3\0\3\0" + item(0x40, b""))
    put("associate", "answer", fixed + application + answer + item(0x50, user + item(0x59, b"\0\0")))
    put("associate", "unknown-items", fixed + item(0x99, b"abc") + application + item(0x50, item(0x53, b"\0\1\0\1")))

    element = lambda number, value: struct.pack("<HHI", 0, number, len(value)) + value
    us = lambda value: struct.pack("<H", value)
    store = (element(2, ct + b"\0") + element(0x100, us(1)) + element(0x110, us(7)) + element(0x700, us(0))
             + element(0x800, us(0)) + element(0x1000, b"1.2.3\0"))
    store = element(0, struct.pack("<I", len(store))) + store
    pdv = lambda number, control, body: struct.pack(">IBB", len(body) + 2, number, control) + body
    pdu = lambda kind, body: struct.pack(">BBI", kind, 0, len(body)) + body
    body = patient(Writer()).out
    put("p_data", "store", bytes([6]) + pdu(4, pdv(1, 3, store)) + pdu(4, pdv(1, 0, body[:50]) + pdv(1, 2, body[50:])))
    put("p_data", "in-pieces", bytes([0]) + pdu(4, pdv(1, 1, store[:20])) + pdu(4, pdv(1, 3, store[20:]))
        + pdu(5, bytes(4)))
    put("p_data", "empty-fragments", bytes([3]) + pdu(4, pdv(1, 3, store) + pdv(1, 0, b"") + pdv(1, 2, b"")))
    put("p_data", "abort", bytes([2]) + pdu(7, b"\0\0\2\6"))
    put("p_data", "association-again", bytes([9]) + pdu(1, fixed + application))
    put("p_data", "a-length-that-lies", bytes([9]) + pdu(4, struct.pack(">IBB", 0xFFFFFFFF, 1, 3) + store))

    part = lambda kind, body: b"--x\r\nContent-Type: " + kind + b"\r\n\r\n" + body + b"\r\n"
    put("multipart", "files", bytes([10]) + part(b"application/dicom", b"abc") + part(b"application/dicom", b"--y") + b"--x--\r\n")
    put("multipart", "metadata", bytes([0]) + part(b"application/dicom+json", b'[{"00080018":{"vr":"UI","Value":["1.2"]}}]')
        + b"--x\r\nContent-Type: image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50\r\nContent-Location: p/1\r\n\r\n\xFF\xD8\r\n--x--")
    put("multipart", "xml", bytes([50]) + part(b"application/dicom+xml", b"<NativeDicomModel></NativeDicomModel>") + b"--x--")
    put("multipart", "preamble", bytes([4]) + b"hello\r\n" + part(b"text/plain", b"\r\n--\r\n--x") + b"--x--\r\nepilogue")
    put("multipart", "breaks-off", bytes([4]) + part(b"application/dicom", b"abc")[:-3])

    put("query", "ohif", b"limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060&PatientName=*zhang*"
        b"&ModalitiesInStudy=CT&StudyDate=20250101-20261231")
    put("query", "keys", "00100020=P001&PatientName=%E5%BC%A0*&StudyInstanceUID=1.2,1.3%5C1.4&StudyTime=08-1201.5".encode())
    put("query", "all", b"includefield=all&includefield=RequestAttributesSequence.ScheduledProcedureStepID&limit=0")
    put("query", "sequence", b"RequestAttributesSequence.ScheduledProcedureStepID=S1&00400275.00401001=x&emptyvaluematching=true")
    put("query", "hostile", b"PatientID=%27%25_%5C*&StudyDate=-&StudyDate=2026-01-01&accept=*/*;q=0&x=%00&limit=99999999999")

    put("accept", "ohif", b"multipart/related; type=application/octet-stream; transfer-syntax=*")
    put("accept", "list", b'image/jls;q=0.5, multipart/related;type="image/jp2";transfer-syntax=1.2.840.10008.1.2.4.90;q=0.9, */*;q=0.1')
    put("accept", "browser", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    put("accept", "quotes", b'multipart/related; type="a,b;c"; q="0.3", image/*;q=nan, application/dicom;q=2')


if __name__ == "__main__":
    data_sets()
    text()
    frames()
    headers()
    archives()
    slides()
    network()
