import { expect, test } from 'vitest';
import { asKind, choiceLines, choicesOf, moved, newField } from './edit';

test('choices are lines of text and come back the same', () => {
  const choices = [
    { code: '4A', zh: '4A类 可疑', en: 'Suspicious' },
    { code: 'none', zh: '无', en: '' },
  ];
  expect(choiceLines(choices)).toBe('4A 4A类 可疑 | Suspicious\nnone 无');
  expect(choicesOf(`${choiceLines(choices)}\n\n`)).toEqual(choices);
});

test('an item moves a place, and not beyond the ends', () => {
  expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
  expect(moved(['a', 'b', 'c'], 0, -1)).toEqual(['a', 'b', 'c']);
});

test('a field of another kind keeps only what that kind has', () => {
  const field = { ...newField(['field_2']), choices: [{ code: 'a', zh: '甲', en: '' }], unit: 'mm' };
  expect(field.key).toBe('field_3');
  expect(asKind(field, 'text').choices).toBeUndefined();
  expect(asKind(field, 'number').unit).toBe('mm');
  expect(asKind(field, 'choice').choices).toHaveLength(1);
});
