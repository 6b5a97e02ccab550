import { expect, test } from 'vitest';
import { mammogramOf, radiographViewOf } from './pictures';

const image = (parts: Record<string, unknown>) => Object.fromEntries(Object.entries(parts).map(([tag, value]) => [tag, { Value: [value] }]));

test('side and view from the words or the code', () => {
  expect(mammogramOf(image({ '00200062': 'R', '00185101': 'CC' }))).toEqual({ side: 'R', view: 'CC' });
  const coded = image({ '00200062': 'L', '00540220': image({ '00080100': 'R-10226' }) });
  expect(mammogramOf(coded)).toEqual({ side: 'L', view: 'MLO' });
});

test('a magnified spot is no standard view', () => {
  expect(mammogramOf(image({ '00200062': 'L', '00185101': 'ML' }))).toBeNull();
  expect(mammogramOf(image({ '00185101': 'CC' }))).toBeNull();
});

test('a radiograph says from where it was taken, or its series does', () => {
  expect(radiographViewOf(image({ '00185101': 'PA' }))).toBe('frontal');
  expect(radiographViewOf(image({ '00185101': 'LL', '0008103E': '胸部正位' }))).toBe('lateral');
  expect(radiographViewOf(image({ '0008103E': '膝关节侧位' }))).toBe('lateral');
  expect(radiographViewOf(image({ '0008103E': '膝关节正侧位' }))).toBeNull();
  expect(radiographViewOf(image({}))).toBeNull();
});
