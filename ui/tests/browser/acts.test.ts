import { describe, expect, it } from 'vitest';
import { becomes, calls, focused, opened, outside, press, rows } from './window';
import type { Page } from 'playwright-core';

const states = (page: Page) => page.getByTestId('act').evaluateAll((all) => all.map((it) => (it as HTMLElement).dataset.state));

async function shown(title: string): Promise<Page> {
  const page = await opened();
  await rows(page).filter({ hasText: title }).first().click();
  await page.getByTestId('acts').waitFor();
  return page;
}

describe('what one can do from a notification', () => {
  it('a comment is written, sent with Ctrl+Enter, and taken back while that is possible', async () => {
    const page = await shown('Brochure draft');
    const id = Number(await page.getByTestId('detail').getAttribute('data-id'));
    await page.getByTestId('offer-comment').click();
    await becomes(async () => (await focused(page)).testid, 'act-text');
    await page.keyboard.type('Friday is fine, j k e u');
    expect(await calls(page, 'set_read')).toEqual([]);
    await press(page, 'Control+Enter');
    await becomes(() => calls(page, 'act'), [[id, { act: 'reply', text: 'Friday is fine, j k e u' }]]);
    await becomes(() => states(page), ['waiting']);
    await becomes(async () => (await focused(page)).testid, 'offer-comment');
    await page.getByTestId('act-undo').click();
    await becomes(() => calls(page, 'undo_act'), [[1]]);
    await becomes(() => states(page), ['undone']);
    expect(await page.getByTestId('act-undo').count()).toBe(0);
    await page.getByTestId('act-again').click();
    await becomes(() => page.getByTestId('act-text').inputValue(), 'Friday is fine, j k e u');
  });

  it('a draft stays when the box is left, also with another notification in between', async () => {
    const page = await shown('Message from Chidi');
    const list = rows(page);
    await page.getByTestId('offer-reply').click();
    await page.keyboard.type('half a thou');
    await press(page, 'Escape');
    await becomes(() => page.getByTestId('act-text').count(), 0);
    expect(await page.getByTestId('detail').count()).toBe(1);
    await becomes(async () => (await focused(page)).testid, 'offer-reply');
    await list.filter({ hasText: 'Farah Nadeem' }).first().click();
    await page.getByTestId('offer-accept').waitFor();
    expect(await page.getByTestId('act-text').count()).toBe(0);
    await list.filter({ hasText: 'Message from Chidi' }).first().click();
    await page.getByTestId('offer-reply').click();
    await becomes(() => page.getByTestId('act-text').inputValue(), 'half a thou');
    await press(page, 'Control+Enter');
    await becomes(() => states(page), ['waiting']);
    await page.getByTestId('offer-reply').click();
    await becomes(() => page.getByTestId('act-text').inputValue(), '');
  });

  it('an invitation is answered once, and a refusal is told in words', async () => {
    const page = await shown('Farah Nadeem');
    await page.getByTestId('offer-accept').click();
    await becomes(() => states(page), ['waiting']);
    await becomes(async () => [await page.getByTestId('offer-accept').count(), await page.getByTestId('offer-decline').count()], [0, 0]);
    await outside(page, (it) => it.changeAct(1, { state: 'refused', words: 'The invitation is no longer valid.' }));
    await becomes(() => states(page), ['refused']);
    expect(await page.getByTestId('act').innerText()).toContain('The invitation is no longer valid.');
    await page.getByTestId('offer-decline').waitFor();
  });

  it('what cannot be done is told, and what was typed stays', async () => {
    const page = await shown('Message from Chidi');
    await outside(page, (it) => it.fail('act', 'The disk is full.'));
    await page.getByTestId('offer-reply').click();
    expect(await page.getByTestId('act-send').isDisabled()).toBe(true);
    await page.keyboard.type('important');
    await page.getByTestId('act-send').click();
    await becomes(async () => (await page.getByTestId('notice').innerText()).includes('The disk is full.'), true);
    expect(await page.getByTestId('act-text').inputValue()).toBe('important');
    expect(await page.getByTestId('act').count()).toBe(0);
  });

  it('what nothing can be done with offers nothing', async () => {
    const page = await opened();
    await rows(page).filter({ hasText: 'The import of 312 contacts' }).first().click();
    await page.getByTestId('why').waitFor();
    await becomes(() => calls(page, 'offers').then((all) => all.length > 0), true);
    expect(await page.getByTestId('acts').count()).toBe(0);
  });
});
