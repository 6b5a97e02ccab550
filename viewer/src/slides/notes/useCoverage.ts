/** Notes that a slide was opened and what of it was on the screen for a moment; sends that now and then. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { keys } from '../../api/queries';
import { seen, type SlideSeen } from '../../api/slideNotes';
import type { Slide } from '../../api/types';
import type { FieldOfView } from '../stage/geometry';
import type { SlideStage } from '../stage/SlideStage';
import { Coverage } from './coverage';

/** What stands still for two looks was seen; what glides by was not. */
const look_ms = 400;
const send_ms = 10_000;

/** What the person has seen of a slide, by what the server knows. */
export function useSeen(slide: string) {
  return useQuery({ queryKey: keys.seen(slide), queryFn: () => seen.get(slide), staleTime: 30_000 });
}

export interface LiveCoverage {
  coverage: Coverage | null;
  /** Goes up with every cell that is new. */
  changes: number;
}

export function useCoverage(slide: Slide, stage: SlideStage): LiveCoverage {
  const cache = useQueryClient();
  const [coverage, setCoverage] = useState<Coverage | null>(null);
  const [changes, setChanges] = useState(0);
  const last = useRef<FieldOfView | null>(null);

  useEffect(() => {
    let live: Coverage | null = null;
    const learn = (now: SlideSeen) => cache.setQueryData(keys.seen(slide.id), now);
    seen
      .open(slide.id)
      .then((now) => {
        learn(now);
        live = new Coverage(now);
        setCoverage(live);
      })
      // Without a map the slide is seen as well; the next opening tries again.
      .catch(() => undefined);

    const look = () => {
      const view = stage.view();
      const isStill = view !== null && view === last.current;
      last.current = view;
      if (!isStill || live === null || document.visibilityState !== 'visible' || !stage.status().isSharp) return;
      if (live.add(view, stage.size)) setChanges((n) => n + 1);
    };
    const send = () => {
      const sender = live;
      const news = sender?.takeNews() ?? null;
      if (sender === null || news === null) return;
      seen.cover(slide.id, news).then(learn, () => sender.giveBack(news));
    };
    const hide = () => {
      if (document.visibilityState === 'hidden') send();
    };
    const looking = setInterval(look, look_ms);
    const sending = setInterval(send, send_ms);
    document.addEventListener('visibilitychange', hide);
    window.addEventListener('pagehide', send);
    return () => {
      clearInterval(looking);
      clearInterval(sending);
      document.removeEventListener('visibilitychange', hide);
      window.removeEventListener('pagehide', send);
      send();
    };
  }, [cache, slide, stage]);

  return { coverage, changes };
}
