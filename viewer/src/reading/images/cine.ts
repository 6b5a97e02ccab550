/** How fast a multi-frame image plays. */
import { number, type Instance } from './dicomJson';

const recommendedDisplayFrameRate = '00082144';
const cineRate = '00180040';
const frameTime = '00181063';
const frameTimeVector = '00181065';
const usual = 15;

/** Frames per second: as the image recommends, was acquired, or (`isStated` false) a usual rate. */
export function frameRate(instance: Instance): { fps: number; isStated: boolean } {
  const time = number(instance, frameTime);
  const steps = (instance[frameTimeVector]?.Value ?? []).map(Number).filter((step) => step > 0);
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  const candidates = [
    number(instance, recommendedDisplayFrameRate),
    number(instance, cineRate),
    time !== null && time > 0 ? 1000 / time : null,
    steps.length > 0 ? 1000 / mean : null,
  ];
  const stated = candidates.find((rate) => rate !== null && rate > 0);
  return { fps: bounded(stated ?? usual), isStated: stated !== undefined };
}

/** What a screen can show and an eye can follow. */
export function bounded(fps: number): number {
  return Math.min(Math.max(Math.round(fps * 10) / 10, 1), 60);
}
