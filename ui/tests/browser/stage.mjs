// The stage of the browser tests and the pictures: the page with its fake backend, built, served under the window's own rules (CSP)
// on a free loopback port, and Debian's Chromium without a network of its own.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the shell allows the page; `'self'` to connect is for the tests' sake only. */
export const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ipc: http://ipc.localhost; " +
  "object-src 'none'; base-uri 'none'; form-action 'none'; frame-src 'none'; frame-ancestors 'none'";

/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png' };

/** Builds the page: with the fake backend, or as it is shipped. */
export async function built(/** @type {'fake' | 'production'} */ mode) {
  // A test runner says "test" here, and Svelte would be built for debugging.
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'production';
  await build({ root, mode, logLevel: 'error' });
  process.env.NODE_ENV = before;
  return join(root, mode === 'fake' ? 'dist-fake' : 'dist');
}

/** Serves a folder. Gives its address and a way to stop. */
export async function served(/** @type {string} */ folder) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://host').pathname));
    const file = join(folder, path === '/' ? 'index.html' : path);
    const answer = file.startsWith(folder) ? readFile(file) : Promise.reject(new Error('outside'));
    answer.then(
      (bytes) => response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': CSP }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the test server has no port');
  return { url: `http://127.0.0.1:${address.port}/`, stop: () => new Promise((stopped) => server.close(stopped)) };
}

const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-default-apps', '--font-render-hinting=none',
  ],
};

/** Starts Chromium for this process. */
export function browser() {
  return chromium.launch(CHROMIUM);
}

/** Starts Chromium for others to connect to. */
export function browserServer() {
  return chromium.launchServer(CHROMIUM);
}
