import { expect, test } from 'vitest';
import { displayName } from './personName';

test.each([
  ['Zhang^San=张^三', '张三'],
  ['张^三', '张三'],
  ['张三', '张三'],
  ['张 三', '张三'],
  ['Zhang San=张 三', '张三'],
  ['Wang^XiaoDong=王^小东=', '王小东'],
  ['Doe^John', 'Doe John'],
  ['Adams^John Robert Quincy^^Rev.^B.A. M.Div.', 'Rev. Adams John Robert Quincy B.A. M.Div.'],
  ['Yamada^Tarou=山田^太郎=やまだ^たろう', '山田太郎'],
  ['=李^秀英', '李秀英'],
  ['^^^^', ''],
  ['', ''],
])('%s reads %s', (value, shown) => {
  expect(displayName(value)).toBe(shown);
});
