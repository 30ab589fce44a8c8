// Takes pictures of every view, light and dark, into the folder named: `npm run pictures -- FOLDER [NAME…]`. Those named `detail-of-…`
// show the detail alone; docs/details.png is made of their light ones.

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { browser, built, served } from '../tests/browser/stage.mjs';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: npm run pictures -- FOLDER');
  process.exit(2);
}
await mkdir(folder, { recursive: true });
const server = await served(await built('fake'));
const chromium = await browser();

/** @typedef {import('playwright-core').Page} Page */
/** @type {Record<string, { scene: string, at?: number, width?: number, height?: number, only?: string, play?: (page: Page) => Promise<void> }>} */
const PICTURES = {
  inbox: {
    scene: 'day',
    play: async (page) => {
      await page.getByTestId('row').first().click();
      await page.getByTestId('why').waitFor();
    },
  },
  'inbox-news': {
    scene: 'day',
    play: async (page) => {
      await page.getByTestId('row').nth(2).click();
      await page.getByTestId('why').waitFor();
      await page.getByTestId('mark-read').click();
      await page.evaluate(() => void window.outside.arrive(3));
      await page.getByTestId('new-bar').waitFor();
    },
  },
  'inbox-narrow': { scene: 'day', width: 320, height: 640 },
  'detail-narrow': {
    scene: 'details', width: 320, height: 900,
    play: async (page) => {
      await page.getByTestId('row').nth(1).click();
      await page.getByTestId('why').waitFor();
    },
  },
  hostile: { scene: 'hostile', play: (page) => page.getByTestId('row').nth(0).click() },
  accounts: { scene: 'day', play: (page) => page.getByTestId('nav-accounts').click() },
  'account-choices': {
    scene: 'day',
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-choices').first().locator('summary').click();
    },
  },
  'add-account': {
    scene: 'day', height: 760,
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
    },
  },
  'add-cloudapp': {
    scene: 'day', height: 760,
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-cloudapp').check();
    },
  },
  'add-pusher': {
    scene: 'day', height: 1260,
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-pusher').check();
      await page.getByTestId('server-url').fill('http://localhost:8080');
      await page.getByTestId('app-key').fill('reverb-key');
      await page.getByTestId('channels').fill('orders\nprivate-App.Models.User.1');
      await page.getByTestId('by-endpoint').check();
    },
  },
  'add-podium': {
    scene: 'day', height: 1600,
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-podium').check();
      await page.getByTestId('relay-url').fill('https://relay.example.org');
      await page.getByTestId('client-id').fill('my-app');
      await page.getByTestId('podium-more').locator('> summary').click();
    },
  },
  place: {
    scene: 'day',
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-podium').check();
      await page.getByTestId('relay-url').fill('https://relay.example.org');
      await page.getByTestId('client-id').fill('my-app');
      await page.getByTestId('client-secret').fill('secret');
      await page.getByTestId('sign-in').click();
      await page.getByTestId('sign-in-url').waitFor();
      await page.evaluate(() => window.outside.browserDone());
      await page.getByTestId('place').first().waitFor();
    },
  },
  'add-webhook': {
    scene: 'day', height: 1500,
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-webhook').check();
      await page.getByTestId('relay-url').fill('https://relay.example.org');
    },
  },
  'add-webhook-narrow': {
    scene: 'day', width: 320, height: 2200,
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-webhook').check();
      await page.getByTestId('scheme').selectOption('hmac');
    },
  },
  'hook-step': {
    scene: 'day',
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-webhook').check();
      await page.getByTestId('relay-url').fill('https://relay.example.org');
      await page.getByTestId('sign-in').click();
      await page.getByTestId('made-secret').waitFor();
    },
  },
  'accounts-of-hooks': { scene: 'hooks', height: 1300, play: (page) => page.getByTestId('nav-accounts').click() },
  feed: {
    scene: 'feeds', width: 1100, height: 900,
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-map').click();
      await page.getByTestId('tried').first().waitFor();
    },
  },
  'feed-narrow': {
    scene: 'feeds', width: 320, height: 1600,
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-map').click();
      await page.getByTestId('tried').first().waitFor();
    },
  },
  'sign-in': {
    scene: 'day',
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('sign-in').click();
      await page.getByTestId('sign-in-url').waitFor();
    },
  },
  remove: {
    scene: 'day',
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-remove').first().click();
    },
  },
  settings: { scene: 'day', height: 1240, play: (page) => page.getByTestId('nav-settings').click() },
  'settings-narrow': { scene: 'day', width: 320, height: 900, play: (page) => page.getByTestId('nav-settings').click() },
  'first-run': { scene: 'first-run' },
  'first-steps': {
    scene: 'first-run',
    play: async (page) => {
      await page.getByTestId('try-demo').click();
      await page.getByTestId('row').first().waitFor();
    },
  },
  keys: { scene: 'day', play: (page) => page.getByTestId('keys').click() },
  gone: {
    scene: 'day',
    play: async (page) => {
      await page.getByTestId('row').first().waitFor();
      await page.evaluate(() => window.outside.resident('gone'));
    },
  },
};

const details = JSON.parse(await readFile(new URL('../contract/details.json', import.meta.url), 'utf8'));
for (const { name, entry } of details) {
  PICTURES[`detail-of-${name.replaceAll(' ', '-')}`] = { scene: 'details', at: entry.id, height: 1000, only: 'detail', play: (page) => page.getByTestId('parts').waitFor() };
}

const only = process.argv.slice(3);
for (const theme of /** @type {const} */ (['light', 'dark'])) {
  for (const [name, { scene, at, width = 1000, height = 700, only: alone, play }] of Object.entries(PICTURES)) {
    if (only.length > 0 && !only.some((it) => name.startsWith(it))) continue;
    const page = await chromium.newPage({ viewport: { width, height }, colorScheme: theme });
    await page.goto(`${server.url}?scene=${scene}${at === undefined ? '' : `&at=${at}`}`);
    await page.locator('main h1, main [data-testid=row]').first().waitFor({ state: 'attached' });
    await play?.(page);
    await page.waitForTimeout(200);
    await (alone ? page.getByTestId(alone) : page).screenshot({ path: join(folder, `${name}-${theme}.png`) });
    await page.close();
  }
}
await chromium.close();
await server.stop();
