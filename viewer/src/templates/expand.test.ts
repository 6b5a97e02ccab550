import { expect, test } from 'vitest';
import { expanded, filledIn, found, inserted } from './expand';

const phrases = [
  { abbreviation: 'jj', title: '结节', text: '{部位}见结节，约{大小}mm。' },
  { abbreviation: '正常', title: '', text: '未见异常。' },
];
const nothing = () => null;

test('an abbreviation before the caret becomes its text, with the first place selected', () => {
  const text = '双肺清晰。/jj';
  const edited = expanded(text, text.length, text.length, phrases, nothing);
  expect(edited).toEqual({ text: '双肺清晰。{部位}见结节，约{大小}mm。', from: 5, to: 9 });
});

test('the next press goes to the next place, and past the last one the key is the browser’s', () => {
  const text = '右上叶见结节，约{大小}mm。';
  expect(expanded(text, 3, 3, phrases, nothing)).toEqual({ text, from: 8, to: 12 });
  expect(expanded(text, 12, 12, phrases, nothing)).toBeNull();
  expect(expanded('/unknown', 8, 8, phrases, nothing)).toBeNull();
  expect(expanded('2026/11', 7, 7, phrases, nothing)).toBeNull();
});

test('what is known of the case is filled in', () => {
  const known = (name: string) => ({ 年龄: '58岁', 'exam date': '2026-11-20' })[name] ?? null;
  expect(filledIn('患者{年龄}，{Exam Date}，{大小}', known)).toBe('患者58岁，2026-11-20，{大小}');
  expect(inserted('ab', 1, 1, '未见异常。')).toEqual({ text: 'a未见异常。b', from: 6, to: 6 });
});

test('a phrase is found by its abbreviation first', () => {
  expect(found(phrases, '/j').map(({ abbreviation }) => abbreviation)).toEqual(['jj']);
  expect(found(phrases, '异常')).toHaveLength(1);
  expect(found(phrases, '')).toHaveLength(2);
});
