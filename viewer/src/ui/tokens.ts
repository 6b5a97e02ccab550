/**
 * The design language in one place: colours of both themes, space, type. Amber and red belong to clocks and alarms, green to a
 * valid signature. Words on ground and panel have a contrast of 4.5:1 or more (WCAG 2.2, 1.4.3), which a test holds.
 */
import type { MantineColorsTuple } from '@mantine/core';

/** Named for what they are for; in style sheets `--ground`, `--panel` and so on. */
export const colours = {
  dark: {
    ground: '#0e1116',
    panel: '#161b22',
    line: '#2b323b',
    text: '#e6edf3',
    dim: '#8b98a5',
    hint: '#8391a0',
    accent: '#14b8a6',
    'accent-soft': '#14b8a626',
    amber: '#e3a72f',
    red: '#ff6b60',
    'on-red': '#14080a',
    valid: '#3fb950',
  },
  light: {
    ground: '#ffffff',
    panel: '#f6f8fa',
    line: '#d8dee4',
    text: '#1f2328',
    dim: '#59636e',
    hint: '#667079',
    accent: '#0f766e',
    'accent-soft': '#0d94881a',
    amber: '#946200',
    red: '#c62828',
    'on-red': '#ffffff',
    valid: '#1a7f37',
  },
} as const;

export type Theme = keyof typeof colours;

export const teal: MantineColorsTuple = [
  '#e6fbf7',
  '#c8f4ec',
  '#95e9da',
  '#5dddc7',
  '#33d1b7',
  '#14b8a6',
  '#0d9488',
  '#0f766e',
  '#115e59',
  '#134e4a',
];

/** In the dark 3 and 4 are words and outlines; in the light 7 is. */
export const red: MantineColorsTuple = [
  '#ffecea',
  '#ffd6d2',
  '#ffb1aa',
  '#ff8a80',
  '#ff6b60',
  '#ef4d43',
  '#d9382f',
  '#c62828',
  '#a31f1f',
  '#7f1616',
];

export const yellow: MantineColorsTuple = [
  '#fff8e6',
  '#fdeec6',
  '#f9dd8f',
  '#f0c35a',
  '#e3a72f',
  '#c98a12',
  '#b07a0a',
  '#946200',
  '#7a5200',
  '#5c3e00',
];

/** 0 is text, 2 dimmed text, 4 hairlines, 6 panels, 7 the ground (Mantine's convention). */
export const dark: MantineColorsTuple = [
  colours.dark.text,
  '#b6c2cf',
  colours.dark.dim,
  '#5c6773',
  colours.dark.line,
  '#21272f',
  colours.dark.panel,
  colours.dark.ground,
  '#0a0d11',
  '#06080b',
];

/** A grid of 4 pixels. */
export const space = { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' };
export const radius = { xs: '4px', sm: '6px', md: '8px', lg: '8px', xl: '12px' };

/** 14 px is the base, 13 px for dense tables; Chinese wants more room between lines than Latin. */
export const fontSizes = { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' };
export const lineHeights = { xs: '1.5', sm: '1.5', md: '1.6', lg: '1.6', xl: '1.4' };
export const fontFamily =
  '-apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif';

/** The colours as custom properties. */
export function customProperties(theme: Theme): Record<string, string> {
  return Object.fromEntries(Object.entries(colours[theme]).map(([name, value]) => [`--${name}`, value]));
}
