// One deed after another, for what is kept as a whole and changed in parts: two at once could be kept in the wrong order.

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does it once all that was asked before is done, however that ended; its end is the deed's own. */
  take<T>(deed: () => Promise<T>): Promise<T> {
    const done = this.#last.then(deed);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
