/** The browser is Debian's Chromium, drawing in software; the tests of one file follow each other. */
import { defineConfig } from '@playwright/test';
import { artefacts } from './node.ts';

export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  // Each has its node. What is timed (`npm run timed`) runs alone.
  workers: 2,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  forbidOnly: true,
  // A real browser on a loaded machine: what passes the second time is reported as flaky, by name, with its trace.
  retries: 1,
  reporter: 'list',
  outputDir: `${artefacts}/browser`,
  globalSetup: './node.ts',
  use: {
    actionTimeout: 20_000,
    browserName: 'chromium',
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    viewport: { width: 1440, height: 900 },
    // Recording takes processor time, which the browsers draw with; what failed is recorded when it is tried again.
    trace: 'on-first-retry',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-dev-shm-usage',
        '--use-gl=angle',
        '--use-angle=swiftshader',
        '--enable-unsafe-swiftshader',
        '--disable-background-networking',
        // Date fields are drawn in the browser's own language.
        '--lang=zh-CN',
      ],
    },
  },
});
