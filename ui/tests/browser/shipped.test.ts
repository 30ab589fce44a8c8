// The page as it is shipped holds nothing of the fake, no inline script and no address to load from.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { built } from './stage.mjs';

// It builds the page once more, which takes its time on a busy machine.
it('the shipped page is clean', async () => {
  const folder = await built('production');
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=|<style/);
  const files = readdirSync(join(folder, 'assets'));
  const scripts = files.filter((name) => name.endsWith('.js')).map((name) => readFileSync(join(folder, 'assets', name), 'utf8')).join('\n');
  expect(scripts).toContain('sign_in_answer');
  for (const trace of ['Ana Sousa', 'first-run&', 'window.outside', 'outside=', 'Nora New', 'eval(', 'new Function']) expect(scripts).not.toContain(trace);
}, 120_000);
