import { QueryClient } from '@tanstack/react-query';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Preferences } from '../api/types';

const server = vi.hoisted(() => ({ get: vi.fn<() => Promise<unknown>>(), put: vi.fn<(all: unknown) => Promise<void>>() }));
vi.mock('../api/endpoints', () => ({ session: { preferences: server.get, putPreferences: server.put } }));

const { keepPreferences } = await import('./keepPreferences');

const held: Preferences = { theme: 'dark', worklist_columns: ['patient'], worklist_filters: [], opens_next: null };

beforeEach(() => {
  server.get.mockReset();
  server.put.mockReset().mockResolvedValue();
});

test('what is changed before the server has answered keeps the rest', async () => {
  server.get.mockImplementation(() => new Promise((done) => setTimeout(() => done(held), 1)));
  const cache = new QueryClient();
  await Promise.all([keepPreferences(cache, { theme: 'light' }), keepPreferences(cache, { worklist_columns: ['clock'] })]);
  expect(server.put.mock.calls).toEqual([[{ ...held, theme: 'light' }], [{ ...held, theme: 'light', worklist_columns: ['clock'] }]]);
});

test('a filter is put to those that the server holds, also when they have not come yet', async () => {
  const filter = (name: string) => ({ name, tab: 'mine' as const, q: '', modality: null, urgency: null });
  server.get.mockResolvedValue({ ...held, worklist_filters: [filter('CT')] });
  await keepPreferences(new QueryClient(), ({ worklist_filters: had }) => ({ worklist_filters: [...had, filter('MR')] }));
  expect(server.put.mock.calls).toEqual([[{ ...held, worklist_filters: [filter('CT'), filter('MR')] }]]);
});

test('nothing is sent when it is not known what the server holds', async () => {
  server.get.mockRejectedValue(new Error('offline'));
  await expect(keepPreferences(new QueryClient(), { theme: 'light' })).rejects.toThrow('offline');
  expect(server.put).not.toHaveBeenCalled();
});
