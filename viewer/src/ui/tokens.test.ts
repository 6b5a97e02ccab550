import { expect, test } from 'vitest';
import { colours, teal, type Theme } from './tokens';

/** WCAG 2.2, relative luminance. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [lighter = 0, darker = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (lighter + 0.05) / (darker + 0.05);
}

test.each<Theme>(['dark', 'light'])('words can be read on ground and panel, %s', (theme) => {
  const { ground, panel, text, dim, hint, accent, amber, red, valid, 'on-red': onRed } = colours[theme];
  for (const paper of [ground, panel]) {
    for (const ink of [text, dim, hint, accent, amber, red, valid]) expect(contrast(ink, paper), `${ink} on ${paper}`).toBeGreaterThanOrEqual(4.5);
  }
  expect(contrast(onRed, red)).toBeGreaterThanOrEqual(4.5);
});

test('white can be read on a filled button', () => {
  expect(contrast('#ffffff', teal[7])).toBeGreaterThanOrEqual(4.5);
});
