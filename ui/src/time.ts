// Instants in, words out. Pure: the present is an argument. Instants are RFC 3339 texts as Belfry writes them.

import { words } from './words';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The language of dates: the system's where it is a kind of English, as the words around them are English. */
export function dateLanguage(preferred: string): string {
  return preferred.toLowerCase().startsWith('en') ? preferred : 'en-GB';
}

const language = dateLanguage(globalThis.navigator?.language ?? 'en-GB');
const clockTime = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayOnly = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });
const dayAndYear = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric' });
const whole = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'long' });

function read(at: string): number | null {
  const instant = Date.parse(at);
  return Number.isNaN(instant) ? null : instant;
}

/** When it happened, as a list shows it: relative for 24 hours, then the day. */
export function when(at: string, now: number): string {
  const instant = read(at);
  if (instant === null) return '';
  const age = now - instant;
  if (age < -MINUTE) return day(instant, now);
  if (age < MINUTE) return words.time.now;
  if (age < HOUR) return words.time.minutes(Math.floor(age / MINUTE));
  if (age < DAY) return words.time.hours(Math.floor(age / HOUR));
  return day(instant, now);
}

function day(instant: number, now: number): string {
  const sameYear = new Date(instant).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? dayOnly : dayAndYear).format(instant);
}

/** A day and the time of day, for an instant that something has been set to. */
export function dayAndTime(at: string, now: number): string {
  const instant = read(at);
  return instant === null ? at : words.time.dayAt(day(instant, now), clockTime.format(instant));
}

/** The full time with its zone, for tooltips and screen readers. */
export function fullTime(at: string): string {
  const instant = read(at);
  return instant === null ? at : whole.format(instant);
}

/** How long ago the last sign of life was, to the second while that matters. */
export function ago(at: string, now: number): string {
  const instant = read(at);
  if (instant === null) return '';
  const seconds = Math.max(0, Math.floor((now - instant) / 1000));
  if (seconds < 5) return words.time.now;
  if (seconds < 60) return words.time.secondsAgo(seconds);
  return when(at, now);
}

/** How long until then: "12 s", "3 min", "2 h"; "now" when it is due. */
export function countdown(until: string, now: number): string {
  const instant = read(until);
  if (instant === null) return '';
  const seconds = Math.ceil((instant - now) / 1000);
  if (seconds <= 0) return words.time.due;
  if (seconds < 100) return words.time.inSeconds(seconds);
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return words.time.inMinutes(minutes);
  return words.time.inHours(Math.round(minutes / 60));
}

/** Until when something holds: the time of day, with the day in front of it if that is not today. */
export function untilWhen(until: string, now: number): string {
  const instant = read(until);
  if (instant === null) return '';
  const time = clockTime.format(instant);
  const days = Math.round((midnight(instant) - midnight(now)) / DAY);
  if (days === 0) return time;
  if (days === 1) return words.time.tomorrow(time);
  return words.time.dayAt(day(instant, now), time);
}

function midnight(instant: number): number {
  return new Date(instant).setHours(0, 0, 0, 0);
}

/** One hour from now. */
export function inAnHour(now: number): string {
  return new Date(now + HOUR).toISOString();
}

/** Tomorrow morning at eight, by the local clock, whatever the clocks do tonight. */
export function tomorrowAtEight(now: number): string {
  const morning = new Date(now);
  morning.setDate(morning.getDate() + 1);
  morning.setHours(8, 0, 0, 0);
  return morning.toISOString();
}
