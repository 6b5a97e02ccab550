import { expect, test } from 'vitest';
import { ownHalf } from './ownHalf';

test('of two languages the reader gets one', () => {
  expect(ownHalf('JPEG 已损坏 / the JPEG is damaged', 'zh')).toBe('JPEG 已损坏');
  expect(ownHalf('JPEG 已损坏 / the JPEG is damaged', 'en')).toBe('the JPEG is damaged');
});

test('what is in one language, or has a stroke of its own, stays whole', () => {
  for (const text of ['JPEG 已损坏', 'neither JSON nor DICOM', 'a / b', '男 / 女', '门诊 / 住院 / outpatient 门诊']) expect(ownHalf(text, 'zh')).toBe(text);
});
