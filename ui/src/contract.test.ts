// The snapshots that Belfry writes and the page's own wishes meet here.
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import inbox from '../contract/inbox.json';
import overview from '../contract/overview.json';
import settings from '../contract/settings.json';
import { standing } from './accounts/link-words';
import type { Entry, Overview, Settings } from './contract';
import { plain } from './plain';
import { quietWords } from './settings/quiet-hours';
import { words } from './words';

it('every named kind has words and every drawing is there', () => {
  const drawings = readdirSync(new URL('../../icons/kind', import.meta.url)).filter((name) => name.endsWith('.svg'));
  expect(drawings).toContain('other.svg');
  expect(Object.keys(words.kinds)).toHaveLength(73);
});

it('the snapshots can be shown', () => {
  for (const entry of inbox as unknown as Entry[]) expect(words.kind(entry.kind)).not.toBe('');
  for (const account of (overview as unknown as Overview).accounts) expect(standing(account).words).toBeTruthy();
  expect(quietWords((settings as unknown as Settings).quiet)).toMatch(/\.$/);
});

it('text is shown without what turns its direction, and otherwise as it is', () => {
  expect(plain('a\u202Eb\u2066c\u0000d\u0007')).toBe('abcd');
  expect(plain('<b> & مرحبا\n\tzwj 👩‍💻')).toBe('<b> & مرحبا\n\tzwj 👩‍💻');
});
