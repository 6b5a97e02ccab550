// How the application is built, served in development, and unit-tested.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  worker: { format: 'es' },
  build: {
    // Everything is served by the node itself under a strict CSP: nothing may become a data: script.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5000,
    target: 'es2022',
    rolldownOptions: { input: ['index.html', 'api-docs/index.html'] },
  },
  server: {
    proxy: { '/api': server, '/dicom-web': server, '/healthz': server },
  },
  // Limits are for what hangs, not for a machine that has a lot to do.
  test: { include: ['src/**/*.test.ts'], environment: 'node', testTimeout: 60_000 },
});
