import { describe, expect, it } from 'vitest';
import type { QuietHours } from '../contract';
import { inOrder, quietWords, timeOfDay, WEEK } from './quiet-hours';

const quiet = (changes: Partial<QuietHours>): QuietHours => ({ on: true, days: [...WEEK], from: '22:00', until: '07:00', ...changes });

describe('quiet hours in words', () => {
  it.each<[Partial<QuietHours>, string]>([
    [{}, 'No toasts every day from 22:00 until 07:00 the next morning. The inbox still fills.'],
    [{ from: '12:00', until: '13:00' }, 'No toasts every day from 12:00 until 13:00. The inbox still fills.'],
    [{ days: ['fri', 'mon', 'tue', 'thu', 'wed'] }, 'No toasts from Monday to Friday from 22:00 until 07:00 the next morning. The inbox still fills.'],
    [{ days: ['sun', 'sat'] }, 'No toasts on Saturday and Sunday from 22:00 until 07:00 the next morning. The inbox still fills.'],
    [{ from: '20:00', until: '18:30' }, 'No toasts every day from 20:00 until 18:30 the next day. The inbox still fills.'],
    [{ from: '08:00', until: '08:00' }, 'No toasts every day from 08:00 until 08:00 the next morning. The inbox still fills.'],
    [{ on: false }, 'Toasts may appear at any hour.'],
    [{ days: [] }, 'No day is chosen, so toasts may appear at any hour.'],
  ])('%j', (changes, words) => expect(quietWords(quiet(changes))).toBe(words));

  it('days stand in the order of the week, each once', () => expect(inOrder(['sun', 'mon', 'sun'])).toEqual(['mon', 'sun']));
});

describe('a time of day as typed', () => {
  it.each([['22:00', '22:00'], ['7:05', '07:05'], ['22.30', '22:30'], ['0700', '07:00'], ['7', '07:00'], [' 9 : 15 ', '09:15'], ['07:00:00', '07:00']])(
    '“%s” is %s',
    (typed, time) => expect(timeOfDay(typed)).toBe(time),
  );
  it.each(['', 'noon', '24:00', '12:60', '1:2', '-1:00', '7 pm'])('“%s” is none', (typed) => expect(timeOfDay(typed)).toBeNull());
});
