/** Bytes and spans of time in few figures. */

const units = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** `1.8 GB`: two figures where there are less than ten, none behind the point otherwise. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Hours and minutes, or minutes and seconds, that a line can be read aloud with. */
export function spanParts(seconds: number): { unit: 'hours' | 'minutes' | 'seconds'; n: number; m: number } {
  const whole = Math.max(1, Math.round(seconds));
  if (whole >= 3600) return { unit: 'hours', n: Math.floor(whole / 3600), m: Math.round((whole % 3600) / 60) };
  if (whole >= 60) return { unit: 'minutes', n: Math.round(whole / 60), m: 0 };
  return { unit: 'seconds', n: whole, m: 0 };
}
