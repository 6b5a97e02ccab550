/** The browser writes what is spoken, where it can and the person has asked for it: its maker may hear what is said. */
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface SpokenResult {
  readonly isFinal: boolean;
  readonly [index: number]: { readonly transcript: string };
}

interface Recognition {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  onresult: ((event: { readonly resultIndex: number; readonly results: ArrayLike<SpokenResult> }) => void) | null;
  onend: (() => void) | null;
  onerror: (() => void) | null;
  start: () => void;
  stop: () => void;
}

type RecognitionClass = new () => Recognition;

function recognitionClass(): RecognitionClass | undefined {
  const known = window as unknown as { SpeechRecognition?: RecognitionClass; webkitSpeechRecognition?: RecognitionClass };
  return known.SpeechRecognition ?? known.webkitSpeechRecognition;
}

export function canDictate(): boolean {
  return recognitionClass() !== undefined;
}

/** What has been understood for good, from one result on. */
export function finalWords(results: ArrayLike<SpokenResult>, from: number): string {
  return Array.from(results)
    .slice(from)
    .map((result) => (result.isFinal ? (result[0]?.transcript ?? '') : ''))
    .join('');
}

export interface Dictation {
  listening: boolean;
  toggle: () => void;
}

/** `null` where there is nothing to dictate with. */
export function useDictation(enabled: boolean, onSpoken: (text: string) => void): Dictation | null {
  const { i18n } = useTranslation();
  const [listening, setListening] = useState(false);
  const running = useRef<Recognition | null>(null);
  const spoken = useRef(onSpoken);
  useEffect(() => {
    spoken.current = onSpoken;
  });
  useEffect(() => () => running.current?.stop(), []);
  const Made = recognitionClass();
  if (!enabled || Made === undefined) return null;
  const toggle = () => {
    if (running.current !== null) {
      running.current.stop();
      return;
    }
    const recognition = new Made();
    recognition.lang = i18n.language === 'en' ? 'en-US' : 'zh-CN';
    recognition.continuous = true;
    recognition.interimResults = false;
    recognition.onresult = ({ resultIndex, results }) => {
      // Once for all of them: between two calls the text is not drawn anew, and the second would not see the first.
      const words = finalWords(results, resultIndex);
      if (words !== '') spoken.current(words);
    };
    const ended = () => {
      running.current = null;
      setListening(false);
    };
    recognition.onend = ended;
    recognition.onerror = ended;
    running.current = recognition;
    recognition.start();
    setListening(true);
  };
  return { listening, toggle };
}
