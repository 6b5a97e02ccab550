/** A stack's images as places for segmentations, compared with each segmentation once. */
import { hasOrientation, number, tags, type Instance } from '../dicomJson';
import { imagePlaneOf } from '../imagePlane';
import { cross } from '../linking';
import { spacingOf } from '../spacing';
import type { Stack } from '../stack';
import { placeOn, type ImagePlace, type Placing } from './placing';
import type { PixelPlane, Segmentation } from './segmentation';

const places = new WeakMap<Stack, readonly ImagePlace[]>();
const placings = new WeakMap<Stack, Map<Segmentation, Placing>>();

function planeOf(imageId: string, instance: Instance): PixelPlane | null {
  // Without a size of its pixels in the patient, an image has no plane that could be compared.
  if (!hasOrientation(instance) || spacingOf(instance).basis !== 'patient') return null;
  const plane = imagePlaneOf(imageId);
  return plane === null ? null : { ...plane, normal: cross(plane.row, plane.column), thickness_mm: number(instance, tags.sliceThickness) ?? 0 };
}

function placesOf(stack: Stack): readonly ImagePlace[] {
  const known = places.get(stack);
  if (known !== undefined) return known;
  const planes = stack.planes();
  const made = stack.imageIds.map((imageId, at): ImagePlace => {
    const instance = stack.instanceByImageId.get(imageId) ?? {};
    return {
      imageId,
      sop: stack.sopByImageId.get(imageId) ?? '',
      frame: Number(imageId.split('/').at(-1)),
      rows: number(instance, tags.rows) ?? 0,
      columns: number(instance, tags.columns) ?? 0,
      frameOfReference: planes[at]?.frameOfReference ?? '',
      plane: planes[at] == null ? null : planeOf(imageId, instance),
    };
  });
  places.set(stack, made);
  return made;
}

export function placingOn(stack: Stack, of: Segmentation): Placing {
  const ofStack = placings.get(stack) ?? new Map<Segmentation, Placing>();
  placings.set(stack, ofStack);
  const known = ofStack.get(of) ?? placeOn(of, placesOf(stack));
  ofStack.set(of, known);
  return known;
}
