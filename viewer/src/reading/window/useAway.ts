/** The window with the images, while the report of its case is in another one. */
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useEffectEvent, useRef, useState, useSyncExternalStore } from 'react';
import { useNavigate } from 'react-router';
import { Unreachable } from '../../api/problem';
import { keys } from '../../api/queries';
import type { FrameKeyImage } from '../../api/types';
import { hearReport, readAway, sayToReport, subscribeAway } from './away';
import { canPair, ownPair, reportAddress, type TakenThere } from './pairing';

/** How long the other window may take to have every word sent. */
const flush_ms = 10_000;
/** How long it may take to say what became of an image. */
const take_ms = 5_000;

/** As far as this page has opened it itself. */
let reportWindow: Window | null = null;

export interface Away {
  /** The report is in another window, or may be: it is not written here. */
  isAway: boolean;
  /** It is known to be there. */
  isThere: boolean;
  /** `null` where this browser cannot. */
  open: (() => void) | null;
  /** Brings the other window to the front; `false` where only the person can. */
  show: () => boolean;
  /** Has the other window closed. */
  callBack: () => void;
  saw: (sopInstanceUid: string) => void;
  /** Resolves with what became of it; `null`: the other window did not say. */
  take: (image: FrameKeyImage) => Promise<TakenThere | null>;
  sign: () => void;
  /** Resolves with the version under which the server has every word that was written there. */
  flush: () => Promise<number>;
}

export function useAway(id: string, show: (image: FrameKeyImage) => void): Away {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const known = useSyncExternalStore(subscribeAway, readAway);
  const seen = useRef(new Set<string>());
  const flushes = useRef(new Map<number, (version: number | null) => void>());
  const takes = useRef(new Map<number, (taken: TakenThere) => void>());
  const count = useRef(0);
  const heading = useRef<string | null>(id);

  // What was written there is on the server, and so is whether a telephone is asked about it: both are fetched before it is gone on
  // with here.
  const [wasThere, setWasThere] = useState(known === true);
  if (known === true && !wasThere) setWasThere(true);
  useEffect(() => {
    if (known !== false || !wasThere) return;
    let isCurrent = true;
    void Promise.allSettled([
      cache.refetchQueries({ queryKey: keys.consult(id), exact: true }),
      cache.refetchQueries({ queryKey: keys.phoneSignature(id), exact: true }),
    ]).then(() => {
      if (isCurrent) setWasThere(false);
    });
    return () => {
      isCurrent = false;
    };
  }, [known, wasThere, cache, id]);

  const greet = useEffectEvent(() => {
    sayToReport({ to: 'report', what: 'case', id });
    sayToReport({ to: 'report', what: 'saw', id, images: [...seen.current] });
  });
  useEffect(() => {
    heading.current = id;
    greet();
  }, [id]);
  const showHere = useEffectEvent(show);
  useEffect(
    () =>
      hearReport((message) => {
        // On the way to the next case, the other window is there before this one.
        if (message.what === 'ready' && message.id !== heading.current) sayToReport({ to: 'report', what: 'case', id });
        if (message.what === 'ready' && message.id === id) sayToReport({ to: 'report', what: 'saw', id, images: [...seen.current] });
        if (message.what === 'open' && message.id !== id) {
          heading.current = message.id;
          void navigate(message.id === null ? '/' : `/cases/${message.id}`);
        }
        if (message.what === 'show' && message.id === id) showHere(message.image);
        if (message.what === 'taken') {
          takes.current.get(message.n)?.(message.taken);
          takes.current.delete(message.n);
        }
        if (message.what === 'flushed') {
          flushes.current.get(message.n)?.(message.version);
          flushes.current.delete(message.n);
        }
      }),
    [id, navigate],
  );

  const saw = useCallback(
    (sop: string) => {
      if (seen.current.has(sop)) return;
      seen.current.add(sop);
      sayToReport({ to: 'report', what: 'saw', id, images: [sop] });
    },
    [id],
  );
  const flush = useCallback(() => {
    const n = (count.current += 1);
    return new Promise<number>((done, fail) => {
      const timer = setTimeout(() => {
        flushes.current.delete(n);
        fail(new Unreachable());
      }, flush_ms);
      flushes.current.set(n, (version) => {
        clearTimeout(timer);
        if (version === null) fail(new Unreachable());
        else done(version);
      });
      sayToReport({ to: 'report', what: 'flush', id, n });
    });
  }, [id]);

  const take = (image: FrameKeyImage) => {
    const n = (count.current += 1);
    return new Promise<TakenThere | null>((done) => {
      const timer = setTimeout(() => {
        takes.current.delete(n);
        done(null);
      }, take_ms);
      takes.current.set(n, (what) => {
        clearTimeout(timer);
        done(what);
      });
      sayToReport({ to: 'report', what: 'take', id, n, image });
    });
  };

  return {
    isAway: known !== false || wasThere,
    isThere: known === true,
    open: canPair() ? () => (reportWindow = window.open(reportAddress(ownPair(), id), `farsight-report-${ownPair()}`, 'popup,width=640,height=960')) : null,
    show: () => {
      reportWindow?.focus();
      return reportWindow !== null;
    },
    callBack: () => sayToReport({ to: 'report', what: 'close' }),
    saw,
    take,
    sign: () => sayToReport({ to: 'report', what: 'sign', id }),
    flush,
  };
}
