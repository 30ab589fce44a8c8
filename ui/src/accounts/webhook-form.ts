// What the person says of a webhook, and the wish it makes. Pure, but for the random bytes of a fresh secret.

import type { AccountId, FieldMap, HashKind, HashText, SignIn, Signature, WebhookSettings } from '../contract';
import { words } from '../words';
import { emptyReceiver, forgetJoinCode, joinCodeOf, receiverForm, receiverMistakes, receiverOf, type ReceiverForm, type ReceiverMistakes } from './receiver';

export const SCHEMES = ['none', 'github', 'stripe', 'podium', 'hmac'] as const;
export type Scheme = Signature['scheme'];

/**
 * Where the secret comes from: it is the one that there is, the person types it, Belfry makes it for the service, or the service makes
 * it once it has the address.
 */
export type SecretWay = 'kept' | 'typed' | 'fresh' | 'later';

/** What the person typed into the form. */
export type WebhookForm = {
  receiver: ReceiverForm;
  scheme: Scheme;
  header: string;
  prefix: string;
  encoding: HashText;
  hash: HashKind;
  /** As chosen; see `wayOf`. */
  way: SecretWay | null;
  secret: string;
};

/** What is wrong, by field. */
export type WebhookMistakes = ReceiverMistakes & Partial<Record<'header' | 'secret', string>>;

/** An empty form. */
export function emptyWebhook(): WebhookForm {
  return { receiver: emptyReceiver(), scheme: 'github', header: '', prefix: '', encoding: 'hex', hash: 'sha256', way: null, secret: '' };
}

/** The form of an account that is there. Its secret never comes to the window. */
export function webhookForm({ receiver, signature }: WebhookSettings): WebhookForm {
  const { scheme, ...plain } = signature;
  return { ...emptyWebhook(), receiver: receiverForm(receiver), scheme, ...plain };
}

/** The ways to a secret that make sense, the best one first. `kept`: how an account that is there checks so far. */
export function waysOf(scheme: Scheme, kept: Scheme | null): SecretWay[] {
  const before: SecretWay[] = kept === null || kept === 'none' ? [] : ['kept'];
  switch (scheme) {
    case 'none': return [];
    case 'github': case 'podium': return [...before, 'fresh', 'typed'];
    // An account that is there has told its address already.
    case 'stripe': return kept === null ? ['later', 'typed'] : [...before, 'typed'];
    case 'hmac': return kept === null ? ['fresh', 'typed', 'later'] : [...before, 'fresh', 'typed'];
  }
}

/** The way that holds: the chosen one where it makes sense. */
export function wayOf(form: WebhookForm, kept: Scheme | null): SecretWay | null {
  const ways = waysOf(form.scheme, kept);
  return ways.find((way) => way === form.way) ?? ways[0] ?? null;
}

/** 32 random bytes in hexadecimal digits. */
export function freshSecret(): string {
  return [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The secret to send: none where the account keeps its own or needs none. What the service makes later is unknown to all until then. */
export function secretOf(form: WebhookForm, kept: Scheme | null): string | null {
  switch (wayOf(form, kept)) {
    case null: case 'kept': return null;
    case 'typed': return form.secret.trim();
    case 'fresh': case 'later': return freshSecret();
  }
}

/** The wish that a form makes. */
export function webhookWish(form: WebhookForm, map: FieldMap, secret: string | null, account: AccountId | null): SignIn {
  return {
    service: 'webhook', account, name: null,
    settings: { receiver: receiverOf(form.receiver), signature: signatureOf(form), map },
    secret,
    join_code: joinCodeOf(form.receiver),
  };
}

function signatureOf({ scheme, header, prefix, encoding, hash }: WebhookForm): Signature {
  return scheme === 'hmac' ? { scheme, header: header.trim(), prefix: prefix.trim(), encoding, hash } : { scheme };
}

/** What is wrong with a form. */
export function webhookMistakes(form: WebhookForm, kept: Scheme | null): WebhookMistakes {
  const wrong: WebhookMistakes = receiverMistakes(form.receiver, false);
  if (form.scheme === 'hmac' && !/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(form.header.trim())) wrong.header = words.webhook.badHeader;
  if (wayOf(form, kept) === 'typed' && form.secret.trim() === '') wrong.secret = words.signIn.needed;
  return wrong;
}

/** Takes the secrets out of a form once they were sent. True if there were any that have to be typed again. */
export function forgetWebhook(form: WebhookForm): boolean {
  const there = form.secret !== '';
  form.secret = '';
  return forgetJoinCode(form.receiver) || there;
}
