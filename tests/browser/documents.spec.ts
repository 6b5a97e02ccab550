/** What of a study is no image: a stranger's report, a PDF that says it is something else, a video, a file to take away. */
import { store } from './made.ts';
import { expect, shot, test } from './people.ts';

test('a report, a PDF that calls itself OT, a video and a CDA are each shown as what they are', async ({ person }) => {
  const made = await store('documents');
  const page = await person('township');
  await page.goto(`/studies/${made.org}/${made.study}`);
  // The PDF has the first number; the images are what is opened.
  await expect(page.getByRole('img', { name: '影像', exact: true })).toHaveAttribute('data-shown', 'true', { timeout: 90_000 });
  await expect(page.getByTestId('slice')).toHaveText('图像 1 / 3');
  const series = page.getByRole('navigation', { name: '序列' });

  await series.getByRole('button', { name: /外院报告/ }).click();
  const paper = page.getByTitle('外院报告');
  await expect(paper).toBeVisible();
  const document = await page.request.get((await paper.getAttribute('src')) ?? '');
  expect(document.headers()['content-type']).toBe('application/pdf');
  expect((await document.body()).subarray(0, 5).toString()).toBe('%PDF-');
  await shot(page, 'document-pdf');

  await series.getByRole('button', { name: /外院结构化报告/ }).click();
  await expect(page.getByRole('document').getByText('右肺上叶结节 8 mm')).toBeVisible();
  await expect(page.getByText('未经确认的报告')).toBeVisible();
  await shot(page, 'document-sr');

  await series.getByRole('button', { name: /胃镜/ }).click();
  const video = page.locator('video');
  await expect.poll(() => video.evaluate((element: HTMLVideoElement) => [element.videoWidth, element.readyState >= 1])).toEqual([64, true]);
  await video.evaluate((element: HTMLVideoElement) => {
    element.muted = true;
    return element.play();
  });
  await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime)).toBeGreaterThan(0);
  await shot(page, 'document-video');

  await series.getByRole('button', { name: /病历摘要/ }).click();
  await expect(page.getByText('CDA 临床文档，浏览器不能直接显示，请下载后打开。')).toBeVisible();
  const coming = page.waitForEvent('download');
  await page.getByRole('link', { name: '下载' }).click();
  expect(await (await coming).failure()).toBeNull();

  // What the browser cannot play is said, and can be taken away.
  await page.route('**/rendered', (route) => route.fulfill({ status: 200, contentType: 'video/mpeg', body: 'no video' }));
  await series.getByRole('button', { name: /胃镜/ }).click();
  await expect(page.getByText('这个浏览器不能播放此视频的格式，请下载后用播放器打开。')).toBeVisible();
});
