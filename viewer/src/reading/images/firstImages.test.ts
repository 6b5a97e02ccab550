import { expect, test } from 'vitest';
import type { StudyDetail } from '../../api/types';
import type { Instance } from './dicomJson';
import { fetchFirstImages, framesFrom } from './firstImages';

function image(sop: string, number: number, frames?: number): Instance {
  const made: Instance = { '00080018': { vr: 'UI', Value: [sop] }, '00200013': { vr: 'IS', Value: [number] }, '00280010': { vr: 'US', Value: [512] } };
  return frames === undefined ? made : { ...made, '00280008': { vr: 'IS', Value: [frames] } };
}

test('the frames that are shown first, in the order of the stack', () => {
  const instances = [image('c', 3), image('a', 1), image('b', 2), image('d', 4), image('e', 5)];
  expect(framesFrom(0, '/s', instances)).toEqual(['a', 'b', 'c', 'd'].map((sop) => `/s/instances/${sop}/frames/1`));
  expect(framesFrom(3, '/s', instances)).toEqual(['d', 'e'].map((sop) => `/s/instances/${sop}/frames/1`));
  expect(framesFrom(0, '/s', [image('m', 1, 6)])).toEqual([1, 2, 3, 4].map((frame) => `/s/instances/m/frames/${frame}`));
});

test('of a study that is opened next, one request after another, metadata before its frames', async () => {
  const study = {
    study_instance_uid: '1.2',
    organisation: { id: 'city', name: '' },
    description: '',
    series: [{ series_instance_uid: '1.2.3', modality: 'CT', description: '', body_part: '', instance_count: 120, is_image: true }],
  } as unknown as StudyDetail;
  const asked: string[] = [];
  let running = 0;
  const answer = async <T>(address: string, what: T): Promise<T> => {
    asked.push(address.replace('/dicom-web/orgs/city/studies/1.2/series/1.2.3', ''));
    running += 1;
    expect(running).toBe(1);
    await Promise.resolve();
    running -= 1;
    return what;
  };
  await fetchFirstImages(study, { metadata: (address) => answer(address, [image('a', 1), image('b', 2)]), frame: (address) => answer(address, null) });
  expect(asked).toEqual(['/metadata', '/instances/a/frames/1', '/instances/b/frames/1']);
});
