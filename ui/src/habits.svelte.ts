// Habits of this window alone: the single-letter keys, and whether the first steps are still open.

import { keep, recall } from './page-memory';

class Habits {
  /** `j`, `k`, `e` … work without Ctrl or Alt. */
  letters = $state(recall('letters') !== 'off');
  /** The first account was just added: two questions are left. */
  firstSteps = $state(recall('first-steps') === 'open');

  setLetters(on: boolean): void {
    this.letters = on;
    keep('letters', on ? null : 'off');
  }

  openFirstSteps(open: boolean): void {
    this.firstSteps = open;
    keep('first-steps', open ? 'open' : null);
  }
}

export const habits = new Habits();
