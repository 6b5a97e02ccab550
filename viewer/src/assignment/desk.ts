/** What lies on a coordinator's desk, in piles: what nobody has, and what each person has. */
import type { Burden, Carried, Overview, Shift } from './api';

/** One of the three piles without a person, or a person's identifier. */
export type PileName = 'unassigned' | 'to_review' | 'awaiting_data' | (string & {});

export interface Pile {
  name: PileName;
  person: Burden | null;
  cases: Carried[];
  overdue: number;
}

export function piles({ people, unassigned, to_review, awaiting_data }: Overview): Pile[] {
  const late = (cases: Carried[]) => cases.filter(({ is_overdue }) => is_overdue).length;
  const nobody = Object.entries({ unassigned, to_review, awaiting_data });
  return [
    ...nobody.map(([name, cases]) => ({ name, person: null, cases, overdue: late(cases) })),
    ...people.map((person) => ({ name: person.id, person, cases: person.cases, overdue: person.overdue })),
  ];
}

/** The shift that runs, or the next one; they come in the order in which they turn. */
export function nextShift(shifts: Shift[], person: string): Shift | undefined {
  const own = shifts.filter((shift) => shift.person.id === person);
  return own.find(({ has_begun }) => has_begun) ?? [...own].sort((a, b) => Date.parse(a.from) - Date.parse(b.from))[0];
}

/** How long ago, in the unit that people would say. */
export function ageOf(at: number, now: number): { n: number; unit: 'minutes' | 'hours' | 'days' } {
  const minutes = Math.max(0, Math.floor((now - at) / 60_000));
  if (minutes < 120) return { n: minutes, unit: 'minutes' };
  if (minutes < 48 * 60) return { n: Math.floor(minutes / 60), unit: 'hours' };
  return { n: Math.floor(minutes / 1440), unit: 'days' };
}

/** What a field for a local moment holds, as the server wants it; `null` when it is no moment. */
export function momentOf(local: string): string | null {
  const at = new Date(local);
  return local === '' || Number.isNaN(at.getTime()) ? null : at.toISOString();
}
