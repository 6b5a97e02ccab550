/** Whose consults are counted: one's own organisation's, all of the alliance's, or those of one organisation in it. */

export const own = 'own';
export const all = 'all';

/** As the server is asked for them; an organisation is `=` and its identifier. */
export function whose(of: string): { alliance?: 'true'; organisation?: string } {
  if (of === own) return {};
  return of === all ? { alliance: 'true' } : { alliance: 'true', organisation: of.slice(1) };
}
