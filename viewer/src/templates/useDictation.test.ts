import { expect, test } from 'vitest';
import { finalWords } from './useDictation';

const result = (transcript: string, isFinal = true) => ({ isFinal, 0: { transcript } });

test('what was understood at once is written at once, in its order, without what may still change', () => {
  const results = [result('早先'), result('右肺'), result('结节'), result('约', false)];
  expect(finalWords(results, 1)).toBe('右肺结节');
  expect(finalWords(results, 3)).toBe('');
});
