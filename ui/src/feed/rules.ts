// The rules of a feed as they are edited: every field is a text. Pure.

import presetsWritten from '../../contract/presets.json';
import type { FieldMap, Rule, Service, Unmatched } from '../contract';

/** The fields of a rule in the order in which a person fills them in; the first ones are always in sight. */
export const FIELDS = ['event', 'on', 'title', 'body', 'url', 'when', 'icon', 'id', 'time', 'urgency', 'actor'] as const;
export const IN_SIGHT = 5;
export type RuleField = (typeof FIELDS)[number];

/** A rule under the pen. The key is its own, wherever it is moved. */
export type RuleDraft = { key: number; fields: Record<RuleField, string> };
export type MapDraft = { rules: RuleDraft[]; other: Unmatched };

/** The maps to begin with, as Belfry has them. */
export const presets = presetsWritten as { name: 'plain' | 'laravel' | 'github'; map: FieldMap }[];
export type Preset = (typeof presets)[number]['name'];

/** The map of a preset. */
export function presetNamed(name: Preset): FieldMap {
  return presets.find((preset) => preset.name === name)?.map ?? {};
}

/** A service whose events the person's rules are for. */
export type Fed = Extract<Service, 'pusher' | 'webhook'>;

/** True if the person says what becomes of its events. */
export function isFed(service: Service): service is Fed {
  return service === 'pusher' || service === 'webhook';
}

/** The maps to begin with at a service: what Laravel broadcasts comes over Pusher's protocol, what GitHub tells by a webhook. */
export function presetsOf(service: Fed): typeof presets {
  const elsewhere: Preset = service === 'pusher' ? 'github' : 'laravel';
  return presets.filter(({ name }) => name !== elsewhere);
}

/** The fields of a rule that mean something at a service: a webhook has no channels. */
export function fieldsOf(service: Fed): { inSight: readonly RuleField[]; rare: readonly RuleField[] } {
  const means = (field: RuleField) => service === 'pusher' || field !== 'on';
  return { inSight: FIELDS.slice(0, IN_SIGHT).filter(means), rare: FIELDS.slice(IN_SIGHT).filter(means) };
}

let keys = 0;

export function emptyRule(filled: Partial<Record<RuleField, string>> = {}): RuleDraft {
  const fields = Object.fromEntries(FIELDS.map((field) => [field, filled[field] ?? ''])) as Record<RuleField, string>;
  return { key: (keys += 1), fields };
}

/** A map to be edited. */
export function draftOf(map: FieldMap): MapDraft {
  return { rules: (map.rules ?? []).map((rule) => emptyRule(texts(rule))), other: map.other ?? 'quiet' };
}

/** The map that was written. What was left empty is left out. */
export function mapOf({ rules, other }: MapDraft): FieldMap {
  return {
    rules: rules.map(({ fields }) => {
      const given = FIELDS.flatMap((field) => {
        const text = fields[field];
        return field === 'title' || text.trim() === '' ? [] : [[field, text] as const];
      });
      return { ...Object.fromEntries(given), title: fields.title } as Rule;
    }),
    other,
  };
}

/** The preset that a draft is, if it is one to the letter. */
export function presetOf(draft: MapDraft): Preset | null {
  const written = lettersOf(mapOf(draft));
  return presets.find(({ map }) => lettersOf(mapOf(draftOf(map))) === written)?.name ?? null;
}

/** True if both say the same. */
export function sameMap(a: MapDraft, b: MapDraft): boolean {
  return lettersOf(mapOf(a)) === lettersOf(mapOf(b));
}

/** The rules with one a place further up or down. */
export function moved(rules: readonly RuleDraft[], from: number, to: number): RuleDraft[] {
  const next = rules.slice();
  const [rule] = next.splice(from, 1);
  if (rule) next.splice(to, 0, rule);
  return next;
}

/** A first rule for an event of this name, by what it carried. */
export function ruleFor(event: string, data: string | null): RuleDraft {
  const there = new Set(Object.keys(object(data)));
  const one = (...names: string[]) => names.filter((name) => there.has(name)).slice(0, 2).map((name) => `data.${name}`);
  const filled = (names: string[]) => (names.length > 0 ? `{{ ${names.join(' or ')} }}` : '');
  return emptyRule({
    event,
    title: filled(one('title', 'subject', 'headline', 'name')) || '{{ event|readable }}',
    body: filled(one('body', 'message', 'text', 'description', 'content')) || '{{ data|text }}',
    url: filled(one('url', 'link', 'href', 'action_url', 'html_url')),
    id: filled(one('id', 'uuid')),
    time: filled(one('time', 'timestamp', 'created_at')),
  });
}

function object(data: string | null): object {
  try {
    const value: unknown = JSON.parse(data ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

function texts(rule: Rule): Partial<Record<RuleField, string>> {
  const given = FIELDS.map((field) => [field, rule[field] ?? ''] as const);
  // Any channel and any event is what an empty field says.
  return Object.fromEntries(given.filter(([field, text]) => text !== '' && !((field === 'on' || field === 'event') && text === '*')));
}

function lettersOf(map: FieldMap): string {
  return JSON.stringify([map.other, (map.rules ?? []).map((rule) => FIELDS.map((field) => rule[field] ?? ''))]);
}
