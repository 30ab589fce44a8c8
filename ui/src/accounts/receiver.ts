// How webhooks reach this machine, as a person says it. Pure.

import type { LocalSettings, Receiver, RelaySettings } from '../contract';
import { words } from '../words';
import { isAddress, WEB } from './address';

/** What the person typed. */
export type ReceiverForm = { by: Receiver['by']; relay: string; joinCode: string; sealed: boolean; port: string; publicUrl: string };

/** What is wrong, by field. */
export type ReceiverMistakes = Partial<Record<'relay' | 'port' | 'publicUrl', string>>;

export function emptyReceiver(): ReceiverForm {
  return { by: 'relay', relay: '', joinCode: '', sealed: false, port: '', publicUrl: '' };
}

/** As it is set. */
export function receiverForm(receiver: Receiver): ReceiverForm {
  if (receiver.by === 'relay') return { ...emptyReceiver(), relay: receiver.url, sealed: receiver.sealed ?? false };
  return { ...emptyReceiver(), by: 'local', port: String(receiver.port), publicUrl: receiver.public_url ?? '' };
}

/** The receiver that is wished. The channel is the relay's to name; an account that is there keeps its own at the same relay. */
export function receiverOf(form: ReceiverForm): Receiver {
  if (form.by === 'relay') return { by: 'relay', url: form.relay.trim(), sealed: form.sealed } satisfies { by: 'relay' } & RelaySettings;
  return { by: 'local', port: Number(form.port), public_url: form.publicUrl.trim() || null } satisfies { by: 'local' } & LocalSettings;
}

/** What the relay asks of those who want a channel, if the person gave it. */
export function joinCodeOf(form: ReceiverForm): string | null {
  return form.by === 'relay' ? form.joinCode.trim() || null : null;
}

/** What is wrong. `outside`: who sends is not on this machine, so a tunnel must have an address. */
export function receiverMistakes(form: ReceiverForm, outside: boolean): ReceiverMistakes {
  const wrong: ReceiverMistakes = {};
  const noAddress = words.signIn.noAddress('https:// or http://');
  if (form.by === 'relay') {
    if (!isAddress(form.relay, WEB)) wrong.relay = noAddress;
    return wrong;
  }
  const port = form.port.trim();
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) wrong.port = words.receiver.badPort;
  if ((outside || form.publicUrl.trim() !== '') && !isAddress(form.publicUrl, WEB)) wrong.publicUrl = noAddress;
  return wrong;
}

/** Takes the join code out of a form once it was sent. True if there was one. */
export function forgetJoinCode(form: ReceiverForm): boolean {
  const there = form.joinCode !== '';
  form.joinCode = '';
  return there;
}

/** The relay's page that a service sends the browser back to; nothing while there is no whole address. */
export function redirectOf(relay: string): string | null {
  if (!isAddress(relay, WEB)) return null;
  const url = new URL(relay.trim());
  return `${url.origin}${url.pathname.replace(/\/$/, '')}/oauth/callback`;
}

/** True if nobody but this machine reaches an address. */
export function isHere(address: string): boolean {
  return URL.canParse(address) && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(new URL(address).hostname);
}
