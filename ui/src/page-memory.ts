// Small things that only this window needs to remember. Where the page may keep nothing, it forgets them.

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(`belfry.${name}`);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`belfry.${name}`);
    else localStorage.setItem(`belfry.${name}`, value);
  } catch {
    // Nothing can be kept; the window works without.
  }
}
