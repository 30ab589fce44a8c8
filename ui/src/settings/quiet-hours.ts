// Quiet hours in words, and times of day as people type them. Pure.

import type { QuietHours, Weekday } from '../contract';
import { words } from '../words';

/** The days in the order of the week. */
export const WEEK: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** The days in the order of the week, each once. */
export function inOrder(days: readonly Weekday[]): Weekday[] {
  return WEEK.filter((day) => days.includes(day));
}

/** A time of day as typed ("7:05", "22.30", "0700", "7") as "HH:MM"; `null` if it is none. */
export function timeOfDay(typed: string): string | null {
  const parts = /^\s*(\d{1,2})(?:\s*[:.h]\s*(\d{2})|(\d{2}))?(?::\d{2})?\s*$/.exec(typed);
  if (!parts) return null;
  const hours = Number(parts[1]);
  const minutes = Number(parts[2] ?? parts[3] ?? '0');
  if (hours > 23 || minutes > 59) return null;
  return `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
}

/** What the quiet hours mean, in a sentence. */
export function quietWords(quiet: QuietHours): string {
  if (!quiet.on) return words.settings.anyHour;
  const days = inOrder(quiet.days);
  if (days.length === 0) return words.settings.noDay;
  return words.settings.quietWords(daysWords(days), quiet.from, endWords(quiet));
}

function endWords({ from, until }: QuietHours): string {
  if (until > from) return until;
  return until < '12:00' ? words.settings.nextMorning(until) : words.settings.nextDay(until);
}

function daysWords(days: Weekday[]): string {
  if (days.length === WEEK.length) return words.settings.everyDay;
  if (days.join() === WEEK.slice(0, 5).join()) return words.settings.workdays;
  const names = days.map((day) => words.settings.days[day]);
  return words.settings.onDays(new Intl.ListFormat('en', { type: 'conjunction' }).format(names));
}
