// Where a link stands, as a person reads it. Pure.

import type { AccountView } from '../contract';
import { isFed } from '../feed/rules';
import { words } from '../words';

/** How it looks: fine, on its way, at rest, or in need of the person. */
export type Mood = 'good' | 'busy' | 'rest' | 'wait' | 'bad';

/** The state in words, how it looks, and the sentence that explains it where it needs one. */
export function standing(account: AccountView): { words: string; mood: Mood; reason: string | null } {
  if (account.paused) return { words: words.accounts.state.paused, mood: 'rest', reason: words.accounts.pausedMore };
  const said = words.accounts.state[account.state];
  switch (account.state) {
    case 'off': return { words: said, mood: 'rest', reason: words.accounts.offMore };
    case 'connecting': case 'catching-up': return { words: said, mood: 'busy', reason: null };
    case 'live': return { words: said, mood: account.unheard ? 'wait' : 'good', reason: account.unheard };
    case 'waiting': return { words: said, mood: 'wait', reason: account.reason };
    case 'needs-sign-in': case 'broken': return { words: said, mood: 'bad', reason: account.reason };
  }
}

/** True if the sign-in of an account is where the person says what it listens to, and nothing else is wanted of them. */
export function isConnection(account: AccountView): boolean {
  return isFed(account.service) || (account.service === 'podium' && (account.paused || account.state !== 'needs-sign-in'));
}
