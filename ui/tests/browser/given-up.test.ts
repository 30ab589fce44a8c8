// Sign-ins that the person gives up, or whose dialog is closed, while the service is still being asked.

import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { becomes, calls, focused, opened, outside, press } from './window';

const dialog = (page: Page) => page.getByTestId('sign-in-dialog');
const notice = (page: Page) => page.getByTestId('notice');
const trouble = (page: Page) => page.getByTestId('sign-in-trouble').innerText();
const CANCELLED = 'The sign-in was cancelled; nothing was changed.';

async function adding(service: 'podium' | 'webhook' | 'pusher'): Promise<Page> {
  const page = await opened({ scene: 'hooks' });
  await page.getByTestId('nav-accounts').click();
  await becomes(() => page.getByTestId('account').count(), 5);
  await page.getByTestId('add-account').click();
  await page.getByTestId(`service-${service}`).check();
  return page;
}

/** Sends what is filled in; the answer, or the way to it, is held up. */
async function sent(page: Page, command: string, at: 'way-there' | 'way-back'): Promise<void> {
  const before = (await calls(page, command)).length;
  await outside(page, (it, [name, where]) => it.hold(name, where), [command, at] as [string, 'way-there' | 'way-back']);
  await press(page, 'Enter');
  await becomes(async () => (await calls(page, command)).length, before + 1);
}

async function atThePlaces(page: Page): Promise<void> {
  await page.getByTestId('relay-url').fill('https://relay.example');
  await page.getByTestId('client-id').fill('my-app');
  await page.getByTestId('client-secret').fill('app-s3cret');
  await press(page, 'Enter');
  await page.getByTestId('sign-in-url').waitFor();
  await outside(page, (it) => it.browserDone());
  await becomes(async () => (await focused(page)).testid, 'place');
}

const lastAnswer = async (page: Page) => (await calls(page, 'sign_in_answer')).at(-1)?.[1];

describe('a dialog that is closed while the service is asked', () => {
  it.each(['Escape', 'Close', 'Cancel'])('by %s tells of the webhook that is there after all, and of its secret that nobody saw', async (by) => {
    const page = await adding('webhook');
    await page.clock.install();
    await page.getByTestId('relay-url').fill('https://relay.example');
    await sent(page, 'sign_in', 'way-back');
    if (by === 'Escape') await press(page, 'Escape');
    else await dialog(page).getByRole('button', { name: by, exact: true }).click();
    await becomes(() => dialog(page).count(), 0);
    await outside(page, (it) => it.letGo());
    await becomes(() => notice(page).innerText(), 'Webhook – Nora New is connected after all: it was too late to give it up. Nobody saw its new secret; make another under “Change the connection”.');
    await becomes(() => page.getByTestId('account').count(), 6);
    await page.clock.fastForward(60_000);
    expect(await notice(page).count(), 'it stays until it was read').toBe(1);
  });

  it('tells of an account without a secret of its own, and closes nothing that was opened since', async () => {
    const page = await adding('pusher');
    await page.getByTestId('server-url').fill('http://localhost:6001');
    await page.getByTestId('app-key').fill('key');
    await page.getByTestId('channels').fill('news');
    await page.getByTestId('app-key').focus();
    await sent(page, 'sign_in', 'way-back');
    await press(page, 'Escape');
    await becomes(() => dialog(page).count(), 0);
    await page.getByTestId('add-account').click();
    await page.getByTestId('service-webhook').check();
    await outside(page, (it) => it.letGo());
    await becomes(() => notice(page).innerText(), 'Pusher – Nora New is connected after all: it was too late to give it up.');
    expect(await page.getByTestId('relay-url').count()).toBe(1);
  });

  it('says nothing where the service refused', async () => {
    const page = await adding('webhook');
    await page.getByTestId('relay-url').fill('https://closed.relay.example');
    await sent(page, 'sign_in', 'way-there');
    await press(page, 'Escape');
    await becomes(() => dialog(page).count(), 0);
    await outside(page, (it) => it.letGo());
    await page.getByTestId('add-account').click();
    await page.getByTestId('service-webhook').check();
    expect(await trouble(page)).toBe('');
    expect(await notice(page).count()).toBe(0);
    expect(await page.getByTestId('account').count()).toBe(5);
  });

  it('gives up the choice of a place; if that came too late, says so', async () => {
    const page = await adding('podium');
    await atThePlaces(page);
    await sent(page, 'sign_in_answer', 'way-back');
    await press(page, 'Escape');
    await becomes(() => dialog(page).count(), 0);
    await becomes(() => lastAnswer(page), { answer: 'cancel' });
    await outside(page, (it) => it.letGo());
    await becomes(() => notice(page).innerText(), 'Podium – Nora New is connected after all: it was too late to give it up.');
  });
});

describe('a choice of a place that is given up while it is under way', () => {
  it('is cancelled once it is certain that nothing was changed', async () => {
    const page = await adding('podium');
    await atThePlaces(page);
    await sent(page, 'sign_in_answer', 'way-there');
    await page.getByTestId('sign-in-cancel').click();
    await becomes(() => lastAnswer(page), { answer: 'cancel' });
    await becomes(() => page.getByTestId('sign-in-cancel').innerText(), 'Cancelling …');
    expect(await dialog(page).innerText()).not.toContain(CANCELLED);
    await outside(page, (it) => it.letGo());
    await becomes(() => trouble(page), CANCELLED);
    expect(await page.getByTestId('relay-url').inputValue()).toBe('https://relay.example');
    await press(page, 'Escape');
    await becomes(() => dialog(page).count(), 0);
    expect(await page.getByTestId('account').count()).toBe(5);
  });

  it('is never called cancelled where the account was made first', async () => {
    const page = await adding('podium');
    await atThePlaces(page);
    await sent(page, 'sign_in_answer', 'way-back');
    await page.getByTestId('sign-in-cancel').click();
    await becomes(() => lastAnswer(page), { answer: 'cancel' });
    await becomes(() => page.getByTestId('sign-in-cancel').innerText(), 'Cancelling …');
    expect(await page.getByTestId('sign-in-cancel').isDisabled()).toBe(true);
    expect(await dialog(page).innerText()).not.toContain(CANCELLED);
    await outside(page, (it) => it.letGo());
    await becomes(() => notice(page).innerText(), 'Podium – Nora New is connected.');
    expect(await dialog(page).count()).toBe(0);
  });
});
