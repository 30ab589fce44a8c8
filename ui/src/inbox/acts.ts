// What a reply box remembers: drafts, by notification, as long as the window is open. And how offers become acts. Pure but for the drafts.

import type { Act, ActView, NotificationId, Offer } from '../contract';

const drafts = new Map<NotificationId, string>();

/** What was typed for this notification and not sent. */
export function draft(id: NotificationId): string {
  return drafts.get(id) ?? '';
}

/** Keeps what was typed. */
export function keepDraft(id: NotificationId, text: string): void {
  if (text === '') drafts.delete(id);
  else drafts.set(id, text);
}

/** An offer that needs words. */
export type Wordy = 'reply' | 'comment';

export function isWordy(offer: Offer): offer is Wordy {
  return offer === 'reply' || offer === 'comment';
}

/** What an offer does when nothing more is to be said. */
export function deed(offer: Exclude<Offer, Wordy>): Act {
  return { act: offer };
}

/** The text of one that came to nothing, to be used again. */
export function lostText(view: ActView): string | null {
  const lost = view.state === 'refused' || view.state === 'unsure' || view.state === 'undone';
  return lost && view.act === 'reply' ? view.text : null;
}
