/** Marks on the browser's performance timeline, for whoever measures how long a person waited. */

export const marks = {
  open: 'farsight:open',
  firstImage: 'farsight:first-image',
  slideSharp: 'farsight:slide-sharp',
} as const;

/** Somebody asked for a case, a study or a slide. */
export function markOpen(): void {
  performance.clearMarks(marks.open);
  performance.clearMeasures(marks.firstImage);
  performance.clearMeasures(marks.slideSharp);
  performance.mark(marks.open);
}

/** Measures from the last `markOpen`, or from the page's start when the address was opened directly; once per opening. */
export function measureSinceOpen(name: typeof marks.firstImage | typeof marks.slideSharp): void {
  if (performance.getEntriesByName(name, 'measure').length > 0) return;
  const opened = performance.getEntriesByName(marks.open, 'mark').length > 0;
  performance.measure(name, opened ? { start: marks.open } : { start: 0 });
}
