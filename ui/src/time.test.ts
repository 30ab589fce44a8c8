import { describe, expect, it } from 'vitest';
import { ago, countdown, dateLanguage, fullTime, inAnHour, tomorrowAtEight, untilWhen, when } from './time';

// Berlin: the runner sets the zone.
const NOON = Date.parse('2026-11-22T11:00:00Z');
const before = (seconds: number) => new Date(NOON - seconds * 1000).toISOString();
const after = (seconds: number) => new Date(NOON + seconds * 1000).toISOString();

describe('when something happened', () => {
  it.each([
    [0, 'just now'], [59, 'just now'], [60, '1 min ago'], [3599, '59 min ago'], [3600, '1 h ago'], [86_399, '23 h ago'], [86_400, '21 Nov'],
    [86_400 * 400, '18 Oct 2025'],
  ])('%i seconds ago is “%s”', (seconds, words) => expect(when(before(seconds), NOON)).toBe(words));

  it('a clock that runs a little ahead is no future', () => expect(when(after(30), NOON)).toBe('just now'));
  it('a text that is no time is not shown as one', () => expect(when('soon', NOON)).toBe(''));
  it('the full time names its zone', () => expect(fullTime('2026-11-22T11:00:00Z')).toMatch(/Sunday.*22 November 2026.*12:00:00.*(CET|GMT\+1)/));
  it('a sign of life is told to the second at first', () => {
    expect([2, 20, 70].map((seconds) => ago(before(seconds), NOON))).toEqual(['just now', '20 s ago', '1 min ago']);
  });
  it('dates speak English like the words around them', () => expect([dateLanguage('de-DE'), dateLanguage('en-US')]).toEqual(['en-GB', 'en-US']));
});

describe('a countdown', () => {
  it.each([[-5, 'now'], [0, 'now'], [0.2, '1 s'], [12, '12 s'], [99, '99 s'], [120, '2 min'], [3600, '60 min'], [7200, '2 h']])(
    '%d seconds before it is due says “%s”',
    (seconds, words) => expect(countdown(after(seconds), NOON)).toBe(words),
  );
});

describe('a pause', () => {
  it('of one hour ends in one hour', () => expect(inAnHour(NOON)).toBe('2026-11-22T12:00:00.000Z'));
  it('until tomorrow ends at eight by the local clock', () => expect(tomorrowAtEight(NOON)).toBe('2026-11-23T07:00:00.000Z'));
  it('until tomorrow ends at eight even when the clocks change in the night', () => {
    expect(tomorrowAtEight(Date.parse('2026-10-24T20:00:00Z'))).toBe('2026-10-25T07:00:00.000Z');
    expect(tomorrowAtEight(Date.parse('2026-03-28T20:00:00Z'))).toBe('2026-03-29T06:00:00.000Z');
  });
  it('says the day where it is not today', () => {
    expect(untilWhen(inAnHour(NOON), NOON)).toBe('13:00');
    expect(untilWhen(tomorrowAtEight(NOON), NOON)).toBe('tomorrow 08:00');
    expect(untilWhen('2026-11-30T07:00:00Z', NOON)).toBe('30 Nov, 08:00');
  });
});
