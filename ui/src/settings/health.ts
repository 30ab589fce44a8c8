// What works on this machine, as text. Pure.

import type { Health } from '../contract';
import { words } from '../words';

/** What to call a part. */
export function partName(part: string): string {
  const [name, account] = part.split(':', 2);
  if (name === 'link' && account) return words.settings.link(account);
  if (name === 'push' && account) return words.settings.push(account);
  return words.settings.parts[part] ?? part;
}

/** The whole of it, to be copied into a report. */
export function asText(health: Health): string {
  const lines = health.findings.map(({ part, works, words }) => `${works ? '+' : '-'} ${part}: ${words}`);
  const service = health.toasts;
  const toasts = service ? [`  (${service.name ?? 'no notification service'}; ${service.capabilities.join(', ')})`] : [];
  return [words.settings.version(health.version), ...lines, ...toasts].join('\n');
}
