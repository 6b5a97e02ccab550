import { expect, test } from 'vitest';
import { namesIn, withBundles, type PlacedFile } from './bundle';
import { Sha256 } from './sha256';

const placed = (path: string, content: string): PlacedFile => {
  const at = path.lastIndexOf('/');
  return { file: new File([content], path.slice(at + 1)), folder: at < 0 ? '' : path.slice(0, at) };
};
const names = (files: File[]) => files.map(({ name }) => name);

test('a MIRAX slide and its folder are one archive, the one that the server makes', async () => {
  const files = await withBundles([
    placed('病例/片子/Slidedat.ini', 'x'.repeat(1024)),
    placed('病例/片子.mrxs', 'picture'),
    placed('病例/片子/Data0000.dat', 'y'.repeat(1500)),
    placed('病例/片子/.DS_Store', 'no part of it'),
    placed('病例/别的.svs', 'a slide by itself'),
  ]);
  expect(names(files)).toEqual(['.DS_Store', '别的.svs', '片子.mrxs']);
  const bytes = new Uint8Array(await files[2]!.arrayBuffer());
  expect(bytes.length).toBe(512 + 512 + 512 + 1536 + 512 + 1024 + 1024);
  // The same files in wsi/src/bundle.rs have the same hash.
  expect(new Sha256().update(bytes).hex()).toBe(archiveOfBoth);
});

test('a list names the files that belong to it', async () => {
  const list = '[Virtual Microscope Specimen]\r\nImageFile=a.jpg\r\nImageFile(1,0)=b.jpg\r\nMacroImage=a.jpg\r\nNoLayers=1\r\n';
  expect(namesIn(list)).toEqual(['a.jpg', 'b.jpg']);
  const all = [placed('s.vms', list), placed('b.jpg', 'b'), placed('a.jpg', 'a'), placed('c.jpg', 'c')];
  expect(names(await withBundles(all))).toEqual(['c.jpg', 's.vms']);
});

test('a slide that lacks a file stays what was dropped', async () => {
  const all = [placed('a.mrxs', 'picture'), placed('s.vms', 'ImageFile=a.jpg')];
  expect(names(await withBundles(all))).toEqual(['a.mrxs', 's.vms']);
});

test('a slide whose files have names that no header has room for stays what was dropped', async () => {
  const long = `${'片'.repeat(33)}.dat`;
  const all = [placed('a.mrxs', 'picture'), placed(`a/${long}`, 'x')];
  expect(names(await withBundles(all))).toEqual(['a.mrxs', long]);
});

const archiveOfBoth = '05eca786db78f3437cba15da4739f646130caed599222dc9251d2bbba62eae74';
