/** SHA-256 of files, computed beside the page. */
import type { HashAnswer } from './hashWorker';

/** Takes one file after the other. */
export interface Hasher {
  /** The hash of what is asked last; `null` when it cannot be read. After `close` it never comes. */
  hash: (file: Blob) => Promise<string | null>;
  close: () => void;
}

export function openHasher(): Hasher {
  let worker: Worker | null = null;
  const close = () => {
    worker?.terminate();
    worker = null;
  };
  const hash = (file: Blob) =>
    new Promise<string | null>((resolve) => {
      worker ??= new Worker(new URL('./hashWorker.ts', import.meta.url), { type: 'module' });
      worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => resolve(data.sha256);
      worker.onerror = () => {
        // One that could not be loaded answers nothing.
        close();
        resolve(null);
      };
      worker.postMessage(file);
    });
  return { hash, close };
}

/** The file's SHA-256; `null` when it cannot be read. */
export function hashFile(file: Blob): { sha256: Promise<string | null>; stop: () => void } {
  const { hash, close } = openHasher();
  return { sha256: hash(file).finally(close), stop: close };
}
