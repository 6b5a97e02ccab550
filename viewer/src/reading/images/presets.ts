/** Windows that readers reach for by number, per modality. Centre and width in the image's units (Hounsfield for CT). */
import type { Instance } from './dicomJson';

export const presetNames = [
  'lung', 'mediastinum', 'bone', 'brain', 'abdomen', 'liver', 'vessels', 'subdural', 'spine', 'original', 'softer', 'harder', 'brighter', 'darker',
] as const;

export interface Window {
  center: number;
  width: number;
}

export type PresetName = (typeof presetNames)[number];

export interface WindowPreset extends Window {
  name: PresetName;
  /** What the image itself calls this window (0028,1055). */
  label?: string;
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

/** Where values differ from scanner to scanner, windows are relative to the one that the image came with. */
const relative: { name: PresetName; width: number; shift: number }[] = [
  { name: 'softer', width: 1.6, shift: 0 },
  { name: 'harder', width: 0.6, shift: 0 },
  { name: 'brighter', width: 1, shift: -0.2 },
  { name: 'darker', width: 1, shift: 0.2 },
];
const relativeTo: readonly string[] = ['MR', 'CR', 'DX', 'MG', 'RF', 'XA', 'PT', 'NM'];
const presetsMax = 9;

function windowsOf(image: Instance): WindowPreset[] {
  const [centers, widths, labels] = ['00281050', '00281051', '00281055'].map((tag) => image[tag]?.Value ?? []);
  return (centers ?? []).flatMap((value, index) => {
    const [center, width] = [Number(value), Number(widths?.[index])];
    const label = labels?.[index];
    if (!Number.isFinite(center) || !(width > 0)) return [];
    return [{ name: 'original' as const, center, width, ...(typeof label === 'string' && label !== '' ? { label } : {}) }];
  });
}

/** One of the image's own tables, from 0. */
export interface TablePreset {
  table: number;
  label: string;
}

/** The presets of an image in the order of the keys 1 to 9. */
export function presetsFor(modality: string, image?: Instance): WindowPreset[] {
  if (modality === 'CT') return computedTomography;
  const own = image === undefined ? [] : windowsOf(image);
  const [first] = own;
  if (first === undefined || !relativeTo.includes(modality)) return own.slice(0, presetsMax);
  const around = relative.map(({ name, width, shift }) => ({
    name,
    center: Math.round(first.center + first.width * shift),
    width: Math.max(1, Math.round(first.width * width)),
  }));
  return [...own.slice(0, presetsMax - around.length), ...around];
}

/** The values that become black and white, by the linear function of PS3.3 C.11.2.1.2.1. */
export function rangeOf({ center, width }: Window): { lower: number; upper: number } {
  return { lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 };
}

export function exactWindowOf({ lower, upper }: { lower: number; upper: number }): Window {
  return { center: (upper + lower + 1) / 2, width: upper - lower + 1 };
}

export function windowOf(range: { lower: number; upper: number }): Window {
  const { center, width } = exactWindowOf(range);
  return { center: Math.round(center), width: Math.round(width) };
}
