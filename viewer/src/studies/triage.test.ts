import { expect, test } from 'vitest';
import { sorted } from './triage';

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const dicom = (name: string, more = '') => new File([bytes('\0'.repeat(128) + 'DICM' + more)], name);

test('a CD’s images are told from its index, its papers and its programs', async () => {
  const files = [
    dicom('IM0001'),
    dicom('DICOMDIR', '\x02\0\x02\0UI\x14\x001.2.840.10008.1.3.10\0'),
    new File([bytes('MZ\x90')], 'viewer.exe'),
    new File([bytes('[autorun]')], 'autorun.inf'),
    new File([bytes('%PDF-1.4')], '出院小结.pdf'),
    new File([bytes('\xff\xd8\xff\xe0')], 'IMG_1.JPG'),
    new File([bytes('\x89PNG\r\n\x1a\n')], '截图.png'),
    new File([bytes('\0\0\0\x18ftypheic')], 'IMG_2.HEIC'),
    new File([bytes('II*\0')], 'B2026-1.svs'),
    new File([], 'empty'),
  ];
  const names = Object.entries(await sorted(files)).map(([kind, list]) => [kind, list.map(({ name }) => name)]);
  expect(Object.fromEntries(names)).toEqual({
    dicom: ['IM0001'],
    pieces: ['B2026-1.svs'],
    paper: ['出院小结.pdf', 'IMG_1.JPG', '截图.png', 'IMG_2.HEIC'],
    index: ['DICOMDIR'],
    other: ['viewer.exe', 'autorun.inf', 'empty'],
  });
});

test('a file of another image’s class is no index because of its name’s folder', async () => {
  const { dicom: images, index } = await sorted([dicom('IM1', '1.2.840.10008.1.3.100')]);
  expect([images.length, index.length]).toEqual([1, 0]);
});
