// The rows of the inbox as values: how pages are joined, and how news change rows without moving any. Pure.
// Order: newest first by `occurred_at`, then by id, as Belfry answers.

import type { Entry, NotificationId } from '../contract';

/** True if `a` stands above `b`. */
export function above(a: Entry, b: Entry): boolean {
  const [at, bt] = [Date.parse(a.occurred_at), Date.parse(b.occurred_at)];
  return at === bt ? a.id > b.id : at > bt;
}

/** The rows with the next page below them. A row that is there already is not repeated. */
export function withPage(rows: readonly Entry[], page: readonly Entry[], has: (id: NotificationId) => boolean): Entry[] {
  return rows.concat(page.filter((entry) => !has(entry.id)));
}

/** The rows with these read again, each in its place. Those that are not listed are ignored. */
export function withChanged(rows: readonly Entry[], changed: readonly Entry[], at: (id: NotificationId) => number | undefined): Entry[] {
  const next = rows.slice();
  for (const entry of changed) {
    const index = at(entry.id);
    if (index !== undefined) next[index] = entry;
  }
  return next;
}

/**
 * The rows with a later version of one in them: where its time says, and once. What belongs below the last row that was read so far
 * comes with its page, unless these are `all` there are.
 */
export function withRenewed(rows: readonly Entry[], entry: Entry, all: boolean): Entry[] {
  const others = rows.filter((row) => row.id !== entry.id);
  const below = others.findIndex((row) => above(entry, row));
  if (below >= 0) return [...others.slice(0, below), entry, ...others.slice(below)];
  return all || others.length === 0 ? [...others, entry] : others;
}

/** The rows with these marked read or unread, each in its place. */
export function withRead(rows: readonly Entry[], ids: readonly NotificationId[], read: boolean, at: (id: NotificationId) => number | undefined): Entry[] {
  return withMark(rows, ids, { read }, at);
}

/** The rows with these starred or not, each in its place. */
export function withStar(rows: readonly Entry[], ids: readonly NotificationId[], starred: boolean, at: (id: NotificationId) => number | undefined): Entry[] {
  return withMark(rows, ids, { starred }, at);
}

function withMark(rows: readonly Entry[], ids: readonly NotificationId[], mark: Partial<Entry>, at: (id: NotificationId) => number | undefined): Entry[] {
  const next = rows.slice();
  for (const id of ids) {
    const index = at(id);
    const entry = index === undefined ? undefined : next[index];
    if (index !== undefined && entry) next[index] = { ...entry, ...mark };
  }
  return next;
}

/**
 * The rows down to the place the reader sees, read again: changed ones where their time says, vanished ones gone. With `vanished` (a list of unread
 * or starred only) those that no longer match stay where they are, shown as it says. New ones are left out: they are counted, not inserted.
 */
export function reread(rows: readonly Entry[], fresh: readonly Entry[], vanished: Partial<Entry> | null): Entry[] {
  const now = new Map(fresh.map((entry) => [entry.id, entry]));
  const next: Entry[] = [];
  for (const row of rows) {
    const entry = now.get(row.id);
    if (entry) next.push(entry);
    else if (vanished) next.push({ ...row, ...vanished });
  }
  // A later version of a row has a time of its own.
  return next.sort((a, b) => (above(a, b) ? -1 : 1));
}

/** How many of the fresh rows are not listed yet. */
export function countNew(fresh: readonly Entry[], has: (id: NotificationId) => boolean): number {
  return fresh.filter((entry) => !has(entry.id)).length;
}

/** The first row from this place on that is still there and did not move by itself: where it was and where it is. */
export function anchored(was: readonly Entry[], now: readonly Entry[], from: number, moved: ReadonlySet<NotificationId>): { was: number; now: number } | null {
  const places = new Map(now.map((entry, index) => [entry.id, index]));
  for (const [index, { id }] of was.slice(from).entries()) {
    const at = places.get(id);
    if (at !== undefined && !moved.has(id)) return { was: from + index, now: at };
  }
  return null;
}
