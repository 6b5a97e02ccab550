/** Modalities that lists offer; others may be typed where typing is possible. */
export const modalities = ['CT', 'MR', 'CR', 'DX', 'US', 'MG', 'XA', 'NM', 'PT', 'SM'];
