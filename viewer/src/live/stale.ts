/** Which answers are stale after something changed. */
import type { QueryKey } from '@tanstack/react-query';
import { keys } from '../api/queries';
import type { LiveMessage } from './LiveLine';

export function staleAfter({ what, id, org }: LiveMessage): readonly QueryKey[] {
  switch (what) {
    case 'consult':
      return [keys.consults, ...(id === undefined ? [] : [keys.consult(id), keys.verdict(id)]), ['seconds']];
    case 'critical':
      // A consult says how many of its alarms stand, and what may be done with it.
      return [keys.consults, keys.critical, ...(id === undefined ? [] : [keys.consult(id)])];
    case 'opinion':
      // Whether a report may be signed depends on them.
      return [keys.consults, ...(id === undefined ? [] : [keys.opinions(id), keys.consult(id)])];
    case 'message':
      return [keys.unreadMessages, ...(id === undefined ? [] : [keys.messages(id)])];
    case 'delivery':
      return [keys.undelivered, ...(id === undefined ? [] : [keys.deliveries(id)])];
    case 'notice':
      return [keys.notices];
    case 'study':
      return [keys.studies, keys.slides, ...(id === undefined || org === undefined ? [] : [keys.study(org, id)])];
    case 'studies':
      return [keys.studies, keys.slides, ['study'], keys.corrections, keys.hidden];
    case 'orders':
      return [keys.orders, keys.modalityWorklist];
    case 'resync':
      return [everything];
    default:
      return [];
  }
}

/** The key that all others begin with. */
const everything: QueryKey = [];

/** What is asked for again and again while nobody says what changed. */
export const whileDown: readonly QueryKey[] = [
  keys.consults,
  ['consult'],
  keys.critical,
  ['opinions'],
  keys.unreadMessages,
  ['messages'],
  ['deliveries'],
  keys.notices,
  keys.studies,
  keys.slides,
];
