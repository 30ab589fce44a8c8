// The inbox as the window holds it: the rows read so far, what the reader asked for, and news that wait to be shown.
// The reader is never moved: news above are counted, changes happen in place.

import { backend } from '#backend';
import type { AccountId, Entry, InboxWish, NotificationId } from '../contract';
import { notices } from '../notices.svelte';
import { wordsOf } from '../trouble';
import { words } from '../words';
import { above, countNew, reread, withChanged, withPage, withRead, withRenewed, withStar } from './rows';
import { remembered, taken, type Deed } from './undo';

const FIRST_PAGE = 50;
const PAGE = 200;
/** News are looked at together. */
const TOGETHER = 150;
/** More changed ones than this are read again as pages. */
const ONE_BY_ONE = 20;

class Inbox {
  rows = $state.raw<readonly Entry[]>([]);
  account = $state<AccountId | null>(null);
  unread = $state(false);
  starred = $state(false);
  search = $state('');
  /** Nothing was read yet for the present wish. */
  first = $state(true);
  busy = $state(false);
  /** The last row is the last there is. */
  end = $state(false);
  trouble = $state<string | null>(null);
  /** How many wait above, and whether there may be more than counted. */
  fresh = $state(0);
  freshMore = $state(false);
  /** The row the keyboard stands on. */
  current = $state<NotificationId | null>(null);
  /** The notification the pane beside the list shows. */
  shown = $state<NotificationId | null>(null);
  /** Grows when the shown one should be read again. */
  shownVersion = $state(0);
  /** Grows when the list was read anew and begins at its top. */
  generation = $state(0);
  /** The first and the last row the reader sees; told by the list. */
  top = 0;
  seen = 0;
  /** The rows that a later version moved last. */
  moved: ReadonlySet<NotificationId> = new Set();

  #index = new Map<NotificationId, number>();
  #asked = 0;
  #changed = new Set<NotificationId>();
  #changedSoon: ReturnType<typeof setTimeout> | undefined;
  #renewed = new Set<NotificationId>();
  #renewedSoon: ReturnType<typeof setTimeout> | undefined;
  #newSoon: ReturnType<typeof setTimeout> | undefined;
  #searchSoon: ReturnType<typeof setTimeout> | undefined;
  #deeds: Deed[] = [];

  /** The row's place in the list, if it is listed. */
  at = (id: NotificationId): number | undefined => this.#index.get(id);
  #has = (id: NotificationId): boolean => this.#index.has(id);

  get filtered(): boolean {
    return this.account !== null || this.unread || this.starred || this.search !== '';
  }

  /** Reads the list from its top. */
  async read(): Promise<void> {
    const asked = (this.#asked += 1);
    this.busy = true;
    try {
      const page = await backend.inbox(this.#wish(null, FIRST_PAGE));
      if (asked !== this.#asked) return;
      this.#take(page);
      this.end = page.length < FIRST_PAGE;
      [this.top, this.seen, this.fresh] = [0, 0, 0];
      this.trouble = null;
      this.generation += 1;
      if (this.current !== null && !this.#has(this.current)) this.current = null;
    } catch (error) {
      if (asked === this.#asked) this.trouble = wordsOf(error);
    } finally {
      if (asked === this.#asked) {
        this.busy = false;
        this.first = false;
      }
    }
  }

  /** Reads the next page. */
  async more(): Promise<void> {
    const last = this.rows.at(-1);
    if (this.busy || this.end || !last) return;
    const asked = this.#asked;
    this.busy = true;
    try {
      const page = await backend.inbox(this.#wish(last.id, PAGE));
      if (asked !== this.#asked) return;
      const from = this.rows.length;
      this.rows = withPage(this.rows, page, this.#has);
      for (let index = from; index < this.rows.length; index += 1) this.#index.set((this.rows[index] as Entry).id, index);
      this.end = page.length < PAGE;
    } catch (error) {
      if (asked === this.#asked) notices.fail(error);
    } finally {
      if (asked === this.#asked) this.busy = false;
    }
  }

  filter(wish: { account?: AccountId | null; unread?: boolean; starred?: boolean }): void {
    if (wish.account !== undefined) this.account = wish.account;
    if (wish.unread !== undefined) this.unread = wish.unread;
    if (wish.starred !== undefined) this.starred = wish.starred;
    void this.read();
  }

  /** Searches when the typing rests. */
  searchFor(typed: string): void {
    clearTimeout(this.#searchSoon);
    this.#searchSoon = setTimeout(() => {
      const search = typed.trim();
      if (search === this.search) return;
      this.search = search;
      void this.read();
    }, 150);
  }

  /** Everything again, from the top, without filters. */
  async readAll(): Promise<void> {
    clearTimeout(this.#searchSoon);
    [this.account, this.unread, this.starred, this.search] = [null, false, false, ''];
    await this.read();
  }

  /** A notification was kept for the first time. */
  heardNew(): void {
    this.#newSoon ??= setTimeout(() => {
      this.#newSoon = undefined;
      void this.#countNew();
    }, TOGETHER);
  }

  /** A kept notification changed. */
  heardChanged(id: NotificationId): void {
    this.#changed.add(id);
    if (id === this.shown) this.shownVersion += 1;
    this.#changedSoon ??= setTimeout(() => {
      this.#changedSoon = undefined;
      const ids = [...this.#changed];
      this.#changed.clear();
      void this.#readChanged(ids.filter(this.#has));
    }, TOGETHER);
  }

  /** A later version took a notification's place. A row that is listed moves to where it belongs; another one is news. */
  heardRenewed(id: NotificationId): void {
    if (id === this.shown) this.shownVersion += 1;
    this.#renewed.add(id);
    this.#renewedSoon ??= setTimeout(() => {
      this.#renewedSoon = undefined;
      const ids = [...this.#renewed];
      this.#renewed.clear();
      void this.#moveRenewed(ids);
    }, TOGETHER);
  }

  /** What is listed is read again, each row in its place, down to where the reader is; below, it is read when the reader comes. */
  async reread(): Promise<void> {
    this.shownVersion += 1;
    const depth = Math.min(this.rows.length, Math.max(this.seen + 1, FIRST_PAGE));
    const last = this.rows[depth - 1];
    if (!last || this.trouble !== null) return this.read();
    const asked = (this.#asked += 1);
    this.busy = true;
    try {
      const fresh: Entry[] = [];
      let page: Entry[];
      do {
        page = await backend.inbox(this.#wish(fresh.at(-1)?.id ?? null, PAGE));
        if (asked !== this.#asked) return;
        fresh.push(...page);
      } while (page.length === PAGE && !above(last, fresh.at(-1) as Entry));
      const down = fresh.filter((entry) => !above(last, entry));
      this.fresh = countNew(down, this.#has);
      this.freshMore = false;
      this.#take(reread(this.rows.slice(0, depth), fresh, this.unread ? { read: true } : this.starred ? { starred: false } : null));
      this.end = false;
    } catch (error) {
      if (asked === this.#asked) notices.fail(error);
    } finally {
      if (asked === this.#asked) this.busy = false;
    }
    // What lies below was forgotten; the reader may stand right above it.
    if (asked === this.#asked) void this.more();
  }

  /** Marks it read or unread; without a wish, the other way round than it is. */
  async toggleRead(id: NotificationId, read = !this.#isRead(id)): Promise<void> {
    try {
      const ids = await backend.set_read([id], read);
      this.rows = withRead(this.rows, ids, read, this.at);
      if (ids.length === 0) return;
      this.#deeds = remembered(this.#deeds, { did: 'read', ids, read });
      notices.sayUndoable(read ? words.inbox.markedRead(ids.length) : words.inbox.markedUnread(ids.length), () => void this.undo());
    } catch (error) {
      notices.fail(error);
    }
  }

  /** Marks all that is about the same thing read. */
  async readThread(id: NotificationId): Promise<void> {
    try {
      const ids = await backend.set_thread_read(id, true);
      if (ids.length === 0) return notices.say(words.inbox.nothingToMark);
      this.rows = withRead(this.rows, ids, true, this.at);
      this.#deeds = remembered(this.#deeds, { did: 'read', ids, read: true });
      notices.sayUndoable(words.inbox.markedRead(ids.length), () => void this.undo());
    } catch (error) {
      notices.fail(error);
    }
  }

  /** Stars it or takes the star away; without a wish, the other way round than it is. */
  async toggleStar(id: NotificationId, starred = !this.#row(id)?.starred): Promise<void> {
    try {
      const ids = await backend.set_starred([id], starred);
      this.rows = withStar(this.rows, ids, starred, this.at);
      if (ids.length === 0) return;
      this.#deeds = remembered(this.#deeds, { did: 'star', ids, starred });
      notices.sayUndoable(starred ? words.inbox.starredNow(ids.length) : words.inbox.unstarredNow(ids.length), () => void this.undo());
    } catch (error) {
      notices.fail(error);
    }
  }

  /** Marks all read, of the account that is chosen. */
  async markAll(): Promise<void> {
    try {
      const { count, undo } = await backend.mark_all_read(this.account);
      if (undo === null) return notices.say(words.inbox.nothingToMark);
      this.#deeds = remembered(this.#deeds, { did: 'all', batch: undo, count });
      notices.sayUndoable(words.inbox.markedRead(count), () => void this.undo());
      await this.reread();
    } catch (error) {
      notices.fail(error);
    }
  }

  /** Takes the last deed back. */
  async undo(): Promise<void> {
    const { deed, left } = taken(this.#deeds);
    if (!deed) return notices.say(words.inbox.nothingToUndo);
    try {
      let count: number;
      if (deed.did === 'all') {
        count = await backend.undo(deed.batch);
        await this.reread();
      } else if (deed.did === 'star') {
        const ids = await backend.set_starred(deed.ids, !deed.starred);
        this.rows = withStar(this.rows, ids, !deed.starred, this.at);
        count = ids.length;
      } else {
        const ids = await backend.set_read(deed.ids, !deed.read);
        this.rows = withRead(this.rows, ids, !deed.read, this.at);
        count = ids.length;
      }
      this.#deeds = left;
      notices.say(words.inbox.undone(count));
    } catch (error) {
      notices.fail(error);
    }
  }

  /** Opens it at the service, which marks it read. */
  async open(id: NotificationId): Promise<void> {
    try {
      const { url } = await backend.open(id);
      this.rows = withRead(this.rows, [id], true, this.at);
      notices.say(words.inbox.opened(hostOf(url) ?? url));
    } catch (error) {
      notices.fail(error);
    }
  }

  #isRead(id: NotificationId): boolean {
    return this.#row(id)?.read ?? false;
  }

  #row(id: NotificationId): Entry | undefined {
    const at = this.at(id);
    return at === undefined ? undefined : this.rows[at];
  }

  #wish(before: NotificationId | null, limit: number): InboxWish {
    return { account: this.account, unread: this.unread, starred: this.starred, search: this.search || null, before, limit };
  }

  #take(rows: readonly Entry[]): void {
    this.rows = rows;
    this.#index = new Map(rows.map((entry, index) => [entry.id, index]));
  }

  async #countNew(): Promise<void> {
    if (this.rows.length === 0) return this.read();
    const asked = this.#asked;
    try {
      const top = await backend.inbox(this.#wish(null, PAGE));
      if (asked !== this.#asked) return;
      const last = this.rows.at(-1) as Entry;
      const listed = top.filter((entry) => this.end || above(entry, last));
      this.fresh = countNew(listed, this.#has);
      this.freshMore = this.fresh === PAGE;
    } catch {
      // The news are not lost: the next signal, or reading again, counts them.
    }
  }

  async #moveRenewed(ids: readonly NotificationId[]): Promise<void> {
    const listed = ids.filter(this.#has);
    if (listed.length > ONE_BY_ONE) await this.reread();
    else if (listed.length > 0) {
      const read = await Promise.allSettled(listed.map((id) => backend.entry(id)));
      let rows = this.rows;
      for (const it of read) {
        // Meanwhile the list may have been read anew, without it.
        if (it.status === 'fulfilled' && this.#has(it.value.id)) rows = withRenewed(rows, { ...it.value, raw: '' }, this.end);
      }
      this.moved = new Set(listed);
      this.#take(rows);
    }
    if (listed.length < ids.length) this.heardNew();
  }

  async #readChanged(ids: readonly NotificationId[]): Promise<void> {
    if (ids.length > ONE_BY_ONE) return this.reread();
    const read = await Promise.allSettled(ids.map((id) => backend.entry(id)));
    const entries = read.flatMap((it) => (it.status === 'fulfilled' ? [{ ...it.value, raw: '' }] : []));
    if (entries.length > 0) this.rows = withChanged(this.rows, entries, this.at);
  }
}

/** The host an address leads to, in plain letters; `null` if a browser could not be sent there. */
export function hostOf(address: string): string | null {
  try {
    const url = new URL(address);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.host : null;
  } catch {
    return null;
  }
}

export const inbox = new Inbox();
