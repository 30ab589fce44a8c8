// The window's life: the first run, a resident that goes and comes back, hostile text, and a very long inbox.

import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { becomes, calls, focused, opened, outside, press, rows } from './window';

describe('the first run', () => {
  it('says what Belfry does and keeps, plays the demo, and asks two more questions', async () => {
    const page = await opened({ scene: 'first-run' });
    const said = await page.getByTestId('first-run').innerText();
    expect(said).toContain('Every notification is kept in a file on this computer');
    await page.getByTestId('try-demo').click();
    await rows(page).first().waitFor();
    expect(await calls(page, 'add_demo')).toEqual([[]]);
    await page.getByTestId('first-steps').getByTestId('test-toast').click();
    await page.getByTestId('toast-seen').click();
    await page.getByTestId('login-start').click();
    await becomes(async () => page.getByTestId('login-start-words').innerText(), 'Belfry starts with its tray when you log in.');
    await page.getByTestId('first-steps-done').click();
    await becomes(async () => page.getByTestId('first-steps').count(), 0);
    await page.getByTestId('nav-accounts').click();
    await becomes(async () => page.locator('[data-account=demo] h2').innerText(), 'Demo');
  });

  it('connects an account', async () => {
    const page = await opened({ scene: 'first-run' });
    await page.getByTestId('connect').click();
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-url').waitFor();
    await outside(page, (it) => it.browserDone());
    await page.getByTestId('first-steps').waitFor();
    await page.getByText('No notifications yet').waitFor();
    await page.getByText('Connected; the service last gave a sign of life').waitFor();
  });

  it('a demo that cannot begin says why', async () => {
    const page = await opened({ scene: 'first-run' });
    await outside(page, (it) => it.fail('add_demo', 'The database is full.'));
    await page.getByTestId('try-demo').click();
    await becomes(async () => page.getByTestId('notice').innerText(), 'The database is full.');
    expect(await page.getByTestId('first-run').count()).toBe(1);
  });
});

describe('the resident', () => {
  it('gone is told, starting is told, and back everything is read again', async () => {
    const page = await opened();
    await rows(page).first().waitFor();
    await outside(page, (it) => it.resident('gone'));
    await becomes(async () => page.getByTestId('resident-bar').innerText(), 'Belfry’s background part has stopped. Nothing arrives until it is back.');
    await outside(page, (it) => it.resident('starting', 'Starting it again …'));
    await becomes(async () => page.getByTestId('resident-bar').innerText(), 'Starting it again …');
    const id = Number(await rows(page).first().getAttribute('data-id'));
    const before = (await calls(page, 'overview')).length;
    await outside(page, (it, id) => {
      it.resident('gone');
      // Nobody tells of this one: its signal was lost with the resident.
      for (const row of it.rows()) if (row.id === id) row.title = 'Read again';
      it.resident('back');
    }, id);
    await becomes(async () => page.getByTestId('resident-bar').count(), 0);
    await becomes(async () => rows(page).first().locator('.title').innerText(), 'Read again');
    expect((await calls(page, 'overview')).length).toBeGreaterThan(before);
    expect(await rows(page).count()).toBeGreaterThan(5);
  });
});

describe('hostile text', () => {
  const ACTIVE = ['a', 'b', 'script', 'iframe', 'img:not([alt=""])'].map((it) => `main ${it}`).join();

  it('is shown as text; nothing of it runs, loads or leads anywhere', async () => {
    const page = await opened({ scene: 'hostile' });
    await rows(page).first().waitFor();
    const count = await rows(page).count();
    expect(count).toBe(7);
    expect(await rows(page).first().locator('.title').innerText()).toBe('<img src=x onerror="window.hacked = 1"> Markup in a title');
    for (let index = 0; index < count; index += 1) {
      await rows(page).nth(index).click();
      const id = await rows(page).nth(index).getAttribute('data-id');
      await becomes(async () => page.getByTestId('detail').getAttribute('data-id'), id);
      await page.getByTestId('why').waitFor();
      expect(await page.locator(ACTIVE).count(), `row ${index} brings nothing but text`).toBe(0);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wider, `row ${index} stays within the window`).toBeLessThanOrEqual(0);
    }
    await rows(page).nth(0).click();
    await becomes(async () => (await page.getByTestId('body').innerText()).startsWith('<script>window.hacked = 2</script><b>bold?</b>'), true);
    expect(await page.getByTestId('open').count()).toBe(0);
    await rows(page).nth(1).click();
    await becomes(async () => page.getByTestId('host').innerText(), 'Opens xn--ypal-43d9g.com in your browser');
    await becomes(async () => page.getByTestId('detail-title').innerText(), 'evil txt.exe right to left');
    await rows(page).nth(3).click();
    await becomes(async () => (await page.getByTestId('detail-title').innerText()).length, 10_000);
    expect(await page.evaluate(() => Reflect.get(window, 'hacked'))).toBeUndefined();
  });
});

describe('100,000 rows', () => {
  it('coming back from another view, the reader finds the place again', async () => {
    const page = await opened({ scene: 'many' });
    await rows(page).first().waitFor();
    await scrolled(page, 300, 10);
    await becomes(async () => consecutive(await inSight(page)), true);
    const before = (await inSight(page))[0]?.at ?? 0;
    expect(before).toBeGreaterThan(30);
    await page.getByTestId('nav-settings').click();
    await page.getByTestId('nav-inbox').click();
    await becomes(async () => Math.abs(((await inSight(page))[0]?.at ?? 0) - before) <= 1, true);
  });

  const mounted = (page: Page) => page.evaluate(() => document.querySelectorAll('[data-testid=row]').length);

  /** Scrolls by so many pixels a frame (or to the end each time) and measures each frame, in milliseconds. */
  async function scrolled(page: Page, by: number | 'end', most: number): Promise<string> {
    const measured = await page.evaluate(async ({ by, most }) => {
      const scroller = document.querySelector('[data-testid=inbox]')?.parentElement as HTMLElement;
      const frame = () => new Promise<number>((done) => requestAnimationFrame(done));
      const frames: number[] = [];
      let mounted = 0;
      let last = await frame();
      for (let step = 0; step < most && !scroller.textContent?.includes('That is all'); step += 1) {
        if (by === 'end') scroller.scrollTop = scroller.scrollHeight;
        else scroller.scrollTop += by;
        const now = await frame();
        frames.push(now - last);
        last = now;
        mounted = Math.max(mounted, document.querySelectorAll('[data-testid=row]').length);
      }
      frames.sort((a, b) => a - b);
      const at = (part: number) => Math.round(frames[Math.min(frames.length - 1, Math.floor(frames.length * part))] ?? 0);
      return { mounted, words: `${frames.length} frames: worst ${at(1)} ms, p99 ${at(0.99)} ms, median ${at(0.5)} ms, at most ${mounted} rows in the page, ${Math.round(scroller.scrollTop)} px down` };
    }, { by, most });
    expect(measured.mounted).toBeLessThan(200);
    expect(measured.mounted).toBeGreaterThan(5);
    return measured.words;
  }

  /** Numbers and places of the rows in sight, from top to bottom. */
  function inSight(page: Page): Promise<{ at: number; number: number }[]> {
    return page.evaluate(() => {
      const box = (document.querySelector('[data-testid=inbox]')?.parentElement as HTMLElement).getBoundingClientRect();
      return [...document.querySelectorAll<HTMLElement>('[data-testid=row]')]
        .filter((row) => row.checkVisibility({ visibilityProperty: true }))
        .map((row) => ({ top: row.getBoundingClientRect().top, at: Number(row.getAttribute('aria-posinset')), number: Number(row.querySelector('.title')?.textContent?.split(':')[0]) }))
        .filter((row) => row.top >= box.top && row.top < box.bottom)
        .sort((a, b) => a.top - b.top)
        .map(({ at, number }) => ({ at, number }));
    });
  }
  const consecutive = (seen: { at: number; number: number }[]) => seen.length > 5 && seen.every((row, index) => row.at === (seen[0]?.at ?? 0) + index && row.number === 100_001 - row.at);

  it('scroll to the very last, with few of them in the page and the right ones in sight', { timeout: 300_000 }, async () => {
    const page = await opened({ scene: 'many' });
    await rows(page).first().waitFor();
    console.log(`wheel:   ${await scrolled(page, 120, 240)}`);
    await becomes(async () => consecutive(await inSight(page)), true);
    console.log(`flinging: ${await scrolled(page, 900, 120)}`);
    await becomes(async () => consecutive(await inSight(page)), true);
    console.log(`to the end: ${await scrolled(page, 'end', 20_000)}`);
    await page.evaluate(() => {
      const scroller = document.querySelector('[data-testid=inbox]')?.parentElement as HTMLElement;
      scroller.scrollTop = scroller.scrollHeight;
    });
    await becomes(async () => (await inSight(page)).at(-1)?.number, 1);
    expect(consecutive(await inSight(page))).toBe(true);
    expect(await rows(page).last().getAttribute('aria-setsize')).toBe('100000');
  });

  it('the row with the focus stays in the page, however far one scrolls', async () => {
    const page = await opened({ scene: 'many' });
    await rows(page).first().waitFor();
    await press(page, 'j', 3);
    await becomes(async () => (await focused(page)).id, '109998');
    await page.evaluate(() => {
      const scroller = document.querySelector('[data-testid=inbox]')?.parentElement as HTMLElement;
      scroller.scrollTop = 2500;
    });
    await becomes(async () => page.evaluate(() => (document.querySelector('[data-testid=inbox]')?.parentElement as HTMLElement).scrollTop > 2000), true);
    await becomes(async () => (await focused(page)).id, '109998');
    expect(await mounted(page)).toBeLessThan(200);
    await press(page, 'j');
    await becomes(async () => (await focused(page)).id, '109997');
  });
});
