/**
 * What a study shows first, brought before it is opened: into the browser's own store, which the viewer asks before the server.
 * So it takes nothing of the memory for the images on the screen, and nothing is decoded before it is wanted.
 */
import { studies } from '../../api/endpoints';
import type { StudyDetail } from '../../api/types';
import { ask, fetchMetadata } from './dicomweb';
import { inOrder, number, tags, text, type Instance } from './dicomJson';
import { isVideo } from './documents/documentKind';
import { hang } from './hanging';

/** The image that is shown first, and those behind it that one comes to at once. */
const framesOfEach = 4;
/** As the image loader asks: in other words it would be another answer. */
const accept = 'multipart/related; type=application/octet-stream; transfer-syntax=*';

export interface Fetch {
  metadata: (address: string) => Promise<Instance[]>;
  frame: (address: string) => Promise<unknown>;
}

const byDicomweb: Fetch = {
  metadata: fetchMetadata,
  frame: async (address) => (await ask(address, accept)).arrayBuffer(),
};

/** Addresses of the frames of a series from one on, in the order of its stack. */
export function framesFrom(index: number, series: string, instances: readonly Instance[]): string[] {
  const images = inOrder(instances).filter((one) => number(one, tags.rows) !== null && !isVideo(one));
  const all = images.flatMap((one) => {
    const count = number(one, tags.frames) ?? 1;
    return Array.from({ length: count }, (_, at) => `${series}/instances/${text(one, tags.sopInstanceUid)}/frames/${at + 1}`);
  });
  return all.slice(index, index + framesOfEach);
}

/** One request at a time: the line is left to what is on the screen. */
export async function fetchFirstImages(study: StudyDetail, fetch: Fetch = byDicomweb): Promise<void> {
  const series = new Map(hang([study]).cells.flatMap((cell) => (cell === null ? [] : [[cell.seriesUid, cell.index ?? 0] as const])));
  for (const [uid, index] of series) {
    const address = `${studies.dicomweb(study.organisation.id, study.study_instance_uid)}/series/${uid}`;
    for (const frame of framesFrom(index, address, await fetch.metadata(`${address}/metadata`))) await fetch.frame(frame);
  }
}
