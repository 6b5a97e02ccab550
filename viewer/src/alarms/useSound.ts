/** Two short tones for each alarm, if this person wants them; the browser plays none before somebody has touched the page. */
import { useEffect, useRef } from 'react';
import { useStored } from '../ui/useStored';

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

/** `count` grows with every alarm, also with one that is said again. */
export function useSound(count: number, isAlarm: boolean): { isOn: boolean; turn: (on: boolean) => void } {
  const [isOn, setOn] = useStored<boolean>('farsight.alarm.sound', false);
  const heard = useRef(0);
  useEffect(() => {
    const isNew = count > heard.current;
    heard.current = count;
    if (isNew && isOn && isAlarm) play();
  }, [count, isOn, isAlarm]);
  return {
    isOn,
    turn: (on) => {
      setOn(on);
      if (on) play();
    },
  };
}
