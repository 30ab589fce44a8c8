// A sign-in under way: what the service wants next, and what came of it. Waiting for the browser and pasting a code go on side by side;
// whichever comes to an end first, wins.

import { backend } from '#backend';
import type { AccountId, PodiumPlace, Service, SignIn, SignInStep } from '../contract';
import { wordsOf } from '../trouble';
import { words } from '../words';

/** The services that an account can be connected at. */
export type Connectable = Exclude<Service, 'demo'>;

export class SignInUnderWay {
  phase = $state<'form' | 'browser' | 'second-factor' | 'place'>('form');
  url = $state('');
  /** Those that the person chooses among. */
  places = $state.raw<readonly PodiumPlace[]>([]);
  /** A call is under way that the person waits for. */
  busy = $state(false);
  trouble = $state<string | null>(null);
  #attempt: number | null = null;
  #over = false;
  #pasting = false;
  #done: (account: AccountId) => void;

  constructor(done: (account: AccountId) => void) {
    this.#done = done;
  }

  /** Asks the service. */
  begin(wish: SignIn): Promise<void> {
    return this.#ask(() => backend.sign_in(wish));
  }

  /** Hands over what the person copied out of the browser. */
  async paste(text: string): Promise<void> {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#pasting = true;
    await this.#ask(() => backend.sign_in_answer(attempt, { answer: 'pasted', text }));
    this.#pasting = false;
  }

  /** Hands over the second factor. */
  async prove(code: string): Promise<void> {
    const attempt = this.#attempt;
    if (attempt !== null) await this.#ask(() => backend.sign_in_answer(attempt, { answer: 'second-factor', code }));
  }

  /** Names the place that the account is for. */
  async choose(uid: string): Promise<void> {
    const attempt = this.#attempt;
    if (attempt !== null) await this.#ask(() => backend.sign_in_answer(attempt, { answer: 'place', uid }));
  }

  /** The person gave up; back to the form. */
  cancel(): void {
    const attempt = this.#attempt;
    this.#attempt = null;
    this.#back(words.signIn.cancelled);
    // The answer is the sentence that it was cancelled, which is said already.
    if (attempt !== null) backend.sign_in_answer(attempt, { answer: 'cancel' }).catch(() => undefined);
  }

  /** The window closes the dialog: nothing of this attempt is heard any more. */
  leave(): void {
    if (this.#over) return;
    this.cancel();
    this.#over = true;
  }

  async #ask(call: () => Promise<SignInStep>): Promise<void> {
    this.busy = true;
    this.trouble = null;
    try {
      this.#follow(await call());
    } catch (error) {
      if (!this.#over) this.trouble = wordsOf(error);
    } finally {
      this.busy = false;
    }
  }

  #follow(step: SignInStep): void {
    if (this.#over) {
      // The dialog was closed before the service answered.
      if (step.step !== 'done') backend.sign_in_answer(step.attempt, { answer: 'cancel' }).catch(() => undefined);
      return;
    }
    switch (step.step) {
      case 'browser':
        [this.#attempt, this.url, this.phase] = [step.attempt, step.url, 'browser'];
        void this.#wait(step.attempt);
        return;
      case 'second-factor':
        [this.#attempt, this.phase] = [step.attempt, 'second-factor'];
        return;
      case 'place':
        [this.#attempt, this.places, this.phase] = [step.attempt, step.places, 'place'];
        return;
      case 'done':
        this.#over = true;
        this.#done(step.account);
    }
  }

  async #wait(attempt: number): Promise<void> {
    try {
      const step = await backend.sign_in_answer(attempt, { answer: 'wait' });
      if (attempt === this.#attempt) this.#follow(step);
    } catch (error) {
      // While something pasted is looked at, its own answer tells what is wrong.
      if (!this.#over && !this.#pasting && attempt === this.#attempt) this.#back(wordsOf(error));
    }
  }

  #back(trouble: string): void {
    [this.#attempt, this.phase, this.trouble] = [null, 'form', trouble];
  }
}
