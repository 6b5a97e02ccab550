/** Days as DICOM writes them, `YYYYMMDD`, by this computer's calendar. */

export function compactDay(date: Date): string {
  const pad = (part: number) => String(part).padStart(2, '0');
  return `${date.getFullYear()}${pad(date.getMonth() + 1)}${pad(date.getDate())}`;
}

/** As form fields write them: `YYYY-MM-DD`. */
export function isoDay(day: string): string {
  return `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}`;
}

/** Some days later, or earlier. */
export function dayAfter(day: string, days: number): string {
  return compactDay(new Date(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8)) + days));
}
