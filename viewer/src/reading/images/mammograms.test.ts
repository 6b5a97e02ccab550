import { expect, test } from 'vitest';
import { mammogramOf } from './mammograms';

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
