import { expect, test } from 'vitest';
import { totals } from './totals';

test('what is held back and what never goes out are counted apart', () => {
  const one = { study: '1', pseudonym: 'P-A', instances: 3, bytes: 10, unsaid: 2, likely_burned_in: 1, burned_in: 2, labels: 1, documents: 4 };
  expect(totals([one, one])).toEqual({ instances: 6, bytes: 20, unsaid: 4, risky: 6, never: 10 });
  expect(totals([])).toEqual({ instances: 0, bytes: 0, unsaid: 0, risky: 0, never: 0 });
});
