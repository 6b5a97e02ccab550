import { expect, test } from 'vitest';
import { ownAddress, pieces } from './links';

const origin = 'https://read.example.org';

test('only addresses of this application become links', () => {
  expect(ownAddress('https://read.example.org/slides/s1?at=1,2&zoom=0.5', origin)).toBe('/slides/s1?at=1,2&zoom=0.5');
  expect(ownAddress('/cases/c1', origin)).toBe('/cases/c1');
  for (const other of [
    'https://evil.example.org/slides/s1',
    'https://read.example.org.evil.org/slides/s1',
    'https://read.example.org//evil.org/slides/s1',
    '/api/v1/session',
    'javascript:alert(1)',
    '/slides/../api/v1',
  ]) {
    expect(ownAddress(other, origin), other).toBeNull();
  }
});

test('what is around a link stays as it was written', () => {
  const text = '请看 https://read.example.org/slides/s1?at=1,2&zoom=1，右下角。\n<script>alert(1)</script> https://evil.org/slides/x';
  const found = pieces(text, origin);
  expect(found.map((piece) => piece.text).join('')).toBe(text);
  expect(found.filter((piece) => piece.kind === 'link')).toEqual([
    { kind: 'link', text: 'https://read.example.org/slides/s1?at=1,2&zoom=1', to: '/slides/s1?at=1,2&zoom=1' },
  ]);
});
