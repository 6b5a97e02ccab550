import { afterEach, expect, test, vi } from 'vitest';
import { lineOf, type Line, type ToImages, type ToReport } from './pairing';

const lines: { close: () => void }[] = [];
let pairs = 0;

function pair(): [images: Line<ToImages, ToReport>, report: Line<ToReport, ToImages>] {
  const name = `test-${(pairs += 1)}`;
  const images = lineOf<ToImages, ToReport>(name, 'images');
  const report = lineOf<ToReport, ToImages>(name, 'report');
  lines.push(images, report);
  return [images, report];
}

afterEach(() => lines.splice(0).forEach((line) => line.close()));

test('every listener hears, whichever came last', async () => {
  const [images, report] = pair();
  const [first, second] = [vi.fn(), vi.fn()];
  report.hear(first);
  report.hear(second);
  images.say({ to: 'report', what: 'sign', id: 'c1' });
  await vi.waitFor(() => expect(second).toHaveBeenCalledWith({ to: 'report', what: 'sign', id: 'c1' }));
  expect(first).toHaveBeenCalledTimes(1);
});

test('one that was taken away hears no more, and takes no other with it', async () => {
  const [images, report] = pair();
  const [gone, stays] = [vi.fn(), vi.fn()];
  const stop = report.hear(gone);
  report.hear(stays);
  stop();
  images.say({ to: 'report', what: 'close' });
  await vi.waitFor(() => expect(stays).toHaveBeenCalledTimes(1));
  expect(gone).not.toHaveBeenCalled();
});

test('what is said to the other window is not heard by one of the same kind', async () => {
  const [images, report] = pair();
  const heard = vi.fn();
  images.hear(heard);
  images.say({ to: 'report', what: 'close' });
  report.say({ to: 'images', what: 'taken', n: 1, taken: { kind: 'refused' } });
  await vi.waitFor(() => expect(heard).toHaveBeenCalledWith({ to: 'images', what: 'taken', n: 1, taken: { kind: 'refused' } }));
  expect(heard).toHaveBeenCalledTimes(1);
});
