"""Aperio-like slides (SVS): pyramid, thumbnail, label and macro, in the order the scanner writes them."""

import multiprocessing
import os
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from phantom.tissue import GLASS, Tissue
from tiff import TILE, TiffWriter, encode_jpeg, split_jpeg

QUALITY = 80
STEP = 4
CHUNK = 2048
PERIOD = 8192
SMALL = 1024
LIBRARY = "Aperio Image Library v11.2.1 \r\n"
HIDDEN = 9


def write_slide(path: Path, width: int, height: int, big: bool, seed: int, say=print) -> None:
    """One slide. `big` repeats a square of tissue, so that gigabytes take a minute, and writes a BigTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    make = _repeated_levels if big else _drawn_levels
    levels, thumbnail = make(width, height, seed, say)
    whole = f"{width}x{height} [0,0 {width}x{height}] ({TILE}x{TILE})"
    facts = (
        f"AppMag = 20|StripeWidth = 2040|ScanScope ID = SAMPLE|Filename = {path.stem}|Date = 11/02/26|Time = 09:15:00"
        f"|User = sample|Parmset = GENERATED|MPP = 0.5000|Left = 25.500000|Top = 23.400000|LineCameraSkew = -0.000424"
        f"|ImageID = {seed}|OriginalWidth = {width}|OriginalHeight = {height}|ICC Profile = none"
    )
    partial = path.with_suffix(".partial")
    with TiffWriter(partial, big) as tiff:
        for number, (size, rows, tables) in enumerate(levels):
            if number == 0:
                tiff.tiled(size, rows(), tables, f"{LIBRARY}{whole} JPEG/YCC Q={QUALITY}|{facts}")
                shown = f"{thumbnail.width}x{thumbnail.height}"
                tiff.jpeg_strips(thumbnail, QUALITY, f"{LIBRARY}{width}x{height} -> {shown} - |{facts}")
            else:
                title = f"{LIBRARY}{whole} -> {size[0]}x{size[1]} JPEG/YCC Q={QUALITY}"
                tiff.tiled(size, rows(), tables, title)
            say(f"  slide: level {number}, {size[0]} x {size[1]}", flush=True)
        label = _label(path.stem)
        tiff.lzw_strips(label, f"{LIBRARY}label {label.width}x{label.height}", 1)
        macro = _macro(thumbnail, label)
        tiff.jpeg_strips(macro, QUALITY, f"{LIBRARY}macro {macro.width}x{macro.height}", HIDDEN)
    partial.replace(path)


def _shape(size):
    """Tiles across and down."""
    return -(-size[0] // TILE), -(-size[1] // TILE)


def _encode(image: Image.Image) -> tuple[dict[tuple[int, int], bytes], bytes]:
    """All tiles of an image by (column, row), and their common tables."""
    tiles, tables = {}, b""
    for top in range(0, image.height, TILE):
        for left in range(0, image.width, TILE):
            stream = encode_jpeg(image.crop((left, top, left + TILE, top + TILE)), QUALITY)
            tables, tiles[left // TILE, top // TILE] = split_jpeg(stream)
    return tiles, tables


def _drawn_levels(width, height, seed, say):
    """Every pixel drawn once: level 0 in chunks on all processors, the others reduced from it."""
    across, down = -(-width // CHUNK), -(-height // CHUNK)
    jobs = [(width, height, seed, column, row) for row in range(down) for column in range(across)]
    reduced = Image.new("RGB", (across * CHUNK // STEP, down * CHUNK // STEP), GLASS)
    pool_tiles, tables = {}, b""
    with multiprocessing.get_context("fork").Pool(min(len(os.sched_getaffinity(0)), 8)) as pool:
        for done, part in enumerate(pool.imap(_draw_chunk, jobs), 1):
            column, row, tiles, tables, small = part
            for (x, y), stream in tiles.items():
                pool_tiles[column * CHUNK // TILE + x, row * CHUNK // TILE + y] = stream
            reduced.paste(small, (column * CHUNK // STEP, row * CHUNK // STEP))
            if done % 10 == 0:
                say(f"  slide: {done} of {len(jobs)} parts drawn", flush=True)

    levels = [((width, height), _rows(pool_tiles, (width, height)), tables)]
    size = (width // STEP, height // STEP)
    image = reduced.crop((0, 0, *size))
    while True:
        columns, rows = _shape(size)
        canvas = Image.new("RGB", (columns * TILE, rows * TILE), GLASS)
        canvas.paste(image)
        tiles, tables = _encode(canvas)
        levels.append((size, _rows(tiles, size), tables))
        if max(size) <= SMALL:
            break
        size = (size[0] // STEP, size[1] // STEP)
        image = image.reduce(STEP).crop((0, 0, *size))
    return levels, _thumbnail(image)


_tissues: dict[tuple, Tissue] = {}


def _draw_chunk(job):
    width, height, seed, column, row = job
    key = (width, height, seed)
    if key not in _tissues:
        _tissues[key] = Tissue(width, height, seed, bare=True)
    right, bottom = (TILE * n for n in _shape((width, height)))
    left, top = column * CHUNK, row * CHUNK
    image = _tissues[key].region(left, top, min(CHUNK, right - left), min(CHUNK, bottom - top))
    tiles, tables = _encode(image)
    return column, row, tiles, tables, image.reduce(STEP)


def _rows(tiles, size):
    columns, rows = _shape(size)
    return lambda: ([tiles[x, y] for x in range(columns)] for y in range(rows))


def _repeated_levels(width, height, seed, say):
    """A torus of tissue over and over; at each level the reduced torus, so the levels show the same thing."""
    tissue = Tissue(PERIOD, PERIOD, seed, bare=False)
    square = Image.new("RGB", (PERIOD, PERIOD))
    for top in range(0, PERIOD, CHUNK):
        for left in range(0, PERIOD, CHUNK):
            square.paste(tissue.region(left, top, CHUNK, CHUNK), (left, top))
    say("  slide: tissue drawn", flush=True)
    levels, size, thumbnail = [], (width, height), None
    while True:
        if square.width < TILE:
            copies = TILE // square.width
            wide = Image.new("RGB", (TILE, TILE))
            for index in range(copies * copies):
                wide.paste(square, (index % copies * square.width, index // copies * square.height))
            tiles, tables = _encode(wide)
        else:
            tiles, tables = _encode(square)
        levels.append((size, _cyclic_rows(tiles, size), tables))
        if max(size) <= SMALL:
            thumbnail = Image.new("RGB", size)
            for top in range(0, size[1], square.height):
                for left in range(0, size[0], square.width):
                    thumbnail.paste(square, (left, top))
            return levels, _thumbnail(thumbnail)
        size = (size[0] // STEP, size[1] // STEP)
        square = square.reduce(STEP)


def _cyclic_rows(tiles, size):
    columns, rows = _shape(size)
    period = max(x for x, _ in tiles) + 1
    return lambda: ([tiles[x % period, y % period] for x in range(columns)] for y in range(rows))


def _thumbnail(image):
    small = image.copy()
    small.thumbnail((SMALL, 768), Image.Resampling.BOX)
    return small


def _label(name: str) -> Image.Image:
    """What is stuck on the glass: it names a person, as labels do, so that leaks of it can be tested."""
    label = Image.new("RGB", (400, 420), (250, 249, 244))
    pen = ImageDraw.Draw(label)
    for row, (text, height) in enumerate([("ZHANG SAN", 34), ("B26-004711  A1", 30), ("HE  2026-11-02", 28)]):
        pen.text((26, 26 + 48 * row), text, fill=(20, 20, 30), font=ImageFont.load_default(height))
    pen.text((26, 186), name[:28], fill=(90, 90, 100), font=ImageFont.load_default(20))
    bits = int.from_bytes(b"FARSIGHT-SAMPLE", "big")
    for bar in range(116):
        if bits >> bar & 1:
            pen.rectangle((26 + 3 * bar, 240, 28 + 3 * bar, 380), fill=(15, 15, 20))
    return label


def _macro(thumbnail: Image.Image, label: Image.Image) -> Image.Image:
    """The whole glass from above, label at the left."""
    macro = Image.new("RGB", (1280, 430), (226, 228, 229))
    pen = ImageDraw.Draw(macro)
    pen.rectangle((8, 8, 1271, 421), fill=(236, 237, 238), outline=(170, 172, 175))
    macro.paste(label.resize((370, 388)), (20, 20))
    small = thumbnail.copy()
    small.thumbnail((560, 350), Image.Resampling.BOX)
    macro.paste(small, (560, 215 - small.height // 2))
    pen.rectangle((520, 20, 1210, 410), outline=(150, 190, 160), width=2)
    return macro
