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
 * The rows down to the place the reader sees, read again: changed ones in place, vanished ones gone. With `vanished` (a list of unread
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
  return next;
}

/** How many of the fresh rows are not listed yet. */
export function countNew(fresh: readonly Entry[], has: (id: NotificationId) => boolean): number {
  return fresh.filter((entry) => !has(entry.id)).length;
}
