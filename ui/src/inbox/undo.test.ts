import { expect, it } from 'vitest';
import { remembered, taken, type Deed } from './undo';

const read = (id: number): Deed => ({ did: 'read', ids: [id], read: true });

it('the latest deed is undone first', () => {
  let deeds = remembered(remembered([], read(1)), { did: 'all', batch: 7, count: 3 });
  const last = taken(deeds);
  expect(last.deed).toEqual({ did: 'all', batch: 7, count: 3 });
  deeds = last.left;
  expect(taken(deeds).deed).toEqual(read(1));
  expect(taken(taken(deeds).left)).toEqual({ deed: undefined, left: [] });
});

it('the oldest of many is forgotten', () => {
  let deeds: Deed[] = [];
  for (let id = 0; id < 60; id += 1) deeds = remembered(deeds, read(id));
  expect(deeds).toHaveLength(50);
  expect(deeds[0]).toEqual(read(10));
});
