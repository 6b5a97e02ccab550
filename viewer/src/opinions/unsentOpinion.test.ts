import { expect, test } from 'vitest';
import { opinionBeginning } from './unsentOpinion';

test('words that could not be sent are gone on with, and sent', () => {
  expect(opinionBeginning('可', { text: '可手术', over: '可' })).toEqual({ text: '可手术', toSend: true, other: null });
});

test('words that were taken away stay away', () => {
  expect(opinionBeginning('可手术', { text: '', over: '可手术\r\n' })).toEqual({ text: '', toSend: true, other: null });
});

test('words that the server has are not sent again', () => {
  expect(opinionBeginning('可手术', { text: '可手术\n', over: '可' })).toEqual({ text: '可手术', toSend: false, other: null });
});

test('words written over something else than what the server holds wait for a person', () => {
  expect(opinionBeginning('不可', { text: '可手术', over: '可' })).toEqual({ text: '不可', toSend: false, other: '可手术' });
});
