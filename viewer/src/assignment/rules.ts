/** What can be done with a list of rules before it is sent. */
import type { Rule } from './api';

export const blank: Rule = {
  name: '',
  modalities: [],
  body_parts: [],
  words: [],
  kinds: [],
  urgencies: [],
  requesting: [],
  languages: [],
  subspecialties: [],
  to: { who: 'anyone' },
  is_paused: false,
};

/** The rule goes one place up (-1) or down (1); at the end it stays. */
export function moved(rules: readonly Rule[], at: number, by: -1 | 1): Rule[] {
  const next = [...rules];
  const rule = next[at];
  const other = next[at + by];
  if (rule === undefined || other === undefined) return next;
  next[at] = other;
  next[at + by] = rule;
  return next;
}

/** Why a rule cannot be kept; `null` when it can. */
export function faultOf(rule: Rule, others: readonly Rule[]): 'name' | 'twice' | 'people' | null {
  const name = rule.name.trim();
  if (name === '') return 'name';
  if (others.some((other) => other.name.trim() === name)) return 'twice';
  return rule.to.who === 'people' && rule.to.people.length === 0 ? 'people' : null;
}
