/**
 * Two windows on one case: images in one, its report in the other. What they say to each other, and how the window with the images
 * knows that the other one is there: it holds a lock as long as it lives, however it ends.
 */
import type { FrameKeyImage } from '../../api/types';
import type { Taken } from '../keyImagesOf';

/** To the window with the report. */
export type ToReport =
  /** The images show this case. */
  | { to: 'report'; what: 'case'; id: string }
  /** These images of the case have been on the screen. */
  | { to: 'report'; what: 'saw'; id: string; images: string[] }
  /** This picture belongs into the case's report: what becomes of it is wanted. */
  | { to: 'report'; what: 'take'; id: string; n: number; image: FrameKeyImage }
  | { to: 'report'; what: 'sign'; id: string }
  /** The version under which the server has every word is wanted. */
  | { to: 'report'; what: 'flush'; id: string; n: number }
  | { to: 'report'; what: 'close' };

/** What became of an image that was to be in the report; `refused`: the report may not be changed now. */
export type TakenThere = Taken | { kind: 'refused' };

/** To the window with the images. */
export type ToImages =
  /** The report of this case is open here. */
  | { to: 'images'; what: 'ready'; id: string | null }
  /** The next case; `null`: there is none. */
  | { to: 'images'; what: 'open'; id: string | null }
  | { to: 'images'; what: 'show'; id: string; image: FrameKeyImage }
  | { to: 'images'; what: 'taken'; n: number; taken: TakenThere }
  /** `null`: not every word could be sent. */
  | { to: 'images'; what: 'flushed'; n: number; version: number | null };

type Said<M> = (message: M) => void;

export interface Line<In, Out> {
  say: Said<Out>;
  close: () => void;
  /** Calls every listener until the answer takes it away. */
  hear: (listener: Said<In>) => () => void;
}

const nameOf = (pair: string) => `farsight.report.${pair}`;

/** One end of the line between two windows of a pair. */
export function lineOf<In extends ToReport | ToImages, Out extends ToReport | ToImages>(pair: string, me: In['to']): Line<In, Out> {
  const channel = new BroadcastChannel(nameOf(pair));
  return {
    say: (message) => channel.postMessage(message),
    close: () => channel.close(),
    hear: (listener) => {
      const onMessage = ({ data }: MessageEvent<In | Out>) => {
        if (data.to === me) listener(data as In);
      };
      channel.addEventListener('message', onMessage);
      return () => channel.removeEventListener('message', onMessage);
    },
  };
}

/** Whether this browser can keep two windows together: not over plain HTTP. */
export function canPair(): boolean {
  return 'BroadcastChannel' in globalThis && (globalThis.navigator as { locks?: unknown }).locks !== undefined;
}

/** Held by the window with the report as long as it lives. */
export function holdReport(pair: string): void {
  void navigator.locks.request(nameOf(pair), () => new Promise<never>(() => undefined));
}

/** Calls `tell` whenever the window with the report comes or goes; the answer looks again, after it was heard of. */
export function watchReport(pair: string, tell: (isThere: boolean) => void): () => void {
  let waits = false;
  const look = async () => {
    if (waits) return;
    const { held = [] } = await navigator.locks.query();
    const isThere = held.some(({ name }) => name === nameOf(pair));
    tell(isThere);
    if (!isThere || waits) return;
    waits = true;
    // Ours as soon as nobody holds it any more, and given back at once.
    await navigator.locks.request(nameOf(pair), () => undefined);
    waits = false;
    tell(false);
  };
  void look();
  return () => void look();
}

const pairKey = 'farsight.window';

/** What this window with images is called; the same after it was loaded anew. */
export function ownPair(): string {
  const known = sessionStorage.getItem(pairKey);
  if (known !== null) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  sessionStorage.setItem(pairKey, made);
  return made;
}

export function reportAddress(pair: string, id: string): string {
  return `/report-window?${new URLSearchParams({ pair, case: id }).toString()}`;
}
