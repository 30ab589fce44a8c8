import { describe, expect, it } from 'vitest';
import { becomes, calls, focused, opened, outside, press, rows } from './window';
import type { Page } from 'playwright-core';

const unread = (page: Page, id: string | null) => page.locator(`[data-testid=row][data-id="${id}"]`).getAttribute('data-unread');
const firstId = (page: Page) => rows(page).first().getAttribute('data-id');

describe('the keyboard', () => {
  it('walks, marks, undoes, opens, searches and lists its keys', async () => {
    const page = await opened();
    await rows(page).first().waitFor();
    const ids = await rows(page).evaluateAll((all) => all.map((it) => it.getAttribute('data-id')));
    await press(page, 'j');
    await becomes(async () => (await focused(page)).id, ids[0] ?? null);
    await press(page, 'j', 2);
    await becomes(async () => (await focused(page)).id, ids[2] ?? null);
    await press(page, 'k');
    await becomes(async () => (await focused(page)).id, ids[1] ?? null);
    await press(page, 'ArrowDown');
    await press(page, 'PageDown');
    await press(page, 'ArrowUp');
    await becomes(async () => (await focused(page)).id, ids[2] ?? null);
    await becomes(async () => page.getByTestId('detail').getAttribute('data-id'), ids[2] ?? null);

    await press(page, 'e');
    await becomes(() => unread(page, ids[2] ?? null), 'false');
    expect((await focused(page)).id).toBe(ids[2]);
    await press(page, 'u');
    await becomes(() => unread(page, ids[2] ?? null), 'true');

    await press(page, 'Enter');
    await becomes(() => calls(page, 'open'), [[Number(ids[2])]]);
    await becomes(() => unread(page, ids[2] ?? null), 'false');
    await becomes(async () => (await page.getByTestId('notice').innerText()).includes('podio.com'), true);

    await press(page, '/');
    await becomes(async () => (await focused(page)).testid, 'search');
    await page.keyboard.type('je');
    expect(await page.getByTestId('search').inputValue()).toBe('je');
    await press(page, 'Escape');
    expect(await page.getByTestId('search').inputValue()).toBe('');
    await page.getByTestId('keys').focus();
    await press(page, '?');
    await page.getByTestId('key-list').waitFor();
    await press(page, 'Escape');
    await becomes(async () => page.getByTestId('key-list').count(), 0);
    expect((await focused(page)).testid).toBe('keys');
  });

  it('leaves the list by Ctrl+End and Ctrl+Home', async () => {
    const page = await opened();
    await rows(page).first().waitFor();
    await press(page, 'j');
    await becomes(async () => (await focused(page)).testid, 'row');
    await press(page, 'Control+End');
    await becomes(async () => (await focused(page)).testid, 'open');
    await press(page, 'Control+Home');
    expect((await focused(page)).testid).toBe('open');
    await press(page, 'Shift+Tab');
    await becomes(async () => (await focused(page)).testid, 'row');
    await press(page, 'Control+Home');
    await becomes(async () => (await focused(page)).testid, 'keys');
  });

  it('single-letter keys can be switched off, for good; arrows stay', async () => {
    const page = await opened();
    await rows(page).first().waitFor();
    await page.getByTestId('nav-settings').click();
    await page.getByTestId('letter-keys').uncheck();
    await page.reload();
    await rows(page).first().waitFor();
    await press(page, 'j');
    await rows(page).first().focus();
    await press(page, 'e');
    await press(page, '?');
    await press(page, 'ArrowDown');
    await becomes(async () => (await focused(page)).id, await rows(page).nth(1).getAttribute('data-id'));
    expect(await calls(page, 'set_read')).toEqual([]);
    expect(await page.getByTestId('key-list').count()).toBe(0);
  });
});

describe('marking', () => {
  it('one read, and undone by the button', async () => {
    const page = await opened();
    await rows(page).first().click();
    const id = await firstId(page);
    await page.getByTestId('mark-read').click();
    await becomes(() => unread(page, id), 'false');
    await becomes(async () => page.getByTestId('mark-read').innerText(), 'Mark as unread');
    await page.getByTestId('undo').click();
    await becomes(() => unread(page, id), 'true');
    expect(await calls(page, 'set_read')).toEqual([[[Number(id)], true], [[Number(id)], false]]);
  });

  it('all read, and undone', async () => {
    const page = await opened();
    await rows(page).first().waitFor();
    const before = await rows(page).evaluateAll((all) => all.map((it) => it.getAttribute('data-unread')));
    expect(before).toContain('true');
    await page.getByTestId('mark-all').click();
    await becomes(async () => page.locator('[data-testid=row][data-unread=true]').count(), 0);
    await becomes(async () => (await page.getByTestId('nav-inbox').innerText()).trim(), 'Inbox');
    await page.getByTestId('undo').click();
    await becomes(async () => rows(page).evaluateAll((all) => all.map((it) => it.getAttribute('data-unread'))), before);
    expect(await calls(page, 'undo')).toEqual([[1]]);
  });

  it('what cannot be marked is told, and stays as it was', async () => {
    const page = await opened();
    await rows(page).first().click();
    await outside(page, (it) => it.fail('set_read', 'The database is full.'));
    await page.getByTestId('mark-read').click();
    await becomes(async () => page.locator('[role=alert] [data-testid=notice]').innerText(), 'The database is full.');
    expect(await unread(page, await firstId(page))).toBe('true');
  });
});

describe('stars and threads', () => {
  it('a star by key and by button, undone, and found again by its filter', async () => {
    const page = await opened({ height: 1400 });
    await rows(page).first().click();
    const id = await firstId(page);
    const star = page.locator(`[data-testid=row][data-id="${id}"] [data-testid=row-star]`);
    expect(await star.count()).toBe(0);
    await press(page, 's');
    await becomes(() => star.count(), 1);
    await becomes(async () => page.getByTestId('star').getAttribute('aria-pressed'), 'true');
    await press(page, 'u');
    await becomes(() => star.count(), 0);
    await page.getByTestId('star').click();
    await becomes(() => star.count(), 1);
    const starred = await page.getByTestId('row-star').count();
    await page.getByTestId('filter-starred').check();
    await becomes(async () => rows(page).count(), starred);
    await page.getByTestId('star').click();
    await becomes(() => star.count(), 0);
    expect(await rows(page).count(), 'it stays until the list is read anew').toBe(starred);
    expect((await calls(page, 'set_starred')).map(([, on]) => on)).toEqual([true, false, true, false]);
  });

  it('the filter says when nothing is starred', async () => {
    const page = await opened();
    await rows(page).first().waitFor();
    await page.getByTestId('search').fill('Brochure');
    await becomes(async () => rows(page).count(), 2);
    await page.getByTestId('filter-starred').check();
    await page.getByText('Nothing found').waitFor();
    await page.getByTestId('search').fill('');
    await page.getByTestId('filter-account').selectOption('podio-3');
    await page.getByText('Nothing starred').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await becomes(async () => page.getByTestId('filter-starred').isChecked(), false);
  });

  it('a whole thread read at once, and undone', async () => {
    const page = await opened();
    await rows(page).nth(1).waitFor();
    const [first, second] = await rows(page).evaluateAll((all) => all.map((it) => it.getAttribute('data-id')));
    const context = { what: 'item', id: '7', title: 'Brochure draft', place: 'Marketing', url: 'https://podio.com/acme/items/7' };
    for (const id of [first, second]) await outside(page, (it, change) => it.changeElsewhere(Number(change.id), { context: change.context }), { id, context });
    await becomes(async () => (await calls(page, 'entry')).length >= 2, true);
    await rows(page).first().click();
    await press(page, 't');
    await becomes(() => unread(page, second ?? null), 'false');
    expect(await unread(page, first ?? null)).toBe('false');
    expect(await page.locator('[data-testid=row][data-unread=true]').count()).toBeGreaterThan(0);
    await page.getByTestId('undo').click();
    await becomes(() => unread(page, second ?? null), 'true');
    await page.getByTestId('mark-thread').click();
    await becomes(() => unread(page, second ?? null), 'false');
    expect(await calls(page, 'set_thread_read')).toEqual([[Number(first), true], [Number(first), true]]);
  });

  it('what the service refuses is told in its words', async () => {
    const page = await opened();
    await rows(page).first().waitFor();
    await outside(page, (it) => it.signal({ signal: 'refused', id: 1000, words: 'It is unread again: Podio does not allow this.' }));
    await becomes(async () => page.locator('[role=alert] [data-testid=notice]').innerText(), 'It is unread again: Podio does not allow this.');
  });
});

describe('finding', () => {
  it('search reads from what is kept, waits for the typing to rest, and says when it finds nothing', async () => {
    const page = await opened();
    await rows(page).first().waitFor();
    await page.getByTestId('search').pressSequentially('invoice', { delay: 5 });
    await becomes(async () => rows(page).count(), 2);
    const searches = (await calls(page, 'inbox')).map(([wish]) => (wish as { search: string | null }).search).filter((it) => it !== null);
    expect(searches).toEqual(['invoice']);
    await page.getByTestId('search').fill('zzz');
    await page.getByText('Nothing found').waitFor();
    await page.getByRole('button', { name: 'Clear the search' }).click();
    await becomes(async () => (await rows(page).count()) > 5, true);
  });

  it('filters by unread and by account, and names the next step when nothing is left', async () => {
    const page = await opened({ height: 1400 });
    await rows(page).first().waitFor();
    const unreadCount = await page.locator('[data-testid=row][data-unread=true]').count();
    await page.getByTestId('filter-unread').check();
    await becomes(async () => rows(page).count(), unreadCount);
    await page.getByTestId('filter-account').selectOption('podio-3');
    await page.getByText('Nothing unread').waitFor();
    await page.getByTestId('filter-unread').uncheck();
    await page.getByText('Nothing of').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await becomes(async () => (await rows(page).count()) > unreadCount, true);
  });

  it('in a list of unread, what is read stays until the list is read anew', async () => {
    const page = await opened();
    await page.getByTestId('filter-unread').check();
    // While the list is being read anew it shows nothing at all.
    await becomes(async () => (await rows(page).count()) > 0 && (await page.locator('[data-unread=false]').count()) === 0, true);
    const count = await rows(page).count();
    await press(page, 'j');
    await becomes(async () => (await focused(page)).testid, 'row');
    await press(page, 'e');
    await becomes(async () => page.locator('[data-testid=row][data-unread=false]').count(), 1);
    expect(await rows(page).count()).toBe(count);
  });
});

describe('live updates', () => {
  const place = (page: Page) =>
    page.evaluate(() => {
      const scroller = document.querySelector('[data-testid=inbox]')?.parentElement as HTMLElement;
      const row = document.activeElement as HTMLElement;
      return { scroll: scroller.scrollTop, row: row.getAttribute('data-id'), at: row.getBoundingClientRect().top };
    });

  it('never move the reader: they are counted, and shown when asked for', async () => {
    const page = await opened({ scene: 'many' });
    await rows(page).first().waitFor();
    await press(page, 'j');
    await becomes(async () => (await focused(page)).testid, 'row');
    await press(page, 'j', 25);
    await becomes(async () => (await place(page)).scroll > 300, true);
    await becomes(async () => (await focused(page)).words.startsWith('99975:'), true);
    const before = await place(page);

    await outside(page, (it) => it.arrive(3));
    await becomes(async () => page.getByTestId('new-bar').innerText(), '3 new – show');
    expect(await place(page)).toEqual(before);
    await becomes(async () => page.getByTestId('new-told').innerText(), '3 new notifications');

    await outside(page, (it, id) => it.changeElsewhere(Number(id), { title: 'Changed elsewhere', read: true }), before.row);
    await becomes(async () => (await focused(page)).words.startsWith('Changed elsewhere'), true);
    expect(await place(page)).toEqual(before);

    await outside(page, (it) => it.signal({ signal: 'reread' }));
    await outside(page, (it) => it.signal({ signal: 'missed' }));
    await becomes(async () => (await calls(page, 'inbox')).length >= 4, true);
    await becomes(async () => page.getByTestId('inbox').getAttribute('aria-busy'), 'false');
    expect(await place(page)).toEqual(before);
    expect(await page.getByTestId('new-bar').innerText()).toBe('3 new – show');

    await page.getByTestId('new-bar').click();
    await becomes(async () => (await focused(page)).words.includes('News 3'), true);
    expect((await place(page)).scroll).toBe(0);
    expect(await page.getByTestId('new-bar').count()).toBe(0);
  });

  it('news that do not match the filter are not counted', async () => {
    const page = await opened();
    await page.getByTestId('search').fill('invoice');
    await becomes(async () => rows(page).count(), 2);
    await outside(page, (it) => it.arrive(2));
    await outside(page, (it) => it.arrive(1, 'Another invoice'));
    await becomes(async () => page.getByTestId('new-bar').innerText(), '1 new – show');
  });

  it('an empty inbox fills by itself', async () => {
    const page = await opened();
    await page.getByTestId('search').fill('Eureka');
    await page.getByText('Nothing found').waitFor();
    await outside(page, (it) => it.arrive(1, 'Eureka'));
    await becomes(async () => rows(page).count(), 1);
  });
});

describe('one notification', () => {
  it('shows its context, where it leads and its fate', async () => {
    const page = await opened();
    await rows(page).first().click();
    const detail = page.getByTestId('detail');
    await becomes(async () => page.getByTestId('detail-title').innerText(), 'Ana Sousa commented on Brochure draft');
    await becomes(async () => (await page.getByTestId('why').innerText()).includes('It came during your quiet hours'), true);
    const said = await detail.innerText();
    for (const part of ['A comment', 'I moved the deadline', 'Brochure draft', 'Marketing', 'Ana Sousa', 'min ago', 'Podio – Ada Brook', 'Opens podio.com in your browser']) expect(said).toContain(part);
    expect(await detail.locator('time').first().getAttribute('title')).toMatch(/\d{4}.*\d{2}:\d{2}:\d{2}/);
    await page.getByTestId('open').click();
    await becomes(async () => (await calls(page, 'open')).length, 1);
  });

  it('its fate is read again when it changes', async () => {
    const page = await opened();
    await rows(page).first().click();
    await page.getByTestId('why').waitFor();
    const before = (await calls(page, 'why')).length;
    const id = Number(await firstId(page));
    await outside(page, (it, id) => it.signal({ signal: 'toast', id: id as number, outcome: 'clicked', reason: null }), id);
    await becomes(async () => (await calls(page, 'why')).length, before + 1);
  });

  it('the window opened for one stands on it, also when asked again', async () => {
    const page = await opened({ at: 997 });
    await becomes(async () => page.getByTestId('detail').getAttribute('data-id'), '997');
    await becomes(async () => (await focused(page)).id, '997');
    await page.getByTestId('nav-settings').click();
    await outside(page, (it) => it.show(995));
    await becomes(async () => page.getByTestId('detail').getAttribute('data-id'), '995');
    await becomes(async () => (await focused(page)).id, '995');
  });

  it('where there is no room it lies over the list, and Esc gives the row back', async () => {
    const page = await opened({ width: 400 });
    await rows(page).nth(1).click();
    await becomes(async () => (await focused(page)).testid, 'detail');
    expect(await page.getByTestId('search').evaluate((it) => it.closest('[inert]') !== null)).toBe(true);
    await press(page, 'Escape');
    await becomes(async () => page.getByTestId('detail').count(), 0);
    await becomes(async () => (await focused(page)).id, '999');
  });
});

type Place = { id: number; top: number };

describe('a later version of a notification', () => {
  const idsOf = (page: Page) => rows(page).evaluateAll((all) => all.map((it) => Number(it.getAttribute('data-id'))));

  it('moves its row to the top, unread again and once, and the one that is shown is read again', async () => {
    const page = await opened({ height: 1400 });
    await rows(page).first().waitFor();
    const before = await idsOf(page);
    const fourth = before[3] as number;
    await rows(page).nth(3).click();
    await becomes(() => unread(page, String(fourth)), 'false');
    const entries = (await calls(page, 'entry')).length;
    await outside(page, (it, id) => it.renew(id, { title: 'brochure-v4.pdf was renamed' }), fourth);
    await becomes(() => idsOf(page), [fourth, ...before.filter((id) => id !== fourth)]);
    expect(await unread(page, String(fourth))).toBe('true');
    await becomes(() => page.getByTestId('detail-title').innerText(), 'brochure-v4.pdf was renamed');
    expect((await calls(page, 'entry')).length).toBeGreaterThan(entries);
    // The keyboard goes on from where the row is now.
    await becomes(async () => (await focused(page)).id, String(fourth));
    await press(page, 'ArrowDown');
    await becomes(async () => (await focused(page)).id, String(before[0]));
    expect(await page.getByTestId('new-bar').count()).toBe(0);
  });

  it('takes the reader nowhere: what is in sight stays where it is', async () => {
    const page = await opened({ scene: 'many' });
    await rows(page).first().waitFor();
    const scroller = page.locator('.scroller');
    await scroller.evaluate((it) => it.scrollTo(0, 1500));
    const seen = (): Promise<Place[]> =>
      page.evaluate(() => {
        const box = (document.querySelector('.scroller') as HTMLElement).getBoundingClientRect();
        return [...document.querySelectorAll<HTMLElement>('[data-testid=row]')].flatMap((row) => {
          const { top, bottom } = row.getBoundingClientRect();
          return bottom > box.top && top < box.bottom && row.checkVisibility({ visibilityProperty: true }) ? [{ id: Number(row.dataset.id), top: Math.round(top - box.top) }] : [];
        });
      });
    /** Which rows are not where they were, but for a pixel of rounding. */
    const strayed = (was: Place[], is: Place[]) => was.filter(({ id, top }, index) => is[index]?.id !== id || Math.abs((is[index]?.top ?? 0) - top) > 1);
    await becomes(async () => (await seen()).length > 5, true);
    const before = await seen();

    // One in sight goes to the top: those below it close up, nothing else moves.
    const third = before[2]?.id as number;
    await outside(page, (it, id) => it.renew(id), third);
    await becomes(async () => (await seen()).some(({ id }) => id === third), false);
    await becomes(async () => strayed(before.slice(0, 2), (await seen()).slice(0, 2)), []);
    expect((await seen())[2]?.id).toBe(before[3]?.id);

    // One far below goes to the top: nothing in sight moves.
    const now = await seen();
    const below = (now.at(-1)?.id as number) - 10;
    await outside(page, (it, id) => it.renew(id), below);
    await becomes(async () => (await calls(page, 'entry')).some(([id]) => id === below), true);
    await scroller.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await becomes(async () => strayed(now, await seen()), []);

    // Both stand at the top, the later one first.
    await scroller.evaluate((it) => it.scrollTo(0, 0));
    await becomes(async () => (await idsOf(page)).slice(0, 2), [below, third]);
  });

  it('that is not listed is news', async () => {
    const page = await opened({ scene: 'many' });
    await rows(page).first().waitFor();
    await outside(page, (it) => it.renew(it.rows().at(-1)?.id as number, { title: 'From long ago' }));
    await becomes(() => page.getByTestId('new-bar').innerText(), '1 new – show');
    await page.getByTestId('new-bar').click();
    await becomes(async () => (await rows(page).first().innerText()).includes('From long ago'), true);
  });
});
