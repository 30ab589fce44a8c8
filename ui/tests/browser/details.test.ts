// The detail view of each shape of notification, as Belfry takes it apart.

import { describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import type { Entry, Part } from '../../src/contract';
import details from '../../contract/details.json';
import { becomes, calls, opened, outside, rows } from './window';

const all = details as unknown as { name: string; entry: Entry; parts: Part[] }[];
const idOf = (name: string): number => all.find((it) => it.name === name)?.entry.id ?? 0;

async function detail(name: string): Promise<Page> {
  const page = await opened({ scene: 'details', at: idOf(name), height: 900 });
  await page.getByTestId('parts').waitFor();
  return page;
}

/** What a reader sees, line by line; what only listeners hear is among it. */
async function said(page: Page, part: string): Promise<string[]> {
  const text = await page.getByTestId('parts').getByTestId(part).first().innerText();
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
}

describe('the detail view has the shape of its kind', () => {
  it('a comment: its words, its question and who answered, its files and its link', async () => {
    const page = await detail('comment');
    expect((await page.getByTestId('body').innerText()).split('\n\n')).toHaveLength(2);
    expect(await said(page, 'part-question')).toEqual([
      'Which day shall we go live?', 'Thursday, after the stand-up', 'Kenji Mori, Amina Diallo', 'Friday morning', 'nobody yet', 'Not this week', 'Søren Holm',
    ]);
    expect(await said(page, 'part-files')).toEqual(['Files', 'header-today.png', '348 kB', 'header-proposal.pdf', '2.4 MB · With the wider logo']);
    expect(await said(page, 'part-link')).toEqual(['Link', 'The preview', 'Opens without a password until Friday', 'https://preview.example.org/relaunch']);
    expect(await said(page, 'part-facts')).toContain('PRJ-17');
  });

  it('an item’s diff: each field from what to what, also for those who listen', async () => {
    const page = await detail('item diff');
    const changes = page.getByTestId('part-changes').locator('dd');
    expect((await changes.nth(0).innerText()).replace(/\s+/g, ' ')).toBe('Before: In progress → Now: In review');
    expect((await changes.nth(3).innerText()).replace(/\s+/g, ' ')).toBe('Kenji Mori');
    expect(await changes.nth(4).locator('.to').innerText()).toBe('The pictures are here.\nNext: the press page.');
    expect(await changes.nth(5).innerText()).toContain('empty now');
  });

  it('a task’s change, and the task', async () => {
    const page = await detail('task change');
    expect((await page.getByTestId('part-changes').locator('dd').innerText()).replace(/\s+/g, ' ')).toBe('Before: 30 Nov 2026 → Now: 27 Nov 2026');
    expect(await said(page, 'part-text')).toEqual(['Description', 'Twelve for the stand, two spare ones.', 'The printer needs three days.']);
    expect(await said(page, 'part-facts')).toEqual(expect.arrayContaining(['Responsible', 'Nora New', 'Belongs to', 'Trade fair 2027']));
  });

  it('an invitation with its message, and never its code', async () => {
    const page = await detail('invite');
    expect((await said(page, 'part-text')).join(' ')).toContain('Would you join us for the planning?');
    expect(await said(page, 'part-people')).toEqual(['Members', 'Marta Oliveira', 'Kenji Mori', 'Amina Diallo', 'Søren Holm', '10 more']);
    expect(await page.getByTestId('detail').innerText()).not.toContain('not-to-be-shown');
  });

  it.each([['participation', 'Perhaps takes part'], ['vote', '4 of 5 stars'], ['rating', 'Not approved']])('a %s in words', async (name, words) => {
    const page = await detail(name);
    expect((await said(page, 'part-answer')).join(' ')).toContain(words);
    expect(await page.getByTestId('part-answer').locator('.stars').evaluateAll((all) => all.map((it) => it.getAttribute('aria-hidden')))).toEqual(name === 'vote' ? ['true'] : []);
  });

  it('a message within its conversation: oldest first, one’s own apart, this one marked', async () => {
    const page = await detail('message');
    const messages = page.getByTestId('part-messages').locator('li');
    expect(await messages.locator('strong').allInnerTexts()).toEqual(['Kenji Mori', 'You', 'Amina Diallo', 'Kenji Mori', 'Amina Diallo']);
    expect(await messages.evaluateAll((all) => all.map((it) => it.getAttribute('aria-current')))).toEqual([null, null, null, null, 'true']);
    expect(await messages.last().innerText()).toContain('Shall I take it?');
    const [theirs, mine] = [await messages.nth(0).boundingBox(), await messages.nth(1).boundingBox()];
    expect(mine?.x).toBeGreaterThan(theirs?.x ?? Infinity);
  });

  it('an instant is told in the reader’s own time', async () => {
    const page = await detail('meeting');
    expect((await said(page, 'part-facts')).join(' ')).toContain('23 Nov, 10:00');
  });
});

it('the parts are asked for once, and again when the notification has changed', async () => {
  const page = await detail('comment');
  expect(await calls(page, 'parts')).toEqual([[idOf('comment')]]);
  await outside(page, (it, id) => it.changeElsewhere(id as number, { title: 'Another title' }), idOf('comment'));
  await becomes(async () => page.getByTestId('detail-title').innerText(), 'Another title');
  await becomes(async () => (await calls(page, 'parts')).length, 2);
});

it('what cannot be taken apart still shows its text, and why', async () => {
  const page = await opened({ scene: 'details' });
  await outside(page, (it) => it.fail('parts', 'Belfry could not read it.'));
  await rows(page).first().click();
  await page.getByRole('alert').getByText('Belfry could not read it.').waitFor();
  expect(await page.getByTestId('body').innerText()).toContain('The new header is in');
});

it('nothing of a hostile one is more than text', async () => {
  const page = await detail('hostile');
  await page.getByTestId('part-files').waitFor();
  const parts = page.getByTestId('parts');
  expect(await parts.locator('a, b, i, u, script, iframe, img, button').count()).toBe(0);
  expect(await parts.innerText()).toContain('<script>window.hacked = 1</script>');
  expect(await parts.innerText()).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
  expect(await page.evaluate(() => Reflect.get(window, 'hacked'))).toBeUndefined();
});
