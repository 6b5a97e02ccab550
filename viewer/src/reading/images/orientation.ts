/** Which way the patient lies on the screen (PS3.3 C.7.6.1.1.1: L, P, H are positive along x, y, z). */

type Vector = readonly [number, number, number];

export interface OrientationLetters {
  top: string;
  bottom: string;
  left: string;
  right: string;
}

const positive = ['L', 'P', 'H'] as const;
const negative = ['R', 'A', 'F'] as const;
const least = 0.0001;

/** Letters of the components of a direction, the strongest first; weak ones (under about 17°) are left out. */
export function letters(direction: Vector): string {
  return direction
    .map((value, axis) => ({ strength: Math.abs(value), letter: (value < 0 ? negative : positive)[axis] ?? '' }))
    .filter(({ strength }) => strength > 0.3)
    .sort((a, b) => b.strength - a.strength)
    .map(({ letter }) => letter)
    .join('');
}

const opposite = ([x, y, z]: Vector): Vector => [-x, -y, -z];

function cross([ax, ay, az]: Vector, [bx, by, bz]: Vector): Vector {
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}

interface Camera {
  viewUp?: Vector | number[];
  viewPlaneNormal?: Vector | number[];
  flipHorizontal?: boolean;
}

/** `viewPlaneNormal` points at the viewer, so right = up × normal; a horizontal flip mirrors it. */
export function orientationLetters(camera: Camera): OrientationLetters | null {
  const up = vector(camera.viewUp);
  const normal = vector(camera.viewPlaneNormal);
  if (up === null || normal === null) return null;
  const right = cross(up, normal);
  if (Math.hypot(...right) < least) return null;
  return { top: letters(up), bottom: letters(opposite(up)), right: letters(right), left: letters(opposite(right)) };
}

function vector(value: Vector | number[] | undefined): Vector | null {
  const [x, y, z] = value ?? [];
  return x === undefined || y === undefined || z === undefined ? null : [x, y, z];
}
