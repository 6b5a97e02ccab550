/**
 * Tiles as decoded pictures. The browser decodes them beside the page's thread, and they are painted as they are: the library's
 * own way decodes each on that thread while it paints, and copies it once more.
 */
import OpenSeadragon from 'openseadragon';
import { tileBitmap } from './tileBitmap';

/** The type of {@link ImageBitmap} in the library's words. */
const format = 'imageBitmap';

/** What the library's types leave out. */
interface Job {
  src: string;
  userData: { abort?: AbortController };
  finish(data: ImageBitmap, request: null, type: string): void;
  fail(why: string, request: null): void;
}
interface CanvasDrawer {
  getDataToDraw(tile: OpenSeadragon.Tile): unknown;
}
interface Library {
  CanvasDrawer: new (options: object) => CanvasDrawer;
  converter: { learnDestroy(type: string, end: (bitmap: ImageBitmap) => void): void };
}
const library = OpenSeadragon as unknown as Library;

library.converter.learnDestroy(format, (bitmap) => bitmap.close());

/** Paints tiles on a canvas as {@link ImageBitmap}s. */
export class BitmapDrawer extends library.CanvasDrawer {
  getSupportedDataFormats(): string[] {
    return [format];
  }

  override getDataToDraw(tile: OpenSeadragon.Tile): { canvas: ImageBitmap } | undefined {
    const bitmap = super.getDataToDraw(tile) as ImageBitmap | undefined;
    // The library looks for the picture of a context.
    return bitmap && { canvas: bitmap };
  }
}

/** How a tile source gets its tiles. `ready` answers with one that has been decoded already, and no longer keeps it. */
export function bitmapDownloads(ready: (url: string) => ImageBitmap | undefined) {
  return {
    downloadTileStart(job: Job): void {
      const bitmap = ready(job.src);
      if (bitmap) {
        // Not at once: the library counts a job as begun only afterwards.
        queueMicrotask(() => job.finish(bitmap, null, format));
        return;
      }
      const abort = new AbortController();
      job.userData.abort = abort;
      tileBitmap(job.src, { signal: abort.signal, priority: 'high' }).then(
        (came) => (abort.signal.aborted ? came.close() : job.finish(came, null, format)),
        (error: unknown) => abort.signal.aborted || job.fail(String(error), null),
      );
    },
    downloadTileAbort(job: Job): void {
      job.userData.abort?.abort();
    },
  };
}
