import { expect, test } from 'vitest';
import { toScreen, toSlide, type FieldOfView } from '../stage/geometry';
import { follow, pixelRatio, swapped, type Alignment } from './follow';

const stage = { width: 600, height: 400 };
const leader: FieldOfView = { x: 1000, y: 1000, zoom: 0.5, rotation_deg: 10, mirrored: false };

function alignments(): Alignment[] {
  return [
    { leader, follower: { x: 300, y: 4000, zoom: 0.25, rotation_deg: 100, mirrored: false } },
    { leader, follower: { x: 300, y: 4000, zoom: 0.5, rotation_deg: 350, mirrored: true } },
    { leader: { ...leader, mirrored: true }, follower: { x: 0, y: 0, zoom: 2, rotation_deg: 45, mirrored: true } },
  ];
}

/** Where a place of the leader was on the follower when they were aligned. */
function partner({ leader: from, follower: to }: Alignment, point: { x: number; y: number }) {
  return toSlide(to, stage, toScreen(from, stage, point));
}

test('where they were aligned, the follower is where it was', () => {
  for (const alignment of alignments()) {
    const there = follow(alignment, alignment.leader);
    expect(there.x).toBeCloseTo(alignment.follower.x, 6);
    expect(there.rotation_deg).toBeCloseTo(alignment.follower.rotation_deg, 6);
    expect(there.mirrored).toBe(alignment.follower.mirrored);
  }
});

test('what lay over each other stays over each other, through pan, zoom, turn and mirror', () => {
  const place = { x: 1100, y: 950 };
  for (const alignment of alignments()) {
    for (const mirrored of [false, true]) {
      const view = { x: 1300, y: 700, zoom: 1.7, rotation_deg: 77, mirrored };
      const onLeader = toScreen(view, stage, place);
      const onFollower = toScreen(follow(alignment, view), stage, partner(alignment, place));
      expect(onFollower.x).toBeCloseTo(onLeader.x, 4);
      expect(onFollower.y).toBeCloseTo(onLeader.y, 4);
    }
  }
});

test('pixels count as equal where one of the slides does not say how large they are', () => {
  expect(pixelRatio({ x: 0.5 }, { x: 0.25 })).toBe(2);
  expect(pixelRatio({ x: 0.25 }, null)).toBe(1);
  expect(pixelRatio(null, { x: 0.25 })).toBe(1);
  expect(pixelRatio(null, null)).toBe(1);
});

test('either may lead', () => {
  for (const alignment of alignments()) {
    const view = { x: 1300, y: 700, zoom: 1.7, rotation_deg: 77, mirrored: true };
    const back = follow(swapped(alignment), follow(alignment, view));
    expect(back.x).toBeCloseTo(view.x, 4);
    expect(back.y).toBeCloseTo(view.y, 4);
    expect(back.zoom).toBeCloseTo(view.zoom, 6);
    expect(back.mirrored).toBe(view.mirrored);
  }
});
