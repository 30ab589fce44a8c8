// The channels of a Pusher app, as a person writes them. Pure.

/** What a channel's prefix makes of it. */
export type ChannelKind = 'public' | 'private' | 'presence' | 'encrypted';

/** One channel a line; empty lines and what is written twice do not count. */
export function channelsOf(written: string): string[] {
  return [...new Set(written.split('\n').map((line) => line.trim()).filter((line) => line !== ''))];
}

export function kindOf(channel: string): ChannelKind {
  if (channel.startsWith('private-encrypted-')) return 'encrypted';
  if (channel.startsWith('private-')) return 'private';
  return channel.startsWith('presence-') ? 'presence' : 'public';
}

/** True if it gives its last event again to whoever comes. */
export function isCache(channel: string): boolean {
  return /^((private|presence)-|private-encrypted-)?cache-/.test(channel);
}

/** True if a server could have a channel of this name. */
export function isChannel(name: string): boolean {
  return name.length <= 200 && /^#?[A-Za-z0-9_\-=@,.;]+$/.test(name);
}
