// Which key means what in the inbox. Pure: a key press in, a wish out.

/** What a key asks for. */
export type KeyWish = 'next' | 'previous' | 'first' | 'last' | 'leave-down' | 'leave-up' | 'open' | 'show' | 'read' | 'star' | 'thread' | 'undo' | 'search' | 'keys' | 'back';

/** A key press, as far as it matters. */
export type KeyPress = { key: string; ctrl: boolean; alt: boolean; meta: boolean };

/** Where the focus is. */
export type Place = { inFeed: boolean; typing: boolean };

/** What the press asks for, if anything. `letters`: single-letter keys are switched on. */
export function meaning(press: KeyPress, place: Place, letters: boolean): KeyWish | null {
  if (press.alt || press.meta) return null;
  if (press.ctrl) {
    if (!place.inFeed) return null;
    return press.key === 'End' ? 'leave-down' : press.key === 'Home' ? 'leave-up' : null;
  }
  if (press.key === 'Escape') return 'back';
  if (place.typing) return null;
  return (place.inFeed ? feedKey(press.key) : null) ?? (letters ? letterKey(press.key) : null);
}

function feedKey(key: string): KeyWish | null {
  switch (key) {
    case 'ArrowDown': case 'PageDown': return 'next';
    case 'ArrowUp': case 'PageUp': return 'previous';
    case 'Home': return 'first';
    case 'End': return 'last';
    case 'Enter': return 'open';
    case ' ': return 'show';
    default: return null;
  }
}

function letterKey(key: string): KeyWish | null {
  switch (key) {
    case 'j': return 'next';
    case 'k': return 'previous';
    case 'e': return 'read';
    case 's': return 'star';
    case 't': return 'thread';
    case 'u': return 'undo';
    case '/': return 'search';
    case '?': return 'keys';
    default: return null;
  }
}
