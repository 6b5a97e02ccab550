"""Importing slides: `farsight import` beside `wsidicomizer` on one generated SVS, and one of gigabytes alone, for its memory.

Each runs as a process of its own, watched through /proc: wall, CPU and the most memory of all its processes together.
"""

import shutil
import statistics
import struct
import subprocess
from io import BytesIO
from pathlib import Path

import numpy
from PIL import Image

from process import free_port, watched

# In an environment of its own: it wants another wsidicom than the tests.
WSIDICOMIZER = Path(__file__).resolve().parent.parent / ".venv-bench/bin/wsidicomizer"
MIDDLE_BYTES = 175_000_000
TILE = 256
KINDS = 32
DESCRIPTION = b"Aperio Image Library v12\r\n%dx%d (256x256) JPEG/RGB Q=80|AppMag = 20|MPP = 0.5|Date = 01/02/26|Time = 10:11:12\0"
SHORT, LONG8, ASCII = 3, 16, 2


def jpeg_tiles() -> list[bytes]:
    """Tiles that look like tissue to a compressor, some dozens, used again and again."""
    rng = numpy.random.default_rng(7)
    tiles = []
    for _ in range(KINDS):
        coarse = rng.integers(90, 235, (TILE // 8, TILE // 8, 3), dtype=numpy.uint8)
        smooth = numpy.asarray(Image.fromarray(coarse).resize((TILE, TILE), Image.Resampling.BICUBIC), dtype=int)
        noisy = numpy.clip(smooth + rng.integers(-15, 16, smooth.shape), 0, 255).astype(numpy.uint8)
        out = BytesIO()
        Image.fromarray(noisy).save(out, "JPEG", quality=80, subsampling=2)
        tiles.append(out.getvalue())
    return tiles


def write_svs(path: Path, bytes_wanted: int) -> int:
    """A pyramid as Aperio writes it, in BigTIFF, with so many bytes in its largest level; answers with its tiles."""
    tiles = jpeg_tiles()
    mean = sum(map(len, tiles)) / len(tiles)
    # Each level is exactly a quarter as wide and high as the one before: other readers ask for that.
    across = max(16, int((bytes_wanted / mean) ** 0.5) // 16 * 16)
    down = max(16, round(bytes_wanted / mean / across / 16) * 16)
    thumbnail = numpy.full((64, 64, 3), 200, dtype=numpy.uint8).tobytes()
    pages: list[list[tuple[int, int, int, bytes]]] = []
    count = 0
    with path.open("wb") as out:
        out.write(b"\0" * 16)
        for number, factor in enumerate((1, 4, 16)):
            if number == 1:
                at = out.tell()
                out.write(thumbnail)
                pages.append(strip_page(at, len(thumbnail)))
            offsets, lengths = [], []
            for index in range((across // factor) * (down // factor)):
                # The numbers of Knuth's, so that neighbours differ.
                tile = tiles[(index * 2654435761 >> 7) % KINDS]
                offsets.append(out.tell())
                lengths.append(len(tile))
                out.write(tile)
            count += len(offsets)
            pages.append(tile_page(across // factor * TILE, down // factor * TILE, offsets, lengths))
        link_at = 8
        for page in pages:
            values_at = {}
            for tag, kind, number, value in page:
                if len(value) > 8:
                    values_at[tag] = out.tell()
                    out.write(value)
            here = out.tell() + out.tell() % 2
            out.seek(here)
            out.write(struct.pack("<Q", len(page)))
            for tag, kind, number, value in page:
                place = struct.pack("<Q", values_at[tag]) if tag in values_at else value.ljust(8, b"\0")
                out.write(struct.pack("<HHQ", tag, kind, number) + place)
            next_at = out.tell()
            out.write(struct.pack("<Q", 0))
            end = out.tell()
            if link_at == 8:
                out.seek(0)
                out.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, here))
            else:
                out.seek(link_at)
                out.write(struct.pack("<Q", here))
            link_at = next_at
            out.seek(end)
    return count


def short(tag: int, *values: int) -> tuple[int, int, int, bytes]:
    return tag, SHORT, len(values), struct.pack(f"<{len(values)}H", *values)


def long8(tag: int, values: list[int]) -> tuple[int, int, int, bytes]:
    return tag, LONG8, len(values), numpy.asarray(values, dtype="<u8").tobytes()


def tile_page(width: int, height: int, offsets: list[int], lengths: list[int]) -> list[tuple[int, int, int, bytes]]:
    text = DESCRIPTION % (width, height)
    return [
        long8(256, [width]),
        long8(257, [height]),
        short(258, 8, 8, 8),
        short(259, 7),
        short(262, 6),
        (270, ASCII, len(text), text),
        short(277, 3),
        short(284, 1),
        short(322, TILE),
        short(323, TILE),
        long8(324, offsets),
        long8(325, lengths),
        short(530, 2, 2),
    ]


def strip_page(at: int, length: int) -> list[tuple[int, int, int, bytes]]:
    text = DESCRIPTION % (64, 64)
    return [
        long8(256, [64]),
        long8(257, [64]),
        short(258, 8, 8, 8),
        short(259, 1),
        short(262, 2),
        (270, ASCII, len(text), text),
        long8(273, [at]),
        short(277, 3),
        short(278, 64),
        long8(279, [length]),
        short(284, 1),
    ]


def node(binary: Path, data: Path) -> None:
    """A data directory with one hospital."""
    config = data.parent / "farsight.toml"
    config.write_text(
        f'[storage]\ndirectory = "{data}"\n[http]\nlisten = "127.0.0.1:{free_port()}"\n'
        f'[dicom]\nlisten = "127.0.0.1:{free_port()}"\n'
    )
    add = [str(binary), "org", "add", "--config", str(config), "township", "Township"]
    subprocess.run(add, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def by_farsight(binary: Path, slide: Path, folder: Path) -> tuple[float, float, float]:
    folder.mkdir()
    node(binary, folder / "data")
    options = ["--org", "township", "--patient-id", "BENCH", "--data", str(folder / "data")]
    return watched([str(binary), "import", str(slide), *options], folder)


def by_wsidicomizer(slide: Path, folder: Path) -> tuple[float, float, float]:
    folder.mkdir()
    return watched([str(WSIDICOMIZER), "-i", str(slide), "-o", str(folder / "out")], folder)


def compare(binary: Path, work: Path, rounds: int, middle: int, large: int, say=print) -> list[str]:
    """Both programs on a slide of `middle` bytes, in alternation; then Farsight alone on one of `large`."""
    slide = work / "middle.svs"
    tiles = write_svs(slide, middle)
    programs = {
        "farsight": lambda folder: by_farsight(binary, slide, folder),
        "wsidicomizer": lambda folder: by_wsidicomizer(slide, folder),
    }
    runs = {name: [] for name in programs}
    for turn in range(rounds):
        for name, start in programs.items():
            runs[name].append(start(work / f"{name}-{turn}"))
            say("  %s: %.2f s, %.2f s CPU, peak %.0f MB" % (name, *runs[name][-1]), flush=True)
            shutil.rmtree(work / f"{name}-{turn}")
    lines = [
        f"An SVS of {slide.stat().st_size / 1e6:.0f} MB, {tiles} tiles; processes of their own, median of {rounds}. Farsight compares "
        "every tile with the file again and keeps the file; wsidicomizer does neither.",
        "",
        "| Program | s | CPU s | peak MB | it / Farsight, s |",
        "|---|---|---|---|---|",
    ]
    medians = {name: [statistics.median(column) for column in zip(*of, strict=True)] for name, of in runs.items()}
    own = medians["farsight"][0]
    lines += ["| %s | %.2f | %.2f | %.0f | %.2f |" % (name, *of, of[0] / own) for name, of in medians.items()]
    slide.unlink()
    if large > 0:
        slide = work / "large.svs"
        tiles = write_svs(slide, large)
        took = by_farsight(binary, slide, work / "large")
        shutil.rmtree(work / "large")
        say("  large: %.1f s, %.1f s CPU, peak %.0f MB" % took, flush=True)
        size = slide.stat().st_size / 1e9
        slide.unlink()
        lines += ["", "One of %.1f GB, %d tiles, by Farsight: %.1f s, %.1f s CPU, peak %.0f MB." % (size, tiles, *took)]
    return lines
