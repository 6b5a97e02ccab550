/** The key images that a canonical report names, and what those of a report are called. */
import type { FrameKeyImage, JsonValue, KeyImage } from '../api/types';

export function keyImagesOf(canonical: { [key: string]: JsonValue }): KeyImage[] {
  const list = canonical['key_images'];
  return Array.isArray(list) ? (list as unknown as KeyImage[]) : [];
}

/** A page has room for as many. */
export const keyImagesMax = 8;

export const idOf = (image: KeyImage): string => ('bookmark' in image ? image.bookmark : image.id);

export const isFrame = (image: KeyImage): image is FrameKeyImage => !('bookmark' in image);

/** Whether both are the same picture, whatever is written below it. */
export function isSamePicture(a: FrameKeyImage, b: FrameKeyImage): boolean {
  const of = ({ instance, frame, window_centre, window_width, inverted, rotation_deg, mirrored, marks }: FrameKeyImage) =>
    JSON.stringify([instance, frame, window_centre, window_width, inverted, rotation_deg, mirrored, (marks ?? []).map(({ kind, points, label }) => [kind, points, label])]);
  return of(a) === of(b);
}

export type Taken = { kind: 'taken'; n: number } | { kind: 'full' | 'already' | 'outside' };

/** What becomes of the key images when an image is to be one of them. */
export function taken(chosen: readonly KeyImage[], image: FrameKeyImage, evidence: ReadonlySet<string>): { images: KeyImage[] | null; what: Taken } {
  const refused = (kind: 'full' | 'already' | 'outside') => ({ images: null, what: { kind } });
  // The server would refuse all of the report for it.
  if (!evidence.has(image.instance)) return refused('outside');
  if (chosen.some((one) => isFrame(one) && isSamePicture(one, image))) return refused('already');
  if (chosen.length >= keyImagesMax) return refused('full');
  return { images: [...chosen, image], what: { kind: 'taken', n: chosen.length + 1 } };
}

/** The same with one of them a place further on, or back. */
export function moved(chosen: readonly KeyImage[], at: number, by: 1 | -1): KeyImage[] {
  const images = [...chosen];
  const [one] = images.splice(at, 1);
  if (one !== undefined) images.splice(at + by, 0, one);
  return images;
}
