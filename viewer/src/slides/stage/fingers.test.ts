import { expect, test } from 'vitest';
import { Fingers } from './fingers';

const at = (x: number, y = 0) => ({ x, y });

test('a tap is a press and a release at one place, once the finger is lifted', () => {
  const fingers = new Fingers();
  expect(fingers.put(1, at(10))).toEqual([]);
  expect(fingers.move(1, at(13))).toEqual([]);
  expect(fingers.lift(1, at(14))).toEqual([
    { kind: 'press', at: at(10) },
    { kind: 'release', at: at(10) },
  ]);
});

test('a finger that moves draws from where it was put down', () => {
  const fingers = new Fingers();
  fingers.put(1, at(10));
  expect(fingers.move(1, at(20))).toEqual([
    { kind: 'press', at: at(10) },
    { kind: 'move', at: at(20) },
  ]);
  expect(fingers.move(1, at(40))).toEqual([{ kind: 'move', at: at(40) }]);
  expect(fingers.lift(1, at(41))).toEqual([{ kind: 'release', at: at(41) }]);
});

test('two fingers move the slide and draw nothing, until both are lifted', () => {
  const fingers = new Fingers();
  expect(fingers.put(1, at(10))).toEqual([]);
  expect(fingers.put(2, at(30))).toEqual([]);
  expect(fingers.move(2, at(50))).toEqual([{ kind: 'pinch', from: [at(10), at(30)], to: [at(10), at(50)] }]);
  expect(fingers.lift(1, at(10))).toEqual([]);
  expect(fingers.move(2, at(90))).toEqual([]);
  expect(fingers.lift(2, at(90))).toEqual([]);
  fingers.put(3, at(10));
  expect(fingers.lift(3, at(10)), 'the next finger draws again').toHaveLength(2);
});

test('what one finger has begun is dropped when the second comes, or the browser takes the finger', () => {
  const fingers = new Fingers();
  fingers.put(1, at(10));
  fingers.move(1, at(30));
  expect(fingers.put(2, at(60))).toEqual([{ kind: 'cancel' }]);
  expect(fingers.put(3, at(90)), 'once').toEqual([]);
  for (const id of [1, 2, 3]) expect(fingers.lift(id, at(0))).toEqual([]);
  fingers.put(4, at(10));
  fingers.move(4, at(30));
  expect(fingers.lose(4)).toEqual([{ kind: 'cancel' }]);
  expect(fingers.move(4, at(50))).toEqual([]);
});
