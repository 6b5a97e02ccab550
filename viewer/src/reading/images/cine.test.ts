import { expect, test } from 'vitest';
import { frameRate } from './cine';

const one = (tag: string, ...Value: unknown[]) => ({ [tag]: { Value } });

test.each([
  [one('00082144', '30'), 30, true],
  [one('00180040', 12), 12, true],
  [one('00181063', '33.333'), 30, true],
  [one('00181065', 0, 40, 40, 60, 60), 20, true],
  [{ ...one('00082144', 25), ...one('00181063', 100) }, 25, true],
  [one('00181063', 0), 15, false],
  [one('00180040', 900), 60, true],
])('%j plays at %s', (instance, fps, isStated) => expect(frameRate(instance)).toEqual({ fps, isStated }));
