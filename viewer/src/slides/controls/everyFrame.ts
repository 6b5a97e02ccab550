/** Runs once a frame until stopped. */

/** A page that was hidden must not catch up at once. */
const stepMax_s = 0.1;

/** Calls `step` with the seconds since the last frame. @returns what stops it. */
export function everyFrame(step: (seconds: number) => void): () => void {
  let before: number | null = null;
  let handle = 0;
  const frame = (now: number) => {
    if (before !== null) step(Math.min(stepMax_s, (now - before) / 1000));
    before = now;
    handle = requestAnimationFrame(frame);
  };
  handle = requestAnimationFrame(frame);
  return () => cancelAnimationFrame(handle);
}
