/** DICOM JSON (PS3.18 Annex F), as much of it as a viewer reads. */

interface Element {
  vr?: string;
  Value?: unknown[];
  /** Base64. */
  InlineBinary?: string;
  BulkDataURI?: string;
}

export type Instance = Record<string, Element | undefined>;

export const tags = {
  modality: '00080060',
  sopInstanceUid: '00080018',
  instanceNumber: '00200013',
  frames: '00280008',
  rows: '00280010',
  columns: '00280011',
  pixelSpacing: '00280030',
  frameOfReference: '00200052',
  sliceThickness: '00180050',
  sliceLocation: '00201041',
} as const;

export function text(instance: Instance, tag: string): string {
  const value = instance[tag]?.Value?.[0];
  return typeof value === 'string' ? value : '';
}

/** Numbers come as JSON numbers or, for IS and DS, as strings. */
export function number(instance: Instance, tag: string): number | null {
  const value = instance[tag]?.Value?.[0];
  const parsed = typeof value === 'string' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : null;
}

/** Items of a sequence. */
export const items = (of: Instance | undefined, tag: string): Instance[] => (of?.[tag]?.Value ?? []) as Instance[];

/** All values that are numbers. */
export const numbers = (of: Instance | undefined, tag: string): number[] => (of?.[tag]?.Value ?? []).map(Number).filter(Number.isFinite);

/** The bytes of an InlineBinary. */
export const fromBase64 = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** Whether the image says how the patient lies (0020,0037), itself or for all its frames; nothing may be assumed. */
export function hasOrientation(instance: Instance): boolean {
  const shared = instance['52009229']?.Value?.[0] as Instance | undefined;
  const frame = instance['52009230']?.Value?.[0] as Instance | undefined;
  const plane = (shared?.['00209116'] ?? frame?.['00209116'])?.Value?.[0] as Instance | undefined;
  return [instance, plane].some((place) => place?.['00200037']?.Value?.length === 6);
}

/** The loader takes it for granted that every image says its modality; some secondary captures do not. */
export function withModality(instance: Instance): Instance {
  return text(instance, tags.modality) === '' ? { ...instance, [tags.modality]: { vr: 'CS', Value: ['OT'] } } : instance;
}

/** In acquisition order: by Instance Number, those without one last, ties by UID so that the order never changes. */
export function inOrder(instances: readonly Instance[]): Instance[] {
  return [...instances].sort((a, b) => {
    const first = number(a, tags.instanceNumber) ?? Infinity;
    const second = number(b, tags.instanceNumber) ?? Infinity;
    if (first !== second) return first - second;
    return text(a, tags.sopInstanceUid) < text(b, tags.sopInstanceUid) ? -1 : 1;
  });
}

const photograph = '1.2.840.10008.5.1.4.1.1.77.1.4';

/** Whether a photograph was taken with the camera turned, as it says itself. */
export function isTurnedUpright(instance: Instance): boolean {
  return text(instance, '00080016') === photograph && ((number(instance, '00700042') ?? 0) !== 0 || text(instance, '00700041') === 'Y');
}

/** The browser's decoder turns such a photograph as its EXIF says: rows and columns are what it makes of it. */
export function upright(instance: Instance): Instance {
  const isOnItsSide = isTurnedUpright(instance) && (number(instance, '00700042') ?? 0) % 180 === 90;
  return isOnItsSide ? { ...instance, [tags.rows]: instance[tags.columns], [tags.columns]: instance[tags.rows] } : instance;
}
