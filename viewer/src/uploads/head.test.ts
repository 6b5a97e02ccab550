import { expect, test } from 'vitest';
import { headOf } from './head';

const explicitLittle = '1.2.840.10008.1.2.1';
const implicitLittle = '1.2.840.10008.1.2';

const even = (text: string) => (text.length % 2 === 0 ? text : `${text}\0`);
const text = (value: string) => new TextEncoder().encode(value);

function number(value: number, bytes: 2 | 4): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  if (bytes === 2) view.setUint16(0, value, true);
  else view.setUint32(0, value, true);
  return new Uint8Array(view.buffer);
}

/** An attribute with a short length, as PS3.5 §7.1.2 has it; without its VR, as §7.1.3 has it. */
function attribute(group: number, element: number, vr: string | null, value: string): Uint8Array[] {
  const length = even(value).length;
  return [number(group, 2), number(element, 2), ...(vr === null ? [number(length, 4)] : [text(vr), number(length, 2)]), text(even(value))];
}

/** A sequence of undefined length with one item of undefined length that names another study. */
function related(vr: 'SQ' | null): Uint8Array[] {
  const [undefinedLength, none] = [number(0xffffffff, 4), number(0, 4)];
  return [
    ...[number(0x0008, 2), number(0x1250, 2), ...(vr === null ? [] : [text(vr), number(0, 2)]), undefinedLength],
    ...[number(0xfffe, 2), number(0xe000, 2), undefinedLength],
    ...attribute(0x0020, 0x000d, vr === null ? null : 'UI', '9.9.9'),
    ...[number(0xfffe, 2), number(0xe00d, 2), none],
    ...[number(0xfffe, 2), number(0xe0dd, 2), none],
  ];
}

function dicom(syntax: string, dataset: Uint8Array[], saidLength?: number): Blob {
  const meta = attribute(0x0002, 0x0010, 'UI', syntax);
  const length = saidLength ?? meta.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const parts = [new Uint8Array(128), text('DICM'), ...[number(0x0002, 2), number(0x0000, 2), text('UL'), number(4, 2), number(length, 4)], ...meta, ...dataset];
  return new Blob(parts.map((part) => part.slice()));
}

test('a file says its study and its instance, and not those that a sequence before them names', async () => {
  for (const [syntax, vr] of [[explicitLittle, 'UI'], [implicitLittle, null]] as const) {
    const dataset = [
      ...attribute(0x0008, 0x0018, vr, '1.2.3.4.5.6'),
      ...attribute(0x0008, 0x0060, vr && 'CS', 'CT'),
      ...related(vr && 'SQ'),
      ...attribute(0x0020, 0x000d, vr, '1.2.3.4'),
      ...attribute(0x0020, 0x000e, vr, '1.2.3.4.5'),
    ];
    const file = dicom(syntax, dataset);
    const bytes = dataset.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(await headOf(file), syntax).toEqual({ study: '1.2.3.4', instance: '1.2.3.4.5.6', dataSetAt: file.size - bytes });
  }
});

test('the data set begins behind the last element of the meta information, whatever that says of its length', async () => {
  const dataset = [...attribute(0x0008, 0x0018, 'UI', '1.2.3'), ...attribute(0x0020, 0x000d, 'UI', '1.2.3.4')];
  const bytes = dataset.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const file = dicom(explicitLittle, dataset, 9);
  expect((await headOf(file)).dataSetAt).toBe(file.size - bytes);
});

test('pixels behind the head are not read', async () => {
  const head = dicom(explicitLittle, attribute(0x0020, 0x000d, 'UI', '1.2.3.4'));
  const file = new Blob([head, ...[number(0x7fe0, 2), number(0x0010, 2), text('OW'), number(0, 2), number(2_000_000, 4)].map((part) => part.slice()), new Uint8Array(2_000_000)]);
  expect((await headOf(file)).study).toBe('1.2.3.4');
});

test('nobody can tell of what is no DICOM file, or breaks off before it', async () => {
  const unknown = { study: null, instance: null };
  expect(await headOf(new Blob(['%PDF-1.4']))).toMatchObject(unknown);
  expect(await headOf(new Blob([]))).toMatchObject(unknown);
  expect(await headOf(dicom(explicitLittle, attribute(0x0008, 0x0060, 'CS', 'CT')))).toMatchObject(unknown);
  expect(await headOf(dicom(explicitLittle, attribute(0x0008, 0x0018, 'UI', 'no uid')))).toMatchObject(unknown);
});
