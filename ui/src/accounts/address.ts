// Addresses as a person types them. Pure.

/** True if it is a whole address of one of these schemes. */
export function isAddress(typed: string, schemes: readonly string[]): boolean {
  try {
    const url = new URL(typed.trim());
    return schemes.includes(url.protocol.slice(0, -1)) && url.hostname !== '';
  } catch {
    return false;
  }
}

export const WEB = ['http', 'https'] as const;
export const SOCKET = ['http', 'https', 'ws', 'wss'] as const;
