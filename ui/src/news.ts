// Brings what Belfry tells to those parts of the window that show it.

import { backend } from '#backend';
import { belfry } from './belfry.svelte';
import type { NotificationId, Signal } from './contract';
import { inbox } from './inbox/inbox.svelte';
import { notices } from './notices.svelte';

/** Everything again: at the start, and when the resident is back. */
export async function readEverything(): Promise<void> {
  await Promise.all([belfry.readOverview(), belfry.readSettings(), inbox.first ? inbox.read() : inbox.reread()]);
}

/** Begins to listen. `show`: the window is wanted for a notification, or for nothing in particular. */
export async function listen(show: (at: NotificationId | null) => void): Promise<void> {
  await Promise.all([
    backend.onSignal(heard),
    backend.onResident((resident) => {
      belfry.resident = resident;
      if (resident.state === 'back') void readEverything();
    }),
    backend.onShow(({ at }) => show(at)),
  ]);
}

function heard(signal: Signal): void {
  switch (signal.signal) {
    case 'link':
      return belfry.readOverviewSoon();
    case 'renewed':
      belfry.readOverviewSoon();
      return inbox.heardRenewed(signal.id);
    case 'new':
      belfry.readOverviewSoon();
      return inbox.heardNew();
    case 'changed':
      belfry.readOverviewSoon();
      return inbox.heardChanged(signal.id);
    case 'toast':
      if (signal.id === inbox.shown) inbox.shownVersion += 1;
      return;
    case 'accounts':
      void belfry.readOverview().then(forgetGoneAccount);
      return;
    case 'settings':
      return void belfry.readSettings();
    case 'reread':
      belfry.readOverviewSoon();
      return void inbox.reread();
    case 'refused':
      return notices.fail({ words: signal.words });
    case 'missed':
      return void readEverything();
  }
}

/** A removed account takes its rows and its filter with it. */
function forgetGoneAccount(): void {
  const there = new Set(belfry.accounts.map((account) => account.id));
  if (inbox.account !== null && !there.has(inbox.account)) void inbox.readAll();
  else if (inbox.rows.some((row) => !there.has(row.account))) void inbox.read();
}
