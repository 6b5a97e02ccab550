import { beforeEach, expect, test } from 'vitest';
import { keepShapes, readShapes } from './kept';
import type { Shape } from './shapes';

const kept = new Map<string, string>();
beforeEach(() => {
  kept.clear();
  globalThis.localStorage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as unknown as Storage;
});

const line: Shape = { id: 7, kind: 'distance', points: [{ x: 1, y: 2 }, { x: 3, y: 4 }] };

test('measurements come back to the same person on the same slide', () => {
  keepShapes('p1', 's1', 100, [line]);
  expect(readShapes('p1', 's1', 100)).toEqual([{ ...line, id: 1 }]);
  expect(readShapes('p2', 's1', 100)).toEqual([]);
  expect(readShapes('p1', 's2', 100)).toEqual([]);
  keepShapes('p1', 's1', 100, []);
  expect(readShapes('p1', 's1', 100)).toEqual([]);
});

test('they stay where they are when a larger level has arrived', () => {
  keepShapes('p1', 's1', 100, [line]);
  expect(readShapes('p1', 's1', 400)).toEqual([{ id: 1, kind: 'distance', points: [{ x: 4, y: 8 }, { x: 12, y: 16 }] }]);
});

test('of many slides those measured last are kept', () => {
  for (let number = 0; number < 50; number += 1) keepShapes('p1', `s${number}`, 100, [line]);
  expect(readShapes('p1', 's9', 100)).toEqual([]);
  expect(readShapes('p1', 's10', 100)).toHaveLength(1);
  expect([...kept.keys()].filter((key) => key.startsWith('farsight.measure.'))).toHaveLength(40);
});

test('what is no measurement is not drawn', () => {
  kept.set('farsight.measure.s1.p1', JSON.stringify({ width: 100, shapes: [{ kind: 'distance', points: [{ x: 1, y: 2 }] }, { kind: 'star', points: [] }, null, { kind: 'circle', points: [{ x: 1, y: null }] }] }));
  expect(readShapes('p1', 's1', 100)).toEqual([]);
  kept.set('farsight.measure.s1.p1', '{"no": "list"}');
  expect(readShapes('p1', 's1', 100)).toEqual([]);
});
