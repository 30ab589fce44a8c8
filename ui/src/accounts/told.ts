// What is told of a webhook once it can come in.

import type { Scheme } from './webhook-form';

export type ToTell = {
  /** A secret that Belfry made: shown this once. */
  secret: string | null;
  /** The service makes the secret when it has the address. */
  later: boolean;
  scheme: Scheme;
};
