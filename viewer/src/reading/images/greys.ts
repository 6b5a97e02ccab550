/** What an image says of its greys comes with its pixels: it is read when they are, kept as long as they are, and goes with them. */
import { registerImageLoader, utilities, Enums, type Types } from '@cornerstonejs/core';
import { wadors } from '@cornerstonejs/dicom-image-loader';
import type { Instance } from './dicomJson';
import { fetchBytes } from './dicomweb';
import { clearOverlays } from './overlayPlanes/clearedValues';
import { entryOf, greysOf, hasGreys, type Greys, type Table } from './tables';

type Loaded = Types.IImage & { greys?: Greys };

/** Image ids of which something is to be read. */
const described = new Map<string, { image: Instance; frame: number }>();

/** Called before the image is loaded. */
export function describeGreys(imageId: string, image: Instance, frame: number): void {
  if (hasGreys(image)) described.set(imageId, { image, frame });
}

/** `undefined` for an image of which a window says everything. */
export const greysFor = (image: Types.IImage | undefined): Greys | undefined => (image as Loaded | undefined)?.greys;

/** In place of the loader's own, which knows no tables, and of a VOI LUT Function only its first letter. */
export function loadWithGreys(): void {
  registerImageLoader('wadors', (imageId, options) => {
    const load = wadors.loadImage(imageId, options);
    const of = described.get(imageId);
    if (of === undefined) return load;
    const greys = greysOf(of.image, of.frame, fetchBytes);
    return { ...load, promise: Promise.all([load.promise, greys]).then(([image, read]) => withGreys(image, read)) };
  });
}

function withGreys(image: Types.IImage, greys: Greys): Types.IImage {
  // A sigmoid is drawn here, from a straight window's range.
  image.voiLUTFunction = greys.isExact ? Enums.VOILUTFunctionType.LINEAR_EXACT : Enums.VOILUTFunctionType.LINEAR;
  const { modality, hasWindow } = greys;
  if (modality !== null && !image.color) {
    clearOverlays(image);
    map(image, modality);
    if (!hasWindow) Object.assign(image, utilities.windowLevel.toWindowLevel(image.minPixelValue, image.maxPixelValue));
  }
  return Object.assign(image, { greys });
}

/** Values after a Modality LUT, as a rescale makes them: what is measured, windowed and drawn are these. */
function map(image: Types.IImage, modality: Table): void {
  const stored = image.getPixelData();
  const values = Uint16Array.from(stored, (value) => entryOf(modality, value));
  let [min, max] = [65_535, 0];
  for (const value of values) [min, max] = [Math.min(min, value), Math.max(max, value)];
  const { width, height, numberOfComponents } = image;
  image.voxelManager = utilities.VoxelManager.createImageVoxelManager({ scalarData: values, width, height, numberOfComponents });
  Object.assign(image, { getPixelData: () => values, dataType: 'Uint16Array', sizeInBytes: values.byteLength, minPixelValue: min, maxPixelValue: max });
}
