import { expect, test } from 'vitest';
import { attemptAt, sentAgain } from './once';
import { Problem, Unreachable } from './problem';

test('the same sent again is the same attempt, something else is another', () => {
  const first = attemptAt({ text: '请尽快', marks: [] }, null);
  expect(attemptAt({ text: '请尽快', marks: [] }, first)).toBe(first);
  expect(attemptAt({ text: '请尽快！', marks: [] }, first).once).not.toBe(first.once);
  expect(attemptAt({ text: '请尽快', marks: [] }, null).once).not.toBe(first.once);
});

test('a lost answer is asked for again three times, a refusal never', () => {
  expect([0, 1, 2, 3].map((attempt) => sentAgain(attempt, new Unreachable()))).toEqual([true, true, true, false]);
  expect(sentAgain(0, new Problem(503, {}))).toBe(true);
  expect(sentAgain(0, new Problem(422, {}))).toBe(false);
});
