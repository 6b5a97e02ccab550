/** What several studies come to together. */
import type { Survey } from './api';

export interface Totals {
  instances: number;
  bytes: number;
  unsaid: number;
  /** Held back unless somebody has looked. */
  risky: number;
  /** Never go out. */
  never: number;
}

export function totals(surveys: Survey[]): Totals {
  return surveys.reduce(
    (sum, one) => ({
      instances: sum.instances + one.instances,
      bytes: sum.bytes + one.bytes,
      unsaid: sum.unsaid + one.unsaid,
      risky: sum.risky + one.likely_burned_in + one.burned_in,
      never: sum.never + one.labels + one.documents,
    }),
    { instances: 0, bytes: 0, unsaid: 0, risky: 0, never: 0 },
  );
}
