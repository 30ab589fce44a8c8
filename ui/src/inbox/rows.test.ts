import { describe, expect, it } from 'vitest';
import seeds from '../../contract/inbox.json';
import type { Entry } from '../contract';
import { above, anchored, countNew, reread, withChanged, withPage, withRead, withRenewed } from './rows';

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const row = (id: number, minute: number, changes: Partial<Entry> = {}): Entry => ({ ...(seeds[0] as unknown as Entry), id, occurred_at: at(minute), read: false, ...changes });
const ids = (rows: readonly Entry[]) => rows.map((it) => it.id);
const rows = [row(5, 50), row(4, 40), row(3, 30)];
const place = (id: number) => {
  const index = rows.findIndex((it) => it.id === id);
  return index < 0 ? undefined : index;
};
const has = (id: number) => place(id) !== undefined;

describe('the order', () => {
  it('is by time, and by number at the same time', () => {
    expect(above(row(1, 9), row(2, 8))).toBe(true);
    expect(above(row(2, 8), row(1, 8))).toBe(true);
    expect(above(row(1, 8), row(2, 8))).toBe(false);
  });
  it('compares instants, not texts', () => {
    expect(above(row(1, 0, { occurred_at: '2026-01-01T00:00:00.5Z' }), row(2, 0, { occurred_at: '2026-01-01T00:00:00Z' }))).toBe(true);
  });
});

describe('pages', () => {
  it('are joined without repeating a row', () => expect(ids(withPage(rows, [row(3, 30), row(2, 20)], has))).toEqual([5, 4, 3, 2]));
});

describe('changes', () => {
  it('happen in place, and those not listed are ignored', () => {
    const changed = withChanged(rows, [row(4, 40, { title: 'new' }), row(99, 99)], place);
    expect(ids(changed)).toEqual([5, 4, 3]);
    expect(changed[1]?.title).toBe('new');
    expect(rows[1]?.title).not.toBe('new');
  });
  it('marking read moves nothing', () => {
    const marked = withRead(rows, [3, 99], true, place);
    expect(ids(marked)).toEqual([5, 4, 3]);
    expect(marked.map((it) => it.read)).toEqual([false, false, true]);
  });
});

describe('reading again', () => {
  it('changes in place, drops what is gone, and leaves news out', () => {
    const fresh = [row(9, 90), row(5, 50, { read: true }), row(3, 30)];
    const next = reread(rows, fresh, null);
    expect(ids(next)).toEqual([5, 3]);
    expect(next[0]?.read).toBe(true);
    expect(countNew(fresh, has)).toBe(1);
  });
  it('in a list of unread only, what was read stays under the eyes of the reader', () => {
    const next = reread(rows, [row(3, 30)], { read: true });
    expect(next.map((it) => [it.id, it.read])).toEqual([[5, true], [4, true], [3, false]]);
  });
});

describe('a later version of a row', () => {
  const later = (id: number, minute: number) => row(id, minute, { title: 'later' });
  it('moves it to where its time says, once', () => {
    expect(ids(withRenewed(rows, later(3, 60), false))).toEqual([3, 5, 4]);
    expect(ids(withRenewed(rows, later(3, 45), false))).toEqual([5, 3, 4]);
    expect(ids(withRenewed(rows, later(4, 40), false))).toEqual([5, 4, 3]);
    expect(withRenewed(rows, later(4, 40), false)[1]?.title).toBe('later');
  });
  it('below what was read so far it comes with its page, and at the end it stands there', () => {
    expect(ids(withRenewed(rows, later(5, 10), false))).toEqual([4, 3]);
    expect(ids(withRenewed(rows, later(5, 10), true))).toEqual([4, 3, 5]);
    expect(ids(withRenewed([row(5, 50)], later(5, 10), false))).toEqual([5]);
  });
  it('that was missed is found by reading again', () => {
    expect(ids(reread(rows, [row(3, 60), row(5, 50), row(4, 40)], null))).toEqual([3, 5, 4]);
  });
  it('takes nobody along: the reader’s anchor is the first row that did not move', () => {
    const now = withRenewed(rows, later(4, 60), false);
    expect(anchored(rows, now, 1, new Set([4]))).toEqual({ was: 2, now: 2 });
    expect(anchored(rows, withRenewed(rows, later(3, 60), false), 1, new Set([3]))).toEqual({ was: 1, now: 2 });
    expect(anchored(rows, [], 0, new Set())).toBeNull();
  });
});
