import { describe, expect, it } from 'vitest';
import kept from '../../contract/acts.json';
import offers from '../../contract/offers.json';
import type { ActView, Offer } from '../contract';
import { words } from '../words';
import { deed, draft, isWordy, keepDraft, lostText } from './acts';

describe('acts', () => {
  it('every offer has its words and its act', () => {
    for (const offer of offers as Offer[]) {
      expect(words.acts.offers[offer]).toBeTruthy();
      if (!isWordy(offer)) expect(deed(offer)).toEqual({ act: offer });
    }
    expect((offers as Offer[]).filter(isWordy)).toEqual(['reply', 'comment']);
  });

  it('every act of the contract can be told, and only a lost reply gives its text back', () => {
    const views = kept as unknown as ActView[];
    for (const view of views) expect(words.acts.did[view.act]).toBeTruthy();
    expect(views.map(lostText)).toEqual([null, 'Thursday suits me.', null, null, null, null, null]);
  });

  it('a draft stays until it is sent', () => {
    keepDraft(1, 'half a');
    expect([draft(1), draft(2)]).toEqual(['half a', '']);
    keepDraft(1, '');
    expect(draft(1)).toBe('');
  });
});
