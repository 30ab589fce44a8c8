// Bytes in, words out.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A size as people tell it, in powers of ten: "48 kB", "1.2 MB". */
export function size(bytes: number): string {
  let [amount, unit] = [bytes, 0];
  while (amount >= 999.5 && unit < UNITS.length - 1) [amount, unit] = [amount / 1000, unit + 1];
  return `${(amount < 10 ? number : whole).format(amount)} ${UNITS[unit]}`;
}
