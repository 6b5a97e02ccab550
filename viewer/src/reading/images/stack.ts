/** A series made ready for the image loader: its metadata registered, its frames in order. */
import { wadors } from '@cornerstonejs/dicom-image-loader';
import { studies } from '../../api/endpoints';
import { noteServerDate } from '../../api/connection';
import { Unreachable, problemFrom } from '../../api/problem';
import { relogin } from '../../api/client';
import { withPalette } from './palette';
import { inOrder, number, tags, text, withModality, withoutVoidSpacing, type Instance } from './dicomJson';

export interface Stack {
  seriesUid: string;
  imageIds: string[];
  /** SOP Instance UID of each image id. */
  sopByImageId: ReadonlyMap<string, string>;
  instanceByImageId: ReadonlyMap<string, Instance>;
}

/** @throws Problem or Unreachable */
async function ask(address: string, accept: string): Promise<Response> {
  const send = () => fetch(address, { headers: { Accept: accept }, credentials: 'same-origin' });
  let response: Response;
  try {
    response = await send();
    if (response.status === 401 && (await relogin())) response = await send();
  } catch {
    throw new Unreachable();
  }
  noteServerDate(response.headers.get('Date'));
  if (!response.ok) throw problemFrom(response.status, await response.text());
  return response;
}

async function fetchMetadata(address: string): Promise<Instance[]> {
  return (await (await ask(address, 'application/dicom+json')).json()) as Instance[];
}

async function fetchBytes(address: string): Promise<Uint8Array> {
  return new Uint8Array(await (await ask(address, 'application/octet-stream')).arrayBuffer());
}

/** @throws Problem or Unreachable */
export async function loadStack(org: string, studyUid: string, seriesUid: string): Promise<Stack> {
  const series = `${studies.dicomweb(org, studyUid)}/series/${seriesUid}`;
  const images = inOrder(await fetchMetadata(`${series}/metadata`)).filter(
    (instance) => number(instance, tags.rows) !== null,
  );
  const instances = await Promise.all(images.map((image) => withPalette(withoutVoidSpacing(withModality(image)), fetchBytes)));
  const sopByImageId = new Map<string, string>();
  const instanceByImageId = new Map<string, Instance>();
  for (const instance of instances) {
    const sop = text(instance, tags.sopInstanceUid);
    const frames = number(instance, tags.frames) ?? 1;
    for (let frame = 1; frame <= frames; frame += 1) {
      const imageId = `wadors:${series}/instances/${sop}/frames/${frame}`;
      // The loader derives the later frames of an instance from what is registered for its first.
      if (frame === 1) wadors.metaDataManager.add(imageId, instance as Parameters<typeof wadors.metaDataManager.add>[1]);
      sopByImageId.set(imageId, sop);
      instanceByImageId.set(imageId, instance);
    }
  }
  return { seriesUid, imageIds: [...sopByImageId.keys()], sopByImageId, instanceByImageId };
}
