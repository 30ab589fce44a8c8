// The only file that knows Tauri: the page's calls go to the shell here, its events come in here.
// Answers are what `contract.ts` says; a refused call throws the shell's `Trouble`.

import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type {
  AccountId, AccountView, Choices, Entry, FeedView, FieldMap, Health, InboxWish, Marked, NotificationId, Opened, Overview, PodiumSettings, PusherSettings, Removed, Settings, SignIn, Part,
  Act, ActView, Offer, Tried, SignInAnswer, SignInStep, Signal, TestToast, WebhookSettings, Why,
} from './contract';

/** Whether Belfry starts when the person logs in: the real state, and a sentence about it. */
export type LoginStart = { on: boolean; words: string };
/** Which notification the window is wanted for, if for one. */
export type Wanted = { at: NotificationId | null };
/** How the resident fares, as the shell sees it. */
export type Resident = { state: 'gone' | 'starting' | 'back'; words: string };
/** Ends a subscription. */
export type Unlisten = () => void;

/** All that the page can ask for, and all that it is told. */
export interface Backend {
  overview(): Promise<Overview>;
  accounts(): Promise<AccountView[]>;
  inbox(wish: InboxWish): Promise<Entry[]>;
  entry(id: NotificationId): Promise<Entry>;
  parts(id: NotificationId): Promise<Part[]>;
  why(id: NotificationId): Promise<Why>;
  set_read(ids: NotificationId[], read: boolean): Promise<NotificationId[]>;
  set_thread_read(id: NotificationId, read: boolean): Promise<NotificationId[]>;
  set_starred(ids: NotificationId[], starred: boolean): Promise<NotificationId[]>;
  mark_all_read(account: AccountId | null): Promise<Marked>;
  undo(batch: number): Promise<number>;
  open(id: NotificationId): Promise<Opened>;
  offers(id: NotificationId): Promise<Offer[]>;
  act(id: NotificationId, act: Act): Promise<ActView>;
  acts(id: NotificationId): Promise<ActView[]>;
  undo_act(number: number): Promise<ActView>;
  sign_in(wish: SignIn): Promise<SignInStep>;
  sign_in_answer(attempt: number, answer: SignInAnswer): Promise<SignInStep>;
  set_paused(account: AccountId, paused: boolean): Promise<void>;
  set_choices(account: AccountId, choices: Choices): Promise<void>;
  feed(account: AccountId): Promise<FeedView>;
  try_map(account: AccountId, map: FieldMap | null): Promise<Tried[]>;
  set_map(account: AccountId, map: FieldMap): Promise<void>;
  pusher_settings(account: AccountId): Promise<PusherSettings>;
  webhook_settings(account: AccountId): Promise<WebhookSettings>;
  podium_settings(account: AccountId): Promise<PodiumSettings>;
  hook_address(account: AccountId): Promise<string>;
  remove_account(account: AccountId): Promise<Removed>;
  retry_now(account: AccountId): Promise<void>;
  pause_toasts(until: string | null): Promise<void>;
  settings(): Promise<Settings>;
  set_settings(settings: Settings): Promise<void>;
  health(): Promise<Health>;
  test_toast(): Promise<TestToast>;
  add_demo(): Promise<AccountId>;
  wanted(): Promise<Wanted>;
  login_start(): Promise<LoginStart>;
  set_login_start(on: boolean): Promise<LoginStart>;
  onSignal(told: (signal: Signal) => void): Promise<Unlisten>;
  onResident(told: (resident: Resident) => void): Promise<Unlisten>;
  onShow(told: (wanted: Wanted) => void): Promise<Unlisten>;
}

export const backend: Backend = {
  overview: () => invoke('overview'),
  accounts: () => invoke('accounts'),
  inbox: (wish) => invoke('inbox', { wish }),
  entry: (id) => invoke('entry', { id }),
  parts: (id) => invoke('parts', { id }),
  why: (id) => invoke('why', { id }),
  set_read: (ids, read) => invoke('set_read', { ids, read }),
  set_thread_read: (id, read) => invoke('set_thread_read', { id, read }),
  set_starred: (ids, starred) => invoke('set_starred', { ids, starred }),
  mark_all_read: (account) => invoke('mark_all_read', { account }),
  undo: (batch) => invoke('undo', { batch }),
  open: (id) => invoke('open', { id }),
  offers: (id) => invoke('offers', { id }),
  act: (id, act) => invoke('act', { id, act }),
  acts: (id) => invoke('acts', { id }),
  undo_act: (number) => invoke('undo_act', { number }),
  sign_in: (wish) => invoke('sign_in', { wish }),
  sign_in_answer: (attempt, answer) => invoke('sign_in_answer', { attempt, answer }),
  set_paused: (account, paused) => invoke('set_paused', { account, paused }),
  set_choices: (account, choices) => invoke('set_choices', { account, choices }),
  feed: (account) => invoke('feed', { account }),
  try_map: (account, map) => invoke('try_map', { account, map }),
  set_map: (account, map) => invoke('set_map', { account, map }),
  pusher_settings: (account) => invoke('pusher_settings', { account }),
  webhook_settings: (account) => invoke('webhook_settings', { account }),
  podium_settings: (account) => invoke('podium_settings', { account }),
  hook_address: (account) => invoke('hook_address', { account }),
  remove_account: (account) => invoke('remove_account', { account }),
  retry_now: (account) => invoke('retry_now', { account }),
  pause_toasts: (until) => invoke('pause_toasts', { until }),
  settings: () => invoke('settings'),
  set_settings: (settings) => invoke('set_settings', { settings }),
  health: () => invoke('health'),
  test_toast: () => invoke('test_toast'),
  add_demo: () => invoke('add_demo'),
  wanted: () => invoke('wanted'),
  login_start: () => invoke('login_start'),
  set_login_start: (on) => invoke('set_login_start', { on }),
  onSignal: (told) => listen<Signal>('signal', (event) => told(event.payload)),
  onResident: (told) => listen<Resident>('resident', (event) => told(event.payload)),
  onShow: (told) => listen<Wanted>('show', (event) => told(event.payload)),
};
