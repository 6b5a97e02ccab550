/** The key images that a canonical report names. */
import type { JsonValue, KeyImage } from '../api/types';

export function keyImagesOf(canonical: { [key: string]: JsonValue }): KeyImage[] {
  const list = canonical['key_images'];
  return Array.isArray(list) ? (list as unknown as KeyImage[]) : [];
}
