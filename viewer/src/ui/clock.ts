/** How much time an answer still has, and how loudly to say so. */

export type ClockLevel = 'calm' | 'soon' | 'over';

export interface ClockReading {
  level: ClockLevel;
  /** Minutes left, or minutes over when the level is `over`; never negative. */
  minutes: number;
}

/** The share of the allowed time after which the clock turns amber. */
const soonShare = 0.8;
const minute_ms = 60_000;
/** The server's clock is known to about a second; a fresh 24 hours must not read 24:01. */
const slack_ms = 2_000;

/** All arguments in milliseconds since the epoch. Without a start the last hour counts as soon. */
export function readClock(start: number | null, due: number, now: number): ClockReading {
  const left = due - now;
  if (left < 0) return { level: 'over', minutes: Math.floor(-left / minute_ms) };
  const soonFrom = start === null ? due - 60 * minute_ms : start + (due - start) * soonShare;
  return { level: now >= soonFrom ? 'soon' : 'calm', minutes: Math.max(0, Math.ceil((left - slack_ms) / minute_ms)) };
}

/** Hours and minutes, `HH:MM`; hours grow past two digits rather than wrap. */
export function formatMinutes(minutes: number): string {
  const hours = Math.floor(minutes / 60);
  return `${String(hours).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}
