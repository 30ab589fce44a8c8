// What becomes of the events of a Pusher-compatible server: the rules, and what they make of what came last.

import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { becomes, calls, focused, opened, outside, press, tabTo } from './window';

async function editing(): Promise<Page> {
  const page = await opened({ scene: 'feeds', width: 1200, height: 900 });
  await page.getByTestId('nav-accounts').click();
  await page.getByTestId('account-map').click();
  await page.getByTestId('tried').first().waitFor();
  return page;
}

const told = (page: Page) => page.getByTestId('tried-told').locator('.title').allInnerTexts();
const titles = (page: Page) => page.getByTestId('rule-title').evaluateAll((all) => all.map((it) => (it as HTMLInputElement).value));
const wrongs = (page: Page) => page.getByTestId('wrong').allInnerTexts();

describe('the rules of a feed', () => {
  it('show at once what they make of what came, as text, and of what comes', async () => {
    const page = await editing();
    expect(await page.getByTestId('preset-laravel').isChecked()).toBe(true);
    await becomes(() => told(page), ['Order 7 left the house', 'Invoice 31 was paid']);
    expect(await page.getByTestId('tried').evaluateAll((all) => all.map((it) => it.getAttribute('data-rule')))).toEqual(['2', '1', '']);
    const said = await page.getByTestId('feed-try').innerText();
    expect(said).toContain('<b>EUR 120</b>');
    expect(said).toContain('opens shop.example');
    expect(said).toContain('no address that can be opened');
    expect(said).toContain('it was too long to be kept, so it cannot be tried');
    await page.getByTestId('tried').first().locator('summary').click();
    expect(await page.getByTestId('tried').first().locator('pre').innerText()).toContain('"title": "Order 7 left the house"');

    await page.getByTestId('rule-title').nth(1).fill('{{ data.message }}!');
    await becomes(() => told(page), ['By noon tomorrow it is in Porto.!', 'Invoice 31 was paid']);
    await outside(page, (it) => it.came('report.made', { message: 'The report is made' }));
    await becomes(() => told(page), ['The report is made!', 'By noon tomorrow it is in Porto.!', 'Invoice 31 was paid']);
    expect(await calls(page, 'set_map')).toEqual([]);
  });

  it('are saved, and what is wrong with them is told at its field', async () => {
    const page = await editing();
    await page.getByTestId('rule-body').nth(1).fill('{{ dta.message }}');
    await becomes(() => wrongs(page), ['there is no “dta” here: a template begins with data, channel, event or headers']);
    expect(await page.getByTestId('rule-body').nth(1).getAttribute('aria-invalid')).toBe('true');
    expect(await told(page), 'what was tried stays in sight').toHaveLength(2);
    // The rarer fields are folded away; a complaint unfolds them.
    const more = page.getByTestId('rule-more').nth(0).locator('summary');
    expect(await more.innerText()).toBe('More fields, 3 filled in');
    expect(await page.getByTestId('rule-time').nth(0).isVisible()).toBe(false);
    await more.click();
    await page.getByTestId('rule-time').nth(0).fill('{{ data.at|dat }}');
    await more.click();
    await page.getByTestId('rule-time').nth(0).waitFor();
    await becomes(() => wrongs(page), ['there is no filter “dat”', 'there is no “dta” here: a template begins with data, channel, event or headers']);
    await page.getByTestId('feed-save').click();
    await becomes(async () => (await focused(page)).testid, 'rule-time');
    await page.getByTestId('rule-time').nth(0).fill('');
    await page.getByTestId('rule-body').nth(1).fill('');
    await page.getByTestId('rule-title').nth(1).fill(' ');
    await becomes(() => wrongs(page), ['A title is needed.']);
    await page.getByTestId('rule-title').nth(1).fill('{{ event }}');
    await becomes(() => wrongs(page), []);
    await page.getByTestId('map-other').selectOption('show');
    await outside(page, (it) => it.fail('set_map', 'The database is full.'));
    await page.getByTestId('feed-save').click();
    await becomes(() => page.getByTestId('feed-trouble').innerText(), 'The database is full.');
    // It stays while what comes is tried.
    await outside(page, (it) => it.came('report.made', { title: 'The report is made' }));
    await becomes(async () => (await told(page)).length, 3);
    expect(await page.getByTestId('feed-trouble').innerText()).toBe('The database is full.');
    await outside(page, (it) => it.fail('set_map', null));
    await page.getByTestId('feed-save').click();
    await becomes(() => page.getByTestId('feed-dialog').count(), 0);
    await becomes(async () => (await page.getByTestId('notice').innerText()).includes('follows the new rules'), true);
    const [account, map] = (await calls(page, 'set_map')).at(-1) as [string, { other: string; rules: Record<string, string>[] }];
    expect([account, map.other]).toEqual(['pusher', 'show']);
    expect(map.rules[0]).not.toHaveProperty('time');
    expect(map.rules[1]).not.toHaveProperty('body');
    expect(map.rules[1]).toMatchObject({ title: '{{ event }}' });
    expect((await focused(page)).testid).toBe('account-map');
  });

  it('are added, moved and removed with the keyboard alone', async () => {
    const page = await editing();
    const first = await titles(page);
    await tabTo(page, page.getByTestId('rule-down').first());
    await press(page, 'Enter');
    await becomes(() => titles(page), first.toReversed());
    // It is the last now and can go no further down; the focus is still at this rule.
    expect((await focused(page)).testid).toBe('rule-up');
    await becomes(() => page.getByTestId('map-editor').getByRole('status').innerText(), 'Rule 1 is rule 2 now.');
    await press(page, 'Enter');
    await becomes(() => titles(page), first);
    await tabTo(page, page.getByTestId('rule-add'));
    await press(page, 'Enter');
    await becomes(async () => (await focused(page)).testid, 'rule-event');
    await page.keyboard.type('typing');
    expect(await page.getByTestId('rule').count()).toBe(3);
    await page.getByTestId('rule-remove').nth(2).focus();
    await press(page, 'Enter');
    await becomes(() => titles(page), first);
    expect((await focused(page)).testid).toBe('rule-remove');
    await press(page, 'Enter');
    await press(page, 'Enter');
    await becomes(() => titles(page), []);
    expect((await focused(page)).testid).toBe('rule-add');
    await becomes(() => told(page), []);
    expect(await page.getByTestId('tried-quiet').count()).toBe(2);
  });

  it('begin with what came, or with a preset, and one’s own are not lost by looking at another', async () => {
    const page = await editing();
    await page.getByTestId('rule-for').first().click();
    await becomes(() => titles(page).then((all) => all.at(-1)), '{{ data.title }}');
    expect(await page.getByTestId('rule-event').last().inputValue()).toBe('App\\Events\\OrderShipped');
    expect(await page.getByTestId('preset-own').isChecked()).toBe(true);
    await page.getByTestId('preset-plain').check();
    await becomes(async () => (await titles(page)).length, 1);
    await page.getByTestId('preset-own').check();
    await becomes(async () => (await titles(page)).length, 3);
  });

  it('that are not saved are there again, and can be given up', async () => {
    const page = await editing();
    const first = await titles(page);
    expect(await page.getByTestId('feed-draft').count()).toBe(0);
    await page.getByTestId('rule-title').first().fill('Mine');
    await page.getByTestId('feed-draft').waitFor();
    await press(page, 'Escape');
    await becomes(() => page.getByTestId('feed-dialog').count(), 0);
    await page.getByTestId('account-map').click();
    await becomes(async () => (await titles(page))[0], 'Mine');
    await page.getByTestId('feed-discard').click();
    await becomes(() => titles(page), first);
    expect(await page.getByTestId('feed-draft').count()).toBe(0);
    await press(page, 'Escape');
    await page.getByTestId('account-map').click();
    await becomes(() => titles(page), first);
  });

  it('that cannot be read say why', async () => {
    const page = await opened({ scene: 'feeds' });
    await page.getByTestId('nav-accounts').click();
    await outside(page, (it) => it.fail('feed', 'The database is busy.'));
    await page.getByTestId('account-map').click();
    await becomes(() => page.getByTestId('feed-trouble').innerText(), 'The database is busy.');
    await outside(page, (it) => it.fail('feed', null));
    await page.getByTestId('feed-dialog').getByRole('button', { name: 'Try again' }).click();
    await page.getByTestId('tried').first().waitFor();
  });
});
