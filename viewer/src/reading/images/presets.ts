/** Windows that readers reach for by number, per modality. Centre and width in the image's units (Hounsfield for CT). */

export interface WindowPreset {
  name: 'lung' | 'mediastinum' | 'bone' | 'brain' | 'abdomen' | 'liver' | 'vessels' | 'subdural' | 'spine';
  center: number;
  width: number;
}

const computedTomography: WindowPreset[] = [
  { name: 'lung', center: -600, width: 1500 },
  { name: 'mediastinum', center: 40, width: 400 },
  { name: 'bone', center: 400, width: 1800 },
  { name: 'brain', center: 40, width: 80 },
  { name: 'abdomen', center: 50, width: 350 },
  { name: 'liver', center: 60, width: 160 },
  { name: 'vessels', center: 250, width: 700 },
  { name: 'subdural', center: 75, width: 215 },
  { name: 'spine', center: 50, width: 250 },
];

/** The presets of a modality in the order of the keys 1 to 9; other modalities keep the window they were acquired with. */
export function presetsFor(modality: string): WindowPreset[] {
  return modality === 'CT' ? computedTomography : [];
}

/** The values that become black and white, by the linear function of PS3.3 C.11.2.1.2.1. */
export function rangeOf({ center, width }: { center: number; width: number }): { lower: number; upper: number } {
  return { lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 };
}

export function windowOf({ lower, upper }: { lower: number; upper: number }): { center: number; width: number } {
  return { center: Math.round((upper + lower + 1) / 2), width: Math.round(upper - lower + 1) };
}
