"""A chest radiograph: the chest's attenuation summed from front to back."""

import numpy as np
from PIL import Image

from .chest import Chest

PIXEL_MM = 0.3
WIDTH, HEIGHT = 1200, 1120
_X_MM, _Y_MM, _S_MM = 0.6, 2.0, 0.6


def project(chest: Chest) -> np.ndarray:
    """Pixels as uint16 of shape (HEIGHT, WIDTH), 12 bits, bright where the body is dense (MONOCHROME2)."""
    x = (np.arange(int(WIDTH * PIXEL_MM / _X_MM)) + 0.5) * _X_MM - WIDTH * PIXEL_MM / 2
    y = np.arange(-122.0, 122.0, _Y_MM)
    depths = np.arange(-44.0, -44.0 + HEIGHT * PIXEL_MM, _S_MM)
    density = np.empty((len(depths), len(x)), np.float32)
    for row, s in enumerate(depths):
        hu = chest.slice(x, y, float(s), noise_hu=0.0, table=False)
        attenuation = np.maximum(hu + 1000.0, 0.0) * 1e-3
        attenuation += np.maximum(hu - 160.0, 0.0) * 1.1e-3
        density[row] = attenuation.sum(axis=0) * _Y_MM
    full = Image.fromarray(density).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    density = np.asarray(full, np.float32)
    # What a detector's software does: keep the detail, flatten the large differences, add quantum noise.
    coarse = Image.fromarray(density).resize((WIDTH // 24, HEIGHT // 24), Image.Resampling.BOX)
    base = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32)
    shown = 1.25 * density - 0.55 * base
    rng = np.random.default_rng([chest.seed, 3])
    shown += rng.standard_normal(shown.shape, dtype=np.float32) * (0.5 + 0.012 * density)
    return np.clip(120.0 + shown * 19.0, 0, 4095).astype(np.uint16)
