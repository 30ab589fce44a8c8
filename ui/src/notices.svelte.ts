// What the window tells the person: one notice at a time. Errors, what can be undone and what has to be known stay until closed or
// replaced; the rest goes by itself.

import { wordsOf } from './trouble';

/** A notice as it is shown. */
export type Notice = { kind: 'result' | 'error'; words: string; undo: (() => void) | null };

const BRIEF = 6_000;

class Notices {
  now = $state.raw<Notice | null>(null);
  #leaves: ReturnType<typeof setTimeout> | undefined;

  /** It worked. */
  say(words: string): void {
    this.#show({ kind: 'result', words, undo: null });
    this.#leaves = setTimeout(() => this.close(), BRIEF);
  }

  /** It worked, and leaves something that the person has to know. */
  insist(words: string): void {
    this.#show({ kind: 'result', words, undo: null });
  }

  /** It worked, and can be taken back. */
  sayUndoable(words: string, undo: () => void): void {
    this.#show({ kind: 'result', words, undo });
  }

  /** It did not work. */
  fail(error: unknown): void {
    this.#show({ kind: 'error', words: wordsOf(error), undo: null });
  }

  close(): void {
    clearTimeout(this.#leaves);
    this.now = null;
  }

  #show(notice: Notice): void {
    clearTimeout(this.#leaves);
    this.now = notice;
  }
}

export const notices = new Notices();

/** Does it, and tells what went wrong if something does. True if it worked. */
export async function attempt(deed: () => Promise<unknown>): Promise<boolean> {
  try {
    await deed();
    return true;
  } catch (error) {
    notices.fail(error);
    return false;
  }
}
