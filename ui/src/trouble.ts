/** What went wrong, in words for the person, whatever was thrown: a `Trouble` of Belfry, or an error of the page itself. */
export function wordsOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'words' in error) return String(error.words);
  if (error instanceof Error) return error.message;
  return String(error);
}
