import { expect, test } from 'vitest';
import { hasOrientation, inOrder, isTurnedUpright, number, tags, text, upright, withModality, type Instance } from './dicomJson';

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

test('a photograph taken with the camera turned has the rows and columns of what is shown', () => {
  const taken = (rotation: number, sopClass = '1.2.840.10008.5.1.4.1.1.77.1.4'): Instance => ({
    '00080016': { vr: 'UI', Value: [sopClass] },
    [tags.rows]: { vr: 'US', Value: [30] },
    [tags.columns]: { vr: 'US', Value: [40] },
    '00700042': { vr: 'US', Value: [rotation] },
  });
  const shape = (instance: Instance) => [number(upright(instance), tags.rows), number(upright(instance), tags.columns)];
  expect([shape(taken(90)), shape(taken(180)), shape(taken(0))]).toEqual([[40, 30], [30, 40], [30, 40]]);
  expect([isTurnedUpright(taken(180)), isTurnedUpright(taken(0))]).toEqual([true, false]);
  // What others write there about other images is not the camera's word.
  expect(shape(taken(90, '1.2.840.10008.5.1.4.1.1.7'))).toEqual([30, 40]);
});
