/**
 * Sending over a poor line. It can be dead without being cut: nothing moves and nothing fails. A request on which nothing moves
 * for a while is given up like one whose line was cut, and goes on as that does.
 */

/** A poor line moves a little within this time. */
const silence_ms = 60_000;
/** What the machine may have taken from us and not yet sent, and how slowly it goes at worst: its answer takes as long. */
const buffered_bytes = 1024 * 1024;
const slowest_bytes_per_s = 8_000;

/** How long to wait for an answer once all of a body has been handed to the machine. */
function answer_ms(bytes: number): number {
  return silence_ms + (Math.min(bytes, buffered_bytes) / slowest_bytes_per_s) * 1_000;
}

interface Heard {
  addEventListener(type: string, listener: () => void): void;
}

type Watched = Pick<XMLHttpRequest, 'send' | 'abort'> & Heard & { upload: Heard };

/** Sends it; it is aborted as soon as nothing has moved for too long. */
export function sendWatched(xhr: Watched, body: Blob | null): void {
  let timer: ReturnType<typeof setTimeout>;
  const giveUpAfter = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => xhr.abort(), ms);
  };
  xhr.upload.addEventListener('progress', () => giveUpAfter(silence_ms));
  xhr.upload.addEventListener('load', () => giveUpAfter(answer_ms(body?.size ?? 0)));
  xhr.addEventListener('progress', () => giveUpAfter(silence_ms));
  xhr.addEventListener('loadend', () => clearTimeout(timer));
  giveUpAfter(silence_ms);
  xhr.send(body);
}

/** Over at once when the browser says that the line is back, and when it is given up. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      globalThis.removeEventListener?.('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    }
    globalThis.addEventListener?.('online', done);
    signal.addEventListener('abort', done);
  });
}
