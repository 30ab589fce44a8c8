// The backend of the tests and of `vite dev`: the same interface over values in memory. It starts from the contract's snapshots, so
// that the page meets the very JSON that Belfry writes. The address chooses the scene: `?scene=day|first-run|many|hostile|details|feeds|hooks`.

import type { Backend, LoginStart, Resident, Wanted } from '../backend';
import type {
  AccountId, AccountView, Act, ActState, ActView, Choices, Entry, Health, InboxWish, NotificationId, Offer, Overview, Payload, PusherSettings, Settings, SignIn, SignInAnswer, SignInStep, Signal, Trouble, WebhookSettings, Why,
} from '../contract';
import healthSnapshot from '../../contract/health.json';
import overviewSnapshot from '../../contract/overview.json';
import settingsSnapshot from '../../contract/settings.json';
import browserStep from '../../contract/sign-in-step-browser.json';
import placeStep from '../../contract/sign-in-step-place.json';
import whySnapshot from '../../contract/why.json';
import { isWordy } from '../inbox/acts';
import { day, detailed, hostile, many, news, partsOf } from './day';
import { channelled, checked, feedAccounts, feedPartsOf, feedRows, GITHUB_SETTINGS, hookAccounts, hookAddressOf, hooksSeen, LARAVEL_SETTINGS, PODIUM_SETTINGS, payloadOf, payloads as seen, tried } from './feeds';

const scene = new URLSearchParams(location.search).get('scene') ?? 'day';
const started = Date.now();
const seedAccounts = (overviewSnapshot as unknown as Overview).accounts;

let accounts: AccountView[] = scene === 'first-run' ? [] : [...seedAccounts.map((account) => revived(account)), ...(scene === 'feeds' ? feedAccounts(started) : scene === 'hooks' ? hookAccounts(started) : [])];
let rows: Entry[] = scene === 'many' ? many(100_000, started) : scene === 'hostile' ? hostile(started) : scene === 'first-run' ? [] : scene === 'details' ? detailed(started) : scene === 'feeds' ? feedRows(started) : day(started);
let settings = structuredClone(settingsSnapshot) as unknown as Settings;
let pausedUntil: string | null = null;
let loginStart: LoginStart = { on: false, words: 'Belfry does not start by itself.' };
let resident: Resident['state'] = 'back';
let nextId = 1_000_000;
const batches = new Map<number, NotificationId[]>();
const troubles = new Map<string, Trouble>();
const holds = new Map<string, { at: 'way-there' | 'way-back'; ended: Promise<void> }>();
let letGo: () => void = () => undefined;
const calls: { command: string; args: unknown[] }[] = [];
const hears = { signal: new Set<(it: Signal) => void>(), resident: new Set<(it: Resident) => void>(), show: new Set<(it: Wanted) => void>() };
let signIn: { attempt: number; wish: SignIn; end: (step: SignInStep | Trouble) => void; ended: Promise<SignInStep> } | null = null;
let attempts = 0;
let left: string | null = null;
const feeds = new Map<AccountId, PusherSettings | WebhookSettings>([['pusher', LARAVEL_SETTINGS], ['webhook', GITHUB_SETTINGS]]);
let came: Payload[] = scene === 'feeds' ? seen(started) : scene === 'hooks' ? hooksSeen(started) : [];
const unchosen: Choices = { colour: null, banners: 'service', sound: 'service' };
let acts: ActView[] = [];

const offered: Record<string, Offer[]> = {
  comment: ['comment', 'unfollow'], alert: ['comment', 'follow'], message: ['reply'], task: ['complete', 'unfollow'],
  space_invite: ['accept', 'decline'], reminder: ['snooze'], update: ['unfollow'],
};

/** As the resident tells it: what was done is not offered again, and who follows may stop. */
function offersOf(entry: Entry): Offer[] {
  const live = acts.filter((it) => it.notification === entry.id && ['waiting', 'under-way', 'done'].includes(it.state)).map((it) => it.act);
  const answered = live.includes('accept') || live.includes('decline');
  const all = offered[entry.kind] ?? (entry.icon === 'task' ? offered.task : undefined) ?? [];
  return all.filter((offer) => isWordy(offer) || !(live as string[]).includes(offer)).filter((offer) => !(answered && (offer === 'accept' || offer === 'decline')));
}

function changeAct(number: number, changes: { state: ActState; words: string }): ActView {
  const before = acts.find((it) => it.number === number);
  if (!before) throw { kind: 'usage', words: `there is no act ${number}` } satisfies Trouble;
  const changed: ActView = { ...before, ...changes, can_be_undone: changes.state === 'waiting', settled_at: new Date().toISOString() };
  acts = acts.map((it) => (it.number === number ? changed : it));
  signal({ signal: 'changed', id: changed.notification });
  return changed;
}

/** A snapshot's account with its times moved to the present. */
function revived(account: AccountView): AccountView {
  const soon = new Date(started + 42_000).toISOString();
  const lately = new Date(started - 12_000).toISOString();
  return account.state === 'waiting' ? { ...account, until: soon, last_sign_of_life: new Date(started - 400_000).toISOString() } : { ...account, last_sign_of_life: lately };
}

function newer(a: Entry, b: Entry): number {
  return Date.parse(b.occurred_at) - Date.parse(a.occurred_at) || b.id - a.id;
}

function signal(it: Signal): void {
  for (const told of hears.signal) told(structuredClone(it));
}

function matches(entry: Entry, wish: InboxWish): boolean {
  if (wish.account !== null && entry.account !== wish.account) return false;
  if (wish.unread && entry.read) return false;
  if (wish.starred && !entry.starred) return false;
  const text = `${entry.title} ${entry.body}`.toLowerCase();
  return (wish.search ?? '').toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function found(id: NotificationId): Entry {
  const entry = rows.find((row) => row.id === id);
  if (!entry) throw { kind: 'usage', words: `there is no notification ${id}` } satisfies Trouble;
  return entry;
}

function change(ids: readonly NotificationId[], read: boolean): NotificationId[] {
  const wanted = new Set(ids);
  const changed: NotificationId[] = [];
  rows = rows.map((row) => {
    if (!wanted.has(row.id) || row.read === read) return row;
    changed.push(row.id);
    return { ...row, read, read_at: read ? new Date().toISOString() : null };
  });
  return changed;
}

/** All that is about the same thing as this one. */
function threadOf(id: NotificationId): NotificationId[] {
  const { account, context } = found(id);
  const same = (row: Entry) => row.id === id || (context.id !== '' && row.account === account && row.context.what === context.what && row.context.id === context.id);
  return rows.filter(same).map((row) => row.id);
}

function unreadOf(account: AccountId): number {
  return rows.filter((row) => row.account === account && !row.read).length;
}

function viewed(): AccountView[] {
  return accounts.map((account) => ({ ...account, unread: unreadOf(account.id) }));
}

function setState(id: AccountId, changes: Record<string, unknown>): void {
  accounts = accounts.map((account) => {
    if (account.id !== id) return account;
    const { id: name, service, label, paused, colour, choices, last_sign_of_life, unheard, unread } = account;
    return { id: name, service, label, paused, colour, choices, last_sign_of_life, unheard, unread, state: 'live', ...changes } as AccountView;
  });
  signal({ signal: 'accounts' });
}

function feedOf(account: AccountId): PusherSettings | WebhookSettings {
  const settings = feeds.get(account);
  if (!settings) throw { kind: 'usage', words: `“${account}” needs no map of fields` } satisfies Trouble;
  return settings;
}

function hookOf(account: AccountId): WebhookSettings {
  const settings = feedOf(account);
  if (!('receiver' in settings)) throw { kind: 'usage', words: `“${account}” has no webhook of its own` } satisfies Trouble;
  return settings;
}

function keepFeed(account: AccountId, wish: SignIn): void {
  if (wish.service === 'pusher' && wish.settings) feeds.set(account, wish.settings);
  if (wish.service === 'webhook' && wish.settings) feeds.set(account, channelled(wish.settings, wish.account ? hookOf(wish.account) : null));
}

function kept(wish: SignIn): SignInStep {
  if (wish.account) {
    keepFeed(wish.account, wish);
    setState(wish.account, { state: 'live', last_sign_of_life: new Date().toISOString() });
    return { step: 'done', account: wish.account };
  }
  const { service } = wish;
  const id = wish.name ?? (accounts.some((account) => account.id === service) ? `${service}-${accounts.length + 1}` : service);
  keepFeed(id, wish);
  accounts = [...accounts, { id, service, label: 'Nora New', paused: false, colour: 'pink', choices: unchosen, state: 'live', last_sign_of_life: new Date().toISOString(), unheard: null, unread: 0 }];
  signal({ signal: 'accounts' });
  return { step: 'done', account: id };
}

/** After the browser: a place is asked for where a sign-in reaches several and none was named. */
function signedIn(wish: SignIn, attempt: number): SignInStep {
  const asks = wish.service === 'podium' && (wish.account === null || wish.settings !== null) && !wish.settings?.place;
  return asks ? ({ ...placeStep, attempt } as SignInStep) : kept(wish);
}

/** The relay `https://closed.…` wants a join code. */
function joined(wish: SignIn & { service: 'podium' | 'webhook' }): void {
  const receiver = wish.settings?.receiver;
  if (receiver?.by !== 'relay' || !receiver.url.startsWith('https://closed.') || wish.join_code === 'let-me-in') return;
  throw { kind: 'needs-sign-in', words: 'The relay wants its join code: it prints it when it starts.' } satisfies Trouble;
}

const answers: Omit<Backend, 'onSignal' | 'onResident' | 'onShow'> = {
  overview: async () => ({ running: resident === 'back', accounts: viewed(), unread: rows.filter((row) => !row.read).length, paused_until: pausedUntil }),
  accounts: async () => viewed(),
  inbox: async (wish) => {
    const limit = wish.limit ?? 50;
    const start = wish.before === null ? 0 : rows.findIndex((row) => row.id === wish.before) + 1;
    const page: Entry[] = [];
    for (let index = start; index < rows.length && page.length < limit; index += 1) {
      const row = rows[index];
      if (row && matches(row, wish)) page.push(row);
    }
    return page;
  },
  entry: async (id) => ({ ...found(id), raw: '{"as":"the service sent it"}' }),
  parts: async (id) => feedPartsOf(found(id)) ?? partsOf(found(id)),
  why: async (id): Promise<Why> => ({ ...(whySnapshot as unknown as Why), id: found(id).id }),
  set_read: async (ids, read) => {
    const changed = change(ids, read);
    for (const id of changed) signal({ signal: 'changed', id });
    return changed;
  },
  set_thread_read: async (id, read) => {
    const changed = change(threadOf(id), read);
    for (const id of changed) signal({ signal: 'changed', id });
    return changed;
  },
  set_starred: async (ids, starred) => {
    const changed = ids.filter((id) => found(id).starred !== starred);
    rows = rows.map((row) => (changed.includes(row.id) ? { ...row, starred } : row));
    for (const id of changed) signal({ signal: 'changed', id });
    return changed;
  },
  mark_all_read: async (account) => {
    const ids = change(rows.filter((row) => !row.read && (account === null || row.account === account)).map((row) => row.id), true);
    if (ids.length === 0) return { count: 0, undo: null };
    const batch = batches.size + 1;
    batches.set(batch, ids);
    signal({ signal: 'reread' });
    return { count: ids.length, undo: batch };
  },
  undo: async (batch) => {
    const count = change(batches.get(batch) ?? [], false).length;
    batches.delete(batch);
    signal({ signal: 'reread' });
    return count;
  },
  open: async (id) => {
    const { url } = found(id).context;
    if (url === null) throw { kind: 'failed', words: 'this notification has no link' } satisfies Trouble;
    change([id], true);
    signal({ signal: 'changed', id });
    return { url };
  },
  offers: async (id) => offersOf(found(id)),
  act: async (id, act: Act): Promise<ActView> => {
    found(id);
    if (act.act === 'reply' && act.text.length > 10_000) throw { kind: 'usage', words: 'the text is too long; shorten it or send it in parts' } satisfies Trouble;
    const now = Date.now();
    const view: ActView = {
      ...act, number: acts.length + 1, notification: id, state: 'waiting', words: 'It goes out in a moment.', can_be_undone: true,
      asked_at: new Date(now).toISOString(), due_at: new Date(now + 5_000).toISOString(), settled_at: null,
    };
    acts = [...acts, view];
    signal({ signal: 'changed', id });
    return view;
  },
  acts: async (id) => acts.filter((it) => it.notification === id),
  undo_act: async (number) => changeAct(number, { state: 'undone', words: 'Taken back; the service was not told.' }),
  sign_in: async (wish): Promise<SignInStep> => {
    const attempt = (attempts += 1);
    let end!: (step: SignInStep | Trouble) => void;
    const ended = new Promise<SignInStep>((done, failed) => {
      end = (step) => ('step' in step ? done(step) : failed(step));
    });
    ended.catch(() => undefined);
    signIn = { attempt, wish, end, ended };
    if (wish.service === 'pusher') {
      if (wish.settings) checked(wish.settings.map, 'the map of fields is wrong: ');
      if (wish.settings?.key === 'wrong') throw { kind: 'failed', words: 'the server knows no app with this key' } satisfies Trouble;
      return kept(wish);
    }
    if (wish.service === 'cloudapp') {
      if (wish.password === 'wrong') throw { kind: 'needs-sign-in', words: 'The server did not accept this e-mail address and password.' } satisfies Trouble;
      return kept(wish);
    }
    if (wish.service === 'webhook') {
      if (wish.settings) checked(wish.settings.map, 'the map of fields is wrong: ');
      joined(wish);
      return kept(wish);
    }
    if (wish.service === 'podium') {
      joined(wish);
      const comes_by_itself = wish.settings?.receiver.by !== 'local' && !wish.settings?.redirect_url;
      return { ...(browserStep as unknown as SignInStep), attempt, comes_by_itself } as SignInStep;
    }
    if (!wish.password) return { ...(browserStep as unknown as SignInStep), attempt } as SignInStep;
    if (wish.password.password === 'wrong') throw { kind: 'needs-sign-in', words: 'Podio did not accept this user name and password.' } satisfies Trouble;
    return wish.password.username.startsWith('two') ? { step: 'second-factor', attempt } : kept(wish);
  },
  sign_in_answer: async (attempt, answer: SignInAnswer): Promise<SignInStep> => {
    if (!signIn || signIn.attempt !== attempt) throw { kind: 'usage', words: 'this sign-in is over; begin again' } satisfies Trouble;
    const { wish, end, ended } = signIn;
    switch (answer.answer) {
      case 'wait': return ended;
      case 'cancel':
        end({ kind: 'failed', words: 'the sign-in was cancelled; nothing was changed' });
        signIn = null;
        throw { kind: 'failed', words: 'the sign-in was cancelled; nothing was changed' } satisfies Trouble;
      case 'pasted':
        if (!answer.text.includes('code')) throw { kind: 'usage', words: 'there is no code in what was pasted' } satisfies Trouble;
        end(signedIn(wish, attempt));
        return ended;
      case 'second-factor':
        if (answer.code !== '123456') throw { kind: 'needs-sign-in', words: 'that code was not accepted; type it again' } satisfies Trouble;
        return kept(wish);
      case 'place':
        if (!placeStep.places.some(({ uid }) => uid === answer.uid)) throw { kind: 'usage', words: 'there is no such place; choose one of the list' } satisfies Trouble;
        return kept(wish);
    }
  },
  set_paused: async (account, paused) => setState(account, { paused, state: paused ? 'off' : 'live' }),
  set_choices: async (account, choices) => {
    accounts = accounts.map((it) => (it.id === account ? { ...it, choices, colour: choices.colour ?? it.colour } : it));
    signal({ signal: 'accounts' });
  },
  feed: async (account) => ({ map: feedOf(account).map, payloads: came, running: resident === 'back' }),
  try_map: async (account, map) => tried(account, map ?? feedOf(account).map, came),
  set_map: async (account, map) => {
    checked(map);
    feeds.set(account, { ...feedOf(account), map });
  },
  pusher_settings: async (account) => feedOf(account) as PusherSettings,
  webhook_settings: async (account) => hookOf(account),
  podium_settings: async () => PODIUM_SETTINGS,
  hook_address: async (account) => hookAddressOf(hookOf(account).receiver),
  remove_account: async (account) => {
    accounts = accounts.filter((it) => it.id !== account);
    rows = rows.filter((row) => row.account !== account);
    signal({ signal: 'accounts' });
    return { left };
  },
  retry_now: async (account) => setState(account, { state: 'live', last_sign_of_life: new Date().toISOString() }),
  pause_toasts: async (until) => {
    pausedUntil = until;
    signal({ signal: 'accounts' });
  },
  settings: async () => settings,
  set_settings: async (wished) => {
    settings = structuredClone(wished);
    signal({ signal: 'settings' });
  },
  health: async () => healthSnapshot as unknown as Health,
  test_toast: async () => ({ shown: true, words: 'A toast was raised; Plasma 6 took it.' }),
  add_demo: async () => {
    accounts = [...accounts, { id: 'demo', service: 'demo', label: 'Demo', paused: false, colour: 'pink', choices: unchosen, state: 'live', last_sign_of_life: new Date().toISOString(), unheard: null, unread: 0 }];
    rows = [...day(Date.now()).map((row) => ({ ...row, account: 'demo', id: row.id + 2000 })), ...rows].sort(newer);
    signal({ signal: 'accounts' });
    signal({ signal: 'reread' });
    return 'demo';
  },
  wanted: async () => ({ at: Number(new URLSearchParams(location.search).get('at')) || null }),
  login_start: async () => loginStart,
  set_login_start: async (on) => (loginStart = { on, words: on ? 'Belfry starts with its tray when you log in.' : 'Belfry does not start by itself.' }),
};

/** Each call crosses as JSON, as it does in the window; it is written down, and is held up or fails where the test says so. */
function crossing(command: string, answer: (...args: never[]) => Promise<unknown>) {
  return async (...args: unknown[]): Promise<unknown> => {
    calls.push({ command, args: structuredClone(args) });
    const hold = holds.get(command);
    holds.delete(command);
    await new Promise((done) => setTimeout(done, 2));
    if (hold?.at === 'way-there') await hold.ended;
    const trouble = troubles.get(command);
    if (trouble) throw structuredClone(trouble);
    if (resident === 'gone') throw { kind: 'failed', words: 'Belfry is not running.' } satisfies Trouble;
    const value = await answer(...(args as never[]));
    if (hold?.at === 'way-back') await hold.ended;
    return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
  };
}

export const backend = {
  ...Object.fromEntries(Object.entries(answers).map(([command, answer]) => [command, crossing(command, answer)])),
  onSignal: async (told) => subscribe(hears.signal, told),
  onResident: async (told) => subscribe(hears.resident, told),
  onShow: async (told) => subscribe(hears.show, told),
} as Backend;

function subscribe<T>(all: Set<(it: T) => void>, told: (it: T) => void): () => void {
  all.add(told);
  return () => all.delete(told);
}

/** What a test does from outside: the other side of the window. */
const outside = {
  calls,
  rows: () => rows,
  accounts: () => accounts,
  settings: () => settings,
  /** So many new notifications come in, the last on top. */
  arrive(count: number, title = 'News'): NotificationId[] {
    const ids: NotificationId[] = [];
    for (let index = 0; index < count; index += 1) {
      const entry = news((nextId += 1), `${title} ${index + 1}`, Date.now() + index);
      rows = [entry, ...rows];
      ids.push(entry.id);
      signal({ signal: 'new', id: entry.id });
    }
    return ids;
  },
  /** A notification was read, or changed its title, elsewhere. */
  changeElsewhere(id: NotificationId, changes: Partial<Entry>): void {
    rows = rows.map((row) => (row.id === id ? { ...row, ...changes } : row));
    signal({ signal: 'changed', id });
  },
  /** A later version took a notification's place: it is unread again, and stands where its time says. */
  renew(id: NotificationId, changes: Partial<Entry> = {}): void {
    const later = { ...found(id), occurred_at: new Date().toISOString(), read: false, read_at: null, ...changes };
    rows = [...rows.filter((row) => row.id !== id), later].sort(newer);
    signal({ signal: 'renewed', id });
  },
  /** An event came on a feed. */
  came: (event: string, data: unknown) => (came = [payloadOf(event, data, Date.now()), ...came]),
  /** What came of an act at the service. */
  changeAct,
  signal,
  show: (at: NotificationId | null) => hears.show.forEach((told) => told({ at })),
  resident(state: Resident['state'], words = ''): void {
    resident = state;
    hears.resident.forEach((told) => told({ state, words }));
  },
  setState,
  /** The person allowed it in the browser. */
  browserDone: () => signIn?.end(signedIn(signIn.wish, signIn.attempt)),
  browserFailed: (words: string) => signIn?.end({ kind: 'failed', words }),
  /** The next call of this command is held up before it is heard, or its answer before it comes back, until it is let go. */
  hold: (command: string, at: 'way-there' | 'way-back') => void holds.set(command, { at, ended: new Promise((done) => (letGo = done)) }),
  letGo: () => letGo(),
  /** What removing an account leaves to do. */
  leave: (words: string) => (left = words),
  fail: (command: string, words: string | null) => (words === null ? troubles.delete(command) : troubles.set(command, { kind: 'failed', words })),
};
export type Outside = typeof outside;

declare global {
  interface Window {
    outside: Outside;
  }
}
window.outside = outside;
