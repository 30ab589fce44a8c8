// What Belfry says of a map that makes no sense, brought to the fields it speaks of. Pure.

import { words } from '../words';
import { FIELDS, type MapDraft, type RuleField } from './rules';

/** What is wrong, by rule (from 0) and field; and what belongs to no field. */
export type Complaints = { at: ReadonlyMap<string, string>; rest: string };

export const NO_COMPLAINTS: Complaints = { at: new Map(), rest: '' };

/** Names a field of a rule. */
export function spot(rule: number, field: RuleField): string {
  return `${rule}.${field}`;
}

const BEGIN = new RegExp(`rule \\d+, (?:${FIELDS.join('|')})(?:, line \\d+)?: `);
const ONE = new RegExp(`^rule (\\d+), (${FIELDS.join('|')})(?:, line (\\d+))?: ([^]*)$`);
const EACH = new RegExp(`; (?=rule \\d+, (?:${FIELDS.join('|')})(?:, line \\d+)?: )`);

/** Each of Belfry's sentences begins with its rule and its field: “rule 2, body, line 1: there is no filter …”. */
export function complaints(said: string): Complaints {
  const at = new Map<string, string>();
  const rest: string[] = [];
  const begin = said.search(BEGIN);
  for (const sentence of (begin < 0 ? said : said.slice(begin)).split(EACH)) {
    const [, rule, field, line, why] = ONE.exec(sentence) ?? [];
    if (rule === undefined || field === undefined || why === undefined) rest.push(sentence);
    // A field of one line has nothing to count.
    else at.set(spot(Number(rule) - 1, field as RuleField), line === undefined || line === '1' ? why : words.feed.line(line, why));
  }
  return { at, rest: rest.join('; ') };
}

/** What can be told without asking. */
export function missing({ rules }: MapDraft): Complaints {
  const at = new Map<string, string>();
  rules.forEach(({ fields }, index) => {
    if (fields.title.trim() === '') at.set(spot(index, 'title'), words.feed.needsTitle);
  });
  return { at, rest: '' };
}
