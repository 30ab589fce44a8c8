import { describe, expect, it } from 'vitest';
import { meaning } from './keys';

const press = (key: string, changes = {}) => ({ key, ctrl: false, alt: false, meta: false, ...changes });
const list = { inFeed: true, typing: false };
const page = { inFeed: false, typing: false };
const field = { inFeed: false, typing: true };

describe('keys', () => {
  it('letters work everywhere but where one types', () => {
    expect(['j', 'k', 'e', 's', 't', 'u', '/', '?'].map((key) => meaning(press(key), page, true))).toEqual(['next', 'previous', 'read', 'star', 'thread', 'undo', 'search', 'keys']);
    expect(meaning(press('j'), field, true)).toBeNull();
  });
  it('letters can be switched off; the others stay', () => {
    expect(meaning(press('j'), list, false)).toBeNull();
    expect(meaning(press('ArrowDown'), list, false)).toBe('next');
  });
  it('Enter, arrows and pages belong to the list alone', () => {
    expect(['Enter', 'ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', ' '].map((key) => meaning(press(key), page, true))).toEqual([null, null, null, null, null, null]);
    expect(['Enter', 'PageDown', 'PageUp', ' '].map((key) => meaning(press(key), list, true))).toEqual(['open', 'next', 'previous', 'show']);
  });
  it('Ctrl+Home and Ctrl+End leave the list; other combinations are the browser’s', () => {
    expect([press('End', { ctrl: true }), press('Home', { ctrl: true }), press('j', { ctrl: true }), press('e', { alt: true })].map((it) => meaning(it, list, true))).toEqual([
      'leave-down', 'leave-up', null, null,
    ]);
  });
  it('Esc goes back, from a field too', () => expect(meaning(press('Escape'), field, false)).toBe('back'));
});
