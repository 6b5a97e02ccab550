/** Colours that objects recommend (PS3.3 §C.10.7.1.1), and one for each segment that recommends none. */

export type Colour = readonly [red: number, green: number, blue: number];

/** Told apart on grey and by people who do not tell red from green (Okabe, Ito). */
const others: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
  [0, 114, 178],
];

/** L* in 65535ths of 100, a* and b* in 65535ths of 255 from −128 on, for D50; the node reads it the same way. */
export function fromLab(numbers: readonly number[]): Colour | null {
  const [lightness, greenRed, blueYellow] = numbers;
  if (lightness === undefined || greenRed === undefined || blueYellow === undefined) return null;
  const l = ((lightness / 65_535) * 100 + 16) / 116;
  const [a, b] = [(greenRed / 65_535) * 255 - 128, (blueYellow / 65_535) * 255 - 128];
  const cube = (t: number) => (t > 6 / 29 ? t ** 3 : ((t - 4 / 29) * 108) / 841);
  const [x, y, z] = [0.96422 * cube(l + a / 500), cube(l), 0.82521 * cube(l - b / 200)];
  // XYZ for D50 to linear sRGB, Bradford-adapted (IEC 61966-2-1).
  const coded = (share: number) => {
    const within = Math.min(Math.max(share, 0), 1);
    return Math.round(255 * (within <= 0.0031308 ? within * 12.92 : 1.055 * within ** (1 / 2.4) - 0.055));
  };
  return [
    coded(3.133856 * x - 1.616867 * y - 0.490615 * z),
    coded(-0.978768 * x + 1.916142 * y + 0.033454 * z),
    coded(0.071945 * x - 0.228991 * y + 1.405243 * z),
  ];
}

export function colourOf(lab: readonly number[], segment: number): Colour {
  return fromLab(lab) ?? others[Math.abs(Math.trunc(segment - 1)) % others.length] ?? [230, 159, 0];
}

export const cssOf = ([red, green, blue]: Colour): string => `rgb(${red}, ${green}, ${blue})`;
