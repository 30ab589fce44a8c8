import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { becomes, calls, opened, outside } from './window';

async function settings(): Promise<Page> {
  const page = await opened();
  await page.getByTestId('nav-settings').click();
  await page.getByTestId('shown').waitFor();
  return page;
}
const kept = (page: Page) => page.evaluate(() => window.outside.settings());

describe('settings', () => {
  it('are kept at once, and are there again after leaving', async () => {
    const page = await settings();
    await page.getByTestId('shown').selectOption('count-only');
    await page.getByTestId('click-to').selectOption('window');
    await page.getByTestId('theme').selectOption('dark');
    await page.getByTestId('quiet-on').check();
    await page.getByTestId('quiet-day-fri').check();
    await page.getByTestId('quiet-day-sat').uncheck();
    await page.getByTestId('quiet-day-sun').uncheck();
    await page.getByTestId('quiet-from').fill('21:30');
    await page.getByTestId('quiet-from').blur();
    await page.getByTestId('quiet-until').fill('06:15');
    await page.getByTestId('quiet-until').blur();
    const wanted = {
      shown: 'count-only', click: 'window', theme: 'dark',
      quiet: { on: true, days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '21:30', until: '06:15' },
    };
    await becomes(() => kept(page), wanted as never);
    expect(await page.getByTestId('quiet-words').innerText()).toBe('No toasts from Monday to Friday from 21:30 until 06:15 the next morning. The inbox still fills.');
    await page.getByTestId('nav-inbox').click();
    await page.getByTestId('nav-settings').click();
    expect(await page.getByTestId('shown').inputValue()).toBe('count-only');
    expect(await page.getByTestId('quiet-until').inputValue()).toBe('06:15');
    expect(await page.getByTestId('quiet-day-sat').isChecked()).toBe(false);
  });

  it('changed quickly are all kept, in their order', async () => {
    const page = await settings();
    await outside(page, (it) => it.hold('set_settings', 'way-there'));
    await page.getByTestId('quiet-on').uncheck();
    await page.getByTestId('shown').selectOption('count-only');
    await page.getByTestId('theme').selectOption('dark');
    expect(await page.getByTestId('quiet-on').isChecked()).toBe(false);
    expect(await calls(page, 'set_settings')).toHaveLength(1);
    await outside(page, (it) => it.letGo());
    await becomes(async () => (await calls(page, 'set_settings')).length, 3);
    await becomes(async () => {
      const { shown, theme, quiet } = await kept(page);
      return { shown, theme, on: quiet.on };
    }, { shown: 'count-only', theme: 'dark', on: false } as never);
    expect(await page.getByTestId('quiet-on').isChecked()).toBe(false);
  });

  it('are not set back by what was read before the change', async () => {
    const page = await settings();
    await outside(page, (it) => {
      it.hold('settings', 'way-back');
      it.signal({ signal: 'settings' });
    });
    const reads = (await calls(page, 'settings')).length;
    await page.getByTestId('shown').selectOption('count-only');
    await becomes(async () => (await calls(page, 'settings')).length > reads, true);
    await outside(page, (it) => it.letGo());
    await page.getByTestId('quiet-on').uncheck();
    await becomes(async () => (await kept(page)).quiet.on, false);
    expect((await kept(page)).shown).toBe('count-only');
    expect(await page.getByTestId('shown').inputValue()).toBe('count-only');
  });

  it('changed elsewhere are shown here', async () => {
    const page = await settings();
    await outside(page, (it) => {
      Object.assign(it.settings(), { theme: 'light', shown: 'title-only' });
      it.signal({ signal: 'settings' });
    });
    await becomes(async () => page.getByTestId('shown').inputValue(), 'title-only');
  });

  it('that cannot be kept fall back, and say so', async () => {
    const page = await settings();
    await outside(page, (it) => it.fail('set_settings', 'The disk is full.'));
    await page.getByTestId('shown').selectOption('title-only');
    await becomes(async () => page.locator('[role=alert] [data-testid=notice]').innerText(), 'That could not be saved. The disk is full.');
    await becomes(async () => page.getByTestId('shown').inputValue(), 'title-and-body');
  });

  it('colours change the page, whatever the system wishes', async () => {
    const page = await settings();
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByTestId('theme').selectOption('dark');
    await expect.poll(ground).not.toBe(light);
    const dark = await ground();
    await page.getByTestId('theme').selectOption('light');
    await becomes(ground, light);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ground()).toBe(light);
    await page.getByTestId('theme').selectOption('system');
    await becomes(ground, dark);
  });

  it('starting at login shows the real state', async () => {
    const page = await settings();
    await becomes(async () => page.getByTestId('login-start').isChecked(), false);
    await page.getByTestId('login-start').click();
    await becomes(async () => page.getByTestId('login-start-words').innerText(), 'Belfry starts with its tray when you log in.');
    expect(await page.getByTestId('login-start').isChecked()).toBe(true);
    await outside(page, (it) => it.fail('set_login_start', 'The folder cannot be written to.'));
    await page.getByTestId('login-start').click();
    await becomes(async () => page.getByTestId('notice').innerText(), 'The folder cannot be written to.');
    expect(await page.getByTestId('login-start').isChecked()).toBe(true);
  });

  it('toasts are paused for an hour, until tomorrow, and resumed', async () => {
    const page = await settings();
    const said = () => page.getByTestId('paused').innerText();
    await page.getByTestId('pause-hour').click();
    await becomes(async () => (await said()).startsWith('Toasts are paused until'), true);
    await page.getByTestId('pause-tomorrow').click();
    await becomes(said, 'Toasts are paused until tomorrow 08:00. The inbox still fills.');
    await page.getByTestId('pause-resume').click();
    await becomes(said, 'Toasts are not paused.');
    const until = (await calls(page, 'pause_toasts')).map(([it]) => it as string | null);
    expect(Math.abs(Date.parse(until[0] ?? '') - Date.now() - 3_600_000)).toBeLessThan(60_000);
    expect(until[2]).toBeNull();
  });

  it('a test toast that was not seen leads to help', async () => {
    const page = await settings();
    await page.getByTestId('test-toast').click();
    await page.getByText('Did you see it?').waitFor();
    await page.getByTestId('toast-not-seen').click();
    await becomes(async () => (await page.getByTestId('toast-help').innerText()).includes('Do not disturb'), true);
  });

  it('what works on this computer stands in words, and can be copied', async () => {
    const page = await settings();
    await becomes(async () => (await page.getByTestId('health').innerText()).includes('toasts go to Xfce Notify Daemon'), true);
    expect(await page.locator('[data-testid=health] [data-works=false]').first().innerText()).toContain('does not answer');
    await page.getByTestId('health-copy').click();
    await becomes(async () => (await page.evaluate(() => navigator.clipboard.readText())).includes('- link:podio-2: api.podio.com does not answer'), true);
  });
});
