/** Channels laid over each other, as a tile's address names them: `path:RRGGBB:low-high,…`. Pure. */
import type { SlideChannel } from '../../api/types';

export interface DrawnChannel {
  path: string;
  /** `RRGGBB`. */
  color: string;
  low: number;
  high: number;
  isShown: boolean;
}

const escapes: Record<string, string> = { '%': '%25', ',': '%2C', ':': '%3A' };

function escaped(path: string): string {
  return path.replace(/[%,:]/g, (character) => escapes[character] ?? character);
}

function unescaped(text: string): string {
  return text.replace(/%(25|2C|3A)/gi, (code) => ({ '%25': '%', '%2C': ',', '%3A': ':' })[code.toUpperCase()] ?? code);
}

/** The paths of the channels that are laid over each other. */
export function pathsIn(text: string): string[] {
  return text.split(',').map((part) => unescaped(part.split(':')[0] ?? ''));
}

/** The largest stored value of a channel. */
export function valueMax(channel: Pick<SlideChannel, 'bits'>): number {
  return 2 ** Math.min(16, Math.max(1, channel.bits)) - 1;
}

/** Every channel that has no colours of its own: as `text` has it, and hidden when it is not in there. */
export function readComposition(text: string, channels: readonly SlideChannel[]): DrawnChannel[] {
  const named = new Map(
    text.split(',').map((part) => {
      const [path = '', color = '', window = ''] = part.split(':');
      return [unescaped(path), { color, window }] as const;
    }),
  );
  return channels.flatMap((channel) => {
    if (channel.color === null) return [];
    const given = named.get(channel.path);
    const window = /^(\d+)-(\d+)$/.exec(given?.window ?? '');
    return {
      path: channel.path,
      color: /^[0-9a-f]{6}$/i.test(given?.color ?? '') ? (given?.color ?? channel.color) : channel.color,
      low: window === null ? (channel.window?.low ?? 0) : Number(window[1]),
      high: window === null ? (channel.window?.high ?? valueMax(channel)) : Number(window[2]),
      isShown: given !== undefined,
    };
  });
}

/** @returns `null` when nothing is shown, which is no picture. */
export function writeComposition(drawn: readonly DrawnChannel[]): string | null {
  const shown = drawn.filter(({ isShown }) => isShown);
  return shown.length === 0 ? null : shown.map(({ path, color, low, high }) => `${escaped(path)}:${color}:${low}-${high}`).join(',');
}
