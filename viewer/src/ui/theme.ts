/** The design language as the component library takes it. */
import { createTheme, type CSSVariablesResolver } from '@mantine/core';
import { colours, customProperties, dark, fontFamily, fontSizes, lineHeights, radius, red, space, teal, yellow } from './tokens';

export const theme = createTheme({
  primaryColor: 'teal',
  // White words on a filled button need the seventh.
  primaryShade: 7,
  colors: { teal, dark, red, yellow },
  fontFamily,
  fontSizes,
  lineHeights,
  spacing: space,
  radius,
  defaultRadius: 'md',
  focusRing: 'auto',
  cursorType: 'pointer',
  // For people who have asked their computer for stillness; base.css says the same to style sheets.
  respectReducedMotion: true,
  // What is chosen must not be seen between two choices while the mark slides.
  // Said without the component itself, which the first page does not need.
  components: {
    SegmentedControl: { defaultProps: { transitionDuration: 0 } },
    // The keys go to the first item, not to an empty element, which no menu may have; and while a menu fades away it would
    // still keep the page's keys.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, transitionProps: { duration: 0 } } },
  },
});

const library = (theme: keyof typeof colours) => ({
  '--mantine-color-error': colours[theme].red,
  '--mantine-color-dimmed': colours[theme].dim,
  '--mantine-color-placeholder': colours[theme].hint,
  '--mantine-color-text': colours[theme].text,
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { ...customProperties('light'), ...library('light') },
  dark: { ...customProperties('dark'), ...library('dark') },
});
