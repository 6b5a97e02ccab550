"""Writes TIFF and BigTIFF files of compressed tiles and strips, directory by directory (TIFF 6.0, BigTIFF design)."""

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

TILE = 256
JPEG, LZW = 7, 5
RGB, YCBCR = 2, 6
_SHORT, _LONG, _ASCII, _UNDEFINED, _LONG8 = 3, 4, 2, 7, 16


class TiffWriter:
    """A little-endian file that grows one image at a time; `big` makes it a BigTIFF, for more than 4 GiB."""

    def __init__(self, path: Path, big: bool):
        self.big = big
        self.file = path.open("wb")
        if big:
            self.file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
            self.link = 8
        else:
            self.file.write(struct.pack("<2sHI", b"II", 42, 0))
            self.link = 4

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def tiled(self, size: tuple[int, int], rows, tables: bytes, description: str) -> None:
        """An image of JPEG tiles; `rows` yields, from the top, lists of abbreviated JPEG streams."""
        offsets, counts = self._write_all(rows)
        self._directory(
            size, JPEG, YCBCR, description, offsets, counts,
            [(322, _LONG, [TILE]), (323, _LONG, [TILE]), (347, _UNDEFINED, tables)],
        )  # fmt: skip

    def jpeg_strips(self, image: Image.Image, quality: int, description: str, subfile: int = 0) -> None:
        """A small image as JPEG strips of 16 lines."""
        strips, tables = [], b""
        for top in range(0, image.height, 16):
            part = image.crop((0, top, image.width, min(top + 16, image.height)))
            tables, stream = split_jpeg(encode_jpeg(part, quality))
            strips.append(stream)
        offsets, counts = self._write_all([strips])
        self._directory(
            image.size, JPEG, YCBCR, description, offsets, counts,
            [(278, _LONG, [16]), (347, _UNDEFINED, tables)], subfile,
        )  # fmt: skip

    def lzw_strips(self, image: Image.Image, description: str, subfile: int) -> None:
        """A small image without loss, as LZW strips of 64 lines."""
        strips = [
            lzw(image.crop((0, top, image.width, min(top + 64, image.height))).tobytes())
            for top in range(0, image.height, 64)
        ]
        offsets, counts = self._write_all([strips])
        self._directory(image.size, LZW, RGB, description, offsets, counts, [(278, _LONG, [64])], subfile)

    def _write_all(self, rows):
        start, counts = self.file.tell(), []
        for row in rows:
            self.file.write(b"".join(row))
            counts.extend(map(len, row))
        sizes = np.array(counts, np.uint64)
        return start + np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.uint64), sizes

    def _directory(self, size, compression, photometric, description, offsets, counts, extra, subfile=0):
        tiled = any(tag == 322 for tag, _, _ in extra)
        entries = [
            (254, _LONG, [subfile]), (256, _LONG, [size[0]]), (257, _LONG, [size[1]]),
            (258, _SHORT, [8, 8, 8]), (259, _SHORT, [compression]), (262, _SHORT, [photometric]),
            (270, _ASCII, description.encode("ascii") + b"\0"),
            (324 if tiled else 273, _LONG8 if self.big else _LONG, offsets),
            (277, _SHORT, [3]), (325 if tiled else 279, _LONG, counts), (284, _SHORT, [1]), *extra,
        ]  # fmt: skip
        if photometric == YCBCR:
            entries.append((530, _SHORT, [2, 2]))
        room = 8 if self.big else 4
        packed = []
        for tag, kind, values in sorted(entries, key=lambda entry: entry[0]):
            if isinstance(values, bytes):
                body, count = values, len(values)
            else:
                body, count = np.asarray(values).astype("<" + _NUMPY[kind]).tobytes(), len(values)
            if len(body) > room:
                at = self._align()
                self.file.write(body)
                body = struct.pack("<Q" if self.big else "<I", at)
            packed.append(struct.pack("<HHQ" if self.big else "<HHI", tag, kind, count) + body.ljust(room, b"\0"))
        at = self._align()
        self.file.write(struct.pack("<Q" if self.big else "<H", len(packed)) + b"".join(packed))
        next_link = self.file.tell()
        self.file.write(bytes(room))
        self.file.seek(self.link)
        self.file.write(struct.pack("<Q" if self.big else "<I", at))
        self.file.seek(0, io.SEEK_END)
        self.link = next_link

    def _align(self) -> int:
        at = self.file.tell()
        self.file.write(bytes(-at % 8))
        return at + -at % 8


_NUMPY = {_SHORT: "u2", _LONG: "u4", _LONG8: "u8"}


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """Baseline JPEG, 4:2:0, always with the same tables for the same quality."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, subsampling=2, optimize=False)
    return stream.getvalue()


def split_jpeg(stream: bytes) -> tuple[bytes, bytes]:
    """(tables, abbreviated stream): quantisation and Huffman tables apart, as TIFF's JPEGTables wants them."""
    tables, rest, at = bytearray(), bytearray(), 2
    while stream[at + 1] != 0xDA:
        marker, length = stream[at + 1], struct.unpack_from(">H", stream, at + 2)[0]
        segment = stream[at : at + 2 + length]
        if marker in (0xDB, 0xC4):
            tables += segment
        elif marker != 0xE0:
            rest += segment
        at += 2 + length
    return b"\xff\xd8" + bytes(tables) + b"\xff\xd9", b"\xff\xd8" + bytes(rest) + stream[at:]


def lzw(data: bytes) -> bytes:
    """LZW as TIFF 6.0 section 13 has it: codes from the most significant bit, widths change one code early."""
    out, held, bits = bytearray(), 0, 0
    clear, end = 256, 257
    table: dict[bytes, int] = {}
    width, following = 9, 258

    def put(code):
        nonlocal held, bits
        held = held << width | code
        bits += width
        while bits >= 8:
            bits -= 8
            out.append(held >> bits & 0xFF)
        held &= (1 << bits) - 1

    def code_of(text):
        return text[0] if len(text) == 1 else table[text]

    put(clear)
    current = b""
    for value in data:
        longer = current + bytes((value,))
        if len(longer) == 1 or longer in table:
            current = longer
            continue
        put(code_of(current))
        table[longer] = following
        following += 1
        if following in (512, 1024, 2048):
            width += 1
        elif following == 4094:
            put(clear)
            table.clear()
            width, following = 9, 258
        current = bytes((value,))
    if current:
        put(code_of(current))
        following += 1
        if following in (512, 1024, 2048):
            width += 1
    put(end)
    if bits:
        out.append(held << (8 - bits) & 0xFF)
    return bytes(out)
