import { expect, test } from 'vitest';
import { seenFromSearch } from '../reading/images/seenImage';
import { labelled, labelMax, type CurrentView } from './currentView';
import { ownAddress } from './links';

const address = `/studies/${'o'.repeat(36)}/${'1'.repeat(64)}?series=${'2'.repeat(64)}&instance=${'3'.repeat(64)}&frame=1&window=-600,1500&mark=12,34`;
const shown: CurrentView = { address, mark: { on: 'image', instance: '3'.repeat(64), frame: 1, x_px: 12, y_px: 34, label: '' } };

test('whatever the word at a mark is, its address is one that a message may have, and says the word', () => {
  for (const label of ['结节', '见前片..', '...', '../..', 'a.b', '100% & <b>"\\', '\u{1F600} ..', '字'.repeat(labelMax)]) {
    const { view, marks } = labelled(shown, label);
    expect(view, label).toMatch(/^[!#-;=?-[\]-~]{1,2000}$/);
    expect(ownAddress(view ?? '', 'https://read.example.org'), label).toBe(view);
    expect(seenFromSearch((view ?? '').slice(address.indexOf('?')))?.mark?.label).toBe(label);
    expect(marks).toEqual([{ ...shown.mark, label }]);
  }
});

test('without a word the address is as it was', () => {
  expect(labelled(shown, '').view).toBe(address);
  expect(labelled(null, '结节')).toEqual({ marks: [], view: null });
});
