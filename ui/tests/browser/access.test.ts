// Every view, in both themes: axe finds nothing serious, Tab comes to every control, and nothing is cut off where there is little room.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import details from '../../contract/details.json';
import { becomes, opened, outside, rows, type Opening } from './window';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Details that have each part among them. */
const DETAILS = new Set(['comment', 'item diff', 'invite', 'vote', 'message', 'meeting', 'hostile']);

const VIEWS: Record<string, { opening?: Opening; play?: (page: Page) => Promise<unknown> }> = {
  'first run': { opening: { scene: 'first-run' } },
  'first steps': {
    opening: { scene: 'first-run' },
    play: async (page) => {
      await page.getByTestId('try-demo').click();
      await page.getByTestId('first-steps').getByTestId('test-toast').click();
      await page.getByTestId('toast-not-seen').click();
    },
  },
  inbox: {
    play: async (page) => {
      await rows(page).first().click();
      await page.getByTestId('why').waitFor();
      await page.getByTestId('mark-read').click();
      await page.getByTestId('undo').waitFor();
      await outside(page, (it) => it.arrive(2));
      await page.getByTestId('new-bar').waitFor();
    },
  },
  ...Object.fromEntries(
    details.filter(({ name }) => DETAILS.has(name)).map(({ name, entry }) => [`detail: ${name}`, { opening: { scene: 'details', at: entry.id }, play: (page: Page) => page.getByTestId('parts').waitFor() }]),
  ),
  acts: {
    play: async (page) => {
      await rows(page).first().click();
      await page.getByTestId('offer-comment').click();
      await page.getByTestId('act-text').fill('On Friday, then.');
      await page.getByTestId('act-send').click();
      await page.getByTestId('act').waitFor();
      await outside(page, (it) => it.changeAct(1, { state: 'refused', words: 'Podio does not allow this.' }));
      await page.getByTestId('act-again').waitFor();
      await page.getByTestId('offer-unfollow').click();
      await page.getByTestId('act-undo').waitFor();
      await page.getByTestId('offer-comment').click();
      await page.getByTestId('act-text').fill('A second try.');
    },
  },
  'nothing found': {
    play: async (page) => {
      await page.getByTestId('search').fill('zzz');
      await page.getByText('Nothing found').waitFor();
    },
  },
  'hostile text': { opening: { scene: 'hostile' }, play: (page) => rows(page).first().click() },
  keys: { play: (page) => page.getByTestId('keys').click() },
  accounts: {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await outside(page, (it) => it.setState('podio', { state: 'needs-sign-in', reason: 'Podio has ended the sign-in.' }));
    },
  },
  'choices of an account': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-choices').first().locator('summary').click();
      await page.getByTestId('choose-sound').first().waitFor();
    },
  },
  'remove an account': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-remove').first().click();
    },
  },
  'add an account': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('by-password').check();
      await page.getByTestId('server-addresses').locator('summary').click();
    },
  },
  'add an account at CloudApp': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-cloudapp').check();
      await page.getByTestId('sign-in').click();
      await page.getByTestId('wrong').first().waitFor();
    },
  },
  'add an account at a Pusher-compatible server': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-pusher').check();
      await page.getByTestId('channels').fill('orders\nprivate-App.Models.User.1');
      await page.getByTestId('by-endpoint').check();
      await page.getByTestId('header-add').click();
      await page.getByTestId('map-rules').locator('> summary').click();
      await page.getByTestId('sign-in').click();
      await page.getByTestId('wrong').first().waitFor();
    },
  },
  'the app’s secret': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-pusher').check();
      await page.getByTestId('at-cluster').check();
      await page.getByTestId('by-secret').check();
      await page.getByTestId('app-secret').waitFor();
    },
  },
  'the connection of an account': {
    opening: { scene: 'feeds' },
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.locator('[data-account=pusher]').getByTestId('account-sign-in').click();
      await page.getByTestId('headers-anew').waitFor();
    },
  },
  'add an account at Podium': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-podium').check();
      await page.getByTestId('relay-url').fill('http://relay-with-a-long-name.example.org:8080/below/some/path');
      await page.getByTestId('podium-more').locator('> summary').click();
      await page.getByTestId('place-kind').selectOption('location');
      await page.getByTestId('sign-in').click();
      await page.getByTestId('wrong').first().waitFor();
    },
  },
  'the address to paste': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-podium').check();
      await page.getByTestId('by-local').check();
      for (const [field, value] of [['port', '4711'], ['public-url', 'https://me.example'], ['redirect-url', 'https://me.example/back'], ['client-id', 'app'], ['client-secret', 's']] as const) await page.getByTestId(field).fill(value);
      await page.getByTestId('sign-in').click();
      await page.getByTestId('paste-it').waitFor();
    },
  },
  'a place': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-podium').check();
      await page.getByTestId('relay-url').fill('https://relay.example');
      await page.getByTestId('client-id').fill('app');
      await page.getByTestId('client-secret').fill('s');
      await page.getByTestId('sign-in').click();
      await page.getByTestId('sign-in-url').waitFor();
      await outside(page, (it) => it.browserDone());
      await page.getByTestId('place').first().waitFor();
    },
  },
  'sign in again at Podium': {
    opening: { scene: 'hooks' },
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.locator('[data-account=podium]').getByTestId('account-sign-in').click();
      await page.getByTestId('join-code').waitFor();
    },
  },
  'a webhook': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-webhook').check();
      await page.getByTestId('by-local').check();
      await page.getByTestId('scheme').selectOption('hmac');
      await page.getByTestId('secret-typed').check();
      await page.getByTestId('sign-in').click();
      await page.getByTestId('wrong').first().waitFor();
    },
  },
  'a webhook without a signature': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-webhook').check();
      await page.getByTestId('scheme').selectOption('none');
      await page.getByTestId('unsigned').waitFor();
    },
  },
  'what to give to the service': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('service-webhook').check();
      await page.getByTestId('relay-url').fill('https://relay.example');
      await page.getByTestId('sign-in').click();
      await page.getByTestId('made-secret').waitFor();
    },
  },
  'the address of a webhook': {
    opening: { scene: 'hooks' },
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-address').click();
      await page.getByTestId('hook-address').waitFor();
    },
  },
  'what becomes of events': {
    opening: { scene: 'feeds' },
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-map').click();
      await page.getByTestId('tried').first().locator('summary').click();
      await page.getByTestId('rule-title').first().fill('{{ dta }}');
      await page.getByTestId('wrong').first().waitFor();
    },
  },
  'what becomes of a webhook': {
    opening: { scene: 'hooks' },
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('account-map').click();
      await page.getByTestId('tried').first().locator('summary').click();
    },
  },
  'detail: an event': {
    opening: { scene: 'feeds', at: 1900 },
    play: (page) => page.getByTestId('parts').waitFor(),
  },
  'sign in': {
    play: async (page) => {
      await page.getByTestId('nav-accounts').click();
      await page.getByTestId('add-account').click();
      await page.getByTestId('sign-in').click();
      await page.getByTestId('sign-in-url').waitFor();
    },
  },
  settings: {
    play: async (page) => {
      await page.getByTestId('nav-settings').click();
      await page.getByTestId('health-copy').waitFor();
    },
  },
  'resident gone': {
    play: async (page) => {
      await rows(page).first().waitFor();
      await outside(page, (it) => it.resident('gone'));
      await page.getByTestId('resident-bar').waitFor();
    },
  },
};

async function view(name: string, opening: Opening): Promise<Page> {
  const { opening: own, play } = VIEWS[name] ?? {};
  const page = await opened({ ...own, ...opening });
  await play?.(page);
  return page;
}

/** Serious and critical findings, each in a line. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(`window.axe || (() => { ${axe} })()`);
  // Colours are judged at rest.
  await page.evaluate(() => Promise.all(document.getAnimations().map((it) => it.finished)));
  return page.evaluate(async () => {
    type Result = { violations: { id: string; impact: string; help: string; nodes: { html: string; failureSummary: string }[] }[] };
    const run = Reflect.get(window, 'axe') as { run: (root: Document) => Promise<Result> };
    const { violations } = await run.run(document);
    return violations
      .filter((it) => it.impact === 'serious' || it.impact === 'critical')
      .flatMap((it) => it.nodes.map((node) => `${it.id}: ${it.help}: ${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`));
  });
}

/** The controls that Tab does not come to, once all the way round. */
async function unreachable(page: Page): Promise<string[]> {
  await page.evaluate(() => {
    const scope: ParentNode = document.querySelector('dialog[open]') ?? document;
    for (const it of scope.querySelectorAll<HTMLElement>('button, input, select, textarea, summary, a[href], [tabindex="0"]')) {
      if (it.closest('[inert]') || !it.checkVisibility() || (it as HTMLButtonElement).disabled) continue;
      // Of a group of radios the chosen one is the stop; the arrows lead to the others.
      if (it instanceof HTMLInputElement && it.type === 'radio' && !it.checked) continue;
      it.dataset.wanted = '';
    }
    (document.activeElement as HTMLElement | null)?.blur();
  });
  for (let step = 0; step < 90; step += 1) {
    await page.keyboard.press('Tab');
    await page.evaluate(() => delete (document.activeElement as HTMLElement).dataset.wanted);
    if ((await page.locator('[data-wanted]').count()) === 0) return [];
  }
  return page.locator('[data-wanted]').evaluateAll((all) => all.map((it) => it.outerHTML.slice(0, 160)));
}

it.each(Object.keys(VIEWS))('%s: axe finds nothing serious in light and dark, and Tab comes to every control', async (name) => {
  const page = await view(name, {});
  expect(await findings(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await findings(page)).toEqual([]);
  expect(await unreachable(page)).toEqual([]);
});

describe('with little room', () => {
  it.each(Object.keys(VIEWS))('%s: fits 320 pixels, and text of twice the size', async (name) => {
    const page = await view(name, { width: 320, height: 640 });
    const wider = () =>
      page.evaluate(() => {
        const views = [document.documentElement, ...document.querySelectorAll<HTMLElement>('.sheet, dialog[open], [data-testid=detail], main, nav')];
        return views.filter((it) => it.scrollWidth > it.clientWidth + 1).map((it) => `${it.tagName}.${it.className}: ${it.scrollWidth} > ${it.clientWidth}`);
      });
    await becomes(wider, []);
    await page.setViewportSize({ width: 640, height: 800 });
    await page.evaluate(() => {
      document.documentElement.style.fontSize = '187.5%';
    });
    await becomes(wider, []);
  });
});

it('the test itself sees a control that Tab does not come to, and a finding', async () => {
  const page = await view('settings', {});
  await page.getByTestId('theme').evaluate((it) => it.setAttribute('tabindex', '-1'));
  await page.getByTestId('test-toast').evaluate((it) => (it.textContent = ''));
  expect((await unreachable(page)).join()).toContain('theme');
  expect((await findings(page)).join()).toContain('button-name');
});
