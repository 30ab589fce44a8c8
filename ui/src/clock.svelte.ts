// The present, as the words of time need it: by the minute everywhere, by the second only where something counts down.

class Clock {
  /** Now, to the minute or better. */
  now = $state(Date.now());
  #watchers = 0;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor() {
    setInterval(() => this.#look(), 60_000);
    document.addEventListener('visibilitychange', () => this.#look());
  }

  /** Ticks each second until the returned function is called. For `$effect`. */
  bySecond(): () => void {
    this.#watchers += 1;
    this.now = Date.now();
    this.#ticking ??= setInterval(() => this.#look(), 1_000);
    return () => {
      this.#watchers -= 1;
      if (this.#watchers > 0) return;
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    };
  }

  #look(): void {
    if (!document.hidden) this.now = Date.now();
  }
}

export const clock = new Clock();
