/** What did not come is asked for again: by hand, and by itself once the line, or whoever was logged out, is back. */
import { useCallback, useEffect, useState } from 'react';
import { whenImagesComeBack } from './comeback';

/** Pauses before it is asked for again by itself, each twice the one before. */
const pause_ms = { first: 4_000, longest: 60_000 };

/** How often it was asked for again, and what asks now. `isCut`: nobody answered, which passes, also before anybody hears that it has. */
export function useAgain(isMissing: boolean, isCut = false): [number, () => void] {
  const [times, setTimes] = useState(0);
  const again = useCallback(() => setTimes((before) => before + 1), []);
  useEffect(() => (isMissing ? whenImagesComeBack(again) : undefined), [isMissing, again]);
  useEffect(() => {
    if (!isCut) return;
    const timer = setTimeout(again, Math.min(pause_ms.first * 2 ** times, pause_ms.longest));
    return () => clearTimeout(timer);
  }, [isCut, times, again]);
  return [times, again];
}
