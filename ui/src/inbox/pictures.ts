// The picture of each kind of notification, from the project's own drawings. Nothing is ever loaded from elsewhere.

const drawings = import.meta.glob<string>('../../../icons/kind/*.svg', { eager: true, query: '?url', import: 'default' });

const byName = new Map(Object.entries(drawings).map(([path, url]) => [path.slice(path.lastIndexOf('/') + 1, -'.svg'.length), url]));

/** The address of the picture for an icon's name. */
export function picture(icon: string): string {
  return byName.get(icon) ?? byName.get('other') ?? '';
}
