// Podium and webhooks: how they come in, what leaves the page, the place, the address to give to the service.

import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { becomes, calls, focused, opened, outside, press, tabTo } from './window';

const card = (page: Page, id: string) => page.locator(`[data-testid=account][data-account="${id}"]`);
const dialog = (page: Page) => page.getByTestId('sign-in-dialog');
const wrongs = (page: Page) => page.getByTestId('wrong').allInnerTexts();
const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText());
const WEB = 'Write the whole address, beginning with https:// or http://.';
const NEEDED = 'This is needed.';

async function accounts(): Promise<Page> {
  const page = await opened({ scene: 'hooks' });
  await page.getByTestId('nav-accounts').click();
  await card(page, 'webhook').waitFor();
  return page;
}

async function adding(service: 'podium' | 'webhook'): Promise<Page> {
  const page = await accounts();
  await page.getByTestId('add-account').click();
  await page.getByTestId(`service-${service}`).check();
  return page;
}

/** All that stands in the page, in its fields, too. */
async function everything(page: Page): Promise<string> {
  const typed = await page.locator('input, textarea').evaluateAll((all) => all.map((it) => (it as HTMLInputElement).value).join('\n'));
  return `${await page.content()}\n${typed}`;
}

async function podium(page: Page, relay = 'https://relay.example'): Promise<void> {
  await page.getByTestId('relay-url').fill(relay);
  await page.getByTestId('client-id').fill('my-app');
  await page.getByTestId('client-secret').fill('app-s3cret');
}

const places = (page: Page) => page.getByTestId('place').evaluateAll((all) => all.map((it) => [(it as HTMLInputElement).value, (it as HTMLInputElement).checked]));

describe('Podium', () => {
  it('is connected over a relay: app, browser, place; its secrets leave the page and do not stay', async () => {
    const page = await adding('podium');
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), [WEB, NEEDED, NEEDED]);
    expect((await focused(page)).testid).toBe('relay-url');
    expect(await calls(page, 'sign_in')).toEqual([]);

    await podium(page, 'https://closed.relay.example/below/');
    expect(await page.getByTestId('redirect-shown').inputValue()).toBe('https://closed.relay.example/below/oauth/callback');
    await page.getByTestId('redirect-shown-copy').click();
    await becomes(() => clipboard(page), 'https://closed.relay.example/below/oauth/callback');
    await page.getByTestId('sign-in').click();
    await becomes(() => page.getByTestId('sign-in-trouble').innerText(), 'The relay wants its join code: it prints it when it starts.');
    expect(await wrongs(page)).toEqual([]);
    expect(await page.getByTestId('typed-again').count()).toBe(1);
    expect(await everything(page)).not.toContain('app-s3cret');

    await page.getByTestId('client-secret').fill('app-s3cret');
    await page.getByTestId('join-code').fill('let-me-in');
    await page.getByTestId('sealed').check();
    await page.getByTestId('events-calls').check();
    await page.getByTestId('events-messages').check();
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-url').waitFor();
    expect(await dialog(page).innerText()).toContain('this window notices by itself');
    expect(await page.getByTestId('paste-it').count()).toBe(0);
    for (const secret of ['app-s3cret', 'let-me-in']) expect(await everything(page)).not.toContain(secret);
    await outside(page, (it) => it.browserDone());
    await page.getByTestId('place').first().waitFor();
    await becomes(() => places(page), [['l-1', true], ['l-2', false]]);
    await page.getByRole('radio', { name: 'Harbour' }).check();
    await page.getByTestId('place-send').click();
    await becomes(() => dialog(page).count(), 0);
    await becomes(() => page.getByTestId('notice').innerText(), 'Podium – Nora New is connected.');

    expect((await calls(page, 'sign_in')).at(-1)).toEqual([
      {
        service: 'podium', account: null, name: null, client_secret: 'app-s3cret', join_code: 'let-me-in',
        settings: {
          client_id: 'my-app', redirect_url: null, receiver: { by: 'relay', url: 'https://closed.relay.example/below/', sealed: true }, place: null,
          events: ['message.received', 'message.sent', 'message.failed', 'call.received', 'call.completed', 'call.missed', 'call.voicemail_left'],
        },
      },
    ]);
    expect((await calls(page, 'sign_in_answer')).map(([, answer]) => answer)).toEqual([{ answer: 'wait' }, { answer: 'place', uid: 'l-2' }]);
  });

  it('is signed in to by pasting, and its place is chosen with the keyboard alone', async () => {
    const page = await adding('podium');
    await podium(page);
    await press(page, 'Enter');
    await page.getByTestId('paste-code').fill('https://relay.example/oauth/callback?code=abc&state=x');
    await press(page, 'Enter');
    await becomes(async () => (await focused(page)).testid, 'place');
    await press(page, 'ArrowDown');
    await becomes(() => places(page), [['l-1', false], ['l-2', true]]);
    await outside(page, (it) => it.fail('sign_in_answer', 'The relay does not answer.'));
    await press(page, 'Enter');
    await becomes(() => page.getByTestId('sign-in-trouble').innerText(), 'The relay does not answer.');
    await outside(page, (it) => it.fail('sign_in_answer', null));
    await tabTo(page, page.getByTestId('place-send'));
    await press(page, 'Enter');
    await becomes(() => dialog(page).count(), 0);
    expect((await calls(page, 'sign_in_answer')).at(-1)?.[1]).toEqual({ answer: 'place', uid: 'l-2' });
  });

  it('the choice of the place can be given up', async () => {
    const page = await adding('podium');
    await podium(page);
    await press(page, 'Enter');
    await page.getByTestId('sign-in-url').waitFor();
    await outside(page, (it) => it.browserDone());
    await page.getByTestId('place').first().waitFor();
    await page.getByTestId('sign-in-cancel').click();
    await page.getByText('The sign-in was cancelled').waitFor();
    expect(await page.getByTestId('relay-url').inputValue()).toBe('https://relay.example');
    expect(await page.getByTestId('client-secret').inputValue()).toBe('');
    expect(await page.getByTestId('typed-again').count()).toBe(1);
    expect(await page.getByTestId('podium-more').getAttribute('open'), 'nothing is filled in there').toBeNull();
    expect((await calls(page, 'sign_in_answer')).at(-1)?.[1]).toEqual({ answer: 'cancel' });
  });

  it('the browser can fail: the form stands as it was, says that its secrets are to be typed again, and hides nothing that is filled in', async () => {
    const page = await adding('podium');
    await podium(page);
    await page.getByTestId('podium-more').locator('> summary').click();
    await page.getByTestId('redirect-url').fill('https://me.example/back');
    await page.getByTestId('client-id').press('Enter');
    await page.getByTestId('paste-it').waitFor();
    await outside(page, (it) => it.browserFailed('Podium was told not to allow it.'));
    await becomes(() => page.getByTestId('sign-in-trouble').innerText(), 'Podium was told not to allow it.');
    expect(await page.getByTestId('typed-again').count()).toBe(1);
    expect(await page.getByTestId('redirect-url').isVisible()).toBe(true);
    expect(await page.getByTestId('redirect-url').inputValue()).toBe('https://me.example/back');
  });

  it('by a tunnel wants its other end and a redirect address; what is folded away unfolds when it is wrong', async () => {
    const page = await adding('podium');
    await podium(page);
    await page.getByTestId('by-local').check();
    expect(await page.getByTestId('redirect-shown').count()).toBe(0);
    await page.getByTestId('port').fill('70000');
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), ['A port is a number from 1 to 65535.', WEB, WEB]);
    await page.getByTestId('port').fill('4711');
    await page.getByTestId('public-url').fill('https://me.example');
    await page.getByTestId('redirect-url').fill('https://me.example/back');
    const more = page.getByTestId('podium-more').locator('> summary');
    await more.click();
    await page.getByTestId('place-kind').selectOption('location');
    await page.getByTestId('api-url').fill('127.0.0.1');
    await more.click();
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), [NEEDED, WEB]);
    await becomes(async () => (await focused(page)).testid, 'place-name');
    await page.getByTestId('place-name').fill('Main Street');
    await page.getByTestId('api-url').fill('http://127.0.0.1:9');
    await press(page, 'Enter');
    await page.getByTestId('paste-it').waitFor();
    expect(await dialog(page).innerText()).not.toMatch(/by itself;|Waiting/);
    expect((await focused(page)).testid).toBe('paste-it');
    expect(await page.getByTestId('sign-in-url').count()).toBe(1);
    await tabTo(page, page.getByTestId('paste-code'));
    await page.getByTestId('paste-code').fill('https://me.example/back?code=abc&state=x');
    await press(page, 'Enter');
    await becomes(() => dialog(page).count(), 0);
    expect((await calls(page, 'sign_in')).at(-1)).toMatchObject([
      {
        join_code: null,
        settings: {
          receiver: { by: 'local', port: 4711, public_url: 'https://me.example' }, redirect_url: 'https://me.example/back', api_url: 'http://127.0.0.1:9', authorize_url: 'http://127.0.0.1:9/oauth/authorize',
          place: { place: 'location', uid: 'Main Street' }, events: [],
        },
      },
    ]);
  });

  it('that is there is signed in again by the browser alone; place and events stay', async () => {
    const page = await accounts();
    await outside(page, (it) => it.setState('podium', { state: 'needs-sign-in', reason: 'Podium has ended the sign-in.' }));
    await becomes(() => card(page, 'podium').getByTestId('account-sign-in').innerText(), 'Sign in again');
    await card(page, 'podium').getByTestId('account-sign-in').click();
    await page.getByTestId('client-secret').waitFor();
    expect(await dialog(page).getByRole('heading').first().innerText()).toBe('Sign in again: Podium – Main Street');
    await page.getByTestId('join-code').fill('c0de');
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-url').waitFor();
    await outside(page, (it) => it.browserDone());
    await becomes(async () => card(page, 'podium').getByTestId('account-state').innerText(), 'Connected');
    expect(await calls(page, 'sign_in')).toEqual([[{ service: 'podium', account: 'podium', name: null, settings: null, client_secret: null, join_code: 'c0de' }]]);
    expect(await card(page, 'podium').getByTestId('account-address').count()).toBe(0);
    expect(await card(page, 'podium').getByTestId('account-map').count()).toBe(0);
  });

  it('that is there may be told of other things and listen elsewhere', async () => {
    const page = await accounts();
    expect(await card(page, 'podium').getByTestId('account-sign-in').innerText()).toBe('Change the connection');
    await card(page, 'podium').getByTestId('account-sign-in').click();
    await page.getByTestId('client-secret').waitFor();
    const told = () => dialog(page).locator('input[type=checkbox]:checked').evaluateAll((all) => all.map((it) => (it as HTMLInputElement).value));
    expect(await told()).toEqual(['messages', 'reviews']);
    expect(await page.getByTestId('place-kind').locator('option').allInnerTexts()).toEqual(['Main Street', 'another one: I choose after signing in']);
    expect(await everything(page), 'whoever knows the channel can send').not.toContain('MnOpQr');
    await page.getByTestId('events-reviews').uncheck();
    await page.getByTestId('events-calls').check();
    await page.getByTestId('place-kind').selectOption('ask');
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-url').waitFor();
    await outside(page, (it) => it.browserFailed('Podium was told not to allow it.'));
    await becomes(() => page.getByTestId('sign-in-trouble').innerText(), 'Podium was told not to allow it.');
    expect([await told(), await page.getByTestId('place-kind').inputValue()], 'what was chosen is there when the form comes back').toEqual([['messages', 'calls'], 'ask']);
    await page.getByTestId('sign-in').click();
    await page.getByTestId('sign-in-url').waitFor();
    await outside(page, (it) => it.browserDone());
    await page.getByTestId('place').first().waitFor();
    await page.getByTestId('place-send').click();
    await becomes(() => page.getByTestId('notice').innerText(), 'Podium – Main Street is connected.');
    const events = ['message.received', 'call.received', 'call.completed', 'call.missed', 'call.voicemail_left', 'contact.unchanged'];
    const sent = await calls(page, 'sign_in');
    expect(sent).toHaveLength(2);
    expect(sent[1]).toMatchObject([{ account: 'podium', settings: { place: null, events } }]);
  });
});

describe('a webhook', () => {
  it('is added as GitHub signs: the address and the secret that Belfry made are shown once, to be copied', async () => {
    const page = await adding('webhook');
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), [WEB]);
    await page.getByTestId('relay-url').fill('https://relay.example');
    expect(await page.getByTestId('secret-fresh').isChecked()).toBe(true);
    expect(await page.getByTestId('hook-secret').count()).toBe(0);
    expect(await page.getByTestId('preset-github').isChecked()).toBe(true);
    expect(await page.getByTestId('preset-laravel').count()).toBe(0);
    await press(page, 'Enter');
    await becomes(() => page.getByTestId('hook-address').inputValue(), 'https://relay.example/hook/GhIjKl');
    const made = await page.getByTestId('made-secret').inputValue();
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    expect(await dialog(page).innerText()).toContain('Settings, Webhooks, Add webhook');
    expect((await focused(page)).words).toContain('Belfry listens. Give this address and this secret');
    await tabTo(page, page.getByTestId('hook-address-copy'));
    await press(page, 'Enter');
    await becomes(() => clipboard(page), 'https://relay.example/hook/GhIjKl');
    await tabTo(page, page.getByTestId('made-secret-copy'));
    await press(page, 'Enter');
    await becomes(() => clipboard(page), made);
    const [wish] = (await calls(page, 'sign_in')).at(-1) as [{ settings: { map: { rules: unknown[] } } }];
    expect(wish).toMatchObject({ service: 'webhook', account: null, secret: made, join_code: null, settings: { receiver: { by: 'relay', url: 'https://relay.example', sealed: false }, signature: { scheme: 'github' } } });
    expect(wish.settings.map.rules).toHaveLength(7);

    await page.getByTestId('hook-done').click();
    await becomes(() => dialog(page).count(), 0);
    await becomes(() => page.getByTestId('notice').innerText(), 'Webhook – Nora New is connected.');
    await becomes(async () => page.getByTestId('account').count(), 6);
    expect(await everything(page)).not.toContain(made);
  });

  it('a secret that was made is not kept when it was of no use, nor after Escape', async () => {
    const page = await adding('webhook');
    await page.getByTestId('relay-url').fill('https://closed.relay.example');
    await page.getByTestId('join-code').fill('wr0ng-code');
    await press(page, 'Enter');
    await becomes(() => page.getByTestId('sign-in-trouble').innerText(), 'The relay wants its join code: it prints it when it starts.');
    expect(await page.getByTestId('typed-again').count()).toBe(1);
    expect(await everything(page)).not.toContain('wr0ng-code');
    await page.getByTestId('join-code').fill('let-me-in');
    await press(page, 'Enter');
    await page.getByTestId('made-secret').waitFor();
    const sent = (await calls(page, 'sign_in')).map(([wish]) => (wish as { secret: string }).secret);
    expect(new Set(sent).size).toBe(2);
    expect(await page.getByTestId('made-secret').inputValue()).toBe(sent[1]);
    await press(page, 'Escape');
    await becomes(() => dialog(page).count(), 0);
    await becomes(() => page.getByTestId('notice').innerText(), 'Webhook – Nora New is connected.');
    for (const secret of sent) expect(await everything(page)).not.toContain(secret);
  });

  it('without a signature warns; by a tunnel of this computer says who reaches it', async () => {
    const page = await adding('webhook');
    expect(await page.getByTestId('unsigned').count()).toBe(0);
    await page.getByTestId('scheme').selectOption('none');
    await becomes(async () => (await page.getByTestId('unsigned').innerText()).includes('Whoever comes to know the address can make Belfry ring'), true);
    expect(await page.getByTestId('secret').count()).toBe(0);
    expect(await page.getByTestId('preset-plain').isChecked(), 'not GitHub’s any more').toBe(true);
    await page.getByTestId('by-local').check();
    await page.getByTestId('port').fill('4711');
    await press(page, 'Enter');
    await becomes(() => page.getByTestId('hook-address').inputValue(), 'http://127.0.0.1:4711/hook');
    expect(await dialog(page).innerText()).toContain('Only programs on this computer reach it.');
    expect(await page.getByTestId('made-secret').count()).toBe(0);
    expect((await calls(page, 'sign_in')).at(-1)).toMatchObject([{ secret: null, settings: { receiver: { by: 'local', port: 4711, public_url: null }, signature: { scheme: 'none' } } }]);
  });

  it('with a header of its own takes a typed secret, and a rule’s mistake is told in it', async () => {
    const page = await adding('webhook');
    await page.getByTestId('relay-url').fill('https://relay.example');
    await page.getByTestId('scheme').selectOption('hmac');
    await page.getByTestId('secret-typed').check();
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), ['A header has a name of letters, digits and hyphens.', NEEDED]);
    expect((await focused(page)).testid).toBe('hmac-header');
    await page.getByTestId('hmac-header').fill('X-Signature');
    await page.getByTestId('hmac-prefix').fill('v1=');
    await page.getByTestId('hmac-hash').selectOption('sha512');
    await page.getByTestId('hmac-encoding').selectOption('base64');
    await page.getByTestId('hook-secret').fill('typed-s3cret');
    await page.getByTestId('map-rules').locator('> summary').click();
    await page.getByTestId('rule-title').fill('{{ titel }}');
    await page.getByTestId('map-rules').locator('> summary').click();
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), ['there is no “titel” here: a template begins with data, channel, event or headers']);
    await becomes(async () => (await focused(page)).testid, 'rule-title');
    expect(await page.getByTestId('hook-secret').inputValue()).toBe('');
    await page.getByTestId('rule-title').fill('{{ data.title }}');
    await page.getByTestId('hook-secret').fill('typed-s3cret');
    await press(page, 'Enter');
    await page.getByTestId('hook-address').waitFor();
    expect(await page.getByTestId('made-secret').count()).toBe(0);
    expect(await everything(page)).not.toContain('typed-s3cret');
    expect((await calls(page, 'sign_in')).at(-1)).toMatchObject([
      { secret: 'typed-s3cret', settings: { signature: { scheme: 'hmac', header: 'X-Signature', prefix: 'v1=', encoding: 'base64', hash: 'sha512' }, map: { rules: [{ title: '{{ data.title }}' }] } } },
    ]);
  });

  it('as Stripe signs gets its address first, and nothing is believed until the secret is typed', async () => {
    const page = await adding('webhook');
    await page.getByTestId('relay-url').fill('https://relay.example');
    await page.getByTestId('scheme').selectOption('stripe');
    expect(await page.getByTestId('secret-later').isChecked()).toBe(true);
    expect(await page.getByTestId('secret-fresh').count()).toBe(0);
    await page.getByTestId('sign-in').click();
    await page.getByTestId('secret-to-come').waitFor();
    const [wish] = (await calls(page, 'sign_in')).at(-1) as [{ secret: string }];
    expect(wish.secret).toMatch(/^[0-9a-f]{64}$/);
    expect(await everything(page), 'it is of no use to anybody').not.toContain(wish.secret);
  });

  it('that is there shows how it is set, keeps its rules, its channel and its secret, and gets another', async () => {
    const page = await accounts();
    await card(page, 'webhook').getByTestId('account-sign-in').click();
    await becomes(() => page.getByTestId('relay-url').inputValue(), 'https://relay.example/');
    expect(await page.getByTestId('scheme').inputValue()).toBe('github');
    expect(await page.getByTestId('secret-kept').isChecked()).toBe(true);
    expect(await page.getByTestId('map').count()).toBe(0);
    expect(await everything(page)).not.toContain('AbCdEf');
    await page.getByTestId('sign-in').click();
    await becomes(() => page.getByTestId('hook-address').inputValue(), 'https://relay.example/hook/AbCdEf');
    const [wish] = (await calls(page, 'sign_in'))[0] as [{ settings: { map: { rules: unknown[] } } }];
    expect(wish).toMatchObject({ account: 'webhook', secret: null, settings: { receiver: { url: 'https://relay.example/' }, signature: { scheme: 'github' } } });
    expect(wish.settings.map.rules).toHaveLength(1);
    await page.getByTestId('hook-done').click();

    await card(page, 'webhook').getByTestId('account-sign-in').click();
    await page.getByTestId('secret-fresh').check();
    await page.getByTestId('sign-in').click();
    await page.getByTestId('made-secret').waitFor();
    expect((await calls(page, 'sign_in')).at(-1)).toMatchObject([{ secret: await page.getByTestId('made-secret').inputValue() }]);
  });

  it('tells its address from its card; what stands in the way is said', async () => {
    const page = await accounts();
    await outside(page, (it) => it.fail('hook_address', 'The database is busy.'));
    const button = card(page, 'webhook').getByTestId('account-address');
    await tabTo(page, button);
    await press(page, 'Enter');
    await becomes(() => page.getByTestId('hook-trouble').innerText(), 'The database is busy.');
    await outside(page, (it) => it.fail('hook_address', null));
    await page.getByTestId('hook-dialog').getByRole('button', { name: 'Try again' }).click();
    await becomes(() => page.getByTestId('hook-address').inputValue(), 'https://relay.example/hook/AbCdEf');
    await page.getByTestId('hook-address-copy').click();
    await becomes(() => clipboard(page), 'https://relay.example/hook/AbCdEf');
    await press(page, 'Escape');
    await becomes(() => page.getByTestId('hook-dialog').count(), 0);
    expect((await focused(page)).testid).toBe('account-address');
    expect(await everything(page)).not.toContain('AbCdEf');
  });

  it('has rules like any feed', async () => {
    const page = await accounts();
    await card(page, 'webhook').getByTestId('account-map').click();
    await becomes(() => page.getByTestId('tried-told').locator('.title').allInnerTexts(), ['The gate squeaks']);
    expect(await page.getByTestId('preset-plain').isChecked()).toBe(true);
    expect(await page.getByTestId('preset-laravel').count()).toBe(0);
    expect(await page.getByTestId('rule-on').count(), 'there are no channels').toBe(0);
    expect(await page.getByTestId('feed-dialog').innerText()).toContain("headers['x-source']");
    await page.getByTestId('tried').locator('summary').click();
    expect(await page.getByTestId('tried').innerText()).toContain('x-github-event: issues');
    await page.getByTestId('rule-title').fill('{{ data.body }}');
    await becomes(() => page.getByTestId('tried-told').locator('.title').allInnerTexts(), ['Since Tuesday.']);
    await page.getByTestId('feed-save').click();
    await becomes(() => page.getByTestId('feed-dialog').count(), 0);
    expect((await calls(page, 'set_map')).at(-1)).toMatchObject(['webhook', { rules: [{ title: '{{ data.body }}' }] }]);
  });

  it('is the first account of all, and ends with the first steps', async () => {
    const page = await opened({ scene: 'first-run' });
    await page.getByTestId('connect').click();
    await page.getByTestId('service-webhook').check();
    await page.getByTestId('relay-url').fill('https://relay.example');
    await press(page, 'Enter');
    await page.getByTestId('made-secret').waitFor();
    await page.getByTestId('hook-done').click();
    await page.getByTestId('first-steps').waitFor();
  });
});

describe('what removing does', () => {
  it.each([['podium', /The webhook that Belfry made is deleted at Podium, and the relay forgets/], ['webhook', /The relay forgets what it keeps for it; tell the service to send no more/]])('is told of %s as it is', async (id, words) => {
    const page = await accounts();
    await card(page, id).getByTestId('account-remove').click();
    expect(await page.getByTestId('remove-dialog').innerText()).toMatch(words);
  });
});
