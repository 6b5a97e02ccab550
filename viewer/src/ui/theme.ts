/** Colours, type and shape of the whole application. Amber and red belong to clocks and alarms, green to a valid signature. */
import { createTheme, SegmentedControl, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const teal: MantineColorsTuple = [
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

/** 0 is text, 2 dimmed text, 4 hairlines, 6 panels, 7 the ground (Mantine's convention). */
const dark: MantineColorsTuple = [
  '#e6edf3',
  '#b6c2cf',
  '#8b98a5',
  '#5c6773',
  '#2b323b',
  '#21272f',
  '#161b22',
  '#0e1116',
  '#0a0d11',
  '#06080b',
];

export const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: { light: 6, dark: 6 },
  colors: { teal, dark },
  fontFamily:
    '-apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '1.5', sm: '1.5', md: '1.6', lg: '1.6', xl: '1.4' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '8px', xl: '12px' },
  defaultRadius: 'md',
  focusRing: 'auto',
  cursorType: 'pointer',
  // What is chosen must not be seen between two choices while the mark slides.
  components: { SegmentedControl: SegmentedControl.extend({ defaultProps: { transitionDuration: 0 } }) },
});

/** Mantine's own red is too dark to read on a dark panel. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { '--mantine-color-error': '#c62828' },
  dark: { '--mantine-color-error': '#ff6b60' },
});
