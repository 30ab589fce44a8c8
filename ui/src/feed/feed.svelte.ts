// The rules of an account's feed under the pen, tried on what came last as they are written. What is not saved yet is kept while the
// window lives.

import { backend } from '#backend';
import type { AccountId, Tried } from '../contract';
import { wordsOf } from '../trouble';
import { complaints, missing, NO_COMPLAINTS, type Complaints } from './complaints';
import { draftOf, mapOf, sameMap, type MapDraft } from './rules';

/** Typing rests so long before it is tried. */
const REST = 300;
const drafts = new Map<AccountId, MapDraft>();

export class FeedUnderWay {
  /** `null` until it is read. */
  map = $state<MapDraft | null>(null);
  tried = $state.raw<readonly Tried[]>([]);
  wrong = $state.raw<Complaints>(NO_COMPLAINTS);
  running = $state(true);
  /** Why it could not be read, tried or saved, where no field is to blame. */
  trouble = $derived.by(() => this.#unsaved ?? this.#untried);
  busy = $state(false);
  changed = $derived.by(() => this.map !== null && this.#saved !== null && !sameMap(this.map, this.#saved));
  #saved = $state.raw<MapDraft | null>(null);
  /** Said until it is tried again or changed: what is tried meanwhile says nothing of it. */
  #unsaved = $state<string | null>(null);
  #untried = $state<string | null>(null);
  #account: AccountId;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(account: AccountId) {
    this.#account = account;
  }

  async read(): Promise<void> {
    this.#untried = null;
    try {
      const { map, running } = await backend.feed(this.#account);
      this.#saved = draftOf(map);
      this.running = running;
      this.map = drafts.get(this.#account) ?? draftOf(map);
      await this.tryOut();
    } catch (error) {
      this.#untried = wordsOf(error);
    }
  }

  /** It was changed: kept as a draft, and tried when the typing rests. */
  touched(): void {
    if (this.map === null) return;
    this.#unsaved = null;
    if (this.changed) drafts.set(this.#account, $state.snapshot(this.map));
    else drafts.delete(this.#account);
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.tryOut(), REST);
  }

  /** Tries it on what came. What is wrong with it is said where it stands; what was tried before stays in sight. */
  async tryOut(): Promise<void> {
    if (this.map === null) return;
    const map = $state.snapshot(this.map);
    this.wrong = missing(map);
    if (this.wrong.at.size > 0) return;
    const asked = (this.#asked += 1);
    try {
      const tried = await backend.try_map(this.#account, mapOf(map));
      if (asked !== this.#asked) return;
      [this.tried, this.#untried] = [tried, null];
    } catch (error) {
      if (asked === this.#asked) this.#untried = this.#complain(error);
    }
  }

  /** Keeps it. True if it was kept. */
  async save(): Promise<boolean> {
    if (this.map === null) return false;
    const map = $state.snapshot(this.map);
    this.wrong = missing(map);
    if (this.wrong.at.size > 0) return false;
    [this.busy, this.#unsaved] = [true, null];
    try {
      await backend.set_map(this.#account, mapOf(map));
      drafts.delete(this.#account);
      return true;
    } catch (error) {
      this.#unsaved = this.#complain(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** As it was. */
  discard(): void {
    drafts.delete(this.#account);
    this.map = this.#saved;
  }

  leave(): void {
    clearTimeout(this.#soon);
  }

  /** Brings it to the fields; what is left is of no field. */
  #complain(error: unknown): string | null {
    this.wrong = complaints(wordsOf(error));
    return this.wrong.rest || null;
  }
}
