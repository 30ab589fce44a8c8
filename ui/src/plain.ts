/**
 * Text of an event as it may be shown: without the invisible characters that turn the direction of what follows, and without control
 * characters. Line ends and tabs stay. What the words themselves say is nobody's to change.
 */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u200E\u200F\u061C\u202A-\u202E\u2066-\u2069]/g, '');
}
