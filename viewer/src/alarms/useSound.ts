/** Two short tones for each alarm, if this person wants them; the browser plays none before somebody has touched the page. */
import { useEffect, useRef } from 'react';
import { readStored, useStored } from '../ui/useStored';

const tones_hz = [880, 660];
const tone_s = 0.25;

function play(): void {
  const context = new AudioContext();
  tones_hz.forEach((frequency, index) => {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    tone.frequency.value = frequency;
    volume.gain.value = 0.2;
    tone.connect(volume).connect(context.destination);
    tone.start(context.currentTime + index * tone_s);
    tone.stop(context.currentTime + (index + 1) * tone_s);
    if (index === tones_hz.length - 1) tone.onended = () => void context.close();
  });
}

const key = 'farsight.alarm.sound';

/** Whether this person wants to hear alarms in this browser. */
export function useSoundWish(): { isOn: boolean; turn: (on: boolean) => void } {
  const [isOn, setOn] = useStored<boolean>(key, false);
  return {
    isOn,
    turn: (on) => {
      setOn(on);
      if (on) play();
    },
  };
}

/** Whether one of these has been said since: it was not there, or was said less often. */
export function isNews(heard: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): boolean {
  return [...now].some(([alarm, count]) => count > (heard.get(alarm) ?? 0));
}

/** `alarms`: how often each was said, by what names it. */
export function useSound(alarms: ReadonlyMap<string, number>): void {
  const heard = useRef<ReadonlyMap<string, number>>(new Map());
  useEffect(() => {
    if (isNews(heard.current, alarms) && readStored<boolean>(key, false)) play();
    heard.current = alarms;
  }, [alarms]);
}
