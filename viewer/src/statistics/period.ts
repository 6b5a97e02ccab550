/** Days as people choose them, and the moments between which they lie on this computer's clock. */

function dayText(day: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** The first and the last day of a period. */
export interface Days {
  from: string;
  until: string;
}

export function today(now = new Date()): string {
  return dayText(now);
}

export function firstOfMonth(day: string): string {
  return `${day.slice(0, 8)}01`;
}

/** The first day of the month eleven months before: with this one, a year. */
export function yearBefore(day: string): string {
  const [year = 0, month = 1] = day.split('-').map(Number);
  return dayText(new Date(year, month - 12, 1));
}

/** From the beginning of the first day to the end of the last; `null` when that is no period. */
export function periodOf(from: string, until: string): { from: string; until: string } | null {
  const [start, last] = [new Date(`${from}T00:00:00`), new Date(`${until}T00:00:00`)];
  if (Number.isNaN(start.getTime()) || Number.isNaN(last.getTime()) || last < start) return null;
  last.setDate(last.getDate() + 1);
  return { from: start.toISOString(), until: last.toISOString() };
}
