import { MediaQuery } from 'svelte/reactivity';

/** True where list and notification stand side by side. */
export const wide = new MediaQuery('(min-width: 52rem)');
