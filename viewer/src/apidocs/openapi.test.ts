import { expect, test } from 'vitest';
import { operations, typeName, type OpenApi } from './openapi';

test('schemas in a few words', () => {
  expect(typeName({ $ref: '#/components/schemas/Study' })).toBe('Study');
  expect(typeName({ type: 'array', items: { $ref: '#/components/schemas/Study' } })).toBe('[Study]');
  expect(typeName({ oneOf: [{ type: 'null' }, { $ref: '#/components/schemas/Ref' }] })).toBe('null | Ref');
  expect(typeName({ type: ['string', 'null'], format: 'date-time' })).toBe('string | null (date-time)');
  expect(typeName({ enum: ['A', 'B'] })).toBe('"A" | "B"');
});

test('only methods are operations', () => {
  const document = {
    info: { title: 'x', version: '1' },
    paths: { '/a': { parameters: {}, get: { summary: 'g' }, delete: {} } },
  } as OpenApi;
  expect(operations(document).map(({ method }) => method)).toEqual(['get', 'delete']);
});
