/** A series made ready for the image loader: its metadata registered, its frames in order. */
import { metaData } from '@cornerstonejs/core';
import { wadors } from '@cornerstonejs/dicom-image-loader';
import { studies } from '../../api/endpoints';
import { isVideo } from './documents/documentKind';
import { fetchBytes, fetchMetadata } from './dicomweb';
import { hasOrientation, inOrder, number, tags, text, upright, withModality, type Instance } from './dicomJson';
import { describeGreys } from './greys';
import { cross, type Plane, type Vector } from './linking';
import { withPalette } from './palette';
import { spacingOf, withSpacing, type Spacing } from './spacing';

export interface Stack {
  seriesUid: string;
  imageIds: string[];
  /** SOP Instance UID of each image id. */
  sopByImageId: ReadonlyMap<string, string>;
  instanceByImageId: ReadonlyMap<string, Instance>;
  spacingByImageId: ReadonlyMap<string, Spacing>;
  /** How many of the series' instances are no images. */
  others: number;
  /** Of one decoded image, at most. */
  bytesOfOne: number;
  /** Where the images are in the patient; computed when first asked for. */
  planes: () => readonly (Plane | null)[];
}

/** Image ids whose lengths are in millimetres though nothing says how the patient lies: radiographs. */
const measured = new Map<string, { scale: number }>();
let providing = false;

function provideCalibration(): void {
  if (providing) return;
  providing = true;
  metaData.addProvider((type: string, imageId: string) => (type === 'calibratedPixelSpacing' ? measured.get(imageId) : undefined), 9_000);
}

/** What Cornerstone keeps: 16 bits for grey, four bytes for colour, four for scaled values that are not whole. */
function decodedBytes(instance: Instance): number {
  const pixels = (number(instance, tags.rows) ?? 0) * (number(instance, tags.columns) ?? 0);
  if ((number(instance, '00280002') ?? 1) > 1 || text(instance, '00280004') === 'PALETTE COLOR') return pixels * 4;
  const isWhole = Number.isInteger(number(instance, '00281053') ?? 1) && Number.isInteger(number(instance, '00281052') ?? 0);
  if (!isWhole) return pixels * 4;
  // A Modality LUT may have entries of 16 bits.
  return pixels * ((number(instance, '00280100') ?? 16) > 8 || instance['00283000'] !== undefined ? 2 : 1);
}

function planeOf(imageId: string, instance: Instance): Plane | null {
  if (!hasOrientation(instance)) return null;
  const plane = metaData.get('imagePlaneModule', imageId) as
    | { imagePositionPatient?: number[]; rowCosines?: number[]; columnCosines?: number[]; frameOfReferenceUID?: string }
    | undefined;
  const vector = (values: number[] | undefined): Vector | null => {
    const [x, y, z] = (values ?? []).map(Number);
    return x === undefined || y === undefined || z === undefined || !Number.isFinite(x + y + z) ? null : [x, y, z];
  };
  const [position, row, column] = [vector(plane?.imagePositionPatient), vector(plane?.rowCosines), vector(plane?.columnCosines)];
  if (position === null || row === null || column === null) return null;
  return { position, normal: cross(row, column), frameOfReference: plane?.frameOfReferenceUID ?? '' };
}

/** @throws Problem or Unreachable */
export async function loadStack(org: string, studyUid: string, seriesUid: string): Promise<Stack> {
  provideCalibration();
  const series = `${studies.dicomweb(org, studyUid)}/series/${seriesUid}`;
  const all = inOrder(await fetchMetadata(`${series}/metadata`));
  const images = all.filter((instance) => number(instance, tags.rows) !== null && !isVideo(instance));
  const sopByImageId = new Map<string, string>();
  const instanceByImageId = new Map<string, Instance>();
  const spacingByImageId = new Map<string, Spacing>();
  let bytesOfOne = 0;
  for (const image of images) {
    const instance = await withPalette(withModality(withSpacing(upright(image))), fetchBytes);
    const spacing = spacingOf(image);
    const sop = text(instance, tags.sopInstanceUid);
    const frames = number(instance, tags.frames) ?? 1;
    bytesOfOne = Math.max(bytesOfOne, decodedBytes(instance));
    for (let frame = 1; frame <= frames; frame += 1) {
      const imageId = `wadors:${series}/instances/${sop}/frames/${frame}`;
      // The loader derives the later frames of an instance from what is registered for its first.
      if (frame === 1) wadors.metaDataManager.add(imageId, instance as Parameters<typeof wadors.metaDataManager.add>[1]);
      describeGreys(imageId, instance, frame);
      if (spacing.mm !== null && !hasOrientation(instance)) measured.set(imageId, { scale: 1 });
      sopByImageId.set(imageId, sop);
      instanceByImageId.set(imageId, instance);
      spacingByImageId.set(imageId, spacing);
    }
  }
  const imageIds = [...sopByImageId.keys()];
  let planes: readonly (Plane | null)[] | null = null;
  const findPlanes = () => imageIds.map((imageId) => planeOf(imageId, instanceByImageId.get(imageId) ?? {}));
  return { seriesUid, imageIds, sopByImageId, instanceByImageId, spacingByImageId, others: all.length - images.length, bytesOfOne, planes: () => (planes ??= findPlanes()) };
}

/** One stack for each series, however many viewports show it. */
export class Stacks {
  private readonly loading = new Map<string, Promise<Stack>>();

  load(org: string, studyUid: string, seriesUid: string): Promise<Stack> {
    const key = `${org}/${studyUid}/${seriesUid}`;
    const known = this.loading.get(key);
    if (known !== undefined) return known;
    const stack = loadStack(org, studyUid, seriesUid);
    this.loading.set(key, stack);
    // What failed may be asked for again.
    stack.catch(() => this.loading.delete(key));
    return stack;
  }
}
