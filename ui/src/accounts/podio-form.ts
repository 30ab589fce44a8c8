// What the person types to sign in to Podio, and the wish it makes. Pure.

import type { AccountId, PodioSettings, SignIn } from '../contract';
import { words } from '../words';

/** What the person typed into the form. */
export type PodioForm = {
  how: 'browser' | 'password';
  username: string;
  password: string;
  clientId: string;
  clientSecret: string;
  apiUrl: string;
  pushUrl: string;
  authorizeUrl: string;
  redirectHost: string;
};

/** An empty form. */
export function emptyPodio(): PodioForm {
  return { how: 'browser', username: '', password: '', clientId: '', clientSecret: '', apiUrl: '', pushUrl: '', authorizeUrl: '', redirectHost: '' };
}

/** The wish that a form makes, for an account that is there or for a new one. What was left empty is left out. */
export function podioWish(form: PodioForm, account: AccountId | null): SignIn {
  const password = form.how === 'password' ? { username: form.username.trim(), password: form.password } : null;
  if (account !== null) return { service: 'podio', account, name: null, settings: null, client_secret: null, password };
  const given = Object.entries({
    client_id: form.clientId.trim(),
    api_url: form.apiUrl.trim(),
    push_url: form.pushUrl.trim(),
    authorize_url: form.authorizeUrl.trim(),
    redirect_host: form.redirectHost.trim(),
  }).filter(([, value]) => value !== '');
  const settings = given.length > 0 ? (Object.fromEntries(given) as unknown as PodioSettings) : null;
  return { service: 'podio', account: null, name: null, settings, client_secret: form.clientSecret.trim() || null, password };
}

/** What is wrong with a form, if something is. */
export function podioMistake(form: PodioForm): string | null {
  return (form.clientId.trim() === '') !== (form.clientSecret.trim() === '') ? words.signIn.missingSecret : null;
}
