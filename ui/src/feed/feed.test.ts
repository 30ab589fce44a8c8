import { describe, expect, it } from 'vitest';
import { complaints, missing } from './complaints';
import { draftOf, emptyRule, FIELDS, fieldsOf, mapOf, moved, presetOf, presets, presetsOf, ruleFor, sameMap } from './rules';

describe('a map under the pen', () => {
  it('is what it was when nothing is changed, and leaves out what is empty', () => {
    const map = { rules: [{ on: 'orders.*', event: '*', title: 'Order {{ data.id }}', url: '{{ data.url }}', body: null }], other: 'show' as const };
    expect(mapOf(draftOf(map))).toEqual({ rules: [{ on: 'orders.*', title: 'Order {{ data.id }}', url: '{{ data.url }}' }], other: 'show' });
    expect(mapOf(draftOf({}))).toEqual({ rules: [], other: 'quiet' });
  });
  it('keeps a title that is empty, since it has to be told', () => expect(mapOf({ rules: [emptyRule()], other: 'quiet' })).toEqual({ rules: [{ title: '' }], other: 'quiet' }));
  it('is known as a preset until a letter is changed', () => {
    expect(presets.map(({ name }) => name)).toEqual(['plain', 'laravel', 'github']);
    for (const { name, map } of presets) {
      const draft = draftOf(map);
      expect(presetOf(draft)).toBe(name);
      (draft.rules[0] as (typeof draft.rules)[0]).fields.title += '!';
      expect(presetOf(draft)).toBeNull();
      expect(sameMap(draft, draftOf(map))).toBe(false);
    }
  });
  it('begins at a webhook with what a service sends, not with what Laravel broadcasts', () => {
    expect(presetsOf('pusher').map(({ name }) => name)).toEqual(['plain', 'laravel']);
    expect(presetsOf('webhook').map(({ name }) => name)).toEqual(['plain', 'github']);
    expect(fieldsOf('pusher')).toEqual({ inSight: FIELDS.slice(0, 5), rare: FIELDS.slice(5) });
    expect(fieldsOf('webhook').inSight).toEqual(['event', 'title', 'body', 'url']);
  });
  it('a rule is moved with its own key', () => {
    const rules = [emptyRule({ title: 'a' }), emptyRule({ title: 'b' }), emptyRule({ title: 'c' })];
    expect(moved(rules, 0, 2).map(({ fields }) => fields.title)).toEqual(['b', 'c', 'a']);
    expect(moved(rules, 2, 1).map(({ key }) => key)).toEqual([rules[0], rules[2], rules[1]].map((it) => it?.key));
  });
  it('a first rule for an event takes what it carried', () => {
    const { fields } = ruleFor('App\\Events\\OrderShipped', '{"id":7,"name":"n","message":"m","text":"t","url":"u"}');
    expect(fields).toMatchObject({ event: 'App\\Events\\OrderShipped', title: '{{ data.name }}', body: '{{ data.message or data.text }}', url: '{{ data.url }}', id: '{{ data.id }}', time: '' });
    for (const data of [null, '[1]', '"text"', 'no json', 'null']) expect(ruleFor('x', data).fields, String(data)).toMatchObject({ title: '{{ event|readable }}', body: '{{ data|text }}', url: '' });
  });
});

describe('what Belfry says of a map', () => {
  it('is brought to its fields', () => {
    const { at, rest } = complaints('rule 1, title, line 1: there is no “dta” here: a template begins with data, channel, event or headers; rule 12, on: give a name, or * for any; rule 2, body, line 3: odd; very odd');
    expect([...at]).toEqual([
      ['0.title', 'there is no “dta” here: a template begins with data, channel, event or headers'], ['11.on', 'give a name, or * for any'], ['1.body', 'line 3: odd; very odd'],
    ]);
    expect(rest).toBe('');
  });
  it('of no field, it stands by itself', () => {
    expect(complaints('a map may have 100 rules, this has 101')).toEqual({ at: new Map(), rest: 'a map may have 100 rules, this has 101' });
    expect(complaints('the server knows no app with this key').rest).toBe('the server knows no app with this key');
  });
  it('is found behind an introduction, as a sign-in says it', () => {
    expect(complaints('the map of fields is wrong: rule 1, url: only web addresses (https://…) are opened')).toEqual({ at: new Map([['0.url', 'only web addresses (https://…) are opened']]), rest: '' });
  });
  it('a title is missed without asking', () => expect([...missing({ rules: [emptyRule({ title: 'x' }), emptyRule()], other: 'quiet' }).at.keys()]).toEqual(['1.title']));
});
