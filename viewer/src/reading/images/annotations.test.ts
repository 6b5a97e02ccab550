import { beforeEach, expect, test, vi } from 'vitest';
import type { Measurement } from '../../api/measurements';
import type { StackView } from './StackView';

interface Drawn {
  annotationUID: string;
  invalidated?: boolean;
  metadata: { toolName: string; referencedImageId: string };
  data: { label?: string; cachedStats: Record<string, unknown>; handles: { points: number[][] } };
}

const { drawn, target } = vi.hoisted(() => ({ drawn: [] as Drawn[], target: new EventTarget() }));

// The library needs a graphics card; of it only the list of annotations matters here.
vi.mock('@cornerstonejs/core', () => ({ eventTarget: target }));
vi.mock('@cornerstonejs/tools', () => ({
  Enums: { Events: { ANNOTATION_COMPLETED: 'completed', ANNOTATION_MODIFIED: 'modified', ANNOTATION_REMOVED: 'removed' } },
  annotation: {
    state: {
      getAllAnnotations: () => drawn,
      getAnnotation: (uid: string) => drawn.find((one) => one.annotationUID === uid),
      addAnnotation: (one: Drawn) => drawn.push(one),
      removeAnnotation: (uid: string) => drawn.splice(drawn.findIndex((one) => one.annotationUID === uid), 1),
      removeAllAnnotations: () => drawn.splice(0),
    },
    selection: { getAnnotationsSelected: () => [] },
    config: { style: { setAnnotationStyles: () => undefined } },
  },
}));
vi.mock('./Stage', () => ({ otherWidth: () => null, withPixel: (stats: unknown) => stats }));
vi.mock('./tools', () => ({ toolName: (kind: string) => kind, measureToolNamed: (name: string) => name }));
vi.mock('./imagePlane', () => ({
  imagePlaneOf: (imageId: string) =>
    imageId.includes('/instances/9/') ? null : { position: [0, 0, 0], row: [1, 0, 0], column: [0, 1, 0], columnSpacing: 1, rowSpacing: 1 },
}));

const { clearScreen, ownMeasurements, putOnScreen, removeFromScreen, removeSelected, whenMeasured } = await import('./annotations');

const view = { viewport: { getCamera: () => ({}), getFrameOfReferenceUID: () => '1' }, element: null } as unknown as StackView;
const imageOf = (instance: string) => `wadors:/orgs/o/studies/1.2/series/1.3/instances/${instance}/frames/1`;
const ruler = (id: string, instance: string): Measurement => ({
  id: `2.25.${id}`,
  kind: 'length',
  series: '1.3',
  instance,
  frame: 1,
  points: [[1, 1], [5, 1]],
  values: [{ quantity: 'length', value: 4, unit: 'mm' }],
  text: '',
});
const own = () => ownMeasurements(() => '2.25.0').get('o/1.2') ?? [];

function draw(uid: string, instance: string): void {
  const one: Drawn = {
    annotationUID: uid,
    metadata: { toolName: 'length', referencedImageId: imageOf(instance) },
    data: { cachedStats: { any: { length: 7, unit: 'mm' } }, handles: { points: [[0, 0, 0], [7, 0, 0]] } },
  };
  drawn.push(one);
  target.dispatchEvent(Object.assign(new Event('completed'), { detail: { annotation: one } }));
}

/** As the library does with the next picture. */
function compute(one: Drawn, length: number): void {
  one.data.cachedStats = { any: { length, unit: 'mm' } };
  one.invalidated = false;
}

beforeEach(clearScreen);

test('a saved measurement on a slice that was not drawn stays as it was saved', () => {
  const [first, second] = [ruler('1', '1'), ruler('2', '2')];
  putOnScreen(view, imageOf('1'), first, true);
  putOnScreen(view, imageOf('2'), second, true);
  const seen = drawn[0];
  if (seen !== undefined) compute(seen, 4.5);
  expect(own()).toEqual([{ ...first, values: [{ quantity: 'length', value: 4.5, unit: 'mm' }] }, second]);
});

test('what was moved is not saved with the value of where it was before', () => {
  const old = ruler('1', '1');
  putOnScreen(view, imageOf('1'), old, true);
  draw('a', '1');
  for (const one of drawn) {
    one.invalidated = true;
    one.data.handles.points = [[0, 0, 0], [9, 0, 0]];
  }
  // One's own of before stays whole, what is new is not there yet.
  expect(own()).toEqual([old]);
  drawn.forEach((one) => compute(one, 9));
  expect(own().map(({ values }) => values[0]?.value)).toEqual([9, 9]);
});

test('what was removed is gone, drawn or not', () => {
  putOnScreen(view, imageOf('1'), ruler('1', '1'), true);
  putOnScreen(view, imageOf('2'), ruler('2', '2'), true);
  removeFromScreen('2.25.2');
  expect(own()).toEqual([ruler('1', '1')]);
});

test('an image without a plane takes nothing, so that it goes on waiting', () => {
  expect(putOnScreen(view, imageOf('9'), ruler('9', '9'), true)).toBe(false);
  expect(putOnScreen(view, imageOf('1'), ruler('1', '1'), true)).toBe(true);
});

test('with nothing selected the one that was finished last on a seen image is removed', () => {
  const end = whenMeasured(() => undefined);
  putOnScreen(view, imageOf('1'), ruler('1', '1'), true);
  draw('a', '1');
  draw('b', '1');
  draw('c', '2');
  drawn.reverse();
  const seen = new Set([imageOf('1')]);
  expect(removeSelected(seen)).toBe(true);
  expect(drawn.map((one) => one.annotationUID)).toEqual(['c', 'a', '2.25.1']);
  expect(removeSelected(seen)).toBe(true);
  // What was saved earlier goes only when it is selected.
  expect(removeSelected(seen)).toBe(false);
  end();
});
