import { expect, test } from 'vitest';
import { blank, faultOf, moved } from './rules';

const rule = (name: string) => ({ ...blank, name });

test('a rule goes up and down, and stays at the ends', () => {
  const rules = [rule('a'), rule('b'), rule('c')];
  const names = (at: number, by: -1 | 1) => moved(rules, at, by).map(({ name }) => name).join('');
  expect(names(1, -1)).toBe('bac');
  expect(names(1, 1)).toBe('acb');
  expect(names(0, -1)).toBe('abc');
  expect(names(2, 1)).toBe('abc');
});

test('a rule without a name, with the name of another, or for nobody is not kept', () => {
  expect(faultOf(rule(' '), [])).toBe('name');
  expect(faultOf(rule('胸部'), [rule('胸部 ')])).toBe('twice');
  expect(faultOf({ ...rule('胸部'), to: { who: 'people', people: [] } }, [])).toBe('people');
  expect(faultOf(rule('胸部'), [rule('乳腺')])).toBe(null);
});
