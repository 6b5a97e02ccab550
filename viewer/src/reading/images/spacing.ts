/**
 * What an image's pixels measure, and on what that rests (PS3.3 §10.7.1.3). Projections measure at the detector unless
 * somebody has calibrated them; ultrasound measures within its calibrated regions only (PS3.3 §C.8.5.5).
 */
import { number, text, type Instance } from './dicomJson';

const pixelSpacing = '00280030';
const imagerPixelSpacing = '00181164';
const nominalSpacing = '00182010';
const calibrationType = '00280A02';
const magnificationFactor = '00181114';
const ultrasoundRegions = '00186011';
const projections: readonly string[] = ['CR', 'DX', 'MG', 'RF', 'XA', 'RG', 'PX', 'IO'];

export type SpacingBasis =
  /** In the patient: CT, MR and the like. */
  | 'patient'
  /** Calibrated by an object of known size. */
  | 'fiducial'
  /** Calibrated by the geometry of the exposure. */
  | 'geometry'
  /** Calibrated, and nobody says how. */
  | 'calibrated'
  /** At the detector: the patient is smaller. */
  | 'detector'
  /** At the detector, divided by the factor that the device estimates. */
  | 'magnification'
  /** The device does not say on what it rests. */
  | 'unstated'
  /** Only within an ultrasound image's regions. */
  | 'regions'
  | 'none';

export interface Spacing {
  basis: SpacingBasis;
  /** Between rows, between columns. */
  mm: readonly [number, number] | null;
  factor: number | null;
}

function pair(instance: Instance, tag: string): readonly [number, number] | null {
  const values = instance[tag]?.Value;
  const [row, column] = [Number(values?.[0]), Number(values?.[1])];
  return Number.isFinite(row) && Number.isFinite(column) && row > 0 && column > 0 ? [row, column] : null;
}

/** An enhanced image says it for all its frames, or for each (PS3.3 §C.7.6.16.2.1). */
function ofFrames(instance: Instance): readonly [number, number] | null {
  for (const groups of ['52009229', '52009230']) {
    const group = instance[groups]?.Value?.[0] as Instance | undefined;
    const measures = group?.['00289110']?.Value?.[0] as Instance | undefined;
    const found = measures === undefined ? null : pair(measures, pixelSpacing);
    if (found !== null) return found;
  }
  return null;
}

const isSame = (a: readonly [number, number], b: readonly [number, number]) =>
  a.every((value, index) => Math.abs(value - (b[index] ?? 0)) < value * 1e-4);

export function spacingOf(instance: Instance): Spacing {
  const own = pair(instance, pixelSpacing) ?? ofFrames(instance);
  const modality = text(instance, '00080060');
  if ((instance[ultrasoundRegions]?.Value?.length ?? 0) > 0) return { basis: 'regions', mm: null, factor: null };
  if (!projections.includes(modality)) {
    const nominal = pair(instance, nominalSpacing);
    if (own !== null) return { basis: 'patient', mm: own, factor: null };
    return nominal === null ? { basis: 'none', mm: null, factor: null } : { basis: 'unstated', mm: nominal, factor: null };
  }
  const detector = pair(instance, imagerPixelSpacing);
  const type = text(instance, calibrationType);
  if (own !== null && type === 'FIDUCIAL') return { basis: 'fiducial', mm: own, factor: null };
  if (own !== null && type === 'GEOMETRY') return { basis: 'geometry', mm: own, factor: null };
  if (own !== null && detector !== null && !isSame(own, detector)) return { basis: 'calibrated', mm: own, factor: null };
  if (detector !== null) {
    const factor = number(instance, magnificationFactor);
    if (factor === null || factor <= 1) return { basis: 'detector', mm: detector, factor: null };
    return { basis: 'magnification', mm: [detector[0] / factor, detector[1] / factor], factor };
  }
  return own === null ? { basis: 'none', mm: null, factor: null } : { basis: 'unstated', mm: own, factor: null };
}

/** The instance with the spacing that is measured with as its Pixel Spacing, which is what the library reads. */
export function withSpacing(instance: Instance): Instance {
  const { mm } = spacingOf(instance);
  const own = instance[pixelSpacing]?.Value;
  if (own === undefined && (mm === null || ofFrames(instance) !== null)) return instance;
  return { ...instance, [pixelSpacing]: mm === null ? { vr: 'DS' } : { vr: 'DS', Value: [...mm] } };
}

export interface Ruler {
  mm: number;
  px: number;
}

/** A round length that takes up to `pxMax` on the screen. */
export function ruler(pxPerMm: number, pxMax: number): Ruler | null {
  if (!(pxPerMm > 0) || !Number.isFinite(pxPerMm)) return null;
  const most = pxMax / pxPerMm;
  const power = 10 ** Math.floor(Math.log10(most));
  const mm = [5, 2, 1].map((step) => step * power).find((length) => length <= most) ?? power;
  return { mm, px: mm * pxPerMm };
}
