// What the person types to sign in to CloudApp, and the wish it makes. Pure.

import type { AccountId, SignIn } from '../contract';
import { words } from '../words';
import { isAddress, SOCKET, WEB } from './address';

/** What the person typed into the form. */
export type CloudappForm = { email: string; password: string; apiUrl: string; pushUrl: string };

/** What is wrong, by field. */
export type CloudappMistakes = Partial<Record<keyof CloudappForm, string>>;

/** An empty form. */
export function emptyCloudapp(): CloudappForm {
  return { email: '', password: '', apiUrl: '', pushUrl: '' };
}

/** The wish that a form makes. For an account that is there, it is the password alone. */
export function cloudappWish(form: CloudappForm, account: AccountId | null): SignIn {
  const settings = account === null ? { email: form.email.trim(), api_url: form.apiUrl.trim(), push_url: form.pushUrl.trim() || null } : null;
  return { service: 'cloudapp', account, name: null, settings, password: form.password };
}

/** What is wrong with a form. */
export function cloudappMistakes(form: CloudappForm, account: AccountId | null): CloudappMistakes {
  const wrong: CloudappMistakes = {};
  if (form.password === '') wrong.password = words.signIn.needed;
  if (account !== null) return wrong;
  if (form.email.trim() === '') wrong.email = words.signIn.needed;
  if (!isAddress(form.apiUrl, WEB)) wrong.apiUrl = words.signIn.noAddress('https:// or http://');
  if (form.pushUrl.trim() !== '' && !isAddress(form.pushUrl, SOCKET)) wrong.pushUrl = words.signIn.noAddress('wss://, ws://, https:// or http://');
  return wrong;
}
