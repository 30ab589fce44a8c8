// A sign-in under way: what the service wants next, and what came of it. Waiting for the browser and pasting a code go on side by side;
// whichever comes to an end first, wins. What Belfry answers is what happened, also to one who gave up meanwhile.

import { backend } from '#backend';
import type { AccountId, PodiumPlace, Service, SignIn, SignInStep } from '../contract';
import { wordsOf } from '../trouble';
import { words } from '../words';

/** The services that an account can be connected at. */
export type Connectable = Exclude<Service, 'demo'>;

/** What is told of an account that is connected. `late`: the person had closed the dialog before. */
type Told = (account: AccountId, late: boolean) => void;

export class SignInUnderWay {
  phase = $state<'form' | 'browser' | 'second-factor' | 'place'>('form');
  url = $state('');
  /** What the browser brings back comes by itself; else the person pastes the address that it ends at. */
  comesByItself = $state(true);
  /** Those that the person chooses among. */
  places = $state.raw<readonly PodiumPlace[]>([]);
  /** A call is under way that the person waits for. */
  busy = $state(false);
  /** The person gave up, and Belfry has not said yet whether that came in time. */
  cancelling = $state(false);
  trouble = $state<string | null>(null);
  #attempt: number | null = null;
  /** The calls that may still bring an account. */
  #asked = new Set<Promise<void>>();
  #closed = false;
  #over = false;
  #pasting = false;
  #told: Told;

  constructor(told: Told) {
    this.#told = told;
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

  /** The person gave up: back to the form, unless the account was made first. */
  async cancel(): Promise<void> {
    const attempt = this.#attempt;
    if (attempt === null || this.cancelling) return;
    [this.cancelling, this.trouble] = [true, null];
    // Its answer is that it was cancelled. What was asked before knows better: it ends now, if not with an account.
    await backend.sign_in_answer(attempt, { answer: 'cancel' }).catch(() => undefined);
    await Promise.all(this.#asked);
    this.cancelling = false;
    if (!this.#over) this.#back(words.signIn.cancelled);
  }

  /** The window closes the dialog: nothing of this attempt is heard any more, but that it came to an account after all. */
  leave(): void {
    if (this.#over) return;
    this.#closed = true;
    void this.cancel();
  }

  async #ask(call: () => Promise<SignInStep>): Promise<void> {
    this.busy = true;
    this.trouble = null;
    await this.#heard(call, (trouble) => (this.trouble = trouble));
    this.busy = false;
  }

  async #wait(attempt: number): Promise<void> {
    await this.#heard(() => backend.sign_in_answer(attempt, { answer: 'wait' }), (trouble) => {
      // While something pasted is looked at, its own answer tells what is wrong.
      if (!this.#pasting && attempt === this.#attempt) this.#back(trouble);
    });
  }

  async #heard(call: () => Promise<SignInStep>, failed: (trouble: string) => void): Promise<void> {
    const asked = call().then((step) => this.#follow(step), (error: unknown) => {
      if (!this.#over && !this.#closed && !this.cancelling) failed(wordsOf(error));
    });
    this.#asked.add(asked);
    await asked;
    this.#asked.delete(asked);
  }

  #follow(step: SignInStep): void {
    if (this.#over) return;
    if (step.step === 'done') {
      this.#over = true;
      this.#told(step.account, this.#closed);
      return;
    }
    if (this.#closed || this.cancelling) {
      // The attempt may not have been known until now.
      backend.sign_in_answer(step.attempt, { answer: 'cancel' }).catch(() => undefined);
      return;
    }
    switch (step.step) {
      case 'browser':
        [this.#attempt, this.url, this.comesByItself, this.phase] = [step.attempt, step.url, step.comes_by_itself, 'browser'];
        void this.#wait(step.attempt);
        return;
      case 'second-factor':
        [this.#attempt, this.phase] = [step.attempt, 'second-factor'];
        return;
      case 'place':
        [this.#attempt, this.places, this.phase] = [step.attempt, step.places, 'place'];
    }
  }

  #back(trouble: string): void {
    [this.#attempt, this.phase, this.trouble] = [null, 'form', trouble];
  }
}
