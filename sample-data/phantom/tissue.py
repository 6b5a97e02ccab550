"""Stained tissue, drawn: glands, stroma, nuclei in haematoxylin and eosin colours, at 0.5 um per pixel.

Everything is placed on a torus of `period` pixels, so that a square of tissue can be repeated without a seam.
"""

import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

GLASS = (242, 241, 243)
STROMA = np.array([228.0, 176.0, 202.0])
CYTOPLASM = (206, 150, 192)
GLAND_STEP = 430
MARGIN = 256
STEP = 8


class Tissue:
    """A torus of tissue, `width` by `height` pixels; `bare` leaves glass around it, as on a slide."""

    def __init__(self, width: int, height: int, seed: int, bare: bool):
        self.width, self.height, self.bare = width, height, bare
        rng = np.random.default_rng([seed, 11])
        self.coarse = _smooth(rng, height // 1400 + 4, width // 1400 + 4)
        self.middle = _smooth(rng, height // 200 + 4, width // 200 + 4)
        strands = _strands(rng)
        self.fibres = np.clip(strands * 40 + 128, 0, 255).astype(np.uint8)
        self.grain = np.clip(strands.T * 3.5 + 128, 0, 255).astype(np.uint8)
        self.dust = np.clip(strands * 0.8 + 128, 0, 255).astype(np.uint8)
        self.palette = _palette()
        self.glands = self._place_glands(rng)
        self.cells = self._place_cells(rng)

    def _cover(self, x0: int, y0: int, w: int, h: int) -> np.ndarray:
        """Where there is tissue: above 0 inside, about 1 well inside; one value for STEP x STEP pixels."""
        cover = 0.75 + 0.8 * self._window(self.coarse, x0, y0, w, h) + 0.18 * self._window(self.middle, x0, y0, w, h)
        if not self.bare:
            return cover + 1.2
        x = ((x0 + STEP * np.arange(w // STEP, dtype=np.float32)[None]) / self.width - 0.5) * 2.0
        y = ((y0 + STEP * np.arange(h // STEP, dtype=np.float32)[:, None]) / self.height - 0.5) * 2.0
        edge = np.clip(1.1 - (np.abs(x) ** 2.4 + np.abs(y) ** 2.4), -1, 1)
        return np.where(edge < 0, edge, 2.2 * cover * edge)

    def _window(self, field: np.ndarray, x0: int, y0: int, w: int, h: int) -> np.ndarray:
        """Part of a coarse field, enlarged smoothly to one value for STEP x STEP pixels of the torus."""
        rows, columns = field.shape
        sx, sy = columns / self.width, rows / self.height
        padded = np.pad(field, 8, mode="wrap")
        box = (x0 * sx + 8, y0 * sy + 8, (x0 + w) * sx + 8, (y0 + h) * sy + 8)
        part = Image.fromarray(padded).resize((w // STEP, h // STEP), Image.Resampling.BICUBIC, box=box)
        return np.asarray(part, np.float32)

    def _place_glands(self, rng) -> list[tuple[float, float, float, float, int]]:
        glands = []
        for row in range(self.height // GLAND_STEP):
            for column in range(self.width // GLAND_STEP):
                jitter = rng.uniform(-0.28, 0.28, 2) * GLAND_STEP
                size, phase, seed = rng.uniform(70, 165), rng.uniform(0, 6.3), int(rng.integers(1 << 30))
                if rng.random() < 0.72:
                    x = (column + 0.5) * GLAND_STEP + jitter[0]
                    y = (row + 0.5) * GLAND_STEP + jitter[1]
                    glands.append((x, y, size, phase, seed))
        return glands

    def _place_cells(self, rng) -> np.ndarray:
        """Stroma nuclei as rows of x, y, length, width, angle, darkness."""
        step = 30
        rows, columns = self.height // step, self.width // step
        grid_y, grid_x = np.mgrid[0:rows, 0:columns].reshape(2, -1)
        count = rows * columns
        jitter = rng.uniform(0.0, 1.0, (2, count))
        x, y = (grid_x + jitter[0]) * step, (grid_y + jitter[1]) * step
        round_cell = rng.random(count) < 0.35
        length = np.where(round_cell, rng.uniform(4.5, 6.5, count), rng.uniform(7, 12, count))
        width = np.where(round_cell, length * 0.9, rng.uniform(2.0, 3.4, count))
        angle = rng.uniform(0, np.pi, count)
        keep = rng.random(count) < 0.62
        return np.stack([x, y, length, width, angle, rng.uniform(0, 1, count)], 1)[keep]

    def region(self, x0: int, y0: int, w: int, h: int) -> Image.Image:
        """The w by h pixels at (x0, y0), in RGB."""
        left, top = x0 - MARGIN, y0 - MARGIN
        size = (-(-(w + 2 * MARGIN) // STEP) * STEP, -(-(h + 2 * MARGIN) // STEP) * STEP)
        glass = Image.new("RGB", size, GLASS)
        cover = self._cover(left, top, *size)
        mask = Image.fromarray((np.clip(cover * 6.0, 0.0, 1.0) * 255).astype(np.uint8))
        if mask.getextrema()[1] > 0:
            tone = np.clip(self._window(self.middle, left, top, *size) * 4 + 8, 0, 15).astype(np.uint8)
            tone = np.asarray(Image.fromarray(tone * 16).resize(size, Image.Resampling.BILINEAR))
            index = (_tile(self.fibres, left, top, *size) >> 2).astype(np.uint16) | (
                (tone & 0xF0).astype(np.uint16) << 2
            )
            canvas = Image.fromarray(np.take(self.palette, index, axis=0))
            pen = ImageDraw.Draw(canvas)
            self._draw_cells(pen, cover, left, top, size)
            self._draw_glands(pen, cover, left, top, size)
            canvas = canvas.filter(ImageFilter.GaussianBlur(0.9))
            canvas = _add(canvas, _tile(self.grain, 3 * left, 3 * top, *size))
            glass.paste(canvas, mask=mask.resize(size, Image.Resampling.BICUBIC))
        image = glass.crop((MARGIN, MARGIN, MARGIN + w, MARGIN + h))
        return _add(image, _tile(self.dust, 5 * x0 + 91, 5 * y0 + 17, w, h))

    def _near(self, x, y, left, top, size, reach):
        """Positions on the torus as seen from this region: every copy that can touch it."""
        for shift_x in (-self.width, 0, self.width):
            for shift_y in (-self.height, 0, self.height):
                px, py = x + shift_x - left, y + shift_y - top
                if -reach < px < size[0] + reach and -reach < py < size[1] + reach:
                    yield px, py

    def _draw_cells(self, pen, cover, left, top, size):
        for shift_x in (-self.width, 0, self.width):
            for shift_y in (-self.height, 0, self.height):
                x = self.cells[:, 0] + shift_x - left
                y = self.cells[:, 1] + shift_y - top
                seen = (x > -14) & (x < size[0] + 14) & (y > -14) & (y < size[1] + 14)
                for (_, _, length, width, angle, dark), px, py in zip(self.cells[seen], x[seen], y[seen], strict=True):
                    if _at(cover, px, py) > 0.05:
                        colour = (int(120 - 45 * dark), int(76 - 30 * dark), int(146 - 32 * dark))
                        pen.polygon(_oval(px, py, length, width, angle), fill=colour)

    def _draw_glands(self, pen, cover, left, top, size):
        for gx, gy, radius, phase, seed in self.glands:
            for px, py in self._near(gx, gy, left, top, size, radius * 1.5):
                if _at(cover, px, py) > 0.25:
                    _gland(pen, px, py, radius, phase, seed)


def _gland(pen, px, py, radius, phase, seed):
    """A ring of tall cells with their nuclei at the base, around an open lumen."""
    rng = np.random.default_rng(seed)
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    wobble = 1 + 0.16 * np.cos(2 * turns + phase) + 0.07 * np.cos(5 * turns + 2 * phase)

    def outline(scale):
        r = radius * wobble * scale
        return list(zip(px + r * np.cos(turns), py + r * np.sin(turns), strict=True))

    pen.polygon(outline(1.06), fill=(214, 168, 198))
    pen.polygon(outline(1.0), fill=CYTOPLASM)
    lumen = 1.0 - 36.0 / radius
    pen.polygon(outline(lumen + 0.04), fill=(224, 186, 214))
    pen.polygon(outline(lumen), fill=(240, 236, 241))
    count = int(2 * math.pi * radius / 9.5)
    for index in range(count):
        turn = 2 * math.pi * (index + rng.uniform(-0.25, 0.25)) / count
        r = radius * (1 + 0.16 * math.cos(2 * turn + phase) + 0.07 * math.cos(5 * turn + 2 * phase))
        r -= rng.uniform(7, 15)
        dark = rng.random()
        colour = (int(104 - 40 * dark), int(66 - 28 * dark), int(140 - 34 * dark))
        x, y = px + r * math.cos(turn), py + r * math.sin(turn)
        long_axis, short_axis = rng.uniform(6.5, 9), rng.uniform(3.4, 4.6)
        pen.polygon(_oval(x, y, long_axis, short_axis, turn), fill=colour)
        if dark < 0.4:
            pen.ellipse((x - 1.2, y - 1.2, x + 1.2, y + 1.2), fill=(58, 30, 96))


def _oval(x, y, length, width, angle):
    cos, sin = math.cos(angle), math.sin(angle)
    return [
        (x + length * c * cos - width * s * sin, y + length * c * sin + width * s * cos)
        for c, s in _TURNS
    ]  # fmt: skip


_TURNS = [(math.cos(2 * math.pi * i / 12), math.sin(2 * math.pi * i / 12)) for i in range(12)]


def _at(field, x, y):
    row, column = int(y) // STEP, int(x) // STEP
    return field[min(max(row, 0), field.shape[0] - 1), min(max(column, 0), field.shape[1] - 1)]


def _smooth(rng, rows, columns):
    return rng.standard_normal((rows, columns)).astype(np.float32) * 0.75


def _strands(rng):
    """A seamless 1024 x 1024 texture of short wavy strands, standard deviation about 1."""
    total = np.zeros((1024, 1024), np.float32)
    for step_x, step_y, weight in ((64, 16, 1.0), (32, 8, 0.8), (8, 4, 0.5), (4, 4, 0.35)):
        grid = rng.standard_normal((1024 // step_y, 1024 // step_x)).astype(np.float32)
        padded = np.pad(grid, 2, mode="wrap")
        large = Image.fromarray(padded).resize(
            (padded.shape[1] * step_x, padded.shape[0] * step_y), Image.Resampling.BICUBIC
        )
        total += weight * np.asarray(large, np.float32)[2 * step_y :, 2 * step_x :][:1024, :1024]
    bend = (26 * np.sin(2 * np.pi * np.arange(1024) / 512)).astype(int)
    for column in range(1024):
        total[:, column] = np.roll(total[:, column], bend[column])
    return (total - total.mean()) / total.std()


def _tile(texture, x0, y0, w, h):
    """A window of a seamless texture that goes on for ever."""
    rows = np.arange(y0, y0 + h) % texture.shape[0]
    columns = np.arange(x0, x0 + w) % texture.shape[1]
    return np.take(np.take(texture, columns, axis=1), rows, axis=0)


def _add(image, grey):
    """The image with a grey pattern around 128 added to each channel."""
    layer = Image.fromarray(grey)
    return ImageChops.add(image, Image.merge("RGB", (layer, layer, layer)), 1, -128)


def _palette():
    """Stroma's colour by (tone of 16 steps, fibre of 64 steps): shape (1024, 3)."""
    fibre = ((np.arange(64) * 4 - 126) / 40.0)[None, :, None]
    tone = ((np.arange(16) - 7.5) / 4.0)[:, None, None]
    colour = STROMA * (1.0 - 0.11 * fibre - 0.05 * tone) + np.array([0, -9, -4]) * fibre
    gaps = np.clip((fibre - 1.25) * 2.4, 0, 1)
    colour = colour + gaps * (np.array(GLASS) - colour)
    return np.clip(colour, 0, 255).astype(np.uint8).reshape(-1, 3)
