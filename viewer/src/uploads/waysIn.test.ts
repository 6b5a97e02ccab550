import { expect, test } from 'vitest';
import { goesInPieces } from './waysIn';

test.each([
  ['IM0001', 500_000, false],
  ['a.dcm', 500_000, false],
  ['multiframe.dcm', 200_000_000, true],
  ['small.SVS', 10, true],
  ['B2026-1.ndpi', 1e9, true],
  ['notes.txt', 10, false],
])('%s of %d bytes: in pieces %s', (name, size, pieces) => expect(goesInPieces({ name, size })).toBe(pieces));
