import { describe, expect, it } from 'vitest';
import type { PodiumSettings, WebhookSettings } from '../contract';
import { emptyPodium, EVENTS, forgetPodium, GROUPS, isFoldedFilled, podiumForm, podiumMistakes, podiumWish, redirectShown, type PodiumForm } from './podium-form';
import { emptyReceiver, isHere, receiverForm, receiverMistakes, receiverOf, redirectOf } from './receiver';
import { emptyWebhook, forgetWebhook, freshSecret, SCHEMES, secretOf, wayOf, waysOf, webhookForm, webhookMistakes, webhookWish, type WebhookForm } from './webhook-form';

describe('how webhooks reach this computer', () => {
  it('is a relay, whose channel is its own to name, or a port with the other end of a tunnel', () => {
    expect(receiverOf({ ...emptyReceiver(), relay: ' https://relay.example ', sealed: true, port: '1' })).toEqual({ by: 'relay', url: 'https://relay.example', sealed: true });
    expect(receiverOf({ ...emptyReceiver(), by: 'local', port: ' 4711 ', relay: 'https://x' })).toEqual({ by: 'local', port: 4711, public_url: null });
    expect(receiverOf({ ...emptyReceiver(), by: 'local', port: '1', publicUrl: ' https://me.example ' })).toEqual({ by: 'local', port: 1, public_url: 'https://me.example' });
  });
  it('is shown as it is set, without the channel', () => {
    const relay = { by: 'relay' as const, url: 'https://relay.example/', kind: 'belfry' as const, channel: 'secret-channel', sealed: true };
    expect(receiverOf(receiverForm(relay))).toEqual({ by: 'relay', url: 'https://relay.example/', sealed: true });
    expect(JSON.stringify(receiverForm(relay))).not.toContain('secret-channel');
    const local = { by: 'local' as const, port: 4711, public_url: 'https://me.example/' };
    expect(receiverOf(receiverForm(local))).toEqual(local);
  });
  it.each([
    [{}, false, ['relay']],
    [{ relay: 'relay.example' }, false, ['relay']],
    [{ relay: 'https://relay.example' }, true, []],
    [{ by: 'local' as const }, false, ['port']],
    [{ by: 'local' as const }, true, ['port', 'publicUrl']],
    [{ by: 'local' as const, port: '4711' }, false, []],
    [{ by: 'local' as const, port: '4711', publicUrl: 'me' }, false, ['publicUrl']],
  ])('%#: says what is wrong by field', (changes, outside, fields) => expect(Object.keys(receiverMistakes({ ...emptyReceiver(), ...changes }, outside))).toEqual(fields));
  it.each(['0', '65536', '-1', '1.5', '1e3', 'port', ''])('%s is no port', (port) => expect(receiverMistakes({ ...emptyReceiver(), by: 'local', port }, false)).toHaveProperty('port'));
  it('a relay has a page that the browser comes back to', () => {
    expect(redirectOf('https://relay.example')).toBe('https://relay.example/oauth/callback');
    expect(redirectOf(' https://relay.example/below/?x#y ')).toBe('https://relay.example/below/oauth/callback');
    expect(redirectOf('relay.example')).toBeNull();
  });
  it('knows an address that only this computer reaches', () => {
    for (const address of ['http://127.0.0.1:4711/hook', 'http://localhost/hook', 'http://[::1]:1/hook']) expect(isHere(address), address).toBe(true);
    for (const address of ['https://relay.example/hook/c', 'https://127.0.0.1.evil.example/hook', 'hook']) expect(isHere(address), address).toBe(false);
  });
});

describe('Podium', () => {
  const form = (changes: Partial<PodiumForm> = {}): PodiumForm => ({ ...emptyPodium(), receiver: { ...emptyReceiver(), relay: 'https://relay.example', joinCode: ' code ' }, clientId: ' app ', clientSecret: ' s ', ...changes });

  it('is wished with the usual events, the live service and a place to be chosen later', () => {
    expect(podiumWish(form(), null)).toEqual({
      service: 'podium', account: null, name: null, client_secret: 's', join_code: 'code',
      settings: { client_id: 'app', redirect_url: null, receiver: { by: 'relay', url: 'https://relay.example', sealed: false }, place: null, events: [] },
    });
  });
  it('is wished with groups of events, in one order whichever was chosen first', () => {
    const events = (groups: PodiumForm['events']) => (podiumWish(form({ events: groups }), null) as { settings: { events: string[] } }).settings.events;
    expect(events(['calls', 'messages'])).toEqual([...EVENTS.messages, ...EVENTS.calls]);
    expect(events([...GROUPS])).toHaveLength(25);
    expect(new Set(events([...GROUPS])).size).toBe(25);
  });
  it('is wished for a place by its name', () => {
    expect(podiumWish(form({ place: 'location', placeName: ' Main Street ' }), null)).toMatchObject({ settings: { place: { place: 'location', uid: 'Main Street', organization_uid: null, name: '' } } });
    expect(podiumWish(form({ place: 'organization', placeName: 'o-1' }), null)).toMatchObject({ settings: { place: { place: 'organization', uid: 'o-1', name: '' } } });
  });
  it('at a server of one’s own is signed in to beside its API, unless it is said where', () => {
    expect(podiumWish(form({ apiUrl: 'http://127.0.0.1:9/podium/' }), null)).toMatchObject({ settings: { api_url: 'http://127.0.0.1:9/podium/', authorize_url: 'http://127.0.0.1:9/podium/oauth/authorize' } });
    expect(podiumWish(form({ apiUrl: 'http://a', authorizeUrl: 'http://b', appUrl: 'http://c' }), null)).toMatchObject({ settings: { api_url: 'http://a', authorize_url: 'http://b', app_url: 'http://c' } });
  });
  it('that is there keeps how it is set, and its secret if none is given', () => {
    expect(podiumWish(emptyPodium(), 'podium')).toEqual({ service: 'podium', account: 'podium', name: null, settings: null, client_secret: null, join_code: null });
    expect(podiumWish({ ...emptyPodium(), clientSecret: 'new' }, 'podium')).toMatchObject({ client_secret: 'new', settings: null });
    expect(podiumMistakes(emptyPodium(), 'podium')).toEqual({});
  });
  const kept: PodiumSettings = {
    client_id: 'app', receiver: { by: 'local', port: 4711, public_url: null }, redirect_url: null, webhook: 'w',
    place: { place: 'location', uid: 'l-1', organization_uid: null, name: 'Main Street' }, events: ['message.received', 'review.created', 'future.thing'],
  };
  const changed = (changes: Partial<PodiumForm>, settings = kept) => (podiumWish({ ...podiumForm(settings), ...changes }, 'podium') as { settings: PodiumSettings | null }).settings;
  it('that is there shows what it is told of, and changes nothing unless the person does', () => {
    expect(podiumForm(kept)).toMatchObject({ events: ['messages', 'reviews'], place: 'keep' });
    expect(podiumForm({ ...kept, events: [] })).toMatchObject({ events: [] });
    expect(changed({})).toBeNull();
    expect(changed({ events: ['reviews', 'messages'] })).toBeNull();
    expect(changed({}, { ...kept, events: ['future.thing'] })).toBeNull();
    expect(isFoldedFilled(podiumForm(kept))).toBe(false);
  });
  it('that is there may be told of other things: what was told in part stays so, what this window does not know stays', () => {
    expect(changed({ events: ['messages', 'calls'] })).toEqual({ ...kept, events: ['message.received', ...EVENTS.calls, 'future.thing'] });
    expect(changed({ events: [] })).toEqual({ ...kept, events: [] });
    expect(changed({ events: ['calls'] }, { ...kept, events: [] })).toEqual({ ...kept, events: [...EVENTS.calls] });
  });
  it('that is there may listen elsewhere: that is asked for', () => {
    expect(changed({ place: 'ask' })).toEqual({ ...kept, place: null });
  });
  it('says what is wrong by field', () => {
    expect(podiumMistakes(form(), null)).toEqual({});
    expect(Object.keys(podiumMistakes(emptyPodium(), null)).sort()).toEqual(['clientId', 'clientSecret', 'relay']);
    expect(Object.keys(podiumMistakes(form({ receiver: { ...emptyReceiver(), by: 'local', port: '1' } }), null)).sort()).toEqual(['publicUrl', 'redirect']);
    expect(Object.keys(podiumMistakes(form({ place: 'location', apiUrl: 'api', authorizeUrl: 'x', appUrl: 'y', redirect: 'z' }), null)).sort()).toEqual(['apiUrl', 'appUrl', 'authorizeUrl', 'placeName', 'redirect']);
  });
  it('shows the redirect address: the relay’s page, or another one', () => {
    expect(redirectShown(form())).toBe('https://relay.example/oauth/callback');
    expect(redirectShown(form({ redirect: ' https://mine.example/x ' }))).toBe('https://mine.example/x');
    expect(redirectShown(form({ receiver: { ...emptyReceiver(), by: 'local', relay: 'https://relay.example' } }))).toBeNull();
  });
  it('its secrets are forgotten once they were sent', () => {
    const sent = form();
    forgetPodium(sent);
    expect([sent.clientSecret, sent.receiver.joinCode, sent.forgot]).toEqual(['', '', true]);
    forgetPodium(sent);
    expect(sent.forgot).toBe(false);
    const code = form({ clientSecret: '' });
    forgetPodium(code);
    expect(code.forgot).toBe(true);
  });
  it.each([
    [{}, false], [{ redirect: ' ' }, false], [{ place: 'location' as const }, true], [{ redirect: 'x' }, true], [{ apiUrl: 'x' }, true], [{ authorizeUrl: 'x' }, true], [{ appUrl: 'x' }, true],
  ])('%j: knows whether something stands in a folded field', (changes, filled) => expect(isFoldedFilled(form(changes))).toBe(filled));
});

describe('a webhook', () => {
  const map = { rules: [{ title: 't' }] };
  const form = (changes: Partial<WebhookForm> = {}): WebhookForm => ({ ...emptyWebhook(), receiver: { ...emptyReceiver(), relay: 'https://relay.example' }, ...changes });

  it('is wished with its receiver, its signature and what becomes of it', () => {
    expect(webhookWish(form(), map, 'made', null)).toEqual({
      service: 'webhook', account: null, name: null, secret: 'made', join_code: null,
      settings: { receiver: { by: 'relay', url: 'https://relay.example', sealed: false }, signature: { scheme: 'github' }, map },
    });
    expect(webhookWish(form({ scheme: 'hmac', header: ' X-Sig ', prefix: ' v1= ', encoding: 'base64', hash: 'sha512' }), map, null, 'webhook')).toMatchObject({
      account: 'webhook', secret: null, settings: { signature: { scheme: 'hmac', header: 'X-Sig', prefix: 'v1=', encoding: 'base64', hash: 'sha512' } },
    });
  });
  it('that is there is shown as it is set', () => {
    const settings: WebhookSettings = { receiver: { by: 'local', port: 4711, public_url: null }, signature: { scheme: 'hmac', header: 'X', prefix: '', encoding: 'base64', hash: 'sha1' }, map };
    expect(webhookWish(webhookForm(settings), map, null, 'webhook')).toMatchObject({ settings });
    expect(webhookWish(webhookForm({ ...settings, signature: { scheme: 'stripe' } }), map, null, 'webhook')).toMatchObject({ settings: { signature: { scheme: 'stripe' } } });
  });
  it('has a secret wherever it is signed, and only there', () => {
    for (const scheme of SCHEMES) {
      for (const kept of [null, 'none', 'github'] as const) {
        const ways = waysOf(scheme, kept);
        expect(ways.length > 0, scheme).toBe(scheme !== 'none');
        expect(ways.includes('kept'), `${scheme} ${kept}`).toBe(scheme !== 'none' && kept === 'github');
      }
    }
    // Stripe makes its own, once it has the address.
    expect(waysOf('stripe', null)).toEqual(['later', 'typed']);
    expect(waysOf('stripe', 'none')).toEqual(['typed']);
  });
  it('a way that makes no sense with another signature gives way to the first that does', () => {
    expect(wayOf(form({ way: 'fresh', scheme: 'stripe' }), null)).toBe('later');
    expect(wayOf(form({ way: 'typed', scheme: 'stripe' }), null)).toBe('typed');
    expect(wayOf(form({ scheme: 'github' }), 'github')).toBe('kept');
    expect(wayOf(form({ way: 'typed', scheme: 'none' }), 'github')).toBeNull();
  });
  it('a fresh secret has 32 bytes, never the same', () => {
    const made = Array.from({ length: 50 }, freshSecret);
    for (const secret of made) expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(made).size).toBe(50);
  });
  it('sends the secret that was typed, or one it made, or none', () => {
    expect(secretOf(form({ way: 'typed', secret: ' s ' }), null)).toBe('s');
    expect(secretOf(form({ way: 'fresh', secret: 'left over' }), null)).toMatch(/^[0-9a-f]{64}$/);
    expect(secretOf(form({ scheme: 'stripe', secret: 'left over' }), null)).toMatch(/^[0-9a-f]{64}$/);
    expect(secretOf(form({ secret: 'left over' }), 'github')).toBeNull();
    expect(secretOf(form({ scheme: 'none', secret: 'left over' }), null)).toBeNull();
  });
  it('says what is wrong by field', () => {
    expect(webhookMistakes(form(), null)).toEqual({});
    expect(Object.keys(webhookMistakes(emptyWebhook(), null))).toEqual(['relay']);
    expect(webhookMistakes(form({ way: 'typed' }), null)).toHaveProperty('secret');
    expect(webhookMistakes(form({ way: 'typed' }), 'github')).toHaveProperty('secret');
    for (const header of ['', 'X Sig', 'X:']) expect(webhookMistakes(form({ scheme: 'hmac', header }), null), header).toHaveProperty('header');
  });
  it('its secrets are forgotten once they were sent', () => {
    const sent = form({ secret: 's', receiver: { ...emptyReceiver(), joinCode: 'c' } });
    expect(forgetWebhook(sent)).toBe(true);
    expect([sent.secret, sent.receiver.joinCode]).toEqual(['', '']);
    expect(forgetWebhook(sent)).toBe(false);
  });
});
