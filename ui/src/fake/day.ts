// What the fake's inbox holds: the contract's rows, a day at work, as many more as wished, and hostile ones.

import type { Entry, Icon, Part } from '../contract';
import details from '../../contract/details.json';
import seeds from '../../contract/inbox.json';

const MINUTE = 60_000;
const template = seeds[0] as unknown as Entry;

type Sketch = [minutesAgo: number, icon: Icon, kind: string, title: string, body: string, actor: string | null, place: string | null, unread: boolean];

const DAY: Sketch[] = [
  [3, 'comment', 'comment', 'Ana Sousa commented on Brochure draft', 'I moved the deadline to Friday, so that Bo can look at the colours once more. Is that fine with you?', 'Ana Sousa', 'Marketing', true],
  [9, 'task', 'task', 'Bo Lindqvist assigned you a task', 'Check the invoice of the printing house before it is paid', 'Bo Lindqvist', 'Finance', true],
  [24, 'message', 'message', 'Message from Chidi Okafor', 'Are you in the office after lunch? The new sample boards are here.', 'Chidi Okafor', null, true],
  [41, 'file', 'file', 'Ana Sousa added brochure-v3.pdf to Brochure draft', '', 'Ana Sousa', 'Marketing', false],
  [66, 'like', 'rating', 'Dina Haddad likes your comment', '“Let us keep the second headline.”', 'Dina Haddad', 'Marketing', false],
  [95, 'approved', 'batch_complete', 'The import of 312 contacts is complete', '310 were added, 2 were there already.', null, 'Customers', false],
  [130, 'reminder', 'reminder', 'Reminder: call the landlord', 'Due today at 15:00', null, 'Office move', true],
  [188, 'update', 'update', 'Emil Novak changed Office move', 'Status: “planned” → “in progress”', 'Emil Novak', 'Office move', false],
  [240, 'space_invite', 'space_invite', 'Farah Nadeem invited you to Spring fair', 'We need someone who knows the stand from last year.', 'Farah Nadeem', 'Spring fair', false],
  [371, 'thumbs-up', 'vote', 'Chidi Okafor voted yes on Move the weekly', 'That makes four of five.', 'Chidi Okafor', 'Team', false],
  [505, 'rejected', 'rsvp', 'Gustav Holm can’t come to Quarterly review', 'I am travelling that day.', 'Gustav Holm', 'Team', false],
  [1570, 'creation', 'creation', 'Ana Sousa created Poster for the fair', '', 'Ana Sousa', 'Spring fair', false],
  [1745, 'alert', 'alert', 'Bo Lindqvist alerted you on Budget 2027', 'Please read the note on travel costs.', 'Bo Lindqvist', 'Finance', false],
];

/** A day at work, newest first, and the contract's own rows below it. */
export function day(now: number): Entry[] {
  const rows = DAY.map((sketch, index) => row(sketch, 1000 - index, now));
  const kept = (seeds as unknown as Entry[]).map((seed, index): Entry => ({
    ...seed,
    ...times(now - (4000 + index * 600) * MINUTE),
  }));
  return [...rows, ...kept];
}

/** So many rows, newest first, two minutes between each. */
export function many(count: number, now: number): Entry[] {
  return Array.from({ length: count }, (_, index) => {
    const sketch = DAY[index % DAY.length] as Sketch;
    const entry = row([1 + index * 2, ...(sketch.slice(1) as Tail)], 10_000 + count - index, now);
    return { ...entry, title: `${count - index}: ${entry.title}`, read: index % 7 !== 0 };
  });
}
type Tail = Sketch extends [unknown, ...infer Rest] ? Rest : never;

type Detailed = { name: string; entry: Entry; parts: Part[] };

/** One notification of each shape that the detail view has, hostile ones last. */
export function detailed(now: number): Entry[] {
  return (details as unknown as Detailed[]).map(({ entry }, index) => ({ ...entry, ...times(now - (4 + index * 13) * MINUTE) }));
}

/** What the detail of a row shows: the contract's, with its messages moved to the present, or else its text. */
export function partsOf(entry: Entry): Part[] {
  const detail = (details as unknown as Detailed[]).find((it) => it.entry.id === entry.id);
  if (!detail) return entry.body ? [{ part: 'text', label: null, text: entry.body }] : [];
  const moved = Date.parse(entry.occurred_at) - Date.parse(detail.entry.occurred_at);
  return detail.parts.map((part) =>
    part.part === 'messages' ? { ...part, messages: part.messages.map((said) => ({ ...said, at: new Date(Date.parse(said.at) + moved).toISOString() })) } : part,
  );
}

/** A new one, as if it had just happened. */
export function news(id: number, title: string, now: number): Entry {
  return row([0, 'message', 'message', title, 'It came while you were looking.', 'Chidi Okafor', 'Team', true], id, now);
}

/** Texts that want to be more than text. */
export function hostile(now: number): Entry[] {
  const texts: [string, string][] = [
    ['<img src=x onerror="window.hacked = 1"> Markup in a title', '<script>window.hacked = 2</script><b>bold?</b> <a href="https://evil.example">click</a> {@html window.hacked = 3}'],
    ['\u202Eevil\u202C ‮txt.exe⁦ right to left', '\u2066\u202Eهذا نص عربي مع English inside\u2069 and back'],
    ['مرحبا بالعالم، هذا عنوان طويل', 'هذا هو النص الكامل للإشعار'],
    ['A'.repeat(10_000), 'word '.repeat(2_000)],
    ['https://evil.example/pixel.png', '![x](https://evil.example/pixel.png) url(https://evil.example/p.css)'],
    ['', ''],
    ['Zero\u0000and\u0007bell\u200Bjoined', 'line one\nline two\r\nline three\u2028line four'],
  ];
  return texts.map(([title, body], index) => {
    const entry = row([index + 1, 'other', `<b>kind ${index}</b>`, title, body, title.slice(0, 300) || null, body.slice(0, 300) || null, true], 500 - index, now);
    return { ...entry, context: { ...entry.context, title, url: index === 1 ? 'https://раypal.com/x' : 'javascript:window.hacked=4' } };
  });
}

function row([minutesAgo, icon, kind, title, body, actor, place, unread]: Sketch, id: number, now: number): Entry {
  const at = times(now - minutesAgo * MINUTE);
  const about = actor ? title.replace(/^.* (?:on|to|changed|created) /, '') : title;
  return {
    ...template, ...at, id, icon, kind, title, body, actor,
    external_id: `fake-${id}`,
    context: { what: 'item', id: String(id), title: about, place, url: `https://podio.com/acme/items/${id}` },
    read: !unread,
    read_at: unread ? null : at.kept_at,
    read_elsewhere: false,
    raw: '',
  };
}

function times(at: number): { occurred_at: string; kept_at: string } {
  return { occurred_at: new Date(at).toISOString(), kept_at: new Date(at + 400).toISOString() };
}
