/** How the picture is altered on this screen only: brightness, contrast, gamma. Pure. */

export interface PictureSettings {
  brightness: number;
  contrast: number;
  gamma: number;
}

export const unaltered: PictureSettings = { brightness: 1, contrast: 1, gamma: 1 };

export const pictureRanges: Record<keyof PictureSettings, { min: number; max: number; step: number }> = {
  brightness: { min: 0.4, max: 1.8, step: 0.05 },
  contrast: { min: 0.4, max: 2.5, step: 0.05 },
  gamma: { min: 0.4, max: 2.5, step: 0.05 },
};

export function isAltered(settings: PictureSettings): boolean {
  return settings.brightness !== 1 || settings.contrast !== 1 || settings.gamma !== 1;
}

/** What was kept may be of another version, or of another hand. */
export function sound(kept: unknown): PictureSettings {
  const given = typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
  const within = (name: keyof PictureSettings): number => {
    const value = given[name];
    const { min, max } = pictureRanges[name];
    return typeof value === 'number' && value >= min && value <= max ? value : 1;
  };
  return { brightness: within('brightness'), contrast: within('contrast'), gamma: within('gamma') };
}

/** The style's filter; gamma is the SVG filter with this id, since CSS has none. `none` costs nothing. */
export function filterOf(settings: PictureSettings, gammaFilterId: string): string {
  const parts = [
    settings.brightness === 1 ? '' : `brightness(${settings.brightness})`,
    settings.contrast === 1 ? '' : `contrast(${settings.contrast})`,
    settings.gamma === 1 ? '' : `url(#${gammaFilterId})`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'none' : parts.join(' ');
}
