import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { becomes, calls, focused, opened, outside, press, tabTo } from './window';

const card = (page: Page, id: string) => page.locator(`[data-testid=account][data-account="${id}"]`);

async function accounts(): Promise<Page> {
  const page = await opened();
  await page.getByTestId('nav-accounts').click();
  await card(page, 'podio').waitFor();
  return page;
}

async function adding(): Promise<Page> {
  const page = await accounts();
  await page.getByTestId('add-account').click();
  await page.getByTestId('client-id').fill('belfry-test');
  await page.getByTestId('client-secret').fill('s3cret');
  return page;
}

describe('an account', () => {
  it('says how it stands, why, and when it tries again, counting down', async () => {
    const page = await accounts();
    const waiting = card(page, 'podio-2');
    await becomes(async () => waiting.getByTestId('account-state').innerText(), 'Not connected');
    expect(await waiting.innerText()).toContain('api.podio.com does not answer');
    const left = async () => Number(/in (\d+) s/.exec(await waiting.getByTestId('next-attempt').innerText())?.[1]);
    const before = await left();
    await expect.poll(left, { timeout: 5_000 }).toBeLessThan(before);
    await waiting.getByTestId('account-retry').click();
    await becomes(async () => waiting.getByTestId('account-state').innerText(), 'Connected');
    expect(await calls(page, 'retry_now')).toEqual([['podio-2']]);
    await becomes(async () => (await card(page, 'podio').innerText()).includes('Last sign of life'), true);
  });

  it('is paused and resumed', async () => {
    const page = await accounts();
    const podio = card(page, 'podio');
    await podio.getByTestId('account-pause').click();
    await becomes(async () => podio.getByTestId('account-state').innerText(), 'Paused');
    await podio.getByTestId('account-pause').click();
    await becomes(async () => podio.getByTestId('account-state').innerText(), 'Connected');
    expect(await calls(page, 'set_paused')).toEqual([['podio', true], ['podio', false]]);
  });

  it('has a colour, pop-ups and a sound of its own choosing', async () => {
    const page = await accounts();
    const podio = card(page, 'podio');
    await podio.getByTestId('account-choices').locator('summary').click();
    const before = await podio.locator('h2 .dot').getAttribute('data-colour');
    expect(before).not.toBe('teal');
    await podio.getByRole('radio', { name: 'Teal' }).check();
    await becomes(async () => podio.locator('h2 .dot').getAttribute('data-colour'), 'teal');
    await podio.getByTestId('choose-banners').selectOption('never');
    await podio.getByTestId('choose-sound').selectOption('always');
    await becomes(async () => (await calls(page, 'set_choices')).at(-1), ['podio', { colour: 'teal', banners: 'never', sound: 'always' }]);
  });

  it('keeps each of several quick choices, and takes back what was refused', async () => {
    const page = await accounts();
    const podio = card(page, 'podio');
    await podio.getByTestId('account-choices').locator('summary').click();
    await outside(page, (it) => it.hold('set_choices', 'way-there'));
    await podio.getByTestId('choose-banners').selectOption('never');
    await podio.getByTestId('choose-sound').selectOption('always');
    expect(await podio.getByTestId('choose-banners').inputValue()).toBe('never');
    await outside(page, (it) => it.letGo());
    await becomes(async () => (await calls(page, 'set_choices')).at(-1), ['podio', { colour: null, banners: 'never', sound: 'always' }]);
    await outside(page, (it) => it.fail('set_choices', 'The disk is full.'));
    await podio.getByTestId('choose-sound').selectOption('never');
    await becomes(async () => podio.getByTestId('choose-sound').inputValue(), 'always');
  });

  it('is removed after asking, with the keyboard alone', async () => {
    const page = await accounts();
    const remove = card(page, 'podio').getByTestId('account-remove');
    await tabTo(page, remove);
    await press(page, 'Enter');
    await page.getByTestId('remove-dialog').waitFor();
    await becomes(async () => (await focused(page)).words, 'Cancel');
    await press(page, 'Escape');
    await becomes(async () => page.getByTestId('remove-dialog').count(), 0);
    expect(await remove.evaluate((it) => it === document.activeElement)).toBe(true);
    expect(await calls(page, 'remove_account')).toEqual([]);

    await press(page, 'Enter');
    await page.getByTestId('confirm-remove').waitFor();
    // A modal dialog: Tab leads nowhere else in the page.
    for (let step = 0; step < 6; step += 1) {
      await press(page, 'Tab');
      expect(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null)).toBe(true);
    }
    await tabTo(page, page.getByTestId('confirm-remove'));
    await press(page, 'Enter');
    await becomes(async () => card(page, 'podio').count(), 0);
    expect(await calls(page, 'remove_account')).toEqual([['podio']]);
    await becomes(async () => (await focused(page)).words, 'Accounts');
    await becomes(async () => page.getByTestId('notice').innerText(), 'Podio – Ada Brook was removed.');
    // Its notifications are gone from the inbox too.
    await page.getByTestId('nav-inbox').click();
    await page.getByTestId('row').first().waitFor();
    expect(await page.getByText('Ana Sousa commented').count()).toBe(0);
  });

  it('leaves something to do, which is told whole until it was read', async () => {
    const page = await accounts();
    await page.clock.install();
    const left = `Podio could not be told that this sign-in is over (it does not answer: connection to api.podio.com:443 refused). ${'It ends by itself. '.repeat(8)}To end it now, remove Belfry’s access in your account at Podio`;
    await outside(page, (it, words) => it.leave(words), left);
    await card(page, 'podio').getByTestId('account-remove').click();
    await page.getByTestId('confirm-remove').click();
    await becomes(async () => page.getByTestId('notice').innerText(), `Podio – Ada Brook was removed. ${left}.`);
    expect(await page.getByTestId('notice').evaluate((it) => it.scrollHeight <= it.clientHeight && it.scrollWidth <= it.clientWidth)).toBe(true);
    await page.clock.fastForward(60_000);
    expect(await page.getByTestId('notice').count()).toBe(1);
  });

  it('that could not be removed stays, and says why', async () => {
    const page = await accounts();
    await outside(page, (it) => it.fail('remove_account', 'The database is full.'));
    await card(page, 'podio').getByTestId('account-remove').click();
    await page.getByTestId('confirm-remove').click();
    await becomes(async () => page.locator('[role=alert] [data-testid=notice]').innerText(), 'The database is full.');
    expect(await card(page, 'podio').count()).toBe(1);
  });

  it('that is signed out asks for it, and is signed in again', async () => {
    const page = await accounts();
    await outside(page, (it) => it.setState('podio', { state: 'needs-sign-in', reason: 'Podio has ended the sign-in.' }));
    await becomes(async () => card(page, 'podio').getByTestId('account-state').innerText(), 'Signed out');
    expect(await page.getByTestId('nav-accounts').innerText()).toContain('!');
    await card(page, 'podio').getByTestId('account-sign-in').click();
    expect(await page.getByTestId('client-id').count()).toBe(0);
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-url').waitFor();
    await outside(page, (it) => it.browserDone());
    await becomes(async () => card(page, 'podio').getByTestId('account-state').innerText(), 'Connected');
    expect(await calls(page, 'sign_in')).toEqual([[{ account: 'podio', name: null, service: 'podio', settings: null, client_secret: null, password: null }]]);
  });
});

describe('a new account', () => {
  it('is connected by the browser, which the window notices by itself', async () => {
    const page = await adding();
    await page.getByTestId('sign-in').click();
    await becomes(async () => (await page.getByTestId('sign-in-url').inputValue()).startsWith('https://podio.com/oauth/authorize'), true);
    expect(await page.getByTestId('sign-in-dialog').innerText()).toContain('Your browser was opened');
    await page.getByTestId('sign-in-dialog').getByRole('button', { name: 'Copy' }).click();
    await becomes(() => page.evaluate(() => navigator.clipboard.readText()), await page.getByTestId('sign-in-url').inputValue());
    await outside(page, (it) => it.browserDone());
    await becomes(async () => page.getByTestId('account').count(), 4);
    await becomes(async () => page.getByTestId('sign-in-dialog').count(), 0);
    await becomes(async () => page.getByTestId('notice').innerText(), 'Podio – Nora New is connected.');
    expect(await calls(page, 'sign_in')).toEqual([[{ account: null, name: null, service: 'podio', settings: { client_id: 'belfry-test' }, client_secret: 's3cret', password: null }]]);
  });

  it('is connected by pasting the code, after a paste that held none', async () => {
    const page = await adding();
    await page.getByTestId('sign-in').click();
    await page.getByTestId('paste-code').fill('http://localhost/nothing');
    await page.getByTestId('paste-send').click();
    await becomes(async () => page.getByTestId('sign-in-trouble').innerText(), 'there is no code in what was pasted');
    await page.getByTestId('paste-code').fill('http://localhost:41234/?code=abc&state=f3b1');
    await page.getByTestId('paste-send').click();
    await becomes(async () => page.getByTestId('account').count(), 4);
    await becomes(async () => page.getByTestId('sign-in-dialog').count(), 0);
    const answers = (await calls(page, 'sign_in_answer')).map(([, answer]) => (answer as { answer: string }).answer);
    expect(answers).toEqual(['wait', 'pasted', 'pasted']);
  });

  it('a sign-in that fails in the browser, or is given up, can be begun again', async () => {
    const page = await adding();
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-url').waitFor();
    await outside(page, (it) => it.browserFailed('You did not allow it.'));
    await page.getByText('You did not allow it.').waitFor();
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-cancel').click();
    await page.getByText('The sign-in was cancelled').waitFor();
    expect(await page.getByTestId('client-id').inputValue()).toBe('belfry-test');
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-url').waitFor();
    await press(page, 'Escape');
    await becomes(async () => page.getByTestId('sign-in-dialog').count(), 0);
    await becomes(async () => (await calls(page, 'sign_in_answer')).filter(([, it]) => (it as { answer: string }).answer === 'cancel').length, 2);
    expect((await focused(page)).testid).toBe('add-account');
  });

  it('is connected by user name, password and second factor, with addresses of one’s own', async () => {
    const page = await adding();
    await page.getByTestId('by-password').check();
    await page.getByTestId('username').fill('two@example.org');
    await page.getByTestId('password').fill('wrong');
    await page.getByTestId('server-addresses').locator('summary').click();
    await page.getByTestId('api-url').fill('http://127.0.0.1:9');
    await page.getByTestId('sign-in').click();
    await page.getByText('did not accept this user name').waitFor();
    await page.getByTestId('password').fill('right');
    await page.getByTestId('sign-in').click();
    await page.getByTestId('second-factor').fill('000000');
    await press(page, 'Enter');
    await becomes(async () => page.getByTestId('sign-in-trouble').innerText(), 'that code was not accepted; type it again');
    await page.getByTestId('second-factor').fill('123456');
    await press(page, 'Enter');
    await becomes(async () => page.getByTestId('account').count(), 4);
    expect((await calls(page, 'sign_in')).at(-1)).toEqual([
      { account: null, name: null, service: 'podio', settings: { client_id: 'belfry-test', api_url: 'http://127.0.0.1:9' }, client_secret: 's3cret', password: { username: 'two@example.org', password: 'right' } },
    ]);
  });

  it('a client ID without its secret is told at once', async () => {
    const page = await accounts();
    await page.getByTestId('add-account').click();
    await page.getByTestId('client-id').fill('only-this');
    await page.getByTestId('sign-in').click();
    await page.getByText('The client ID needs its secret').waitFor();
    expect(await calls(page, 'sign_in')).toEqual([]);
  });
});
