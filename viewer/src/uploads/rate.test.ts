import { expect, test } from 'vitest';
import { pieceBytes, Rate } from './rate';

test('the rate is that of the last while', () => {
  const rate = new Rate();
  rate.note(0, 0);
  expect(rate.perSecond()).toBeNull();
  rate.note(500_000, 1_000);
  expect(rate.perSecond()).toBe(500_000);
  for (let second = 2; second <= 60; second += 1) rate.note(500_000 + second * 100_000, second * 1_000);
  expect(rate.perSecond()).toBeCloseTo(100_000, -3);
  expect(rate.left_s(1_000_000)).toBeCloseTo(10, 0);
});

test('a piece that is sent again is no negative speed', () => {
  const rate = new Rate();
  rate.note(4_000_000, 0);
  rate.note(2_000_000, 5_000);
  expect(rate.perSecond()).toBeNull();
  rate.note(3_000_000, 7_000);
  expect(rate.perSecond()).toBe(500_000);
});

test('pieces take some seconds on slow lines and stay small enough on fast ones', () => {
  const settle = (bytesPerSecond: number) => {
    let bytes = 1024 * 1024;
    for (let turn = 0; turn < 20; turn += 1) bytes = pieceBytes(bytes, (bytes / bytesPerSecond) * 1000);
    return bytes;
  };
  expect(settle(500_000)).toBe(2_000_000);
  expect(settle(10_000)).toBe(512 * 1024);
  expect(settle(1e9)).toBe(16 * 1024 * 1024);
});
