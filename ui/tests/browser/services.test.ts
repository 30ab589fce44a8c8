// Adding an account at CloudApp and a Pusher-compatible server (Podio: accounts.test.ts; Podium and webhooks: webhooks.test.ts), and changing one that is there.

import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { becomes, calls, focused, opened, outside, press, rows, tabTo } from './window';

const card = (page: Page, id: string) => page.locator(`[data-testid=account][data-account="${id}"]`);
const dialog = (page: Page) => page.getByTestId('sign-in-dialog');
const wrongs = (page: Page) => page.getByTestId('wrong').allInnerTexts();

async function accounts(): Promise<Page> {
  const page = await opened({ scene: 'feeds' });
  await page.getByTestId('nav-accounts').click();
  await card(page, 'pusher').waitFor();
  return page;
}

async function adding(service: 'cloudapp' | 'pusher'): Promise<Page> {
  const page = await accounts();
  await page.getByTestId('add-account').click();
  await page.getByTestId(`service-${service}`).check();
  return page;
}

/** What stands in the fields of the page. */
const typed = (page: Page) => page.locator('input, textarea').evaluateAll((all) => all.map((it) => (it as HTMLInputElement).value).join('\n'));

describe('the choice of the service', () => {
  it('comes first, with the keyboard alone, and keeps what was typed at another one', async () => {
    const page = await accounts();
    await tabTo(page, page.getByTestId('add-account'));
    await press(page, 'Enter');
    await tabTo(page, page.getByTestId('service-podio'));
    expect(await page.getByTestId('client-id').count()).toBe(1);
    await press(page, 'ArrowDown');
    await becomes(async () => (await focused(page)).testid, 'service-cloudapp');
    await page.getByTestId('cloudapp-today').waitFor();
    expect(await dialog(page).innerText()).toContain('CloudApp is called Zight since 2023, and its public API and stream are gone');
    await page.getByTestId('email').fill('ada@example.org');
    await page.getByTestId('service-cloudapp').focus();
    await press(page, 'ArrowDown');
    await page.getByTestId('podium-more').waitFor();
    await press(page, 'ArrowDown');
    await page.getByTestId('app-key').waitFor();
    await press(page, 'ArrowDown');
    await page.getByTestId('scheme').waitFor();
    await press(page, 'ArrowDown');
    await page.getByTestId('client-id').waitFor();
    await press(page, 'ArrowDown');
    await becomes(async () => page.getByTestId('email').inputValue(), 'ada@example.org');
    expect(await page.getByRole('radio', { name: 'A Pusher-compatible server' }).count()).toBe(1);
  });

  it('is the same at the first run', async () => {
    const page = await opened({ scene: 'first-run' });
    expect(await page.getByTestId('first-run').innerText()).toContain('Podio, CloudApp, Podium, any Pusher-compatible server, or whatever calls a webhook');
    await page.getByTestId('connect').click();
    await page.getByTestId('service-pusher').check();
    await page.getByTestId('server-url').fill('http://localhost:8080');
    await page.getByTestId('app-key').fill('reverb-key');
    await page.getByTestId('channels').fill('orders');
    await page.getByTestId('sign-in').click();
    await page.getByTestId('first-steps').waitFor();
  });
});

describe('CloudApp', () => {
  it('is connected, after what was wrong was told at its fields', async () => {
    const page = await adding('cloudapp');
    await page.getByTestId('api-url').fill('drops.example.org');
    await page.getByTestId('push-url').fill('push');
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), [
      'Write the whole address, beginning with https:// or http://.', 'This is needed.', 'This is needed.', 'Write the whole address, beginning with wss://, ws://, https:// or http://.',
    ]);
    expect((await focused(page)).testid).toBe('api-url');
    expect(await calls(page, 'sign_in')).toEqual([]);
    await page.getByTestId('api-url').fill('http://127.0.0.1:9');
    await page.getByTestId('email').fill('ada@example.org');
    await page.getByTestId('password').fill('wrong');
    await page.getByTestId('push-url').fill('');
    await press(page, 'Enter');
    await becomes(() => page.getByTestId('sign-in-trouble').innerText(), 'The server did not accept this e-mail address and password.');
    expect(await page.getByTestId('typed-again').count()).toBe(1);
    expect(await wrongs(page)).toEqual([]);
    expect(await page.getByTestId('password').inputValue()).toBe('');
    await page.getByTestId('password').fill('s3cret-word');
    await press(page, 'Enter');
    await becomes(() => dialog(page).count(), 0);
    await becomes(() => page.getByTestId('notice').innerText(), 'CloudApp – Nora New is connected.');
    expect((await calls(page, 'sign_in')).at(-1)).toEqual([
      { service: 'cloudapp', account: null, name: null, settings: { email: 'ada@example.org', api_url: 'http://127.0.0.1:9', push_url: null }, password: 's3cret-word' },
    ]);
    expect(await page.content()).not.toContain('s3cret-word');
    await page.getByTestId('add-account').click();
    await page.getByTestId('service-cloudapp').check();
    expect(await typed(page)).not.toContain('s3cret-word');
  });

  it('is signed in again by the password alone', async () => {
    const page = await accounts();
    await outside(page, (it) => it.setState('cloudapp', { state: 'needs-sign-in', reason: 'The server no longer accepts the password.' }));
    await card(page, 'cloudapp').getByTestId('account-sign-in').click();
    await page.getByTestId('password').waitFor();
    expect(await dialog(page).locator('input').count()).toBe(1);
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), ['This is needed.']);
    await page.getByTestId('password').fill('new one');
    await press(page, 'Enter');
    await becomes(async () => card(page, 'cloudapp').getByTestId('account-state').innerText(), 'Connected');
    expect(await calls(page, 'sign_in')).toEqual([[{ service: 'cloudapp', account: 'cloudapp', name: null, settings: null, password: 'new one' }]]);
  });
});

describe('a Pusher-compatible server', () => {
  it('is added: server, key, channels told apart, and the rules to begin with', async () => {
    const page = await adding('pusher');
    await page.getByTestId('server-url').fill('http://localhost:8080');
    await page.getByTestId('app-key').fill('wrong');
    await page.getByTestId('channels').fill('orders\nprivate-App.Models.User.1\npresence-room\nprivate-encrypted-x\ncache-y\n');
    expect(await page.getByTestId('channel-kinds').locator('li').allInnerTexts()).toEqual([
      'orders – public', 'private-App.Models.User.1 – private', 'presence-room – presence: others see that you are there', 'private-encrypted-x – private and encrypted', 'cache-y – public; gives its last event again',
    ]);
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), ['“private-App.Models.User.1” is not public: say who lets Belfry in.']);
    expect((await focused(page)).testid).toBe('by-none');
    await press(page, 'ArrowDown');
    await page.getByTestId('endpoint').fill('http://localhost:8000/broadcasting/auth');
    await page.getByTestId('header-add').click();
    await becomes(async () => (await focused(page)).testid, 'header-name');
    await page.getByTestId('header-value').fill('Bearer hush-hush');
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), ['A header has a name of letters, digits and hyphens, and a value.']);
    await page.getByTestId('header-name').fill('Authorization');
    await page.getByTestId('preset-laravel').check();
    await page.getByTestId('sign-in').click();
    await becomes(() => page.getByTestId('sign-in-trouble').innerText(), 'the server knows no app with this key');
    expect(await page.getByTestId('typed-again').count()).toBe(1);
    expect(await typed(page)).not.toContain('hush-hush');
    expect(await page.getByTestId('header-name').inputValue()).toBe('Authorization');
    await page.getByTestId('header-value').fill('Bearer hush-hush');
    await page.getByTestId('app-key').fill('reverb-key');
    await page.getByTestId('sign-in').click();
    await becomes(() => dialog(page).count(), 0);
    const [wish] = (await calls(page, 'sign_in')).at(-1) as [{ settings: { map: { rules: { event?: string }[] } } }];
    expect(wish).toMatchObject({
      service: 'pusher', account: null, app_secret: null, auth_headers: { Authorization: 'Bearer hush-hush' }, check: true,
      settings: {
        server: { url: 'http://localhost:8080' }, key: 'reverb-key', auth: { by: 'endpoint', url: 'http://localhost:8000/broadcasting/auth', method: 'post' },
        channels: ['orders', 'private-App.Models.User.1', 'presence-room', 'private-encrypted-x', 'cache-y'],
      },
    });
    expect(wish.settings.map.rules.map((rule) => rule.event)).toEqual(['Illuminate\\Notifications\\Events\\BroadcastNotificationCreated', undefined]);
    expect(await page.content()).not.toContain('hush-hush');
  });

  it('is added at Pusher Channels with the app’s secret and a rule of one’s own, whose mistake is told in it', async () => {
    const page = await adding('pusher');
    await page.getByTestId('at-cluster').check();
    await page.getByTestId('cluster').fill('EU');
    await page.getByTestId('app-key').fill('k');
    await page.getByTestId('channels').fill('private-encrypted-x');
    await page.getByTestId('by-secret').check();
    await page.getByText('Only for a server of your own').waitFor();
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), ['A cluster has small letters, digits and hyphens only.', '“private-encrypted-x” is encrypted, and the app’s secret does not open it: only the app’s endpoint does.', 'This is needed.']);
    await page.getByTestId('cluster').fill('eu');
    await page.getByTestId('channels').fill('private-x');
    await page.getByTestId('app-secret').fill('app-s3cret');
    await page.getByTestId('map-rules').locator('> summary').click();
    await page.getByTestId('rule-title').fill('{{ titel }}');
    await page.getByTestId('preset-own').waitFor();
    await page.getByTestId('map-rules').locator('> summary').click();
    await page.getByTestId('check').uncheck();
    await page.getByTestId('sign-in').click();
    await becomes(() => wrongs(page), ['there is no “titel” here: a template begins with data, channel, event or headers']);
    await becomes(async () => (await focused(page)).testid, 'rule-title');
    expect(await page.getByTestId('app-secret').inputValue()).toBe('');
    await page.getByTestId('rule-title').fill('{{ data.title }}');
    await page.getByTestId('app-secret').fill('app-s3cret');
    await press(page, 'Enter');
    await becomes(() => dialog(page).count(), 0);
    expect((await calls(page, 'sign_in')).at(-1)).toMatchObject([{ settings: { server: { cluster: 'eu' }, auth: { by: 'secret' }, map: { rules: [{ title: '{{ data.title }}' }] } }, app_secret: 'app-s3cret', auth_headers: null, check: false }]);
    expect(await page.content()).not.toContain('app-s3cret');
  });

  it('that is there shows how it is set, and keeps its rules and the secrets that are not given anew', async () => {
    const page = await accounts();
    await card(page, 'pusher').getByTestId('account-sign-in').click();
    await becomes(() => page.getByTestId('app-key').inputValue(), 'reverb-key');
    expect(await dialog(page).innerText()).toContain('Headers that were given before are kept.');
    expect(await page.getByTestId('map').count()).toBe(0);
    await page.getByTestId('channels').fill('orders\ninvoices');
    await page.getByTestId('sign-in').click();
    await becomes(() => dialog(page).count(), 0);
    const [wish] = (await calls(page, 'sign_in'))[0] as [{ settings: { channels: string[]; map: { rules: unknown[] } } }];
    expect(wish).toMatchObject({ account: 'pusher', app_secret: null, auth_headers: null, settings: { channels: ['orders', 'invoices'], auth: { by: 'endpoint' } } });
    expect(wish.settings.map.rules).toHaveLength(2);

    await card(page, 'pusher').getByTestId('account-sign-in').click();
    await page.getByTestId('headers-anew').click();
    await page.getByTestId('header-name').fill('X-Token');
    await page.getByTestId('header-value').fill('v');
    await page.getByTestId('sign-in').click();
    await becomes(() => dialog(page).count(), 0);
    expect((await calls(page, 'sign_in')).at(-1)).toMatchObject([{ auth_headers: { 'X-Token': 'v' } }]);
  });

  it('that cannot be read says why, and is read again', async () => {
    const page = await accounts();
    await outside(page, (it) => it.fail('pusher_settings', 'The database is busy.'));
    await card(page, 'pusher').getByTestId('account-sign-in').click();
    await becomes(() => page.getByTestId('sign-in-trouble').innerText(), 'The database is busy.');
    await outside(page, (it) => it.fail('pusher_settings', null));
    await dialog(page).getByRole('button', { name: 'Try again' }).click();
    await becomes(() => page.getByTestId('app-key').inputValue(), 'reverb-key');
  });
});

describe('what removing does', () => {
  it.each([['podio', /ends every sign-in with this API key/], ['cloudapp', /password from the password store\. Nothing changes at the server/], ['pusher', /rules for its events/]])('is told of %s as it is', async (id, words) => {
    const page = await accounts();
    await card(page, id).getByTestId('account-remove').click();
    const said = await page.getByTestId('remove-dialog').innerText();
    expect(said).toMatch(words);
    if (id !== 'podio') expect(said).not.toContain('sign-in');
  });
});

describe('what items and events are', () => {
  it('is plain from their own pictures, which are there', async () => {
    const page = await opened({ scene: 'feeds', height: 1000 });
    await rows(page).first().waitFor();
    const pictures = await rows(page).locator('img').evaluateAll(async (all) => {
      await Promise.all(all.map((it) => (it as HTMLImageElement).decode()));
      return all.map((it) => ({ src: (it as HTMLImageElement).src, wide: (it as HTMLImageElement).naturalWidth > 0 }));
    });
    expect(pictures).toHaveLength(7);
    expect(pictures.every(({ wide }) => wide)).toBe(true);
    // Six of CloudApp's, and the neutral one of an event: no two are the same.
    expect(new Set(pictures.map(({ src }) => src)).size).toBe(7);
    await rows(page).first().click();
    await becomes(async () => (await page.getByTestId('part-facts').innerText()).includes('Views'), true);
    await rows(page).nth(6).click();
    await becomes(async () => page.getByTestId('part-facts').count(), 2);
    expect(await page.getByTestId('detail').innerText()).toContain('Event: App\\Events\\OrderShipped');
  });
});
