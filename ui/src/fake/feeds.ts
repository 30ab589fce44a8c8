// What the fake knows of CloudApp, of a Pusher-compatible server and of a webhook: accounts, rows, what came last, and a reader of maps that fills in
// the simplest templates and complains as Belfry does.

import type { AccountView, Entry, FieldMap, Icon, Notification, Part, Payload, PodiumSettings, PusherSettings, Receiver, Rule, Tried, Trouble, WebhookSettings } from '../contract';
import seeds from '../../contract/inbox.json';
import presets from '../../contract/presets.json';

const MINUTE = 60_000;
const template = seeds[0] as unknown as Entry;
const FIELDS = ['when', 'title', 'body', 'url', 'icon', 'id', 'time', 'urgency', 'actor'] as const;

export const LARAVEL_SETTINGS: PusherSettings = {
  server: { url: 'http://localhost:8080/' },
  key: 'reverb-key',
  channels: ['orders', 'private-App.Models.User.1'],
  auth: { by: 'endpoint', url: 'http://localhost:8000/broadcasting/auth', method: 'post' },
  map: presets[1]?.map as FieldMap,
};

export const GITHUB_SETTINGS: WebhookSettings = {
  receiver: { by: 'relay', url: 'https://relay.example/', kind: 'belfry', channel: 'AbCdEf', sealed: false },
  signature: { scheme: 'github' },
  map: presets[0]?.map as FieldMap,
};

export const PODIUM_SETTINGS: PodiumSettings = {
  client_id: 'my-app',
  receiver: { by: 'relay', url: 'https://relay.example/', kind: 'belfry', channel: 'MnOpQr', sealed: false },
  redirect_url: null,
  place: { place: 'location', uid: 'l-1', organization_uid: null, name: 'Main Street' },
  events: ['message.received', 'review.created', 'contact.unchanged'],
  webhook: 'w-1',
};

/** As Belfry keeps it: the relay names a channel, and the same relay keeps the one that there is. */
export function channelled(wished: WebhookSettings, kept: WebhookSettings | null): WebhookSettings {
  const { receiver } = wished;
  if (receiver.by !== 'relay') return wished;
  const before = kept?.receiver;
  const same = before?.by === 'relay' && before.url === receiver.url && (before.sealed ?? false) === (receiver.sealed ?? false);
  return { ...wished, receiver: same ? before : { ...receiver, channel: 'GhIjKl' } };
}

export function hookAddressOf(receiver: Receiver): string {
  if (receiver.by === 'relay') return `${receiver.url.replace(/\/$/, '')}/hook/${receiver.channel ?? ''}`;
  return !receiver.public_url ? `http://127.0.0.1:${receiver.port}/hook` : `${receiver.public_url.replace(/\/$/, '')}/hook`;
}

function account(now: number, id: string, service: AccountView['service'], label: string, colour: AccountView['colour']): AccountView {
  return {
    id, service, label, colour, paused: false, choices: { colour: null, banners: 'service', sound: 'service' }, state: 'live',
    last_sign_of_life: new Date(now - 7_000).toISOString(), unheard: null, unread: 0,
  };
}

export function feedAccounts(now: number): AccountView[] {
  return [account(now, 'cloudapp', 'cloudapp', 'ada@drops.example', 'teal'), account(now, 'pusher', 'pusher', 'localhost:8080', 'brown')];
}

export function hookAccounts(now: number): AccountView[] {
  return [account(now, 'podium', 'podium', 'Main Street', 'purple'), account(now, 'webhook', 'webhook', 'relay.example', 'red')];
}

const ITEMS: [Icon, string, string][] = [
  ['image', 'team-photo.png is up', 'image'], ['bookmark', 'The printing house is up', 'bookmark'], ['text', 'notes.txt is up', 'text'],
  ['archive', 'brochure.zip was renamed', 'archive'], ['audio', 'jingle.mp3 is up', 'audio'], ['video', 'stand-2027.mp4 was deleted', 'video'],
];

/** One row of each picture that CloudApp items have, and an event of a feed below them. */
export function feedRows(now: number): Entry[] {
  const items = ITEMS.map(([icon, title, what], index): Entry => ({
    ...template, ...times(now - (index + 1) * 7 * MINUTE), id: 2000 - index, account: 'cloudapp', external_id: `item/${index}`, icon, kind: title.endsWith('is up') ? 'creation' : title.endsWith('renamed') ? 'update' : 'delete', title,
    body: '', actor: null, context: { what: 'item', id: String(index), title, place: null, url: `https://drops.example/${what}` }, read: index > 1, read_at: null, version: 1, raw: '',
  }));
  const shipped: Entry = {
    ...template, ...times(now - 90 * MINUTE), id: 1900, account: 'pusher', external_id: 'e1', icon: 'other', kind: 'event:App\\Events\\OrderShipped', title: 'Order shipped',
    body: 'Order 7 left the house.', actor: null, context: { what: 'channel', id: 'orders', title: null, place: 'orders', url: null }, read: true, read_at: null, raw: '',
  };
  return [...items, shipped];
}

/** As Belfry takes them apart. */
export function feedPartsOf(entry: Entry): Part[] | null {
  if (entry.account === 'cloudapp') {
    return [{ part: 'facts', label: 'The item', facts: [{ label: 'Type', value: entry.icon, at: null }, { label: 'Views', value: '3', at: null }, { label: 'Uploaded', value: entry.occurred_at, at: entry.occurred_at }] }];
  }
  if (entry.account !== 'pusher') return null;
  return [
    { part: 'text', label: null, text: entry.body },
    { part: 'facts', label: 'Where it came from', facts: [{ label: 'channel', value: 'orders', at: null }, { label: 'event', value: 'App\\Events\\OrderShipped', at: null }] },
    { part: 'facts', label: 'What it carried', facts: [{ label: 'order.id', value: '7', at: null }] },
  ];
}

/** What came last, newest first. */
export function payloads(now: number): Payload[] {
  return [
    payloadOf('App\\Events\\OrderShipped', { id: 7, title: 'Order 7 left the house', message: 'By noon tomorrow it is in Porto.', url: 'https://shop.example/orders/7' }, now - 40_000),
    payloadOf('Illuminate\\Notifications\\Events\\BroadcastNotificationCreated', { id: '5c1f', type: 'App\\Notifications\\InvoicePaid', title: 'Invoice 31 was paid', body: '<b>EUR 120</b>', url: 'javascript:window.hacked=5' }, now - 5 * MINUTE),
    { ...payloadOf('report.ready', null, now - 9 * MINUTE), data: null },
  ];
}

/** What came of a webhook last. */
export function hooksSeen(now: number): Payload[] {
  const issue = payloadOf('issues', { title: 'The gate squeaks', body: 'Since Tuesday.', url: 'https://git.example/gate/issues/3' }, now - 60_000);
  return [{ ...issue, channel: '', headers: { 'x-github-event': 'issues', 'user-agent': 'GitHub-Hookshot/1' } }];
}

export function payloadOf(event: string, data: unknown, at: number): Payload {
  return { at: new Date(at).toISOString(), channel: 'orders', event, data: JSON.stringify(data), only_named: false };
}

/** Refuses a map that makes no sense, in Belfry's words. */
export function checked(map: FieldMap, before = ''): void {
  const wrong = (map.rules ?? []).flatMap((rule, index) =>
    FIELDS.flatMap((field) => {
      const source = rule[field] ?? '';
      const slip = /\{\{\s*(?:not )?([a-z_]+)/.exec(source)?.[1];
      const filter = /\|\s*([a-z_]+)/.exec(source)?.[1];
      if (field === 'title' && source.trim() === '') return [`rule ${index + 1}, title: a title is needed`];
      if (slip && !['data', 'channel', 'event', 'headers'].includes(slip)) return [`rule ${index + 1}, ${field}, line 1: there is no “${slip}” here: a template begins with data, channel, event or headers`];
      if (filter && !['readable', 'text', 'date', 'words', 'upper'].includes(filter)) return [`rule ${index + 1}, ${field}, line 1: there is no filter “${filter}”`];
      return [];
    }),
  );
  if (wrong.length > 0) throw { kind: 'usage', words: before + wrong.join('; ') } satisfies Trouble;
}

/** What a map makes of each. */
export function tried(account: string, map: FieldMap, all: readonly Payload[]): Tried[] {
  checked(map);
  return all.map((payload) => {
    if (payload.data === null) return { payload, rule: null, told: null, troubles: ['it was too long to be kept, so it cannot be tried'] };
    const rules = map.rules ?? [];
    const place = rules.findIndex((rule) => fits(rule.event ?? '*', payload.event) && fits(rule.on ?? '*', payload.channel));
    const rule = rules[place];
    if (rule) return { payload, rule: place + 1, told: told(account, rule, payload), troubles: [] };
    return { payload, rule: null, told: map.other === 'show' ? told(account, { title: '{{ event|readable }}', body: '{{ data|text }}' }, payload) : null, troubles: [] };
  });
}

function told(account: string, rule: Rule, payload: Payload): Notification {
  const fill = (source: string | null | undefined) => filled(source ?? '', payload);
  return {
    ...template, account, external_id: 'tried', kind: `event:${payload.event}`, icon: (fill(rule.icon) || 'other') as Icon, title: fill(rule.title) || payload.event,
    body: fill(rule.body), actor: fill(rule.actor) || null, occurred_at: payload.at, urgency: (fill(rule.urgency) || null) as Notification['urgency'],
    context: { what: 'channel', id: payload.channel, title: null, place: payload.channel, url: fill(rule.url) || null }, raw: '',
  };
}

/** `{{ data.a or data.b or event|readable }}`: the first that there is. */
function filled(source: string, payload: Payload): string {
  const data = JSON.parse(payload.data ?? 'null') as Record<string, unknown> | null;
  const value = (path: string): string => {
    if (path.startsWith('event')) return path.includes('readable') ? readable(payload.event) : payload.event;
    if (path.startsWith('channel')) return payload.channel;
    const found = path === 'data' || path.startsWith('data|') ? Object.values(data ?? {}).find((it) => typeof it === 'string') : data?.[path.replace('data.', '')];
    return found === undefined || found === null ? '' : String(found);
  };
  return source.replace(/\{\{(.*?)\}\}/g, (_, inside: string) => inside.split(' or ').map((path) => value(path.trim())).find((text) => text !== '') ?? '');
}

function readable(name: string): string {
  const spoken = (name.split('\\').at(-1) ?? name).replace(/[._-]+/g, ' ').replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
  return spoken.charAt(0).toUpperCase() + spoken.slice(1);
}

function fits(pattern: string, name: string): boolean {
  return new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.\\+?^${}()|[\]]/g, '\\$&')).join('.*')}$`).test(name);
}

function times(at: number): { occurred_at: string; kept_at: string } {
  return { occurred_at: new Date(at).toISOString(), kept_at: new Date(at + 400).toISOString() };
}
