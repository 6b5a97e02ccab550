import { expect, test } from 'vitest';
import { hasOrientation, inOrder, number, tags, text, withModality, type Instance } from './dicomJson';

function instance(uid: string, instanceNumber?: number | string): Instance {
  return {
    [tags.sopInstanceUid]: { vr: 'UI', Value: [uid] },
    [tags.instanceNumber]: instanceNumber === undefined ? { vr: 'IS' } : { vr: 'IS', Value: [instanceNumber] },
  };
}

const uids = (instances: Instance[]) => instances.map((one) => text(one, tags.sopInstanceUid));

test('instances go by number, not by spelling', () => {
  expect(uids(inOrder([instance('1.10', 10), instance('1.9', '9'), instance('1.2', 2)]))).toEqual(['1.2', '1.9', '1.10']);
});

test('instances without a number come last, in a stable order', () => {
  expect(uids(inOrder([instance('1.7'), instance('1.5'), instance('1.9', 1)]))).toEqual(['1.9', '1.5', '1.7']);
});

test('an element without a value has none', () => {
  expect(number(instance('1.1'), tags.instanceNumber)).toBeNull();
  expect(text({}, tags.sopInstanceUid)).toBe('');
});

test('an image without a modality counts as other, one with keeps its own', () => {
  expect(text(withModality({}), tags.modality)).toBe('OT');
  const ct: Instance = { [tags.modality]: { vr: 'CS', Value: ['CT'] } };
  expect(withModality(ct)).toBe(ct);
});

test('orientation is known only where the image tells it', () => {
  const orientation = { '00200037': { vr: 'DS', Value: [1, 0, 0, 0, 1, 0] } };
  expect(hasOrientation(orientation)).toBe(true);
  expect(hasOrientation({ '52009229': { Value: [{ '00209116': { Value: [orientation] } }] } })).toBe(true);
  expect(hasOrientation({ '00200037': { vr: 'DS' } })).toBe(false);
  expect(hasOrientation({})).toBe(false);
});
