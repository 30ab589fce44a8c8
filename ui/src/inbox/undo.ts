// What can be taken back, latest first. Pure.

import type { NotificationId } from '../contract';

/** A deed that can be undone. */
export type Deed =
  | { did: 'read'; ids: NotificationId[]; read: boolean }
  | { did: 'star'; ids: NotificationId[]; starred: boolean }
  | { did: 'all'; batch: number; count: number };

const MOST = 50;

/** The deeds with one more; the oldest is forgotten when there are many. */
export function remembered(deeds: readonly Deed[], deed: Deed): Deed[] {
  return [...deeds, deed].slice(-MOST);
}

/** The deed to undo next, and those that are left. */
export function taken(deeds: readonly Deed[]): { deed: Deed | undefined; left: Deed[] } {
  return { deed: deeds.at(-1), left: deeds.slice(0, -1) };
}
