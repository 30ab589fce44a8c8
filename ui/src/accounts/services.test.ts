import { describe, expect, it } from 'vitest';
import type { PusherSettings } from '../contract';
import { channelsOf, isCache, isChannel, kindOf } from './channels';
import { cloudappMistakes, cloudappWish, emptyCloudapp } from './cloudapp-form';
import { emptyPusher, forgetSecrets, formOf, pusherMistakes, pusherWish, type PusherForm } from './pusher-form';

describe('CloudApp', () => {
  const form = { email: ' ada@example.org ', password: ' p w ', apiUrl: ' http://127.0.0.1:9 ', pushUrl: '' };

  it('a new account names its person and its server; the password is taken to the letter', () => {
    expect(cloudappWish(form, null)).toEqual({
      service: 'cloudapp', account: null, name: null, settings: { email: 'ada@example.org', api_url: 'http://127.0.0.1:9', push_url: null }, password: ' p w ',
    });
    expect(cloudappWish({ ...form, pushUrl: 'ws://127.0.0.1:8 ' }, null)).toMatchObject({ settings: { push_url: 'ws://127.0.0.1:8' } });
  });
  it('an account that is there needs its password only', () => {
    expect(cloudappWish({ ...emptyCloudapp(), password: 'p' }, 'cloudapp')).toEqual({ service: 'cloudapp', account: 'cloudapp', name: null, settings: null, password: 'p' });
    expect(cloudappMistakes({ ...emptyCloudapp(), password: 'p' }, 'cloudapp')).toEqual({});
    expect(Object.keys(cloudappMistakes(emptyCloudapp(), 'cloudapp'))).toEqual(['password']);
  });
  it('says what is wrong by field', () => {
    expect(cloudappMistakes(form, null)).toEqual({});
    expect(Object.keys(cloudappMistakes(emptyCloudapp(), null)).sort()).toEqual(['apiUrl', 'email', 'password']);
    for (const apiUrl of ['drops.example.org', 'localhost:8080', 'ftp://x', 'ws://x', 'http://']) expect(cloudappMistakes({ ...form, apiUrl }, null).apiUrl, apiUrl).toMatch(/https/);
    expect(cloudappMistakes({ ...form, pushUrl: 'push' }, null).pushUrl).toMatch(/wss/);
  });
});

describe('channels', () => {
  it('are one a line, each once', () => expect(channelsOf(' a \n\nprivate-b\r\na\n')).toEqual(['a', 'private-b']));
  it.each([
    ['orders', 'public', false], ['private-x', 'private', false], ['presence-x', 'presence', false], ['private-encrypted-x', 'encrypted', false],
    ['cache-x', 'public', true], ['private-cache-x', 'private', true], ['presence-cache-x', 'presence', true], ['private-encrypted-cache-x', 'encrypted', true],
    ['privately', 'public', false], ['x-cache-y', 'public', false],
  ])('%s is %s', (channel, kind, cache) => expect([kindOf(channel), isCache(channel)]).toEqual([kind, cache]));
  it('have names of certain letters', () => {
    for (const name of ['a', 'private-App.Models.User.1', '#server-to-user-1', 'a@b,c;d=e_f', 'a'.repeat(200)]) expect(isChannel(name), name).toBe(true);
    for (const name of ['', '#', 'a b', 'a/b', 'ä', 'a:b', 'a'.repeat(201)]) expect(isChannel(name), name).toBe(false);
  });
});

describe('a Pusher-compatible server', () => {
  const map = { rules: [{ title: 't' }] };
  const form = (changes: Partial<PusherForm> = {}): PusherForm => ({ ...emptyPusher(), url: 'http://localhost:6001 ', key: ' app-key ', channels: 'orders\n', ...changes });

  it('is wished with its address and public channels', () => {
    expect(pusherWish(form(), map, null)).toEqual({
      service: 'pusher', account: null, name: null, app_secret: null, auth_headers: null, check: true,
      settings: { server: { url: 'http://localhost:6001' }, key: 'app-key', channels: ['orders'], auth: { by: 'none' }, map },
    });
  });
  it('is wished with a cluster, an endpoint and its headers', () => {
    const headers = [{ key: 1, name: ' Authorization ', value: ' Bearer x ' }, { key: 2, name: '', value: ' ' }];
    expect(pusherWish(form({ at: 'cluster', cluster: 'eu', by: 'endpoint', endpoint: 'https://shop.example/auth', method: 'get', headers, secret: 'left over' }), map, null)).toMatchObject({
      settings: { server: { cluster: 'eu' }, auth: { by: 'endpoint', url: 'https://shop.example/auth', method: 'get' } }, app_secret: null, auth_headers: { Authorization: 'Bearer x' },
    });
  });
  it('is wished with the app’s secret', () => {
    expect(pusherWish(form({ by: 'secret', secret: ' s ', headers: [{ key: 1, name: 'A', value: 'b' }] }), map, null)).toMatchObject({ settings: { auth: { by: 'secret' } }, app_secret: 's', auth_headers: null });
  });
  it('that is there keeps the secrets that are left empty, and loses the headers that are given anew as none', () => {
    const endpoint = { by: 'endpoint' as const, endpoint: 'https://x/auth' };
    expect(pusherWish(form(endpoint), map, 'pusher')).toMatchObject({ account: 'pusher', auth_headers: null });
    expect(pusherWish(form({ ...endpoint, headersAnew: true }), map, 'pusher')).toMatchObject({ auth_headers: {} });
    expect(pusherWish(form({ by: 'secret' }), map, 'pusher')).toMatchObject({ app_secret: null });
    expect(pusherMistakes(form({ by: 'secret' }), 'secret')).toEqual({});
    expect(pusherMistakes(form({ by: 'secret' }), 'endpoint')).toHaveProperty('secret');
  });
  it('says what is wrong by field', () => {
    expect(pusherMistakes(form(), null)).toEqual({});
    expect(Object.keys(pusherMistakes(emptyPusher(), null)).sort()).toEqual(['channels', 'key', 'url']);
    expect(pusherMistakes(form({ at: 'cluster', cluster: 'EU.west' }), null)).toHaveProperty('cluster');
    expect(pusherMistakes(form({ channels: 'fine\nnot fine' }), null).channels).toContain('not fine');
    expect(pusherMistakes(form({ channels: 'private-x' }), null).auth).toContain('private-x');
    expect(pusherMistakes(form({ channels: 'private-encrypted-x', by: 'secret', secret: 's' }), null).auth).toContain('encrypted');
    expect(pusherMistakes(form({ by: 'endpoint', endpoint: '/auth' }), null)).toHaveProperty('endpoint');
    const headers = (name: string, value: string) => pusherMistakes(form({ by: 'endpoint', endpoint: 'https://x', headers: [{ key: 1, name, value }] }), null);
    expect(headers('X-Token', 'v')).toEqual({});
    for (const [name, value] of [['', 'v'], ['X-Token', ''], ['X Token', 'v'], ['X:', 'v']] as const) expect(headers(name, value), name).toHaveProperty('headers');
  });
  it('is shown as it is set, without secrets', () => {
    const settings: PusherSettings = { server: { cluster: 'eu' }, key: 'k', channels: ['a', 'b'], auth: { by: 'endpoint', url: 'https://x/auth', method: 'get' }, map };
    const shown = formOf(settings);
    expect(shown).toMatchObject({ at: 'cluster', cluster: 'eu', channels: 'a\nb', by: 'endpoint', endpoint: 'https://x/auth', method: 'get', headers: [], secret: '' });
    expect(pusherWish(shown, map, 'pusher')).toMatchObject({ settings });
  });
  it('secrets are forgotten once they were sent; the names of headers are none', () => {
    const sent = form({ secret: 's', headers: [{ key: 1, name: 'A', value: 'v' }] });
    expect(forgetSecrets(sent)).toBe(true);
    expect([sent.secret, sent.headers]).toEqual(['', [{ key: 1, name: 'A', value: '' }]]);
    expect(forgetSecrets(sent)).toBe(false);
  });
});
