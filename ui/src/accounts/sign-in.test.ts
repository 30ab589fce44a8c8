import { describe, expect, it } from 'vitest';
import { standing } from './link-words';
import { emptyPodio, podioMistake, podioWish } from './podio-form';
import type { AccountView } from '../contract';

const account = (state: object, paused = false) =>
  ({ id: 'podio', service: 'podio', label: 'Mia', paused, last_sign_of_life: null, unheard: null, unread: 0, ...state }) as AccountView;

describe('the wish that a form makes', () => {
  it('leaves out what was left empty', () => {
    expect(podioWish({ ...emptyPodio(), clientId: ' key ', clientSecret: 's' }, null)).toEqual({
      service: 'podio', account: null, name: null, settings: { client_id: 'key' }, client_secret: 's', password: null,
    });
  });
  it('is bare where a built-in key is meant', () => {
    expect(podioWish(emptyPodio(), null)).toEqual({ service: 'podio', account: null, name: null, settings: null, client_secret: null, password: null });
  });
  it('carries addresses for a server of one’s own', () => {
    expect(podioWish({ ...emptyPodio(), clientId: 'k', clientSecret: 's', apiUrl: 'http://localhost:1' }, null).settings).toEqual({ client_id: 'k', api_url: 'http://localhost:1' });
  });
  it('for an account that is there names only the account and the way', () => {
    const form = { ...emptyPodio(), how: 'password' as const, username: ' mia ', password: ' p ', clientId: 'k' };
    expect(podioWish(form, 'podio')).toEqual({ service: 'podio', account: 'podio', name: null, settings: null, client_secret: null, password: { username: 'mia', password: ' p ' } });
  });
  it('a client ID wants its secret', () => {
    expect(podioMistake({ ...emptyPodio(), clientId: 'k' })).toMatch(/secret/);
    expect(podioMistake(emptyPodio())).toBeNull();
  });
});

describe('a link’s state', () => {
  it.each([
    [account({ state: 'live' }), 'Connected', 'good', null],
    [account({ state: 'off' }, true), 'Paused', 'rest', 'No connection and no toasts until you resume it.'],
    [account({ state: 'waiting', until: 'x', reason: 'no network' }), 'Not connected', 'wait', 'no network'],
    [account({ state: 'needs-sign-in', reason: 'signed out' }), 'Signed out', 'bad', 'signed out'],
    [account({ state: 'broken', reason: 'wrong address' }), 'Does not work', 'bad', 'wrong address'],
  ])('%#: stands in words', (view, words, mood, reason) => expect(standing(view)).toEqual({ words, mood, reason }));
});
