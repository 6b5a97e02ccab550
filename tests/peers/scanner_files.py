"""Writes slide files as scanners do, from the pixels of a real slide, for which no freely licensed file of the real
scanner is at hand: structures after OpenSlide's documentation of the formats and the vendors' own descriptions.

scanner_files.py SLIDE FOLDER
"""

import base64
import io
import itertools
import sqlite3
import struct
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from openslide import OpenSlide
from PIL import Image

SHORT, LONG, ASCII, RATIONAL, UNDEFINED, FLOAT, LONG8, SLONG, BYTE = 3, 4, 2, 5, 7, 11, 16, 9, 1
WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 11: 4, 16: 8}
JPEG, J2K_YCC, J2K_RGB, JPEG_XL, JPEG_XL_DNG = 7, 33003, 33005, 50002, 52546
RGB, YCBCR = 2, 6


class Tiff:
    """A TIFF (`kind` classic, big or ndpi) in memory: data first, directories behind them, in their order."""

    def __init__(self, kind="classic", order="<"):
        self.kind, self.order = kind, order
        mark = b"II" if order == "<" else b"MM"
        if kind == "big":
            self.data = bytearray(struct.pack(order + "2sHHHQ", mark, 43, 8, 0, 0))
            self.link, self.word = 8, "Q"
        else:
            self.data = bytearray(struct.pack(order + "2sH", mark, 42) + bytes(8))
            self.link, self.word = 4, "I"
            if kind == "ndpi":
                self.data += bytes(4)

    def put(self, data):
        if len(self.data) % 2:
            self.data += b"\0"
        at = len(self.data)
        self.data += data
        return at

    def _pack(self, kind, values):
        if isinstance(values, str):
            return values.encode() + b"\0"
        if isinstance(values, bytes):
            return values
        if kind == RATIONAL:
            return b"".join(struct.pack(self.order + "II", *pair) for pair in values)
        code = {SHORT: "H", LONG: "I", LONG8: "Q", FLOAT: "f", SLONG: "i", BYTE: "B"}[kind]
        return struct.pack(f"{self.order}{len(values)}{code}", *values)

    def directory(self, entries):
        room = 8 if self.kind == "big" else 4
        packed = []
        for tag, kind, values in sorted(entries, key=lambda entry: entry[0]):
            body = self._pack(kind, values)
            count = len(body) // WIDTHS[kind]
            if len(body) > room:
                body = struct.pack(self.order + self.word, self.put(body))
            packed.append(struct.pack(self.order + "HH" + self.word, tag, kind, count) + body.ljust(room, b"\0"))
        count = struct.pack(self.order + ("Q" if self.kind == "big" else "H"), len(packed))
        at = self.put(count + b"".join(packed))
        place = struct.pack(self.order + self.word, at)
        self.data[self.link : self.link + len(place)] = place
        self.link = len(self.data)
        # NDPI: a next offset of 64 bits, then the high words of every entry.
        self.data += bytes(8 + 4 * len(packed)) if self.kind == "ndpi" else bytes(room)

    def tiled(self, image, tile, encode, compression, photometric, extra=(), keep=lambda x, y: True, padded=False):
        """A tiled image; `keep(column, row)` says which tiles are written, `padded` declares whole tiles as its size."""
        height, width = image.shape[:2]
        across, down = -(-width // tile[0]), -(-height // tile[1])
        canvas = np.full((down * tile[1], across * tile[0], 3), 255, np.uint8)
        canvas[:height, :width] = image
        offsets, counts = [], []
        for row in range(down):
            for column in range(across):
                if not keep(column, row):
                    offsets.append(0)
                    counts.append(0)
                    continue
                top, left = row * tile[1], column * tile[0]
                data = encode(canvas[top : top + tile[1], left : left + tile[0]])
                offsets.append(self.put(data))
                counts.append(len(data))
        size = (across * tile[0], down * tile[1]) if padded else (width, height)
        self.directory([
            (256, LONG, [size[0]]), (257, LONG, [size[1]]), (258, SHORT, [8, 8, 8]), (259, SHORT, [compression]),
            (262, SHORT, [photometric]), (277, SHORT, [3]), (284, SHORT, [1]), (322, LONG, [tile[0]]),
            (323, LONG, [tile[1]]), (324, LONG8 if self.kind == "big" else LONG, offsets), (325, LONG, counts),
            *([(530, SHORT, [1, 1])] if photometric == YCBCR else []), *extra,
        ])  # fmt: skip

    def strip(self, image, extra=()):
        """A small image as one JPEG strip."""
        data = jpeg(image)
        self.directory([
            (256, LONG, [image.shape[1]]), (257, LONG, [image.shape[0]]), (258, SHORT, [8, 8, 8]), (259, SHORT, [JPEG]),
            (262, SHORT, [YCBCR]), (273, LONG, [self.put(data)]), (277, SHORT, [3]), (278, LONG, [image.shape[0]]),
            (279, LONG, [len(data)]), (530, SHORT, [1, 1]), *extra,
        ])  # fmt: skip

    def write(self, path):
        path.write_bytes(self.data)


def jpeg(pixels, subsampling=0, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=85, subsampling=subsampling, **options)
    return stream.getvalue()


def split(stream):
    """(tables, abbreviated stream without a JFIF marker), as JPEGTables wants them."""
    tables, rest, at = bytearray(), bytearray(), 2
    while stream[at + 1] != 0xDA:
        length = struct.unpack_from(">H", stream, at + 2)[0]
        segment = stream[at : at + 2 + length]
        if stream[at + 1] in (0xDB, 0xC4):
            tables += segment
        elif stream[at + 1] != 0xE0:
            rest += segment
        at += 2 + length
    return b"\xff\xd8" + bytes(tables) + b"\xff\xd9", b"\xff\xd8" + bytes(rest) + stream[at:]


def levels(image, count, factor=2):
    """The image and smaller ones."""
    out = [image]
    for _ in range(count - 1):
        last = Image.fromarray(out[-1])
        out.append(np.asarray(last.resize((last.width // factor, last.height // factor), Image.Resampling.BOX)))
    return out


def label(text):
    picture = np.full((200, 180, 3), 250, np.uint8)
    picture[20:40, 20 : 20 + 8 * len(text)] = 30
    return picture


def aperio(path, image, compression):
    """Aperio with JPEG 2000: 33005 is RGB (transformed within the codestream), 33003 is Y, Cb, Cr as components."""
    ycc = compression == J2K_YCC

    def encode(tile):
        if ycc:
            tile = np.asarray(Image.fromarray(tile).convert("YCbCr"))
        return imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(tile), level=40, codecformat="j2k", mct=not ycc, reversible=False, resolutions=4
        )

    tiff = Tiff()
    name = "YCC" if ycc else "RGB"
    head = "Aperio Image Library v12.0.15 \r\n"
    for number, level in enumerate(levels(image, 2, 4)):
        text = f"{head}{image.shape[1]}x{image.shape[0]} (240x240) J2K/KDU Q=30;{name}|AppMag = 40|MPP = 0.2525" + (
            "|ScanScope ID = SS1302|Date = 03/14/24|Time = 10:11:12" if number == 0 else ""
        )
        photometric = YCBCR if ycc else RGB
        tiff.tiled(level, (240, 240), encode, compression, photometric, [(270, ASCII, text)])
    tiff.write(path)


def shared_tables(path, image):
    """A big-endian TIFF of any writer: tables apart, tiles that are not square, no scale."""
    tables = split(jpeg(image[:16, :16]))[0]
    tiff = Tiff(order=">")
    for number, level in enumerate(levels(image, 3)):
        tiff.tiled(
            level, (208, 176), lambda tile: split(jpeg(np.ascontiguousarray(tile)))[1], JPEG, YCBCR,
            [(347, UNDEFINED, tables), (254, LONG, [int(number > 0)])],
        )  # fmt: skip
    tiff.write(path)


def ome(path, image):
    """OME-TIFF by tifffile: BigTIFF, levels in SubIFDs, and a label as a second image."""
    first, *rest = levels(image, 3)
    options = {"tile": (256, 256), "compression": "jpeg", "compressionargs": {"level": 85}, "photometric": "rgb"}
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as tiff:
        facts = {
            "axes": "YXS", "Name": "scan", "AcquisitionDate": "2025-05-06T07:08:09",
            "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm",
        }  # fmt: skip
        tiff.write(first, subifds=len(rest), metadata=facts, **options)
        for level in rest:
            tiff.write(level, subfiletype=1, **options)
        tiff.write(label("OME"), metadata={"axes": "YXS", "Name": "label"}, photometric="rgb")


def ome_stack(path, image):
    """OME-TIFF with two focal planes, of which OpenSlide shows the first."""
    planes = np.stack([image[:700, :900], 255 - image[:700, :900]])
    with tifffile.TiffWriter(path, ome=True) as tiff:
        options = {"tile": (256, 256), "compression": "jpeg", "compressionargs": {"level": 85}, "photometric": "rgb"}
        tiff.write(planes, metadata={"axes": "ZYXS", "Name": "stack"}, **options)


def jpeg_xl(path, image, compression, **options):
    """A pyramid by tifffile with tiles in JPEG XL: with loss its colours are XYB."""
    with tifffile.TiffWriter(path) as tiff:
        for number, level in enumerate(levels(image[:1000, :1100], 2)):
            options_ = {"tile": (256, 256), "photometric": "rgb", "metadata": None, "subfiletype": int(number > 0)}
            tiff.write(level, compression=compression, compressionargs=options, **options_)


def recompressed(path, image):
    """Tiles that were JPEG and are JPEG XL that gives the JPEG back; those of level 1 say nothing of their colours."""
    tiff = Tiff()
    for number, level in enumerate(levels(image[:1000, :1100], 2)):

        def packed(tile, number=number):
            data = jpeg(np.ascontiguousarray(tile))
            assert data[2:4] == b"\xff\xe0", "JFIF comes first"
            data = data if number == 0 else data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]
            return imagecodecs.jpegxl_encode_jpeg(data)

        tiff.tiled(level, (256, 256), packed, JPEG_XL, RGB, [(254, LONG, [int(number > 0)])])
    tiff.write(path)


def philips(path, image):
    """Sizes padded to whole tiles, tiles of bare glass left out, label and macro in the XML."""
    tile = (512, 512)
    pixels = levels(image[:2048, :2048], 3)

    def spacing(mm):
        return f'<Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" PMSVR="IDoubleArray">"{mm}" "{mm}"</Attribute>'

    def small(kind, picture):
        data = base64.encodebytes(jpeg(picture)).decode()
        return (
            f'<DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE" PMSVR="IString">{kind}'
            f'</Attribute><Attribute Name="PIM_DP_IMAGE_DATA" PMSVR="IString">{data}</Attribute></DataObject>'
        )

    parts = "".join(
        '<DataObject ObjectType="PixelDataRepresentation">' + spacing(0.00025 * 2**n) + "</DataObject>"
        for n in range(len(pixels))
    )
    xml = (
        '<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">'
        '<Attribute Name="DICOM_ACQUISITION_DATETIME" PMSVR="IString">20240203040506.000000</Attribute>'
        '<Attribute Name="DICOM_DEVICE_SERIAL_NUMBER" PMSVR="IString">FMT0107</Attribute>'
        '<Attribute Name="DICOM_MANUFACTURER" PMSVR="IString">PHILIPS</Attribute>'
        '<Attribute Name="DICOM_MANUFACTURERS_MODEL_NAME" PMSVR="IString">UFS Scanner</Attribute>'
        '<Attribute Name="PIM_DP_SCANNED_IMAGES" PMSVR="IDataObjectArray"><Array>'
        '<DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE" PMSVR="IString">WSI</Attribute>'
        + spacing(0.00025)
        + '<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE" PMSVR="IDataObjectArray"><Array>'
        + parts
        + "</Array></Attribute></DataObject>"
        + small("LABELIMAGE", label("PHILIPS"))
        + small("MACROIMAGE", np.asarray(Image.fromarray(image).resize((300, 400))))
        + "</Array></Attribute></DataObject>"
    )
    tiff = Tiff("big")
    tables = split(jpeg(image[:16, :16]))[0]
    for number, level in enumerate(pixels):
        extra = [(305, ASCII, "Philips DP v1.0"), (347, UNDEFINED, tables), (254, LONG, [int(number > 0)])]
        if number == 0:
            extra.append((270, ASCII, xml))
        tiff.tiled(
            level, tile, lambda part: split(jpeg(np.ascontiguousarray(part)))[1], JPEG, YCBCR, extra,
            keep=lambda x, y, n=number: n > 0 or (x, y) not in {(0, 0), (3, 2)}, padded=True,
        )  # fmt: skip
    tiff.write(path)


def leica(path, image):
    """The macro is the image of the whole collection; its directories and the scan's are named in the XML."""
    scan, macro = levels(image[:2048, :2048], 3, 4), np.asarray(Image.fromarray(image).resize((512, 1400)))
    nm = 500
    size = (26_000_000, 76_000_000)

    def dimensions(pictures, first):
        return "".join(
            f'<dimension sizeX="{p.shape[1]}" sizeY="{p.shape[0]}" r="{r}" ifd="{first + r}" />'
            for r, p in enumerate(pictures)
        )

    def image_of(name, pictures, first, view, objective):
        return (
            f'<image name="{name}"><creationDate>2021-09-08T07:06:05.4Z</creationDate>'
            '<device model="Leica SCN400;Leica SCN" version="1.5.1.10804 2011/11/04 08:48:26" />'
            f'<pixels sizeX="{pictures[0].shape[1]}" sizeY="{pictures[0].shape[0]}">{dimensions(pictures, first)}</pixels>'
            f'<view sizeX="{view[0]}" sizeY="{view[1]}" offsetX="{view[2]}" offsetY="{view[3]}" spacingZ="0" />'
            f"<scanSettings><objectiveSettings><objective>{objective}</objective></objectiveSettings>"
            "<illuminationSettings><numericalAperture>0.4</numericalAperture>"
            "<illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>"
        )

    xml = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="urn:uuid:1">'
        f'<collection name="C" uuid="urn:uuid:2" sizeX="{size[0]}" sizeY="{size[1]}"><barcode>MTIz</barcode>'
        + image_of("macro", [macro], 0, (*size, 0, 0), "0.6")
        + image_of("scan", scan, 1, (2048 * nm, 2048 * nm, 4_000_000, 9_000_000), "20")
        + "</collection></scn>"
    )
    tiff = Tiff("big")
    tables = split(jpeg(image[:16, :16]))[0]
    for number, picture in enumerate([macro, *scan]):
        extra = [(347, UNDEFINED, tables)] + ([(270, ASCII, xml)] if number == 0 else [])
        tiff.tiled(
            picture, (512, 512), lambda part: split(jpeg(np.ascontiguousarray(part)))[1], JPEG, YCBCR, extra
        )
    tiff.write(path)


def ventana(path, image, overlap):
    """One scanned area; the joints between tiles say by how much they overlap."""
    side = 256
    columns, rows = 6, 7
    pixels = levels(image[: rows * side, : columns * side], 3)
    iscan = (
        '<iScan Magnification="20" ScanRes="0.465" UnitNumber="2000515" ScannerModel="VENTANA DP 200" '
        'BuildVersion="1.1.0.15854"><AOI0 Left="0" Top="0" Right="1" Bottom="1"/></iScan>'
    )
    joints, number = "", lambda c, r: r * columns + (c if r % 2 == 0 else columns - 1 - c) + 1
    for row in range(rows):
        for column in range(columns):
            here = number(column, row)
            if column + 1 < columns:
                there = number(column + 1, row)
                joints += (
                    f'<TileJointInfo FlagJoined="1" Confidence="99" Direction="RIGHT" Tile1="{here}" '
                    f'Tile2="{there}" OverlapX="{overlap}" OverlapY="0"/>'
                )
            if row + 1 < rows:
                joints += (
                    f'<TileJointInfo FlagJoined="1" Confidence="99" Direction="UP" Tile1="{here}" '
                    f'Tile2="{number(column, row + 1)}" OverlapX="0" OverlapY="0"/>'
                )
    encode_info = (
        f'<EncodeInfo Ver="2"><SlideInfo><ServerDirectory/>{iscan}<AoiInfo XIMAGESIZE="{side}" YIMAGESIZE="{side}" '
        f'NumRows="{rows}" NumCols="{columns}" Pos-X="0" Pos-Y="0"/></SlideInfo><SlideStitchInfo>'
        f'<ImageInfo AOIScanned="1" AOIIndex="0" NumRows="{rows}" NumCols="{columns}" Width="{side}" Height="{side}" '
        f'Pos-X="0" Pos-Y="0">{joints}</ImageInfo></SlideStitchInfo>'
        '<AoiOrigin><AOI0 OriginX="0" OriginY="0"/></AoiOrigin></EncodeInfo>'
    )
    tiff = Tiff("big")
    tiff.strip(label("VENTANA"), [(270, ASCII, "Label_Image"), (700, BYTE, iscan.encode())])
    for number_, level in enumerate(pixels):
        extra = [(270, ASCII, f"level={number_} mag={20 / 2**number_:g} quality=90")]
        if number_ == 0:
            extra.append((700, BYTE, encode_info.encode()))
        tiff.tiled(level, (side, side), lambda part: jpeg(np.ascontiguousarray(part)), JPEG, YCBCR, extra)
    tiff.write(path)


def trestle(path, image, side=256, overlap=32):
    """Tiles of level 0 overlap; the description says by how many pixels those of each level do. Both levels are whole tiles:
    OpenSlide tells a level's scale from its tiles."""
    tiff = Tiff()
    for number, level in enumerate(levels(image[:2048, :2048], 2)):
        step = side - overlap if number == 0 else side
        across, down = (-(-(length - side + step) // step) for length in (level.shape[1], level.shape[0]))
        canvas = np.full((down * step + overlap, across * step + overlap, 3), 255, np.uint8)
        canvas[: level.shape[0], : level.shape[1]] = level
        rows = [[canvas[y * step :, x * step :][:side, :side] for x in range(across)] for y in range(down)]
        extra = [(305, ASCII, "MedScan 4.1"), (254, LONG, [int(number > 0)])]
        if number == 0:
            overlaps = f"OverlapsXY= {overlap} {overlap} 0 0"
            extra.append((270, ASCII, f"Objective Power=20;Background Color=FFFFFF;{overlaps}"))
        laid_out = np.vstack([np.hstack(row) for row in rows])
        tiff.tiled(laid_out, (side, side), lambda part: jpeg(np.ascontiguousarray(part)), JPEG, YCBCR, extra)
    tiff.write(path)


def hamamatsu(path, image, subsampling, listed=True, optimize=False, planes=(0,)):
    """Each level one JPEG; restart markers four to a row in the large ones, none in the small one; `planes` in nanometres
    from the one in focus."""
    unit = {0: (8, 8), 1: (16, 8), 2: (16, 16)}[subsampling]
    tiff = Tiff("ndpi")
    pixels = levels(image[:2000, :2048], 3)
    for (number, level), plane in itertools.product(enumerate(pixels), planes):
        # Each plane shows something of its own.
        level = np.ascontiguousarray(level if plane == 0 else np.flip(level, axis=int(plane > 0)))
        blocks = level.shape[1] // unit[0] // 4
        options = {"restart_marker_blocks": blocks} if number < 2 else {}
        data = jpeg(level, subsampling, optimize=optimize, **options)
        at = tiff.put(data)
        extra = [
            (256, LONG, [level.shape[1]]), (257, LONG, [level.shape[0]]), (258, SHORT, [8, 8, 8]), (259, SHORT, [JPEG]),
            (262, SHORT, [YCBCR]), (271, ASCII, "Hamamatsu"), (272, ASCII, "C9600-12"), (273, LONG, [at]),
            (277, SHORT, [3]), (278, LONG, [level.shape[0]]), (279, LONG, [len(data)]),
            (282, RATIONAL, [(20000 >> number, 1)]), (283, RATIONAL, [(20000 >> number, 1)]), (296, SHORT, [3]),
            (305, ASCII, "NDP.scan"), (306, ASCII, "2013/06/19 14:50:58"), (65420, LONG, [1]),
            (65421, FLOAT, [20.0 / 2**number]), (65422, SLONG, [1000]), (65423, SLONG, [2000]), (65424, SLONG, [plane]),
            (65442, ASCII, "000145"),
        ]  # fmt: skip
        if options and listed:
            starts = restarts(data)
            extra.append((65426, LONG, starts))
            extra.append((65432, LONG, [0] * len(starts)))
        tiff.directory(extra)
    small = np.asarray(Image.fromarray(image).resize((320, 120)))
    data = jpeg(small)
    tiff.directory([
        (256, LONG, [320]), (257, LONG, [120]), (258, SHORT, [8, 8, 8]), (259, SHORT, [JPEG]), (262, SHORT, [YCBCR]),
        (271, ASCII, "Hamamatsu"), (273, LONG, [tiff.put(data)]), (277, SHORT, [3]), (278, LONG, [120]),
        (279, LONG, [len(data)]), (65420, LONG, [1]), (65421, FLOAT, [-1.0]),
    ])  # fmt: skip
    tiff.write(path)


def mirax(path, image, side=256):
    """MIRAX: a picture, and a folder with the tiles of all levels in one file, found through an index of linked pages."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True)
    columns, rows = (image.shape[axis] // side // 4 * 4 for axis in (1, 0))
    pixels = levels(image[: rows * side, : columns * side], 3)
    identifier = "0123456789ABCDEF0123456789ABCDEF"
    head = b"01.02" + identifier.encode()
    data, pages = bytearray(head + bytes(128)), []
    for number, level in enumerate(pixels):
        entries = []
        for y in range(rows >> number):
            for x in range(columns >> number):
                tile = jpeg(np.ascontiguousarray(level[y * side : (y + 1) * side, x * side : (x + 1) * side]))
                entries.append(((y << number) * columns + (x << number), len(data), len(tile), 0))
                data += tile
        pages.append(entries)
    table = len(head) + 8
    starts = table + 4 * len(pages)
    at, links, body = starts + 8 * len(pages), b"", b""
    for entries in pages:
        page = struct.pack("<ii", len(entries), 0) + b"".join(struct.pack("<4i", *entry) for entry in entries)
        links += struct.pack("<ii", 0, at)
        at += len(page)
        body += page
    table_bytes = b"".join(struct.pack("<i", starts + 8 * number) for number in range(len(pages)))
    index = head + struct.pack("<ii", table, at) + table_bytes + links + body + bytes(4)
    sections = {
        "GENERAL": {
            "SLIDE_VERSION": "01.02", "SLIDE_ID": identifier, "IMAGENUMBER_X": columns, "IMAGENUMBER_Y": rows,
            "OBJECTIVE_MAGNIFICATION": 20,
        },
        "HIERARCHICAL": {
            "INDEXFILE": "Index.dat", "HIER_COUNT": 1, "NONHIER_COUNT": 0, "HIER_0_NAME": "Slide zoom level",
            "HIER_0_COUNT": len(pages),
            **{f"HIER_0_VAL_{n}_SECTION": f"LAYER_0_LEVEL_{n}_SECTION" for n in range(len(pages))},
        },
        "DATAFILE": {"FILE_COUNT": 1, "FILE_0": "Data0000.dat"},
        **{
            f"LAYER_0_LEVEL_{n}_SECTION": {
                "OVERLAP_X": 0, "OVERLAP_Y": 0, "MICROMETER_PER_PIXEL_X": 0.25 * 2**n,
                "MICROMETER_PER_PIXEL_Y": 0.25 * 2**n, "IMAGE_FORMAT": "JPEG", "IMAGE_FILL_COLOR_BGR": 16777215,
                "IMAGE_CONCAT_FACTOR": int(n > 0), "DIGITIZER_WIDTH": side, "DIGITIZER_HEIGHT": side,
            }
            for n in range(len(pages))
        },
    }  # fmt: skip
    lines = (
        line for name, facts in sections.items() for line in (f"[{name}]", *(f"{k}={v}" for k, v in facts.items()))
    )
    (folder / "Slidedat.ini").write_text("\n".join(lines) + "\n")
    (folder / "Index.dat").write_bytes(index)
    (folder / "Data0000.dat").write_bytes(data)
    path.write_bytes(jpeg(np.asarray(Image.fromarray(image).resize((64, 64)))))


def virtual_microscope(path, image):
    """Hamamatsu VMS: a list of files beside it, of which the scan is one JPEG with restart markers."""
    scan, _, overview = levels(image[:2048, :2048], 3, 4)
    for name, pixels, options in [
        ("scan.jpg", scan, {"restart_marker_blocks": 64}),
        ("map.jpg", overview, {"restart_marker_blocks": 16}),
        ("macro.jpg", np.asarray(Image.fromarray(image).resize((300, 400))), {}),
    ]:
        (path.parent / name).write_bytes(jpeg(np.ascontiguousarray(pixels), **options))
    path.write_text(
        "[Virtual Microscope Specimen]\nNoLayers=1\nNoJpegColumns=1\nNoJpegRows=1\nImageFile=scan.jpg\n"
        "MapFile=map.jpg\nMacroImage=macro.jpg\nSourceLens=20\nPhysicalWidth=1024000\nPhysicalHeight=1024000\n"
    )


def uncompressed_virtual_microscope(path, image, column=256):
    """Hamamatsu VMU: a list of files beside it, of which scan and map are uncompressed, twelve bits in columns of pixels."""

    def columns(pixels):
        height, width = pixels.shape[0], pixels.shape[1] // column * column
        head = struct.pack("<2s2x3i8xi", b"GN", width, height, column, 28)
        samples = pixels[:, :width].astype("<u2") << 4
        return head + b"".join(samples[:, left : left + column].tobytes() for left in range(0, width, column))

    scan, overview = levels(image[:1024, :1024], 2, 4)
    (path.parent / "scan.ngr").write_bytes(columns(scan))
    (path.parent / "map.ngr").write_bytes(columns(overview))
    (path.parent / "small.jpg").write_bytes(jpeg(np.asarray(Image.fromarray(image).resize((300, 400)))))
    path.write_text(
        "[Uncompressed Virtual Microscope Specimen]\nNoLayers=1\nBitsPerPixel=36\nPixelOrder=RGB\nImageFile=scan.ngr\n"
        "MapFile=map.ngr\nMacroImage=small.jpg\nSourceLens=20\nPhysicalWidth=512000\nPhysicalHeight=512000\n"
    )


def sakura(path, image, side=512):
    """A database of tiles, each colour a JPEG of its own; one table names another that holds them."""
    with sqlite3.connect(path) as database:
        run = database.execute
        run("CREATE TABLE DataManagerSQLiteConfigXPO (TableName TEXT)")
        run("INSERT INTO DataManagerSQLiteConfigXPO VALUES ('blobs')")
        run("CREATE TABLE blobs (id VARCHAR(50) PRIMARY KEY, size BIGINT, data BLOB)")
        run("CREATE TABLE tile (TILEID TEXT, PYRAMIDLEVEL INT, COLUMNINDEX INT, ROWINDEX INT, COLORINDEX INT)")
        run("CREATE TABLE SVSlideDataXPO (OID INTEGER PRIMARY KEY, m_labelScan INT, m_overviewScan INT, SlideId TEXT, Date TEXT, "
            "Description TEXT, Creator TEXT, DiagnosisCode TEXT, Keywords TEXT)")  # fmt: skip
        run("CREATE TABLE SVHRScanDataXPO (OID INTEGER PRIMARY KEY, ParentSlide INT, ScanId TEXT, Date TEXT, Description TEXT, "
            "Name TEXT, ResolutionMmPerPix REAL, NominalLensMagnification REAL, ThumbnailImage BLOB, FocussingMethod INT)")  # fmt: skip
        run("CREATE TABLE SVScannedImageDataXPO (OID INTEGER PRIMARY KEY, Image BLOB)")
        run("INSERT INTO SVScannedImageDataXPO VALUES (1, ?), (2, ?)",
            (jpeg(label("SAKURA")), jpeg(np.asarray(Image.fromarray(image).resize((300, 400))))))  # fmt: skip
        run("INSERT INTO SVSlideDataXPO VALUES (1, 1, 2, 'slide', '2014-01-02', 'd', 'c', '0', 'k')")
        thumbnail = jpeg(np.asarray(Image.fromarray(image).resize((200, 267))))
        run("INSERT INTO SVHRScanDataXPO VALUES (1, 1, 'scan', '2014-01-02', 'd', 'n', 0.0005, 20, ?, 1)", (thumbnail,))

        def blob(name, data):
            run("INSERT INTO blobs VALUES (?, ?, ?)", (name, len(data), data))

        blob("++MagicBytes", b"SVGigaPixelImage")
        blob("++VersionBytes", b"1.0.0")
        blob("Header", struct.pack("<5I", side, image.shape[1], image.shape[0], 0, 1))
        for number, level in enumerate(levels(image, 3)):
            across, down = -(-level.shape[1] // side), -(-level.shape[0] // side)
            canvas = np.full((down * side, across * side, 3), 255, np.uint8)
            canvas[: level.shape[0], : level.shape[1]] = level
            for y, x, colour in itertools.product(range(down), range(across), range(3)):
                place = (x * side << number, y * side << number)
                name = f"T;{place[0]}|{place[1]};{1 << number};{colour};0"
                tile = canvas[y * side : (y + 1) * side, x * side : (x + 1) * side, colour]
                blob(name, jpeg(np.ascontiguousarray(tile)))
                run("INSERT INTO tile VALUES (?, ?, ?, ?, ?)", (name, 1 << number, *place, colour))
    database.close()


def restarts(stream):
    """Where the entropy-coded bytes of each restart interval begin."""
    at = 2
    while stream[at + 1] != 0xDA:
        at += 2 + struct.unpack_from(">H", stream, at + 2)[0]
    at += 2 + struct.unpack_from(">H", stream, at + 2)[0]
    starts = [at]
    bytes_ = np.frombuffer(stream, np.uint8)
    marks = np.flatnonzero((bytes_[:-1] == 0xFF) & (bytes_[1:] >= 0xD0) & (bytes_[1:] <= 0xD7))
    return starts + [int(mark) + 2 for mark in marks if mark >= at]


def main(slide: str, folder: str) -> None:
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    source = OpenSlide(slide)
    image = np.ascontiguousarray(np.asarray(source.read_region((0, 0), 0, source.dimensions).convert("RGB")))
    aperio(out / "aperio-33005.svs", image[:1000, :1100], J2K_RGB)
    aperio(out / "aperio-33003.svs", image[:1000, :1100], J2K_YCC)
    shared_tables(out / "tables.tif", image)
    ome(out / "ome.tif", image)
    ome_stack(out / "ome-stack.tif", image)
    jpeg_xl(out / "jpeg-xl.tif", image, JPEG_XL, distance=1.0)
    jpeg_xl(out / "jpeg-xl-lossless.tif", image, JPEG_XL_DNG, lossless=True)
    recompressed(out / "jpeg-xl-recompressed.tif", image)
    philips(out / "philips.tiff", image)
    leica(out / "leica.scn", image)
    ventana(out / "ventana.bif", image, 0)
    ventana(out / "ventana-overlap.bif", image, 12)
    trestle(out / "trestle.tif", image)
    several = out / "several"
    mirax(several / "mirax.mrxs", image)
    virtual_microscope(several / "hamamatsu.vms", image)
    uncompressed_virtual_microscope(several / "hamamatsu.vmu", image)
    sakura(out / "sakura.svslide", image)
    hamamatsu(out / "hamamatsu-444.ndpi", image, 0)
    hamamatsu(out / "hamamatsu-422.ndpi", image, 1, listed=False, planes=(-1500, 0, 1500))
    hamamatsu(out / "hamamatsu-420.ndpi", image, 2, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
