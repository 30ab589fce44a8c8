// The colours' wish on the page itself, kept so that the next window opens in them at once.

import type { Theme } from './contract';
import { recall, keep } from './page-memory';

export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  keep('theme', theme);
}

/** Before the settings are read: as it was the last time. */
export function applyLastTheme(): void {
  const last = recall('theme');
  if (last === 'light' || last === 'dark') document.documentElement.dataset.theme = last;
}
