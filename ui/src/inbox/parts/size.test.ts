import { expect, it } from 'vitest';
import { size } from './size';

it('sizes are told as people do', () => {
  const cases: [number, string][] = [[0, '0 B'], [1, '1 B'], [999, '999 B'], [999.7, '1 kB'], [48_213, '48 kB'], [1_204_113, '1.2 MB'], [3e9, '3 GB'], [5e15, '5,000 TB']];
  for (const [bytes, words] of cases) expect(size(bytes)).toBe(words);
});
