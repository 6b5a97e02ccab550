/** DICOM's compact dates, times and ages, taken apart for display. */

/** `YYYYMMDD` as `YYYY-MM-DD`; anything else is shown as it is. */
export function dicomDate(value: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(value);
  return match === null ? value : `${match[1]}-${match[2]}-${match[3]}`;
}

/** `HHMMSS.FFFFFF` as `HH:MM`. */
export function dicomTime(value: string): string {
  const match = /^(\d{2})(\d{2})/.exec(value);
  return match === null ? '' : `${match[1]}:${match[2]}`;
}

/** Text as people read it: where an attribute may not be empty, de-identification leaves a word that says nothing. */
export function readable(value: string): string {
  return value === 'REMOVED' ? '' : value;
}

export type AgeUnit = 'years' | 'months' | 'weeks' | 'days';
// Reports print ages in Chinese words; they come back with a consult.
const units: Record<string, AgeUnit> = {
  Y: 'years',
  M: 'months',
  W: 'weeks',
  D: 'days',
  岁: 'years',
  月: 'months',
  周: 'weeks',
  天: 'days',
};

/** An Age String (PS3.5 §6.2, `058Y`); or as reports print it (`58岁`); a bare number counts as years. */
export function dicomAge(value: string): { count: number; unit: AgeUnit } | null {
  const match = /^\s*(\d{1,3})\s*([YMWD岁月周天]?)\s*$/.exec(value);
  if (match === null) return null;
  return { count: Number(match[1]), unit: units[match[2] || 'Y'] ?? 'years' };
}

/** Today, or some days before it, as `YYYYMMDD` by this computer's calendar. */
export function dicomDay(daysAgo: number, now: Date = new Date()): string {
  const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo);
  const pad = (part: number) => String(part).padStart(2, '0');
  return `${day.getFullYear()}${pad(day.getMonth() + 1)}${pad(day.getDate())}`;
}
