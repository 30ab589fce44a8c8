// What the whole window knows: the accounts, the settings, how the resident fares. Read again whenever a signal says so.

import { backend } from '#backend';
import type { Resident } from './backend';
import type { AccountId, AccountView, Colour, Overview, Settings } from './contract';
import { notices } from './notices.svelte';
import { applyTheme } from './theme';
import { wordsOf } from './trouble';
import { Turns } from './turns';
import { words } from './words';

class Belfry {
  overview = $state.raw<Overview | null>(null);
  settings = $state.raw<Settings | null>(null);
  /** Why the overview could not be read, if it could not. */
  trouble = $state<string | null>(null);
  /** Not `back`: the window shows it and waits. */
  resident = $state.raw<Resident>({ state: 'back', words: '' });
  accounts = $derived<AccountView[]>(this.overview?.accounts ?? []);
  #soon: ReturnType<typeof setTimeout> | undefined;
  /** How often the settings were wished to be others, and how many of these wishes are not settled yet. */
  #wishes = 0;
  #unsettled = 0;
  #turns = new Turns();

  async readOverview(): Promise<void> {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    try {
      this.overview = await backend.overview();
      this.trouble = null;
    } catch (error) {
      this.trouble = wordsOf(error);
    }
  }

  /** Reads the overview shortly: many signals come at once. */
  readOverviewSoon(): void {
    this.#soon ??= setTimeout(() => void this.readOverview(), 100);
  }

  async readSettings(): Promise<void> {
    const wishes = this.#wishes;
    try {
      const settings = await backend.settings();
      // What was wished meanwhile is newer than this; it is read again when the last wish is kept.
      if (wishes === this.#wishes && this.#unsettled === 0) this.#take(settings);
    } catch (error) {
      this.trouble ??= wordsOf(error);
    }
  }

  /** Shows the wish at once, and what is kept if it cannot be. */
  async keepSettings(wished: Settings): Promise<void> {
    const before = this.settings;
    this.#wishes += 1;
    this.#unsettled += 1;
    this.#take(wished);
    try {
      await this.#turns.take(() => backend.set_settings($state.snapshot(wished)));
    } catch (error) {
      if (before && this.#unsettled === 1) this.#take(before);
      notices.fail({ words: `${words.settings.saveFailed} ${wordsOf(error)}` });
    }
    this.#unsettled -= 1;
    await this.readSettings();
  }

  /** What to call an account: its service and its label. */
  name(id: AccountId): string {
    const account = this.accounts.find((it) => it.id === id);
    return account ? accountName(account) : id;
  }

  /** The same in few letters, where the service is plain from the picture. */
  label(id: AccountId): string {
    return this.accounts.find((it) => it.id === id)?.label || id;
  }

  /** The colour that tells an account from others. */
  colour(id: AccountId): Colour | undefined {
    return this.accounts.find((it) => it.id === id)?.colour;
  }

  #take(settings: Settings): void {
    this.settings = settings;
    applyTheme(settings.theme);
  }
}

/** What to call an account on screen. */
export function accountName(account: AccountView): string {
  const service = words.accounts.services[account.service] ?? account.service;
  return account.label === '' || account.label === service ? service : `${service} – ${account.label}`;
}

export const belfry = new Belfry();
