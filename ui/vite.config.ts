import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// `--mode fake` puts the backend of the tests in the place of the real one; no other mode contains a line of it.
export default defineConfig(({ mode }) => ({
  base: './',
  plugins: [svelte()],
  resolve: { alias: { '#backend': here(mode === 'fake' ? 'src/fake/backend.ts' : 'src/backend.ts') } },
  build: {
    outDir: mode === 'fake' ? 'dist-fake' : 'dist',
    emptyOutDir: true,
    // The oldest engine this has to run in: WebKitGTK of Debian 12, kept current by security updates.
    target: 'safari17.5',
    // A preload helper would be an inline matter of the page; there is one script, it needs none.
    modulePreload: false,
  },
  server: { host: '127.0.0.1', fs: { allow: ['..'] } },
}));
