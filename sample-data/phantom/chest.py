"""A chest in Hounsfield units, described by smooth surfaces, that can be sampled at any place.

Coordinates are millimetres as the patient has them: x grows to the patient's left, y to the back, and s
downwards from the apex of the lungs. `Chest.slice` samples one axial plane. The anatomy is only as right as it must
be for a scroll through it to read as a contrast-enhanced chest CT; it is no model of anyone.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

AIR, LUNG, FAT, MUSCLE, BONE = -1000.0, -865.0, -105.0, 55.0, 620.0
TOP_MM, BOTTOM_MM = -40.0, 290.0
CAVITY_Y = -6.0


@dataclass(frozen=True)
class Tube:
    """A straight piece of vessel, airway or bone: a capsule from one point to another, with its value inside."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float
    hu: float
    wall_mm: float = 0.0
    wall_hu: float = 0.0


def norm(x, y, a, b, power=2.0):
    """Superellipse norm: 1 on the outline with half axes a and b."""
    return (np.abs(x / a) ** power + np.abs(y / b) ** power) ** (1.0 / power)


def ellipsoid(x, y, s, centre, radii):
    """Approximate signed distance in mm to an ellipsoid, negative inside."""
    level = ((s - centre[2]) / radii[2]) ** 2
    if level > 1.6:
        return None
    distance = np.sqrt(((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 + level)
    return (distance - 1.0) * min(radii)


class Chest:
    """One person's chest. The same `seed` always gives the same chest; `nodule_mm` is the finding's diameter."""

    def __init__(self, seed: int, nodule_mm: float = 0.0):
        rng = np.random.default_rng([seed, 1])
        self.seed = seed
        self.nodule_mm = nodule_mm
        self.girth = 0.96 + 0.08 * rng.random()
        self.heart = 0.94 + 0.1 * rng.random()
        self.texture = rng.standard_normal((80, 40, 40)).astype(np.float32)
        self.fine = rng.standard_normal((160, 110, 110)).astype(np.float32)
        self.vessels = [tube for side in (-1, 1) for tube in lung_tree(rng, side)]
        self.great_vessels = great_vessels()
        self.airways = airways()
        self.bones = shoulder_bones()

    def slice(self, x, y, s, noise_hu=11.0, table=True):
        """HU at the plane `s`, as float32 of shape (len(y), len(x)).

        `x` and `y` are ascending, in mm; `noise_hu` is the noise's standard deviation; `table` says whether the
        scanner's table is in the picture.
        """
        grid_x, grid_y = x[None, :].astype(np.float32), y[:, None].astype(np.float32)
        pixel = float(max(x[1] - x[0], 0.7))
        shape = (len(y), len(x))

        def soft(distance, width=1.3):
            return np.clip(0.5 - distance / (width * pixel), 0.0, 1.0)

        def put(image, distance, hu, width=1.3):
            if distance is not None:
                image += soft(distance, width) * (hu - image)

        coarse = self._noise(self.texture, s, 4.2, shape)
        fine = self._noise(self.fine, s, 2.1, shape)
        image = np.full(shape, AIR, np.float32)
        if table:
            self._table(image, grid_x, grid_y, put)

        # Skin, fat, muscle.
        a = self.girth * float(np.interp(s, [-60, -25, 5, 45, 120, 200, 290], [70, 88, 176, 180, 168, 161, 162]))
        b = self.girth * float(np.interp(s, [-60, -25, 10, 60, 120, 200, 290], [66, 70, 86, 104, 112, 113, 116]))
        body = norm(grid_x, grid_y, a, b, 2.2)
        size = np.sqrt(grid_x**2 + grid_y**2) / np.maximum(body, 1e-3)
        skin = (body - 1.0) * size
        put(image, skin, 25.0)
        put(image, skin + 2.2, FAT + 5.0 * coarse)
        fat_mm = 9.0 + 6.0 * np.abs(grid_y) / b + 2.0 * np.clip(coarse, -1, 1)
        put(image, skin + fat_mm, MUSCLE + 8.0 * coarse)
        streaks = soft(np.abs(coarse + 0.35 * fine) * 7.0 - 0.9) * soft(skin + fat_mm + 3.0)
        image += streaks * (-45.0 - image) * 0.6

        # The thoracic cavity and what lies in it.
        ac, bc = a - 31.0, b - 30.0
        closing = 1.0 if s > 62 else float(np.sqrt(max(0.0, 1.0 - ((62.0 - s) / 64.0) ** 2)))
        cavity_norm = norm(grid_x, grid_y - CAVITY_Y, max(ac * closing, 8.0), max(bc * closing, 8.0), 2.05)
        radius = np.sqrt(grid_x**2 + (grid_y - CAVITY_Y) ** 2) / np.maximum(cavity_norm, 1e-3)
        cavity = (cavity_norm - 1.0) * radius
        if closing > 0.15:
            put(image, cavity, FAT + 15.0)
        mediastinum = self._mediastinum(grid_x, grid_y, s)
        put(image, np.maximum(cavity, mediastinum), -70.0 + 12.0 * coarse, 2.0)
        self._abdomen(image, grid_x, grid_y, s, cavity, coarse, fine, put)
        dome = self._dome(grid_x, grid_y)
        lungs = np.maximum(np.maximum(cavity + 2.5, -(mediastinum - 1.5)), (s - dome) * 0.75)
        if closing > 0.15:
            depth = LUNG + 55.0 * (grid_y + 90.0) / 180.0
            put(image, lungs, depth + 16.0 * coarse + 13.0 * fine)
            inside = soft(lungs + 2.0)
            self._draw(image, x, y, s, self.vessels, pixel, inside)
            self._nodule(image, grid_x, grid_y, s, fine, put)

        # Heart, vessels, airways, gullet.
        self._heart(image, grid_x, grid_y, s, coarse, put)
        self._draw(image, x, y, s, self.great_vessels, pixel)
        self._draw(image, x, y, s, self.airways, pixel)

        # Bones last: nothing lies over them.
        self._ribs(image, grid_x, grid_y, s, cavity, closing, fine, soft)
        self._spine(image, grid_x, grid_y, s, fine, put)
        self._draw(image, x, y, s, self.bones, pixel)
        if 48 < s < 195:
            sternum = (norm(grid_x, grid_y + (bc + 15.0), 17.0 - 4.0 * (s > 85), 6.5, 3.0) - 1.0) * 6.5
            put(image, sternum, BONE)
            put(image, sternum + 2.2, 190.0 + 40.0 * fine)

        if noise_hu > 0:
            image += noise_hu * self._grain(s, shape)
        return image

    def _noise(self, field, s, step_mm, shape):
        """Smooth noise at plane s, by blending two planes of a random field and enlarging them."""
        at = (s - TOP_MM + 40.0) / step_mm
        low = int(np.floor(at))
        part = np.float32(at - low)
        count = len(field)
        plane = field[low % count] * (1 - part) + field[(low + 1) % count] * part
        plane = plane / np.sqrt((1 - part) ** 2 + part**2)
        resized = Image.fromarray(plane.astype(np.float32)).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
        return np.asarray(resized, np.float32)

    def _grain(self, s, shape):
        """Detector noise with the slight correlation of a reconstruction kernel, standard deviation about 1."""
        rng = np.random.default_rng([self.seed, 2, int(round(s * 1000)) + 10_000_000])
        grain = rng.standard_normal(shape, dtype=np.float32)
        grain[:, 1:] += 0.6 * grain[:, :-1].copy()
        grain[1:] += 0.6 * grain[:-1].copy()
        return grain / 1.36

    def _table(self, image, x, y, put):
        surface = 128.0 - 0.0008 * x**2
        put(image, np.maximum(np.abs(y - surface - 20.0) - 20.0, np.abs(x) - 200.0), -150.0)
        put(image, np.maximum(np.abs(y - surface - 20.0) - 18.4, np.abs(x) - 198.0), -940.0)

    def _mediastinum(self, x, y, s):
        """Signed distance to what parts the lungs: the middle, the spine's bulge, the heart's room."""
        width = float(np.interp(s, [-10, 40, 75, 110, 160, 215, 260], [24, 27, 31, 30, 30, 34, 40]))
        middle = (norm(x - 2.0, y - 6.0, width, 74.0, 2.0) - 1.0) * width
        spine = (norm(x, y - 66.0, 25.0 + 0.25 * np.maximum(y - 55.0, 0), 33.0, 2.2) - 1.0) * 25.0
        hilum = (norm(x - 1.0, y - 8.0, 47.0, 26.0, 2.0) - 1.0) * 26.0 + 3.0 * abs(s - 114.0) / 10.0
        distance = np.minimum(np.minimum(middle, spine), hilum)
        heart = ellipsoid(x, y, s, (20.0, -24.0, 172.0), (66.0 * self.heart, 54.0 * self.heart, 68.0))
        return distance if heart is None else np.minimum(distance, heart)

    def _dome(self, x, y):
        """The diaphragm: s of its surface at (x, y), higher (smaller s) on the right."""
        right = 196.0 + 0.0098 * (x + 72.0) ** 2 + 0.0075 * (y + 8.0) ** 2 + 0.12 * np.maximum(y, 0)
        left = 208.0 + 0.0100 * (x - 74.0) ** 2 + 0.0078 * (y + 4.0) ** 2 + 0.12 * np.maximum(y, 0)
        return np.where(x < 8.0, right, left)

    def _abdomen(self, image, x, y, s, cavity, coarse, fine, put):
        if s < 192:
            return
        below = np.maximum(cavity + 2.0, (self._dome(x, y) - s) * 0.75)
        put(image, below, FAT + 8.0 * coarse)
        edge = 34.0 - 0.45 * np.maximum(y, 0) - 0.1 * max(0.0, s - 240.0)
        put(image, np.maximum(below + 2.5, (x - edge) * 0.8), 112.0 + 5.0 * coarse + 4.0 * fine)
        portal = (norm(x + 46.0 - 0.25 * (s - 230.0), y - 4.0, 24.0, 4.5) - 1.0) * 4.5 + abs(s - 246.0) / 6.0
        put(image, np.maximum(portal, below + 8.0), 165.0)
        put(image, ellipsoid(x, y, s, (100.0, 34.0, 262.0), (30.0, 38.0, 50.0)), 124.0 + 5.0 * coarse)
        stomach = ellipsoid(x, y, s, (66.0, -26.0, 262.0), (46.0, 42.0, 44.0))
        put(image, stomach, 70.0)
        if stomach is not None:
            put(image, stomach + 4.0, 22.0 + 10.0 * coarse)
            put(image, np.maximum(stomach + 4.0, y + 34.0), AIR + 20.0)

    def _heart(self, image, x, y, s, coarse, put):
        k = self.heart
        put(image, ellipsoid(x, y, s, (20.0, -24.0, 172.0), (62.0 * k, 50.0 * k, 64.0)), -75.0)
        put(image, ellipsoid(x, y, s, (20.0, -24.0, 173.0), (58.0 * k, 46.0 * k, 59.0)), 105.0 + 6.0 * coarse)
        parts = [
            ((-22.0, -24.0, 168.0), (21.0, 28.0, 34.0), 235.0),
            ((8.0, -46.0, 178.0), (36.0, 18.0, 40.0), 250.0),
            ((4.0, 12.0, 148.0), (32.0, 18.0, 24.0), 305.0),
            ((46.0, -10.0, 184.0), (20.0, 25.0, 37.0), 315.0),
        ]
        for centre, radii, hu in parts:
            put(image, ellipsoid(x, y, s, centre, tuple(k * r for r in radii)), hu + 6.0 * coarse, 2.5)
        for cx, cy in ((52.0, -2.0), (40.0, -20.0)):
            put(image, ellipsoid(x, y, s, (cx, cy, 190.0), (5.0, 4.0, 13.0)), 120.0, 2.5)

    def _nodule(self, image, x, y, s, fine, put):
        """A part-solid nodule in the right upper lobe, with a few spicules."""
        if self.nodule_mm <= 0 or abs(s - 78.0) > self.nodule_mm:
            return
        dx, dy = x + 82.0, y - 18.0
        angle = np.arctan2(dy, dx)
        radius = self.nodule_mm / 2 * (1.0 + 0.13 * np.cos(5 * angle + 0.7) + 0.10 * np.cos(9 * angle + 2.0))
        distance = np.sqrt(dx**2 + dy**2 + (s - 78.0) ** 2) - radius
        put(image, distance - 2.0, -520.0, 5.0)
        put(image, distance, 28.0 + 10.0 * fine, 1.8)

    def _ribs(self, image, x, y, s, cavity, closing, fine, soft):
        """Twelve pairs that fall from back to front; a plane cuts each where it passes through."""
        theta = np.arctan2(np.abs(x), y - CAVITY_Y)
        fall = 78.0 * (1.0 - np.cos(np.minimum(theta, 2.5) * 1.05)) / 2.0 - 26.0 * np.clip(theta - 2.3, 0, 1)
        number = (s - 6.0 - fall) / 23.0
        nearest = np.clip(np.round(number), 0, 11)
        along = (number - nearest) * 23.0
        if closing < 0.3:
            return
        section = np.sqrt(((cavity - 6.5) / 4.4) ** 2 + (along / 6.6) ** 2) - 1.0
        length = np.where(nearest < 7, 2.62, 2.62 - 0.22 * (nearest - 6))
        bone = np.maximum(section * 4.4, (theta - length) * 60.0)
        gristle = np.maximum(section * 4.4, np.maximum((length - theta) * 60.0, (theta - 3.02) * 60.0))
        gristle = np.where(nearest < 7, gristle, 9.0)
        image += soft(gristle) * (105.0 - image)
        image += soft(bone) * (BONE + 130.0 - image)
        image += soft(bone + 1.7) * (230.0 + 45.0 * fine - image)

    def _spine(self, image, x, y, s, fine, put):
        phase = (s + 200.0) % 25.0
        disc = 1.0 if phase < 5.0 else 0.0
        waist = 1.0 - 0.07 * np.sin(np.pi * np.clip((phase - 5.0) / 20.0, 0, 1))
        body = (norm(x, y - 53.0, 18.5 * waist, 14.5 * waist, 2.3) - 1.0) * 14.5
        canal = (norm(x, y - 75.5, 10.0, 8.5, 2.0) - 1.0) * 8.5
        put(image, canal - 5.0, BONE if not disc else 330.0)
        if disc:
            put(image, body, 95.0)
        else:
            put(image, body, BONE - 60.0)
            put(image, body + 1.8, 205.0 + 60.0 * fine + 35.0 * (phase < 7 or phase > 23))
        put(image, canal, -30.0)
        put(image, (norm(x, y - 75.5, 6.5, 5.5) - 1.0) * 5.5, 38.0)
        if 8 < phase < 20:
            for side in (-1, 1):
                bar = np.maximum(np.abs(y - 80.0 + 0.12 * side * x) - 4.2, np.abs(side * x - 22.0) - 13.0)
                put(image, bar, BONE - 120.0)
                put(image, bar + 1.8, 230.0 + 40.0 * fine)
        if phase > 6:
            thorn = np.maximum(np.abs(x) - 3.6, np.abs(y - 92.0) - 9.0)
            put(image, thorn, BONE - 90.0)
            put(image, thorn + 1.6, 240.0)

    def _draw(self, image, x, y, s, tubes, pixel, inside=None):
        """Draws the tubes that reach the plane, each only in the rectangle it can touch."""
        for tube in tubes:
            outer = tube.radius + tube.wall_mm + pixel
            (x0, y0, s0), (x1, y1, s1) = tube.start, tube.end
            if s < min(s0, s1) - outer or s > max(s0, s1) + outer:
                continue
            left, right = np.searchsorted(x, [min(x0, x1) - outer, max(x0, x1) + outer])
            front, back = np.searchsorted(y, [min(y0, y1) - outer, max(y0, y1) + outer])
            if left == right or front == back:
                continue
            px, py = x[None, left:right] - x0, y[front:back, None] - y0
            dx, dy, ds = x1 - x0, y1 - y0, s1 - s0
            squared = dx * dx + dy * dy + ds * ds
            at = np.clip((px * dx + py * dy + (s - s0) * ds) / max(squared, 1e-9), 0.0, 1.0)
            distance = np.sqrt((px - at * dx) ** 2 + (py - at * dy) ** 2 + (s - s0 - at * ds) ** 2)
            patch = image[front:back, left:right]
            mask = 1.0 if inside is None else inside[front:back, left:right]
            if tube.wall_mm:
                cover = np.clip(0.5 - (distance - tube.radius - tube.wall_mm) / (1.3 * pixel), 0, 1)
                patch += (mask * cover * (tube.wall_hu - patch)).astype(np.float32)
            cover = np.clip(0.5 - (distance - tube.radius) / (1.3 * pixel), 0, 1)
            target = np.maximum(patch, tube.hu) if inside is not None else tube.hu
            patch += (mask * cover * (target - patch)).astype(np.float32)


def chain(points, hu, wall_mm=0.0, wall_hu=0.0):
    """Tubes through `points`, each (x, y, s, radius)."""
    return [
        Tube(p[:3], q[:3], (p[3] + q[3]) / 2, hu, wall_mm, wall_hu) for p, q in zip(points, points[1:], strict=False)
    ]


def great_vessels():
    """Aorta, pulmonary arteries, caval veins, the arch's branches."""
    aorta, lung_artery, vein = 325.0, 345.0, 400.0
    return [
        *chain([(-16, -22, -60, 5.5), (-15, -14, 20, 5.5), (-10, -16, 62, 7)], aorta),
        *chain([(12, -2, -60, 4), (10, -4, 30, 4), (6, -4, 60, 5)], aorta),
        *chain([(24, 14, -60, 5), (22, 14, 30, 5), (18, 14, 60, 6)], aorta),
        *chain([(-60, -30, 8, 5.5), (-40, -34, 16, 6), (-27, -26, 30, 7)], vein),
        *chain([(70, -30, 6, 5), (40, -36, 20, 6), (0, -36, 38, 6), (-25, -24, 46, 7)], 210.0),
        *chain([(-27, -24, 34, 8.5), (-27, -12, 90, 9), (-26, -12, 146, 9.5)], vein),
        *chain([(-20, -8, 196, 11), (-18, 2, 240, 12), (-18, 10, 300, 12)], 150.0),
        *chain([(4, -6, 158, 13), (-12, -20, 128, 15), (-15, -24, 96, 15), (-10, -18, 74, 14)], aorta),
        *chain([(-10, -18, 74, 14), (2, -6, 64, 13), (14, 12, 62, 12.5), (23, 32, 70, 12), (25, 46, 84, 12)], aorta),
        *chain([(25, 46, 84, 12), (24, 50, 150, 11.5), (18, 48, 220, 11), (8, 42, 300, 10.5)], aorta),
        *chain([(10, -40, 142, 14), (14, -26, 120, 13.5), (12, -10, 108, 12)], lung_artery),
        *chain([(12, -10, 108, 11), (-8, -4, 112, 10.5), (-34, 4, 117, 9), (-46, 8, 126, 7)], lung_artery),
        *chain([(14, -10, 106, 11), (32, 8, 101, 10), (44, 18, 110, 8)], lung_artery),
        *chain([(-30, 14, 150, 6), (-6, 14, 147, 8)], 300.0),
        *chain([(44, 16, 146, 6), (18, 14, 147, 8)], 300.0),
        *chain([(-9, 40, 60, 3.5), (-9, 38, 290, 3.5)], 130.0),
        *chain([(3, 27, -60, 3), (4, 30, 80, 3), (6, 30, 200, 3.5), (14, 16, 252, 4)], -20.0, 3.4, 60.0),
    ]


def airways():
    """Windpipe, main and lobar bronchi: air in a thin wall."""
    return [
        *chain([(0, 6, -60, 8.5), (1, 10, 20, 8.8), (0, 14, 92, 8.6)], -985.0, 1.6, 45.0),
        *chain([(0, 14, 92, 7.5), (-20, 14, 108, 6.8), (-34, 14, 122, 6)], -985.0, 1.4, 40.0),
        *chain([(0, 14, 92, 7), (22, 15, 112, 6), (40, 18, 128, 5.2)], -985.0, 1.4, 40.0),
        *chain([(-30, 14, 114, 4.4), (-48, 8, 98, 3.2), (-60, 4, 84, 2.2)], -975.0, 1.1, 10.0),
        *chain([(-34, 14, 122, 4.8), (-44, 22, 148, 3.8), (-58, 34, 178, 2.4)], -975.0, 1.1, 10.0),
        *chain([(-36, 12, 130, 3.4), (-54, -16, 150, 2.2)], -970.0, 1.0, 0.0),
        *chain([(38, 17, 124, 4.2), (54, 4, 108, 3), (62, -6, 90, 2.2)], -975.0, 1.1, 10.0),
        *chain([(40, 18, 128, 4.6), (50, 30, 156, 3.6), (66, 42, 186, 2.3)], -975.0, 1.1, 10.0),
    ]


def shoulder_bones():
    """Collar bones, shoulder blades, heads of the upper arms, on both sides."""
    bones = []
    for side in (-1, 1):
        bones += chain(
            [(16 * side, -72, 46, 6.5), (70 * side, -62, 22, 5.5), (132 * side, -30, 6, 6)], 330.0, 1.8, 700.0
        )
        bones += chain([(150 * side, -4, 12, 19), (154 * side, 0, 36, 17)], 240.0, 2.2, 640.0)
        for step in range(7):
            s = 18.0 + 18.0 * step
            inner, outer = (74.0 + 2 * step, 80.0 - 1.0 * step), (132.0 - 5.0 * step, 40.0 + 4.0 * step)
            bones += chain(
                [(inner[0] * side, inner[1], s, 2.0), (outer[0] * side, outer[1], s + 10, 3.0)], 300.0, 1.4, 560.0
            )
        bones += chain([(128 * side, 42, 16, 5), (108 * side, 62, 120, 4)], 300.0, 1.8, 600.0)
    return bones


def lung_tree(rng, side):
    """Vessels of one lung: random points, each joined to the nearest of what has grown from the hilum so far."""
    hilum = np.array([44.0 * side, 10.0, 118.0])
    points = []
    while len(points) < 1000:
        p = np.array([side * rng.uniform(24, 134), rng.uniform(-84, 70), rng.uniform(6, 246)])
        closing = 1.0 if p[2] > 62 else np.sqrt(max(0.0, 1 - ((62 - p[2]) / 64) ** 2))
        if norm(p[0], p[1] - CAVITY_Y, 134 * closing + 1, 78 * closing + 1, 2.05) < 0.98:
            points.append(p)
    points.sort(key=lambda p: float(np.linalg.norm(p - hilum)))
    nodes, parents = [hilum], [-1]
    depth = [0.0]
    for p in points:
        known = np.array(nodes)
        cost = np.linalg.norm(known - p, axis=1) + 0.12 * np.array(depth)
        parent = int(np.argmin(cost))
        start = nodes[parent]
        pieces = max(1, int(np.linalg.norm(p - start) // 9))
        bend = rng.normal(0, 1.4, 3)
        for piece in range(1, pieces + 1):
            part = piece / pieces
            nodes.append(start + (p - start) * part + bend * np.sin(np.pi * part))
            parents.append(parent)
            depth.append(depth[parent] + float(np.linalg.norm(nodes[-1] - nodes[parent])))
            parent = len(nodes) - 1
    leaves = np.ones(len(nodes))
    for index in range(len(nodes) - 1, 0, -1):
        leaves[parents[index]] += leaves[index]
    tubes = []
    for index in range(1, len(nodes)):
        radius = min(5.6, 0.62 * leaves[index] ** 0.33)
        hu = 60.0 + 60.0 * min(radius, 4.0)
        tubes.append(Tube(tuple(nodes[parents[index]]), tuple(nodes[index]), radius, hu))
    return tubes
