/**
 * The image loader takes all bits of an unsigned pixel for its value (PS3.5 §8.1.1 has Bits Stored of them). Where others
 * hold overlay planes, they are taken out of it, before anything is drawn, windowed or measured.
 */
import { Enums, eventTarget, type Types } from '@cornerstonejs/core';
import { wadors } from '@cornerstonejs/dicom-image-loader';
import { number, type Instance } from '../dicomJson';
import { isUnfit, planesOf } from './plane';

interface Kept {
  stored: number;
  /** Bits below the lowest that is stored. */
  below: number;
}

/** Which bits are the image's own; `null` where nothing has to be taken out. */
export function keptBits(image: Instance): Kept | null {
  const isMixed = planesOf(image).some(({ place }) => !isUnfit(place) && place.in === 'pixels');
  // Signed ones the loader extends from their highest stored bit, which loses what is above.
  if (!isMixed || number(image, '00280103') === 1) return null;
  const stored = number(image, '00280101') ?? 16;
  return { stored, below: (number(image, '00280102') ?? stored - 1) + 1 - stored };
}

/** In place; the values are rescaled already. */
export function clearValues(values: { [at: number]: number; length: number }, { stored, below }: Kept, slope: number, intercept: number): [min: number, max: number] {
  let [min, max] = [Infinity, -Infinity];
  for (let at = 0; at < values.length; at += 1) {
    const raw = Math.round(((values[at] ?? 0) - intercept) / slope);
    const value = ((raw >>> below) & (2 ** stored - 1)) * slope + intercept;
    values[at] = value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return [min, max];
}

const cleared = new WeakSet<Types.IImage>();

/** Before a Modality LUT is applied, whose entries are no stored bits any more. */
export function clearOverlays(image: Types.IImage): void {
  if (cleared.has(image)) return;
  cleared.add(image);
  const kept = keptBits((wadors.metaDataManager.get(image.imageId) ?? {}) as Instance);
  if (kept === null) return;
  const scale = image.preScale?.scaled === true ? image.preScale.scalingParameters : undefined;
  const [min, max] = clearValues(image.getPixelData(), kept, scale?.rescaleSlope ?? 1, scale?.rescaleIntercept ?? 0);
  Object.assign(image, { minPixelValue: min, maxPixelValue: max });
}

/** From now on, of every image that is loaded. */
export function clearOverlaysFromValues(): void {
  eventTarget.addEventListener(Enums.Events.IMAGE_LOADED, (event: Event) => clearOverlays((event as CustomEvent<{ image: Types.IImage }>).detail.image));
}
