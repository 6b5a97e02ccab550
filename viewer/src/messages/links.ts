/** Addresses of this application within what people write; everything else stays text. */

export type Piece = { kind: 'text'; text: string } | { kind: 'link'; text: string; to: string };

const address = /(?:https?:\/\/[^\s<>"'\\，。；）]+|(?<![\w/])\/(?:slides|studies|cases)\/[^\s<>"'\\，。；）]+)/g;
const own = /^\/(?:slides|studies|cases)\/[^/]/;

/** The path within this application; `null` when it leads elsewhere. */
export function ownAddress(text: string, origin: string): string | null {
  const path = text.startsWith(`${origin}/`) ? text.slice(origin.length) : text;
  return own.test(path) && !path.includes('//') && !path.includes('..') ? path : null;
}

export function pieces(text: string, origin: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(address)) {
    const to = ownAddress(match[0], origin);
    if (to === null) continue;
    if (match.index > from) found.push({ kind: 'text', text: text.slice(from, match.index) });
    found.push({ kind: 'link', text: match[0], to });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ kind: 'text', text: text.slice(from) });
  return found;
}
