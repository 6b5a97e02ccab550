/** From the image's pixels to the screen's: a, b, c, d, e, f as in CSS. */
export type Affine = readonly [number, number, number, number, number, number];

export function onScreen([a, b, c, d, e, f]: Affine, [x, y]: readonly [number, number]): [number, number] {
  return [a * x + c * y + e, b * x + d * y + f];
}
