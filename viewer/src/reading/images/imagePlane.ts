/** Where an image lies, as the library has it. */
import { metaData } from '@cornerstonejs/core';
import type { Vector } from './linking';
import type { ImagePlane } from './measured';

export function imagePlaneOf(imageId: string): ImagePlane | null {
  const plane = metaData.get('imagePlaneModule', imageId) as
    | { imagePositionPatient: number[]; rowCosines: number[]; columnCosines: number[]; columnPixelSpacing?: number; rowPixelSpacing?: number }
    | undefined;
  if (plane === undefined) return null;
  const vector = (values: number[]): Vector => [Number(values[0]), Number(values[1]), Number(values[2])];
  return {
    position: vector(plane.imagePositionPatient),
    row: vector(plane.rowCosines),
    column: vector(plane.columnCosines),
    columnSpacing: plane.columnPixelSpacing || 1,
    rowSpacing: plane.rowPixelSpacing || 1,
  };
}
