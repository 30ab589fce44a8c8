// The window as a test uses it. Whatever the page does, it may break no rule of the CSP, load nothing from elsewhere, and throw nothing.

import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, inject } from 'vitest';
import type { Outside } from '../../src/fake/backend';

declare global {
  interface Window {
    outside: Outside;
  }
}

export type Opening = { scene?: string; at?: number; width?: number; height?: number; colorScheme?: 'light' | 'dark'; };

let browser: Browser;
const open: { page: Page; wrongs: string[] }[] = [];

beforeAll(async () => {
  browser = await chromium.connect(inject('browser'));
});
afterAll(async () => {
  await browser.close();
});
afterEach(async () => {
  const seen = open.splice(0);
  const wrongs = seen.flatMap((it) => it.wrongs);
  for (const { page } of seen) await page.context().close();
  expect(wrongs, 'what the page must never do').toEqual([]);
});

/** Opens the window on a scene of the fake backend. */
export async function opened({ scene = 'day', at, width = 1000, height = 700, colorScheme = 'light' }: Opening = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  const home = inject('page');
  const wrongs: string[] = [];
  open.push({ page, wrongs });
  page.on('pageerror', (error) => wrongs.push(`thrown: ${error.stack ?? error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrongs.push(`${message.type()}: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(home) && !request.url().startsWith('data:')) wrongs.push(`loaded: ${request.url()}`);
  });
  page.on('dialog', (dialog) => {
    wrongs.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  await page.goto(`${home}?scene=${scene}${at === undefined ? '' : `&at=${at}`}`);
  await page.locator('main h1').first().waitFor({ state: 'attached' });
  return page;
}

/** What the other side of the window is asked to do. */
export function outside<A>(page: Page, deed: (outside: Outside, argument: A) => unknown, argument?: A): Promise<unknown> {
  return page.evaluate(`(${deed.toString()})(window.outside, ${JSON.stringify(argument ?? null)})`);
}

/** The commands that reached the backend, with their arguments. */
export async function calls(page: Page, command: string): Promise<unknown[][]> {
  return page.evaluate((name) => window.outside.calls.filter((call) => call.command === name).map((call) => call.args), command);
}

/** Waits until it is so, and fails with what it is instead. */
export async function becomes<T>(look: () => Promise<T>, wanted: T): Promise<void> {
  await expect.poll(look, { timeout: 10_000, interval: 25 }).toEqual(wanted);
}

/** The rows in the page, from top to bottom. */
export function rows(page: Page): Locator {
  return page.getByTestId('row');
}

/** The title of the row, view or control that has the focus. */
export function focused(page: Page): Promise<{ id: string | null; testid: string | null; role: string | null; words: string }> {
  return page.evaluate(() => {
    const it = document.activeElement as HTMLElement;
    return { id: it.getAttribute('data-id'), testid: it.getAttribute('data-testid'), role: it.getAttribute('role'), words: (it.innerText ?? '').trim().slice(0, 60) };
  });
}

/** Presses a key so often. */
export async function press(page: Page, key: string, times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) await page.keyboard.press(key);
}

/** Presses Tab until the control has the focus. Fails if it never gets it. */
export async function tabTo(page: Page, control: Locator): Promise<void> {
  for (let step = 0; step < 80; step += 1) {
    if (await control.evaluate((it) => it === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never comes to ${control}`);
}
