import { describe, expect, test } from 'vitest';
import { keyFrameOf, marksOf, partsOf, pictureSize, toPicture, turnIn, turnOf, type Turn } from './keyFrame';
import type { Shown } from './Viewport';

const plain: Turn = { rotation: 0, mirrored: false };

/** Where a turned image of 4 × 2 has its points on a screen, as a browser would draw it. */
function affineOf(rotation: number, mirrored: boolean): [number, number, number, number, number, number] {
  const angle = (rotation * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const left = mirrored ? -1 : 1;
  return [left * cos * 3, sin * 3, left * -sin * 3, cos * 3, 100, 50];
}

describe('an image on the screen', () => {
  test('is turned clockwise, then mirrored', () => {
    for (const rotation of [0, 90, 180, 270] as const) {
      for (const mirrored of [false, true]) expect(turnOf(affineOf(rotation, mirrored))).toEqual({ rotation, mirrored });
    }
  });

  test('has a picture of a size that looks well on paper', () => {
    expect(pictureSize(512, 512, plain)).toEqual([512, 512]);
    expect(pictureSize(128, 64, plain)).toEqual([512, 256]);
    expect(pictureSize(4000, 3000, { rotation: 90, mirrored: false })).toEqual([768, 1024]);
    expect(pictureSize(2000, 10, plain)).toEqual([1024, 64]);
  });

  test('has its points where the picture shows them', () => {
    const at = (turn: Turn, size: [number, number]) => toPicture([100, 0], [400, 200], turn, size);
    expect(at(plain, [400, 200])).toEqual([100, 0]);
    // Its upper edge is now the right one.
    expect(at({ rotation: 90, mirrored: false }, [200, 400])).toEqual([200, 100]);
    expect(at({ rotation: 90, mirrored: true }, [200, 400])).toEqual([0, 100]);
    expect(at({ rotation: 180, mirrored: false }, [800, 400])).toEqual([600, 400]);
    expect(at({ rotation: 270, mirrored: false }, [200, 400])).toEqual([0, 300]);
  });
});

describe('what is drawn', () => {
  test('becomes marks of its kind, and the words stand once', () => {
    expect(partsOf({ kind: 'arrow', points: [[1, 1], [9, 9]] })).toEqual([{ kind: 'arrow', points: [[9, 9], [1, 1]] }]);
    const cobb = { kind: 'cobb' as const, points: [[0, 0], [10, 0], [0, 9], [10, 5]] as [number, number][], lines: ['21.8°'] };
    expect(marksOf([cobb], ([x, y]) => [x, y])).toEqual([
      { kind: 'line', points: [[0, 0], [10, 0]], label: '' },
      { kind: 'line', points: [[0, 9], [10, 5]], label: '21.8°' },
    ]);
  });

  test('an ellipse touches the ends of its axes', () => {
    const [outline] = partsOf({ kind: 'ellipse', points: [[5, 0], [5, 10], [0, 5], [10, 5]] });
    const points = outline?.points ?? [];
    expect(outline?.kind).toBe('outline');
    expect(Math.max(...points.map(([x]) => x))).toBeCloseTo(10);
    expect(Math.min(...points.map(([, y]) => y))).toBeCloseTo(0);
  });

  test('is no more than a page takes, and no word is longer', () => {
    const length = { kind: 'length' as const, points: [[0, 0], [1, 1]] as [number, number][], lines: ['长'.repeat(60)] };
    const marks = marksOf(Array.from({ length: 30 }, () => length), ([x, y]) => [x, y]);
    expect(marks).toHaveLength(12);
    expect(marks[0]?.label).toHaveLength(40);
  });
});

/** An image on the screen, as the library shows it. */
function shownAs(photometric: string, isInverted: boolean): Shown {
  const imageId = 'wadors:/dicom-web/orgs/o/studies/1.1/series/1.2/instances/1.3/frames/1';
  const image = { '00280004': { Value: [photometric] }, '00280010': { Value: [64] }, '00280011': { Value: [64] } };
  const state = { imageId, affine: affineOf(0, false), window: { center: 40, width: 400 }, table: null };
  return { view: { isInverted: () => isInverted }, state, stack: { instanceByImageId: new Map([[imageId, image]]) } } as unknown as Shown;
}

test('an image with low values in white is inverted when they are black', () => {
  const inverted = (photometric: string, isInverted: boolean) => keyFrameOf(shownAs(photometric, isInverted), [])?.inverted;
  // The library inverts such an image by itself.
  expect([inverted('MONOCHROME1', true), inverted('MONOCHROME1', false)]).toEqual([false, true]);
  expect([inverted('MONOCHROME2', true), inverted('MONOCHROME2', false), inverted('RGB', true)]).toEqual([true, false, false]);
});

test('a table that the image opens with needs no window, of another one a picture has the range', () => {
  const made = (isOwn: boolean) => {
    const shown = shownAs('MONOCHROME2', false);
    const state = { ...shown.state, window: null, table: { label: 'HARD', isOwn } };
    return keyFrameOf({ ...shown, state, view: { isInverted: () => false, window: () => ({ center: 2048, width: 3000 }) } } as unknown as Shown, []);
  };
  expect(made(true)?.window_width).toBeUndefined();
  expect(made(false)).toMatchObject({ window_centre: '2048', window_width: '3000' });
});

test('a turn is by quarters, whichever way it is said', () => {
  expect([0, 90, 450, -90, 270].map((deg) => turnIn(deg, false).rotation)).toEqual([0, 90, 90, 270, 270]);
});
