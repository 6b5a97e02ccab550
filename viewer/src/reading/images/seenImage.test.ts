import { expect, test } from 'vitest';
import { ownAddress } from '../../messages/links';
import { seenAddress, seenFromSearch, type SeenImage } from './seenImage';

const seen: SeenImage = { series: '1.2.3', instance: '1.2.3.4', frame: 2, window: { center: -600, width: 1500 }, mark: { x: 12, y: 34, label: '结节 A&B' } };

test('what an address says is what was seen, and it is one of ours', () => {
  const address = seenAddress('org-1', '1.2', seen);
  expect(seenFromSearch(address.slice(address.indexOf('?')))).toEqual(seen);
  expect(ownAddress(address, 'https://read.example.org')).toBe(address);
  const plain = seenAddress('org-1', '1.2', { ...seen, window: null, mark: null });
  expect(plain).toBe('/studies/org-1/1.2?series=1.2.3&instance=1.2.3.4&frame=2');
});

test('what names no image opens none; what is no window or place is left out', () => {
  for (const text of ['', '?series=1.2', '?series=x&instance=1.2', '?series=1.2&instance=1.3&frame=0', '?series=1.2&instance=1.3&frame=1.5']) expect(seenFromSearch(text), text).toBeNull();
  expect(seenFromSearch('?series=1.2&instance=1.3&window=40,0&mark=1,')).toEqual({ series: '1.2', instance: '1.3', frame: 1, window: null, mark: null });
});
