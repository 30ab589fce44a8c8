// What the person types to listen on a Pusher-compatible server, and the wish it makes. Pure.

import type { AccountId, AuthMethod, FieldMap, PusherAuth, PusherSettings, SignIn } from '../contract';
import { words } from '../words';
import { isAddress, SOCKET, WEB } from './address';
import { channelsOf, isChannel, kindOf } from './channels';

/** A header of the endpoint for authorisations. */
export type Header = { key: number; name: string; value: string };

/** What the person typed into the form. */
export type PusherForm = {
  at: 'url' | 'cluster';
  url: string;
  cluster: string;
  key: string;
  channels: string;
  by: PusherAuth['by'];
  endpoint: string;
  method: AuthMethod;
  headers: Header[];
  /** Of an account that is there: those it has are replaced. */
  headersAnew: boolean;
  secret: string;
  check: boolean;
};

/** What is wrong, by field. */
export type PusherMistakes = Partial<Record<'url' | 'cluster' | 'key' | 'channels' | 'auth' | 'endpoint' | 'headers' | 'secret', string>>;

/** An empty form. */
export function emptyPusher(): PusherForm {
  return {
    at: 'url', url: '', cluster: '', key: '', channels: '', by: 'none', endpoint: '', method: 'post', headers: [], headersAnew: false, secret: '', check: true,
  };
}

/** The form of an account that is there. Its secrets never come to the window. */
export function formOf({ server, key, channels, auth }: PusherSettings): PusherForm {
  return {
    ...emptyPusher(),
    ...('url' in server ? { at: 'url' as const, url: server.url } : { at: 'cluster' as const, cluster: server.cluster }),
    key,
    channels: channels.join('\n'),
    by: auth.by,
    ...(auth.by === 'endpoint' ? { endpoint: auth.url, method: auth.method } : {}),
  };
}

/** The wish that a form makes. Secrets that were left empty are left as they are. */
export function pusherWish(form: PusherForm, map: FieldMap, account: AccountId | null): SignIn {
  const auth: PusherAuth = form.by === 'endpoint' ? { by: 'endpoint', url: form.endpoint.trim(), method: form.method } : { by: form.by };
  const given = written(form.headers).map(({ name, value }) => [name.trim(), value.trim()] as const);
  return {
    service: 'pusher', account, name: null,
    settings: {
      server: form.at === 'url' ? { url: form.url.trim() } : { cluster: form.cluster.trim() },
      key: form.key.trim(), channels: channelsOf(form.channels), auth, map,
    },
    app_secret: form.by === 'secret' ? form.secret.trim() || null : null,
    auth_headers: form.by === 'endpoint' && (given.length > 0 || form.headersAnew) ? Object.fromEntries(given) : null,
    check: form.check,
  };
}

/** What is wrong with a form. `kept`: how an account that is there is let in so far, since its secrets may stay. */
export function pusherMistakes(form: PusherForm, kept: PusherAuth['by'] | null): PusherMistakes {
  const wrong: PusherMistakes = {};
  if (form.at === 'url' && !isAddress(form.url, SOCKET)) wrong.url = words.signIn.noAddress('https://, http://, wss:// or ws://');
  if (form.at === 'cluster' && !/^[a-z0-9-]+$/.test(form.cluster.trim())) wrong.cluster = words.pusher.badCluster;
  if (form.key.trim() === '') wrong.key = words.signIn.needed;
  const channels = channelsOf(form.channels);
  const bad = channels.find((channel) => !isChannel(channel));
  if (channels.length === 0) wrong.channels = words.pusher.noChannel;
  else if (bad !== undefined) wrong.channels = words.pusher.badChannel(bad);
  const closed = channels.find((channel) => kindOf(channel) !== 'public');
  const sealed = channels.find((channel) => kindOf(channel) === 'encrypted');
  if (form.by === 'none' && closed !== undefined) wrong.auth = words.pusher.notPublic(closed);
  if (form.by === 'secret' && sealed !== undefined) wrong.auth = words.pusher.sealed(sealed);
  if (form.by === 'secret' && form.secret.trim() === '' && kept !== 'secret') wrong.secret = words.signIn.needed;
  if (form.by === 'endpoint' && !isAddress(form.endpoint, WEB)) wrong.endpoint = words.signIn.noAddress('https:// or http://');
  if (form.by === 'endpoint' && !written(form.headers).every(isHeader)) wrong.headers = words.pusher.badHeader;
  return wrong;
}

/** Takes the secrets out of a form once they were sent. True if there were any. */
export function forgetSecrets(form: PusherForm): boolean {
  const there = form.secret !== '' || form.headers.some(({ value }) => value !== '');
  form.secret = '';
  for (const header of form.headers) header.value = '';
  return there;
}

function written(headers: readonly Header[]): Header[] {
  return headers.filter(({ name, value }) => name.trim() !== '' || value.trim() !== '');
}

function isHeader({ name, value }: Header): boolean {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name.trim()) && value.trim() !== '';
}
