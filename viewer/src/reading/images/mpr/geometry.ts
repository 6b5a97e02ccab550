/** Whether a stack is a volume that can be cut in other directions. */
import { along, type Plane } from '../linking';

/** Why it is none. */
export type NoVolume = 'few' | 'unknown' | 'orientation' | 'frame' | 'spacing' | 'colour' | 'memory' | 'cpu';

export interface VolumeGeometry {
  /** Millimetres between slices. */
  step_mm: number;
}

const slicesMin = 8;
/** Of the step; scanners round positions to a tenth of a millimetre. */
const tolerance = 0.05;

/** Same orientation, one frame of reference, one step: PS3.3 §C.7.6.2 says where each slice is. */
export function volumeGeometry(planes: readonly (Plane | null)[]): VolumeGeometry | NoVolume {
  if (planes.length < slicesMin) return 'few';
  const known = planes.filter((plane) => plane !== null);
  const [first] = known;
  if (first === undefined || known.length < planes.length) return 'unknown';
  const { normal } = first;
  const isSame = ({ normal: [x, y, z] }: Plane) => x * normal[0] + y * normal[1] + z * normal[2] > 0.9999;
  if (!known.every(isSame)) return 'orientation';
  if (known.some(({ frameOfReference }) => frameOfReference !== first.frameOfReference)) return 'frame';
  const places = known.map((plane) => along(plane, normal)).sort((a, b) => a - b);
  const steps = places.slice(1).map((place, index) => place - (places[index] ?? place));
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  if (!(mean > 0) || steps.some((step) => Math.abs(step - mean) > Math.max(mean * tolerance, 0.05))) return 'spacing';
  return { step_mm: mean };
}
