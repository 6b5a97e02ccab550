/** Reading images by keyboard: what hangs where, what follows what, and that what is measured is what the pixels say. */
import { cpus, loadavg } from 'node:os';
import { drag, isChestCt, isChestCtBefore, open, patient, recomputed, saved, savedOf, screen, studyOf, valueOf, viewport } from './onImages.ts';
import { expect, expectPicture, shot, test } from './people.ts';

// A browser without a graphics card draws slowly, several viewports more so.
test.describe.configure({ timeout: 600_000 });
test.use({ actionTimeout: 90_000, navigationTimeout: 90_000 });
const asPerson = { headers: { 'X-Farsight': '1' } };

test('what is measured on a CT is what its pixels say, and is there the next time', async ({ person }) => {
  const page = await person('township');
  const study = await studyOf(page, isChestCt);
  await open(page, study);
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('PageDown');
  await expect(viewport(page).getByTestId('slice')).toHaveText('图像 31 / 120', patient);

  await page.keyboard.press('l');
  await drag(page, screen(page), [0.4, 0.3], [0.6, 0.3]);
  const length = await savedOf(page, study, 'length');
  expect(valueOf(length, 'length')).toBeCloseTo(recomputed(length)['length'] ?? NaN, 0);

  // The `z` that follows is the page's, not the library's undo.
  await page.keyboard.press('z');
  await expect(page.getByRole('button', { name: '缩放', exact: true })).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('e');
  await drag(page, screen(page), [0.44, 0.52], [0.5, 0.62]);
  const ellipse = await savedOf(page, study, 'ellipse');
  const inside = recomputed(ellipse);
  expect(valueOf(ellipse, 'area')).toBeCloseTo(inside['area'] ?? NaN, -1);
  expect(Math.abs(valueOf(ellipse, 'mean') - (inside['mean'] ?? NaN))).toBeLessThan(4);
  expect(Math.abs(valueOf(ellipse, 'standard_deviation') - (inside['standard_deviation'] ?? NaN))).toBeLessThan(4);

  await page.keyboard.press('b');
  // Away from what is written beside the ellipse.
  await drag(page, screen(page), [0.32, 0.45], [0.37, 0.55]);
  const rectangle = await savedOf(page, study, 'rectangle');
  const within = recomputed(rectangle);
  expect(Math.abs(valueOf(rectangle, 'mean') - (within['mean'] ?? NaN))).toBeLessThan(4);

  await page.keyboard.press('d');
  await drag(page, screen(page), [0.5, 0.45], [0.5, 0.45]);
  const probe = await savedOf(page, study, 'probe');
  expect(valueOf(probe, 'pixel_value')).toBe(recomputed(probe)['pixel_value']);

  await page.keyboard.press('t');
  await drag(page, screen(page), [0.35, 0.7], [0.3, 0.8]);
  await page.getByLabel('文字', { exact: true }).fill('结节？');
  await page.keyboard.press('Enter');
  const list = page.getByRole('region', { name: '测量' });
  await expect(list.getByText('结节？')).toBeVisible(patient);
  await expect(list.getByText('已自动保存')).toBeVisible(patient);
  await expect(list.getByRole('listitem')).toHaveCount(5);
  await shot(page, 'ct-measured');

  await open(page, study);
  await expect(list.getByRole('listitem')).toHaveCount(5, patient);
  await list.getByRole('button', { name: /椭圆/ }).click();
  await expect(viewport(page).getByTestId('slice')).toHaveText('图像 31 / 120', patient);
  await expect(screen(page).getByText(/均值 .* HU/).first()).toBeVisible(patient);
  const document = await page.request.get(`/api/v1/studies/${study.organisation.id}/${study.study_instance_uid}/measurements.dcm`);
  expect(document.headers()['content-type']).toBe('application/dicom');

  for (let left = 5; left > 0; left -= 1) await list.getByRole('button', { name: '删除这项测量' }).first().click();
  await expect.poll(async () => (await saved(page, study)).length, patient).toBe(0);
});

test('a cardiothoracic ratio is two widths, and a radiograph says what its lengths rest on', async ({ person }) => {
  const page = await person('township');
  const study = await studyOf(page, (one) => one.modalities.includes('CR') && one.description === '胸部正位');
  await open(page, study);
  await expect(viewport(page).getByTestId('spacing')).toHaveText(/探测器平面估计|未说明依据|经校准/);
  await page.keyboard.press('y');
  await drag(page, screen(page), [0.45, 0.6], [0.55, 0.6]);
  await drag(page, screen(page), [0.4, 0.7], [0.6, 0.7]);
  await expect(screen(page).getByText('心胸比 0.50')).toBeVisible(patient);
  await shot(page, 'cr-ratio');
  await page.keyboard.press('Delete');
  await page.keyboard.press('Delete');
  await expect.poll(async () => (await saved(page, study)).length, patient).toBe(0);
});

test('ultrasound plays as fast as it was acquired and measures within its regions', async ({ person }) => {
  const page = await person('township');
  const study = await studyOf(page, (one) => one.modalities.includes('US'));
  await open(page, study);
  await expect(page.getByTestId('fps')).toHaveText(/\d 帧\/秒/);
  const slice = viewport(page).getByTestId('slice');
  const before = await slice.textContent();
  await page.keyboard.press('Space');
  await expect(slice).not.toHaveText(before ?? '', patient);
  await page.keyboard.press('Space');
  await expect(page.getByRole('button', { name: '播放' })).toBeVisible();
  await shot(page, 'us-cine');
});

test('layouts, series and viewports by key', async ({ person }) => {
  const page = await person('township');
  await open(page, await studyOf(page, isChestCt));
  await page.keyboard.press('Alt+2');
  await expect(page.getByTestId('viewport')).toHaveCount(2);
  await page.keyboard.press('ArrowRight');
  await expect(viewport(page, 1)).toHaveAttribute('data-active', 'true');
  await page.keyboard.press(']');
  await expect(screen(page, 1)).toHaveAttribute('data-shown', 'true', patient);
  await page.keyboard.press('1');
  await expect(viewport(page, 1).getByTestId('window')).toHaveText('W 1500 L -600', patient);
  await expect(viewport(page).getByTestId('window')).toHaveText('W 400 L 40');
  await page.keyboard.press('Alt+4');
  await expect(page.getByTestId('viewport')).toHaveCount(4);
  await shot(page, 'layout-4');
  await page.keyboard.press('Alt+1');
  await expect(page.getByTestId('viewport')).toHaveCount(1);
});

test('a prior hangs beside the current study and follows it by patient position', async ({ person }) => {
  const township = await person('township');
  const [now, before] = [await studyOf(township, isChestCt), await studyOf(township, isChestCtBefore)];
  const { partners } = (await (await township.request.get('/api/v1/partners')).json()) as { partners: { organisation: { id: string } }[] };
  const draft = await township.request.post('/api/v1/consults', {
    ...asPerson,
    data: {
      reading_organisation: partners[0]?.organisation.id,
      kind: 'diagnosis',
      urgency: 'routine',
      study: { org: now.organisation.id, study_instance_uid: now.study_instance_uid },
      priors: [before.study_instance_uid],
      question: '与前片比较',
      history: '',
      consent: true,
    },
  });
  expect(draft.ok(), await draft.text()).toBe(true);
  const { id, version } = (await draft.json()) as { id: string; version: number };
  const sent = await township.request.post(`/api/v1/consults/${id}/submit`, { ...asPerson, data: { version } });
  expect(sent.ok(), await sent.text()).toBe(true);

  const page = await person('reader');
  await page.goto(`/cases/${id}`);
  await expect(page.getByTestId('image-viewer')).toHaveAttribute('data-protocol', 'sections-prior', patient);
  await expect(screen(page, 1)).toHaveAttribute('data-shown', 'true', patient);
  await expect(viewport(page, 1).getByText('既往', { exact: true })).toBeVisible();
  // 2.4 mm against 4.8 mm from the same place: every second slice.
  for (let step = 0; step < 4; step += 1) await page.keyboard.press('PageDown');
  await expect(viewport(page).getByTestId('slice')).toHaveText('图像 41 / 120', patient);
  const positions = async () =>
    Promise.all([0, 1].map(async (at) => Number(/位置 (-?[\d.]+) mm/.exec((await viewport(page, at).textContent()) ?? '')?.[1])));
  await expect
    .poll(async () => {
      const [first = NaN, second = NaN] = await positions();
      return Math.abs(first - second);
    }, patient)
    .toBeLessThanOrEqual(2.5);
  await page.keyboard.press('1');
  await expect(viewport(page, 1).getByTestId('window')).toHaveText('W 1500 L -600', patient);
  await shot(page, 'prior-beside');
  await page.keyboard.press('s');
  const stays = await viewport(page, 1).getByTestId('slice').textContent();
  await page.keyboard.press('PageDown');
  await expect(viewport(page).getByTestId('slice')).toHaveText('图像 51 / 120', patient);
  await expect(viewport(page, 1).getByTestId('slice')).toHaveText(stays ?? '');

  // What is on the screen goes to the other side with a word: the same image, in the same window, with the place that was pressed.
  await drag(page, screen(page), [0.4, 0.4], [0.4, 0.4]);
  const window = await viewport(page).getByTestId('window').textContent();
  await page.getByRole('button', { name: /^留言/ }).click();
  await page.getByRole('button', { name: '附上当前视野' }).click();
  await page.getByLabel('标记处是什么（可不填）').fill('这里');
  await page.getByLabel('写留言').fill('请看');
  await page.getByRole('button', { name: '发送' }).click();
  let view = '';
  await expect(async () => {
    const answer = await township.request.get(`/api/v1/consults/${id}/messages?limit=1`);
    const [message] = ((await answer.json()) as { messages: { view: string; marks: object[] }[] }).messages;
    expect(message?.marks).toEqual([expect.objectContaining({ on: 'image', frame: 1, label: '这里' })]);
    view = message?.view ?? '';
  }).toPass(patient);
  await township.goto(view);
  await expect(screen(township)).toHaveAttribute('data-shown', 'true', patient);
  await expect(viewport(township).getByTestId('slice')).toHaveText('图像 51 / 120');
  await expect(viewport(township).getByTestId('window')).toHaveText(window ?? '');
  await expect(township.getByTestId('view-mark')).toContainText('这里');
  await shot(township, 'view-from-message');
});

test('a volume is cut in three planes, and what is none says why', async ({ person }) => {
  const page = await person('township');
  await open(page, await studyOf(page, isChestCt));
  await page.keyboard.press('m');
  await expect(page.getByTestId('mpr')).toHaveAttribute('data-shown', 'true', patient);
  await expect(page.getByTestId('mpr')).toHaveAttribute('data-loaded', 'true', { timeout: 180_000 });
  await expectPicture(page, page.getByRole('img', { name: '冠状位' }));
  await expectPicture(page, page.getByRole('img', { name: '矢状位' }));
  await shot(page, 'mpr');
  const axial = page.getByTestId('mpr-axial');
  const was = await axial.textContent();
  await page.keyboard.press('ArrowDown');
  await expect(axial).not.toHaveText(was ?? '', patient);
  await page.keyboard.press('+');
  await page.keyboard.press('+');
  await page.keyboard.press('o');
  await expect(page.locator('[data-plane=axial]').getByText('最大密度 MIP 5 mm')).toBeVisible();
  await shot(page, 'mpr-mip');
  await page.keyboard.press('m');
  await expect(screen(page)).toHaveAttribute('data-shown', 'true', patient);

  await open(page, await studyOf(page, (one) => one.modalities.includes('CR')));
  await page.keyboard.press('m');
  await expect(page.getByTestId('no-mpr')).toHaveText('图像太少，不能重建三平面');
});

test('decoded images stay within the budget of memory', async ({ person }) => {
  const page = await person('township');
  await page.evaluate(() => localStorage.setItem('farsight.images.budgetMb', '16'));
  await open(page, await studyOf(page, isChestCt));
  const viewer = page.getByTestId('image-viewer');
  let most = 0;
  for (let step = 0; step < 24; step += 1) {
    await page.keyboard.press('PageDown');
    most = Math.max(most, Number(await viewer.getAttribute('data-memory-mb')));
    if (step === 11) for (let back = 0; back < 10; back += 1) await page.keyboard.press('PageUp');
  }
  await expect(viewport(page).getByTestId('slice')).toHaveText('图像 120 / 120', patient);
  await expect.poll(async () => Number(await viewer.getAttribute('data-memory-mb')), patient).toBeGreaterThan(0);
  most = Math.max(most, Number(await viewer.getAttribute('data-memory-mb')));
  console.log(`120 slices of 0.5 MB, budget 16 MB: at most ${most} MB of decoded images`);
  // What the screen itself asks for comes on top, up to a quarter.
  expect(most).toBeLessThanOrEqual(20);
});

test('a stack in memory scrolls as fast as the machine draws', async ({ person }) => {
  const page = await person('township');
  await open(page, await studyOf(page, isChestCt));
  await expect(page.getByRole('progressbar', { name: '已载入' }).first()).toHaveAttribute('aria-valuenow', '120', { timeout: 180_000 });
  const { idle, rate, longest_ms, steps, renderer } = await screen(page).evaluate(async (element) => {
    const frame = () => new Promise<number>((done) => requestAnimationFrame(done));
    let began = await frame();
    for (let count = 0; count < 30; count += 1) await frame();
    const idle = 30_000 / ((await frame()) - began);
    const times: number[] = [];
    element.addEventListener('CORNERSTONE_IMAGE_RENDERED', () => times.push(performance.now()));
    began = performance.now();
    // The next key comes with the first frame after the slice is on the screen, as of a finger that stays on it.
    let steps = 0;
    // Long enough to be counted where the processor draws.
    while (steps < 119 && performance.now() - began < 20_000) {
      steps += 1;
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true, cancelable: true }));
      while (times.length < steps && performance.now() - began < 60_000) await frame();
    }
    const took_ms = performance.now() - began;
    const gl = document.createElement('canvas').getContext('webgl2');
    const names = gl?.getExtension('WEBGL_debug_renderer_info') ?? null;
    return {
      idle,
      rate: (steps * 1000) / took_ms,
      longest_ms: Math.max(...times.map((time, at) => time - (times[at - 1] ?? began))),
      steps,
      renderer: names === null ? 'none' : String(gl?.getParameter(names.UNMASKED_RENDERER_WEBGL)),
    };
  });
  // Each key is one slice.
  await expect(viewport(page).getByTestId('slice')).toHaveText(`图像 ${steps + 1} / 120`, patient);
  console.log(
    `${steps} slices of 512 × 512 in memory, one after the other: ${rate.toFixed(1)} a second, the slowest after ${Math.round(longest_ms)} ms; ` +
      `the page at rest has ${idle.toFixed(1)} frames a second; drawn by ${renderer} on ${cpus().length} cores with a load of ${loadavg()[0]?.toFixed(1)}`,
  );
  // Without a graphics card the processor draws, whatever else it has to do.
  if (!/swiftshader|llvmpipe|none/i.test(renderer)) expect(rate).toBeGreaterThan(Math.min(60, idle) * 0.9);
});
