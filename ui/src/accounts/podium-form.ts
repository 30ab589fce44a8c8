// What the person says to connect Podium, and the wish it makes. Pure.

import type { AccountId, PodiumPlace, PodiumSettings, SignIn } from '../contract';
import { words } from '../words';
import { isAddress, WEB } from './address';
import { emptyReceiver, forgetJoinCode, joinCodeOf, receiverMistakes, receiverOf, redirectOf, type ReceiverForm, type ReceiverMistakes } from './receiver';

/** The types of events that belong together, by what they tell of. An unchanged contact is no news. */
export const EVENTS = {
  messages: ['message.received', 'message.sent', 'message.failed'],
  reviews: ['review.created', 'review.updated', 'review.invite_link_created', 'review.invite_link_updated', 'review.response_created', 'review.response_updated'],
  invoices: [
    'invoice.created', 'invoice.disabled', 'invoice.marked_as_paid', 'invoice.payment_created', 'invoice.payment_failed', 'invoice.payment_succeeded',
    'invoice.refund_created', 'invoice.refund_failed',
  ],
  contacts: ['contact.created', 'contact.updated', 'contact.deleted', 'contact.merged'],
  calls: ['call.received', 'call.completed', 'call.missed', 'call.voicemail_left'],
} as const;
export type EventGroup = keyof typeof EVENTS;
export const GROUPS = Object.keys(EVENTS) as EventGroup[];

/** What the person typed into the form. */
export type PodiumForm = {
  receiver: ReceiverForm;
  clientId: string;
  clientSecret: string;
  /** None: the usual ones. */
  events: EventGroup[];
  /** How the account is set that is signed in to again; nothing of a new one. */
  kept: PodiumSettings | null;
  /** `ask`: once it is known which there are. `keep`: the one there is. */
  place: PodiumPlace['place'] | 'ask' | 'keep';
  placeName: string;
  redirect: string;
  apiUrl: string;
  authorizeUrl: string;
  appUrl: string;
  /** Its secrets were sent, and are not kept. */
  forgot: boolean;
};

/** What is wrong, by field. */
export type PodiumMistakes = ReceiverMistakes & Partial<Record<'clientId' | 'clientSecret' | 'placeName' | 'redirect' | 'apiUrl' | 'authorizeUrl' | 'appUrl', string>>;

/** Those fields that are folded away. */
export const FOLDED = ['placeName', 'apiUrl', 'authorizeUrl', 'appUrl'] as const;

/** An empty form. */
export function emptyPodium(): PodiumForm {
  return { receiver: emptyReceiver(), clientId: '', clientSecret: '', events: [], kept: null, place: 'ask', placeName: '', redirect: '', apiUrl: '', authorizeUrl: '', appUrl: '', forgot: false };
}

/** The form of an account that is set so. */
export function podiumForm(kept: PodiumSettings): PodiumForm {
  return { ...emptyPodium(), kept, place: 'keep', events: groupsOf(kept) };
}

/** The groups that an account is told of, if only in part. */
function groupsOf({ events }: PodiumSettings): EventGroup[] {
  return GROUPS.filter((group) => EVENTS[group].some((event) => events?.includes(event)));
}

/** The wish that a form makes. An account that is there keeps how it is set, but for what it listens to. */
export function podiumWish(form: PodiumForm, account: AccountId | null): SignIn {
  return {
    service: 'podium', account, name: null,
    settings: account === null ? settingsOf(form) : changedOf(form),
    client_secret: form.clientSecret.trim() || null,
    join_code: joinCodeOf(form.receiver),
  };
}

function settingsOf(form: PodiumForm): PodiumSettings {
  const api = form.apiUrl.trim();
  const given = Object.entries({
    api_url: api,
    // The page to sign in at stands beside the API.
    authorize_url: form.authorizeUrl.trim() || (api && `${api.replace(/\/+$/, '')}/oauth/authorize`),
    app_url: form.appUrl.trim(),
  }).filter(([, value]) => value !== '');
  return {
    ...Object.fromEntries(given),
    client_id: form.clientId.trim(),
    redirect_url: form.redirect.trim() || null,
    receiver: receiverOf(form.receiver),
    place: placeOf(form),
    events: GROUPS.filter((group) => form.events.includes(group)).flatMap((group) => EVENTS[group]),
  };
}

/** How an account that is there is to be set; nothing if all stays as it is. */
function changedOf({ kept, place, events }: PodiumForm): PodiumSettings | null {
  if (kept === null) return null;
  const others = events.length !== groupsOf(kept).length || groupsOf(kept).some((group) => !events.includes(group));
  if (place === 'keep' && !others) return null;
  return { ...kept, place: place === 'keep' ? (kept.place ?? null) : null, events: others ? eventsOf(events, kept.events ?? []) : (kept.events ?? []) };
}

/** The events of these groups. Of one that was told in part that part stays, and so does what belongs to no group. */
function eventsOf(groups: EventGroup[], kept: string[]): string[] {
  if (groups.length === 0) return [];
  const grouped = new Set<string>(GROUPS.flatMap((group) => EVENTS[group]));
  const told = GROUPS.filter((group) => groups.includes(group)).flatMap((group) => {
    const part = EVENTS[group].filter((event) => kept.includes(event));
    return part.length > 0 ? part : [...EVENTS[group]];
  });
  return [...told, ...kept.filter((event) => !grouped.has(event))];
}

function placeOf({ place, placeName }: PodiumForm): PodiumPlace | null {
  const uid = placeName.trim();
  switch (place) {
    case 'ask': case 'keep': return null;
    case 'location': return { place, uid, organization_uid: null, name: '' };
    case 'organization': return { place, uid, name: '' };
  }
}

/** Where Podium sends the browser back to: what the person named, or the relay's page. */
export function redirectShown(form: PodiumForm): string | null {
  if (form.redirect.trim() !== '') return form.redirect.trim();
  return form.receiver.by === 'relay' ? redirectOf(form.receiver.relay) : null;
}

/** What is wrong with a form. Of an account that is there, nothing has to be said. */
export function podiumMistakes(form: PodiumForm, account: AccountId | null): PodiumMistakes {
  if (account !== null) return {};
  const wrong: PodiumMistakes = receiverMistakes(form.receiver, true);
  const noAddress = words.signIn.noAddress('https:// or http://');
  if (form.clientId.trim() === '') wrong.clientId = words.signIn.needed;
  if (form.clientSecret.trim() === '') wrong.clientSecret = words.signIn.needed;
  if (isNamed(form.place) && form.placeName.trim() === '') wrong.placeName = words.signIn.needed;
  if ((form.receiver.by === 'local' || form.redirect.trim() !== '') && !isAddress(form.redirect, WEB)) wrong.redirect = noAddress;
  for (const field of ['apiUrl', 'authorizeUrl', 'appUrl'] as const) {
    if (form[field].trim() !== '' && !isAddress(form[field], WEB)) wrong[field] = noAddress;
  }
  return wrong;
}

/** True if the person names the place. */
export function isNamed(place: PodiumForm['place']): place is PodiumPlace['place'] {
  return place === 'location' || place === 'organization';
}

/** True if something stands in a field that is folded away. */
export function isFoldedFilled(form: PodiumForm): boolean {
  return isNamed(form.place) || [form.redirect, form.apiUrl, form.authorizeUrl, form.appUrl].some((text) => text.trim() !== '');
}

/** Takes the secrets out of a form once they were sent. */
export function forgetPodium(form: PodiumForm): void {
  const there = form.clientSecret !== '';
  form.clientSecret = '';
  form.forgot = forgetJoinCode(form.receiver) || there;
}
