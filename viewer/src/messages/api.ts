/** Messages on a case as the server speaks of them. */
import { query, request } from '../api/client';
import type { Ref } from '../api/types';

export type Mark =
  | { on: 'image'; instance: string; frame: number; x_px: number; y_px: number; label: string }
  | { on: 'slide'; slide: string; x_px: number; y_px: number; label: string };

export interface Message {
  n: number;
  by: string;
  by_name: string;
  organisation: Ref;
  at: string;
  text: string;
  marks: Mark[];
  /** An address of this application that opens the same view. */
  view: string | null;
}

export interface NewMessage {
  /** Sent again with it, it is the same message. */
  once: string;
  text: string;
  marks: Mark[];
  view: string | null;
}

export interface Conversation {
  messages: Message[];
  count: number;
  read: number;
}

export interface Unread {
  consult: string;
  number: string;
  unread: number;
}

const segment = encodeURIComponent;

export const messages = {
  /** The last ones, or those before message number `before`. */
  list: (consult: string, limit: number, before: number | null) =>
    request<Conversation>('GET', `/consults/${segment(consult)}/messages${query(before === null ? { limit } : { limit, before })}`),
  write: (consult: string, body: NewMessage) => request<Message>('POST', `/consults/${segment(consult)}/messages`, { body }),
  read: (consult: string, n: number) => request<void>('PUT', `/consults/${segment(consult)}/messages/read`, { body: { n } }),
  unread: () => request<{ consults: Unread[] }>('GET', '/messages/unread'),
};
