// Everything that crosses between Belfry and its window. Written from the Rust types; do not edit.
// Anew: BELFRY_WRITE_CONTRACT=1 cargo test -p belfry --lib contract

/**
 * The short name a person uses for an account (`podio`, `podio-2`): lower-case letters, digits and hyphens.
 */
export type AccountId = string;

/**
 * The services Belfry serves. A closed list: each has a folder in `source`.
 */
export type Service = "podio" | "cloudapp" | "pusher" | "podium" | "webhook" | "demo";

/**
 * Where a link stands. One vocabulary everywhere.
 */
export type LinkState = { "state": "off" } | { "state": "connecting" } | { "state": "catching-up" } | { "state": "live" } | { "state": "waiting", 
/**
 * When it tries again.
 */
until: string, 
/**
 * Why it is down, in a sentence.
 */
reason: string, } | { "state": "needs-sign-in", 
/**
 * What the service said, in a sentence.
 */
reason: string, } | { "state": "broken", 
/**
 * What is wrong and what to do, in a sentence.
 */
reason: string, };

/**
 * The colour that tells an account from others, beside its name.
 */
export type Colour = "blue" | "orange" | "green" | "purple" | "red" | "teal" | "pink" | "brown";

/**
 * Who decides something that the service has a setting for.
 */
export type Say = "service" | "always" | "never";

/**
 * What the person chose for an account, over what its service says.
 */
export type Choices = { 
/**
 * Its colour in the window; one by its place among the accounts if none was chosen.
 */
colour: Colour | null, 
/**
 * Who says whether its notifications pop up.
 */
banners: Say, 
/**
 * Who says whether they make a sound.
 */
sound: Say, };

/**
 * An account as a face shows it.
 */
export type AccountView = { 
/**
 * Its short name.
 */
id: AccountId, 
/**
 * Its service.
 */
service: Service, 
/**
 * What to call it.
 */
label: string, 
/**
 * Paused by the person.
 */
paused: boolean, 
/**
 * The colour that tells it from others: the chosen one, or one by its place.
 */
colour: Colour, 
/**
 * What the person chose for it.
 */
choices: Choices, 
/**
 * When the service last gave a sign of life.
 */
last_sign_of_life: string | null, 
/**
 * What the link does not hear though it lives, in a sentence.
 */
unheard: string | null, 
/**
 * How many of its notifications are unread.
 */
unread: number, } & ({ "state": "off" } | { "state": "connecting" } | { "state": "catching-up" } | { "state": "live" } | { "state": "waiting", 
/**
 * When it tries again.
 */
until: string, 
/**
 * Why it is down, in a sentence.
 */
reason: string, } | { "state": "needs-sign-in", 
/**
 * What the service said, in a sentence.
 */
reason: string, } | { "state": "broken", 
/**
 * What is wrong and what to do, in a sentence.
 */
reason: string, });

/**
 * What to show at a glance.
 */
export type Overview = { 
/**
 * True while a resident holds the links.
 */
running: boolean, 
/**
 * Accounts in the order they were added.
 */
accounts: Array<AccountView>, 
/**
 * Unread notifications of all accounts: a query, never a counter.
 */
unread: number, 
/**
 * Toasts are paused until then.
 */
paused_until: string | null, };

/**
 * The row number of a kept notification: what commands, window and toasts call it by. Never used twice.
 */
export type NotificationId = number;

/**
 * What happened. A kind that no one has seen yet comes by its own name.
 */
export type Kind =
  | "alert"
  | "comment"
  | "file"
  | "file_delete"
  | "meeting"
  | "member_reference_add"
  | "member_reference_remove"
  | "rating"
  | "space_invite"
  | "space_accept"
  | "space_decline"
  | "space_delete"
  | "self_kicked_from_space"
  | "user_left_space"
  | "user_kicked_from_space"
  | "role_change"
  | "creation"
  | "update"
  | "delete"
  | "message"
  | "conversation_add"
  | "bulletin"
  | "rsvp"
  | "answer"
  | "space_create"
  | "meeting_participant_add"
  | "meeting_participant_remove"
  | "meeting_started"
  | "batch_process"
  | "batch_complete"
  | "space_member_request"
  | "grant_create"
  | "grant_delete"
  | "grant_create_other"
  | "grant_delete_other"
  | "reference"
  | "vote"
  | "participation"
  | "reminder"
  | "member_ended_user"
  | "member_ended_admin"
  | "org_member_add"
  | "org_member_remove"
  | "org_member_leave"
  | "team_alert"
  | "like"
  | "item_transaction_confirmed"
  | "message.received"
  | "message.sent"
  | "message.failed"
  | "contact.created"
  | "contact.updated"
  | "contact.deleted"
  | "contact.merged"
  | "contact.unchanged"
  | "invoice.created"
  | "invoice.disabled"
  | "invoice.marked_as_paid"
  | "invoice.payment_created"
  | "invoice.payment_failed"
  | "invoice.payment_succeeded"
  | "invoice.refund_created"
  | "invoice.refund_failed"
  | "review.created"
  | "review.updated"
  | "review.invite_link_created"
  | "review.invite_link_updated"
  | "review.response_created"
  | "review.response_updated"
  | "call.received"
  | "call.completed"
  | "call.missed"
  | "call.voicemail_left"
  | (string & {});

/**
 * The picture of a notification; `other` is the neutral one.
 */
export type Icon =
  | "alert"
  | "task"
  | "meeting"
  | "status"
  | "creation"
  | "update"
  | "delete"
  | "comment"
  | "approved"
  | "rejected"
  | "star-rating"
  | "like"
  | "attending"
  | "not-attending"
  | "maybe-attending"
  | "thumbs-up"
  | "thumbs-down"
  | "yes"
  | "no"
  | "message"
  | "message-reply"
  | "bulletin"
  | "member_reference_add"
  | "member_reference_remove"
  | "file"
  | "user_left_space"
  | "user_kicked_from_space"
  | "self_kicked_from_space"
  | "space_invite"
  | "answer"
  | "space_create"
  | "reminder"
  | "image"
  | "bookmark"
  | "text"
  | "archive"
  | "audio"
  | "video"
  | "chat"
  | "sent"
  | "not-sent"
  | "contact"
  | "invoice"
  | "payment"
  | "payment-failed"
  | "refund"
  | "review-invite"
  | "call"
  | "call-ended"
  | "missed-call"
  | "voicemail"
  | "other";

/**
 * How much is known of a notification.
 */
export type Detail = "whole" | "hint";

/**
 * Where a click leads and what the notification belongs to.
 */
export type Context = { 
/**
 * What it is about, in the service's word: `item`, `task`, `conversation`, `space` … Empty if unknown.
 */
what: string, 
/**
 * Its number or name at the service. Empty if unknown.
 */
id: string, 
/**
 * Its title, if known.
 */
title: string | null, 
/**
 * The space, project or team it lies in, if known.
 */
place: string | null, 
/**
 * The address a click opens, as the service gave it. Unchecked: `env::opener` checks it before it opens.
 */
url: string | null, };

/**
 * How much a notification matters, as far as its kind tells. Nothing is urgent enough to stay on the screen until it is clicked.
 */
export type Urgency = "low" | "normal" | "high";

/**
 * One thing a service told a person. Its identity is `(account, external_id)`.
 */
export type Notification = { 
/**
 * The account it came to.
 */
account: AccountId, 
/**
 * The service's own name for it, unique within the account.
 */
external_id: string, 
/**
 * What happened.
 */
kind: Kind, 
/**
 * Its picture: the one the service named if we have it, else the kind's.
 */
icon: Icon, 
/**
 * Who and what, one line of plain text.
 */
title: string, 
/**
 * The first words of the content, plain text, maybe empty.
 */
body: string, 
/**
 * Who caused it, if known.
 */
actor: string | null, 
/**
 * What it belongs to and where it leads.
 */
context: Context, 
/**
 * When it happened, by the service's clock; by ours where the service does not say.
 */
occurred_at: string, 
/**
 * True if the service says that it has been seen.
 */
read: boolean, 
/**
 * True if the service says that the person starred it.
 */
starred: boolean, 
/**
 * False if the account's own settings ask for no native pop-up for it.
 */
wants_banner: boolean, 
/**
 * False if they ask for no sound with it.
 */
wants_sound: boolean, 
/**
 * True if the person knows it without being told: they did it themselves, or the same event came in another form; and for a
 * change that is not worth telling.
 */
no_news: boolean, 
/**
 * How much it matters, where its feed says so; otherwise its kind does.
 */
urgency: Urgency | null, 
/**
 * Grows with each change at the service; 0 for what never changes. A later version takes the place of an earlier one.
 */
version: number, 
/**
 * How much is known.
 */
detail: Detail, 
/**
 * What the service sent, kept for what we do not understand yet. JSON text.
 */
raw: string, };

/**
 * Which notifications to list, newest first.
 */
export type InboxWish = { 
/**
 * Of one account only.
 */
account?: AccountId | null, 
/**
 * Unread only.
 */
unread?: boolean, 
/**
 * Starred only.
 */
starred?: boolean, 
/**
 * Words that must occur, in any order; the last may be the beginning of a word.
 */
search?: string | null, 
/**
 * Continue after this one.
 */
before?: NotificationId | null, 
/**
 * At most so many, 1 to 500; 50 if `None`.
 */
limit?: number | null, };

/**
 * A kept notification.
 */
export type Entry = { 
/**
 * Its row number.
 */
id: NotificationId, 
/**
 * When Belfry kept it.
 */
kept_at: string, 
/**
 * When it was read, if it was, and by whom.
 */
read_at: string | null, 
/**
 * True if it was read at the service rather than here.
 */
read_elsewhere: boolean, 
/**
 * The account it came to.
 */
account: AccountId, 
/**
 * The service's own name for it, unique within the account.
 */
external_id: string, 
/**
 * What happened.
 */
kind: Kind, 
/**
 * Its picture: the one the service named if we have it, else the kind's.
 */
icon: Icon, 
/**
 * Who and what, one line of plain text.
 */
title: string, 
/**
 * The first words of the content, plain text, maybe empty.
 */
body: string, 
/**
 * Who caused it, if known.
 */
actor: string | null, 
/**
 * What it belongs to and where it leads.
 */
context: Context, 
/**
 * When it happened, by the service's clock; by ours where the service does not say.
 */
occurred_at: string, 
/**
 * True if the service says that it has been seen.
 */
read: boolean, 
/**
 * True if the service says that the person starred it.
 */
starred: boolean, 
/**
 * False if the account's own settings ask for no native pop-up for it.
 */
wants_banner: boolean, 
/**
 * False if they ask for no sound with it.
 */
wants_sound: boolean, 
/**
 * True if the person knows it without being told: they did it themselves, or the same event came in another form; and for a
 * change that is not worth telling.
 */
no_news: boolean, 
/**
 * How much it matters, where its feed says so; otherwise its kind does.
 */
urgency: Urgency | null, 
/**
 * Grows with each change at the service; 0 for what never changes. A later version takes the place of an earlier one.
 */
version: number, 
/**
 * How much is known.
 */
detail: Detail, 
/**
 * What the service sent, kept for what we do not understand yet. JSON text.
 */
raw: string, };

/**
 * The fate of a notification: what was done with it and why.
 */
export type Why = { 
/**
 * Which.
 */
id: NotificationId, 
/**
 * The whole story in sentences, oldest first.
 */
story: Array<string>, 
/**
 * The stored name of the toast's state: `pending`, `shown`, `quiet`, `failed`.
 */
outcome: string, 
/**
 * The stored name of the reason, if there is one.
 */
reason: string | null, };

/**
 * What was opened.
 */
export type Opened = { 
/**
 * The address as it was handed to the browser.
 */
url: string, };

/**
 * What marking all as read did.
 */
export type Marked = { 
/**
 * How many became read by it.
 */
count: number, 
/**
 * Names what was done, to take it back; `None` if nothing changed.
 */
undo: number | null, };

/**
 * What came of removing an account.
 */
export type Removed = { 
/**
 * What the service could not be told, and what to do about it; `None` if there is nothing left to do.
 */
left: string | null, };

/**
 * So many of so many stars.
 */
export type Stars = { 
/**
 * The stars given, never more than there are.
 */
given: number, 
/**
 * The most there can be.
 */
of: number, };

/**
 * How an answer leans.
 */
export type Leaning = "yes" | "no" | "maybe" | "none";

/**
 * An option of a question.
 */
export type Choice = { 
/**
 * The option.
 */
text: string, 
/**
 * Who chose it, as far as known.
 */
by: Array<string>, 
/**
 * How many more chose it.
 */
more: number, };

/**
 * One thing that was changed.
 */
export type Change = { 
/**
 * What.
 */
what: string, 
/**
 * What it was, with its line breaks; nothing if it was empty or is not known.
 */
from: string | null, 
/**
 * What it is now, likewise.
 */
to: string | null, };

/**
 * A file.
 */
export type FilePart = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its size in bytes, if known.
 */
size: number | null, 
/**
 * Its media type, if known.
 */
kind: string | null, 
/**
 * What somebody wrote about it.
 */
about: string | null, };

/**
 * A message of a conversation, or a comment.
 */
export type Said = { 
/**
 * The notification that told it.
 */
id: NotificationId, 
/**
 * Who said it, if known.
 */
who: string | null, 
/**
 * When, by the service's clock.
 */
at: string, 
/**
 * The words, with their line breaks.
 */
text: string, 
/**
 * True if the signed-in person said it.
 */
mine: boolean, 
/**
 * True for the one whose detail this is.
 */
here: boolean, };

/**
 * Somebody.
 */
export type Person = { 
/**
 * Their name.
 */
name: string, 
/**
 * Their role or answer in this, if known.
 */
role: string | null, };

/**
 * One thing that is known, and its value.
 */
export type Fact = { 
/**
 * What is known.
 */
label: string, 
/**
 * The value. An instant stands here in UTC.
 */
value: string, 
/**
 * The same, if it is an instant: to be told in the reader's own time.
 */
at: string | null, };

/**
 * One part of the detail view. They are shown in the order in which they come.
 */
export type Part = { "part": "text", 
/**
 * What it is, where that is not plain: a description, say.
 */
label: string | null, 
/**
 * The words.
 */
text: string, } | { "part": "answer", 
/**
 * To which question, if it was a question in words.
 */
question: string | null, 
/**
 * The answer in words; says all, also where there are stars.
 */
words: string, 
/**
 * As stars, if it was given so.
 */
stars: Stars | null, 
/**
 * How it leans.
 */
leaning: Leaning, } | { "part": "question", 
/**
 * The question.
 */
text: string, 
/**
 * The options, in the service's order.
 */
options: Array<Choice>, 
/**
 * How many more options there are.
 */
more: number, } | { "part": "changes", 
/**
 * Each change, in the service's order.
 */
changes: Array<Change>, 
/**
 * How many more there are.
 */
more: number, } | { "part": "files", 
/**
 * Each file.
 */
files: Array<FilePart>, 
/**
 * How many more there are.
 */
more: number, } | { "part": "link", 
/**
 * What it is, where that is not plain.
 */
label: string | null, 
/**
 * Its title, if known.
 */
title: string | null, 
/**
 * A few words about it, if there are any.
 */
about: string | null, 
/**
 * Its address, unchecked.
 */
url: string | null, } | { "part": "messages", 
/**
 * What these are together.
 */
label: string, 
/**
 * Each message.
 */
messages: Array<Said>, } | { "part": "people", 
/**
 * In which way.
 */
label: string, 
/**
 * Who.
 */
people: Array<Person>, 
/**
 * How many more there are.
 */
more: number, } | { "part": "facts", 
/**
 * Of what.
 */
label: string, 
/**
 * Each fact.
 */
facts: Array<Fact>, };

/**
 * What the person does.
 */
export type Act = { "act": "reply", 
/**
 * What is said.
 */
text: string, } | { "act": "complete" } | { "act": "accept" } | { "act": "decline" } | { "act": "snooze" } | { "act": "follow" } | { "act": "unfollow" };

/**
 * What a notification offers to do.
 */
export type Offer = "reply" | "comment" | "complete" | "accept" | "decline" | "snooze" | "follow" | "unfollow";

/**
 * Where an act stands.
 */
export type ActState = "waiting" | "under-way" | "done" | "refused" | "unsure" | "undone";

/**
 * What the person did from a notification, and what came of it.
 */
export type ActView = { 
/**
 * Names it, to take it back.
 */
number: number, 
/**
 * The notification it was done from.
 */
notification: NotificationId, 
/**
 * Where it stands.
 */
state: ActState, 
/**
 * The same in a sentence: what came of it, or what it waits for.
 */
words: string, 
/**
 * True while it can be taken back.
 */
can_be_undone: boolean, 
/**
 * When the person asked for it.
 */
asked_at: string, 
/**
 * The service is not told before this.
 */
due_at: string, 
/**
 * When it came to its end.
 */
settled_at: string | null, } & ({ "act": "reply", 
/**
 * What is said.
 */
text: string, } | { "act": "complete" } | { "act": "accept" } | { "act": "decline" } | { "act": "snooze" } | { "act": "follow" } | { "act": "unfollow" });

/**
 * How much of a notification a toast may show.
 */
export type Shown = "title-and-body" | "title-only" | "count-only";

/**
 * What a click on a toast opens.
 */
export type ClickTo = "service" | "window";

/**
 * The colours of the window.
 */
export type Theme = "system" | "light" | "dark";

/**
 * A day of the week.
 */
export type Weekday = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/**
 * A time as a clock on the wall shows it, without a day and without a zone: `22:00`.
 */
export type TimeOfDay = string;

/**
 * A time of silence that comes again: local time, wherever the machine is.
 */
export type QuietHours = { 
/**
 * True if they hold.
 */
on: boolean, 
/**
 * The days on which a quiet time begins.
 */
days: Array<Weekday>, 
/**
 * When it begins.
 */
from: TimeOfDay, 
/**
 * When it ends; on the next day if that is not later than `from`, so that the same time twice is a whole day.
 */
until: TimeOfDay, };

/**
 * What the person chose.
 */
export type Settings = { 
/**
 * How much a toast shows.
 */
shown: Shown, 
/**
 * When toasts keep quiet.
 */
quiet: QuietHours, 
/**
 * What a click on a toast opens.
 */
click: ClickTo, 
/**
 * How the window looks.
 */
theme: Theme, };

/**
 * One line of `belfry doctor`.
 */
export type Finding = { 
/**
 * What was looked at: `notifications`, `password-store`, `database`, `folder`, `resident`, `link:<account>` …
 */
part: string, 
/**
 * True if it works.
 */
works: boolean, 
/**
 * In a sentence: that it works, or what is missing and what to do.
 */
words: string, };

/**
 * What is known of the desktop's notification service, for `belfry doctor`.
 */
export type ToastService = { 
/**
 * Name and version as it gives them; `None` if none runs.
 */
name: string | null, 
/**
 * What it can do, in its own words.
 */
capabilities: Array<string>, 
/**
 * In a sentence: works, or what is missing and what to do.
 */
words: string, 
/**
 * True if toasts reach the screen as far as can be told.
 */
works: boolean, };

/**
 * What works on this machine.
 */
export type Health = { 
/**
 * Belfry's version.
 */
version: string, 
/**
 * The findings.
 */
findings: Array<Finding>, 
/**
 * The notification service in detail.
 */
toasts: ToastService | null, };

/**
 * What came of a test toast.
 */
export type TestToast = { 
/**
 * True if the desktop took it.
 */
shown: boolean, 
/**
 * In a sentence.
 */
words: string, };

/**
 * Which Bayeux transports an account's push may use.
 */
export type PushTransport = "long-polling" | "websocket";

/**
 * What a Podio account needs to know besides its secrets. Every base URL can be changed, for a test or self-hosted server.
 */
export type PodioSettings = { 
/**
 * Base of the REST API, by default [`PodioSettings::API_URL`].
 */
api_url?: string, 
/**
 * The Bayeux endpoint, by default [`PodioSettings::PUSH_URL`].
 */
push_url?: string, 
/**
 * Where the browser is sent to sign in, by default [`PodioSettings::AUTHORIZE_URL`].
 */
authorize_url?: string, 
/**
 * The API key's id; empty in a wish stands for the one that is built in. Its secret is kept with the secrets.
 */
client_id?: string, 
/**
 * Host name in the redirect address, as registered with the API key: [`PodioSettings::REDIRECT_HOST`] unless told otherwise.
 */
redirect_host?: string, 
/**
 * Which transports push may use.
 */
push_transport?: PushTransport, 
/**
 * The signed-in user's number at Podio, once known.
 */
user_id?: number | null, };

/**
 * Where a CloudApp account is, and whose it is.
 */
export type CloudappSettings = { 
/**
 * Base of the REST API, by default [`CloudappSettings::API_URL`].
 */
api_url?: string, 
/**
 * The Pusher server that carries the item stream; where the service says nothing else, Pusher's own oldest cluster.
 */
push_url?: string | null, 
/**
 * The e-mail address of the person.
 */
email: string, 
/**
 * The account's number at the service, once known.
 */
account_id?: number | null, 
/**
 * The account's own domain for its links, once known and if it has one.
 */
site?: string | null, };

/**
 * What happens to an event that no rule fits.
 */
export type Unmatched = "quiet" | "show";

/**
 * Which events become a notification, and what of the event is which part of it. A part without a template, or whose template gives
 * nothing, is left out.
 */
export type Rule = { 
/**
 * Which channels: a name, or a pattern in which `*` stands for any characters. All of them unless told otherwise.
 */
on?: string, 
/**
 * Which events: likewise.
 */
event?: string, 
/**
 * Only events for which this template gives something other than nothing, `false`, `no`, `none` or `0`.
 */
when?: string | null, 
/**
 * The title. Where it gives nothing, the event's name stands.
 */
title: string, 
/**
 * The first words of the content.
 */
body?: string | null, 
/**
 * The address that a click opens.
 */
url?: string | null, 
/**
 * The name of a picture.
 */
icon?: string | null, 
/**
 * The event's own name: two events of one name are one notification. Without it, each event is news.
 */
id?: string | null, 
/**
 * When it happened: ISO 8601, or seconds or milliseconds since 1970. Without it, when it came.
 */
time?: string | null, 
/**
 * How much it matters: `low`, `normal` or `high`.
 */
urgency?: string | null, 
/**
 * Who caused it.
 */
actor?: string | null, };

/**
 * How the events of a feed become notifications: the first rule that fits makes one. All texts but the patterns are templates over
 * the event (`{{ data.title }}`, `{{ event }}`, `{{ channel }}`, `{{ headers['x-github-event'] }}`).
 */
export type FieldMap = { 
/**
 * The rules, tried in this order.
 */
rules?: Array<Rule>, 
/**
 * What happens to an event that no rule fits.
 */
other?: Unmatched, };

/**
 * An event as it came, kept for a while so that a person sees what there is to make notifications of.
 */
export type Payload = { 
/**
 * When it came.
 */
at: string, 
/**
 * On which channel.
 */
channel: string, 
/**
 * Under which name.
 */
event: string, 
/**
 * What it carried, JSON text; nothing if it was too long to be kept.
 */
data: string | null, 
/**
 * The headers it came with, if it came with some and they were not too long.
 */
headers?: { [key in string]: string }, 
/**
 * True if only a rule that names the event makes a notification of it.
 */
only_named: boolean, };

/**
 * What a map makes of a payload.
 */
export type Tried = { 
/**
 * The payload.
 */
payload: Payload, 
/**
 * The place of the rule that fits, from 1.
 */
rule: number | null, 
/**
 * What it becomes; nothing if it is no news.
 */
told: Notification | null, 
/**
 * What could not be filled in, a sentence each.
 */
troubles: Array<string>, };

/**
 * How a feed becomes notifications, and what came of it.
 */
export type FeedView = { 
/**
 * The person's map.
 */
map: FieldMap, 
/**
 * The last events, newest first; only a resident knows any.
 */
payloads: Array<Payload>, 
/**
 * True while a resident holds the links.
 */
running: boolean, };

/**
 * The server of a Pusher app.
 */
export type PusherServer = { "cluster": string } | { "url": string };

/**
 * How an endpoint for authorisations is asked.
 */
export type AuthMethod = "post" | "get";

/**
 * Who signs what a channel that is not public asks for.
 */
export type PusherAuth = { "by": "none" } | { "by": "endpoint", 
/**
 * Its address.
 */
url: string, 
/**
 * How it is asked.
 */
method: AuthMethod, } | { "by": "secret" };

/**
 * Where a Pusher app is, what to listen to, and what becomes of what comes.
 */
export type PusherSettings = { 
/**
 * The server.
 */
server: PusherServer, 
/**
 * The app's key. It is public.
 */
key: string, 
/**
 * The channels: public ones, and those that begin with `private-`, `presence-`, `private-encrypted-` or a `cache-` form of these.
 */
channels: Array<string>, 
/**
 * Who allows it to hear channels that are not public.
 */
auth: PusherAuth, 
/**
 * What becomes of the events.
 */
map: FieldMap, };

/**
 * The programs that relay webhooks.
 */
export type RelayKind = "belfry" | "gosmee" | "smee";

/**
 * A channel at a relay.
 */
export type RelaySettings = { 
/**
 * The relay's base address, as this machine reaches it.
 */
url: string, 
/**
 * Where the world reaches it, if that is elsewhere.
 */
public_url?: string | null, 
/**
 * What program it is.
 */
kind?: RelayKind, 
/**
 * The channel, as the relay named it; empty until it is known.
 */
channel?: string, 
/**
 * True if the relay seals what comes to a key of this machine.
 */
sealed?: boolean, };

/**
 * A port of this machine.
 */
export type LocalSettings = { 
/**
 * The port, on 127.0.0.1 and ::1.
 */
port: number, 
/**
 * The tunnel's address. A path in it is the path that is listened at.
 */
public_url?: string | null, };

/**
 * How webhooks reach this machine.
 */
export type Receiver = { "by": "relay" } & RelaySettings | { "by": "local" } & LocalSettings;

/**
 * What a webhook of Podium's belongs to.
 */
export type PodiumPlace = { "place": "location", 
/**
 * Its name at Podium; in a wish also what people call it.
 */
uid: string, 
/**
 * The organisation it belongs to, once known.
 */
organization_uid: string | null, 
/**
 * What people call it, once known.
 */
name: string, } | { "place": "organization", 
/**
 * Its name at Podium; in a wish also what people call it.
 */
uid: string, 
/**
 * What people call it, once known.
 */
name: string, };

/**
 * Where Podium is, how its webhooks come in, and for which place. Every base URL can be changed, for a test server.
 */
export type PodiumSettings = { 
/**
 * Base of the API (`/v4` and `/oauth` are below it), by default [`PodiumSettings::API_URL`].
 */
api_url?: string, 
/**
 * Where the browser is sent to sign in, by default [`PodiumSettings::AUTHORIZE_URL`].
 */
authorize_url?: string, 
/**
 * Where people work with Podium, by default [`PodiumSettings::APP_URL`]: links lead there.
 */
app_url?: string, 
/**
 * The id of the person's own developer app. Its secret is kept with the secrets.
 */
client_id: string, 
/**
 * Where Podium sends the browser back to, as registered with that app; the relay's own page if `None`.
 */
redirect_url?: string | null, 
/**
 * How its webhooks reach this machine.
 */
receiver: Receiver, 
/**
 * The location or organisation that is listened to; the only one there is, or the person's choice while signing in, if `None`.
 */
place?: PodiumPlace | null, 
/**
 * The types of events wanted; the usual ones if empty.
 */
events?: Array<string>, 
/**
 * Those of them that the last sign-in does not reach: its developer app lacks a scope.
 */
withheld?: Array<string>, 
/**
 * The webhook's name at Podium, once it is made.
 */
webhook?: string | null, };

/**
 * How a hash is written.
 */
export type HashText = "hex" | "base64";

/**
 * The hashes that services sign with.
 */
export type HashKind = "sha256" | "sha1" | "sha512";

/**
 * How a service signs what it sends, with a secret that only it and Belfry know.
 */
export type Signature = { "scheme": "none" } | { "scheme": "github" } | { "scheme": "stripe" } | { "scheme": "podium" } | { "scheme": "hmac", 
/**
 * The header's name.
 */
header: string, 
/**
 * What stands before the hash in it.
 */
prefix: string, 
/**
 * How the hash is written.
 */
encoding: HashText, 
/**
 * Which hash.
 */
hash: HashKind, };

/**
 * How a webhook comes in, how it is signed, and what becomes of it.
 */
export type WebhookSettings = { 
/**
 * How it reaches this machine.
 */
receiver: Receiver, 
/**
 * How the service signs what it sends.
 */
signature: Signature, 
/**
 * What becomes of the events.
 */
map: FieldMap, };

/**
 * User name and password.
 */
export type PasswordSignIn = { 
/**
 * The user name.
 */
username: string, 
/**
 * The password.
 */
password: string, };

/**
 * What somebody signs in to, and with what. Settings are those of a new account; for one that exists they are ignored where `None`.
 */
export type SignInTo = { "service": "podio", 
/**
 * Addresses and key; never changed for an account that exists.
 */
settings: PodioSettings | null, 
/**
 * The API key's secret; needed for a new account unless a key is built in.
 */
client_secret: string | null, 
/**
 * By user name and password; by the browser if `None`.
 */
password: PasswordSignIn | null, } | { "service": "cloudapp", 
/**
 * Address and person; never changed for an account that exists.
 */
settings: CloudappSettings | null, 
/**
 * The person's password.
 */
password: string, } | { "service": "pusher", 
/**
 * Server, channels and what becomes of the events; an account that exists gets them anew.
 */
settings: PusherSettings | null, 
/**
 * The app's secret, where Belfry signs itself; an account that exists keeps its own if `None`.
 */
app_secret: string | null, 
/**
 * Headers that the endpoint for authorisations wants; an account that exists keeps its own if `None`.
 */
auth_headers: { [key in string]: string } | null, 
/**
 * Connect once, and add it only if everything can be heard.
 */
check: boolean, } | { "service": "podium", 
/**
 * Addresses, app and receiver; an account that exists keeps its own, and of these only place (`None`: asked for) and events are
 * taken.
 */
settings: PodiumSettings | null, 
/**
 * The developer app's secret; an account that exists keeps its own if `None`.
 */
client_secret: string | null, 
/**
 * What the relay asks of those who want a channel, if it asks.
 */
join_code: string | null, } | { "service": "webhook", 
/**
 * Receiver, signature and what becomes of the events; an account that exists gets them anew, but for its channel.
 */
settings: WebhookSettings | null, 
/**
 * What the service signs with; an account that exists keeps its own if `None`.
 */
secret: string | null, 
/**
 * What the relay asks of those who want a channel, if it asks.
 */
join_code: string | null, };

/**
 * A sign-in that a face asks for. Secrets cross the local socket only, and are never stored here.
 */
export type SignIn = { 
/**
 * For an account that exists; a new one is made if `None`.
 */
account?: AccountId | null, 
/**
 * The wished name of a new account; the service's own name, numbered, if `None`.
 */
name?: AccountId | null, } & ({ "service": "podio", 
/**
 * Addresses and key; never changed for an account that exists.
 */
settings: PodioSettings | null, 
/**
 * The API key's secret; needed for a new account unless a key is built in.
 */
client_secret: string | null, 
/**
 * By user name and password; by the browser if `None`.
 */
password: PasswordSignIn | null, } | { "service": "cloudapp", 
/**
 * Address and person; never changed for an account that exists.
 */
settings: CloudappSettings | null, 
/**
 * The person's password.
 */
password: string, } | { "service": "pusher", 
/**
 * Server, channels and what becomes of the events; an account that exists gets them anew.
 */
settings: PusherSettings | null, 
/**
 * The app's secret, where Belfry signs itself; an account that exists keeps its own if `None`.
 */
app_secret: string | null, 
/**
 * Headers that the endpoint for authorisations wants; an account that exists keeps its own if `None`.
 */
auth_headers: { [key in string]: string } | null, 
/**
 * Connect once, and add it only if everything can be heard.
 */
check: boolean, } | { "service": "podium", 
/**
 * Addresses, app and receiver; an account that exists keeps its own, and of these only place (`None`: asked for) and events are
 * taken.
 */
settings: PodiumSettings | null, 
/**
 * The developer app's secret; an account that exists keeps its own if `None`.
 */
client_secret: string | null, 
/**
 * What the relay asks of those who want a channel, if it asks.
 */
join_code: string | null, } | { "service": "webhook", 
/**
 * Receiver, signature and what becomes of the events; an account that exists gets them anew, but for its channel.
 */
settings: WebhookSettings | null, 
/**
 * What the service signs with; an account that exists keeps its own if `None`.
 */
secret: string | null, 
/**
 * What the relay asks of those who want a channel, if it asks.
 */
join_code: string | null, });

/**
 * What a sign-in needs next.
 */
export type SignInStep = { "step": "browser", 
/**
 * Names this attempt.
 */
attempt: number, 
/**
 * Where to send the browser.
 */
url: string, 
/**
 * True if the browser's return comes here by itself; false if the person has to paste the address that it ends at.
 */
comes_by_itself: boolean, } | { "step": "second-factor", 
/**
 * Names this attempt.
 */
attempt: number, } | { "step": "place", 
/**
 * Names this attempt.
 */
attempt: number, 
/**
 * Those there are.
 */
places: Array<PodiumPlace>, } | { "step": "done", 
/**
 * The account.
 */
account: AccountId, };

/**
 * What the person answered to a step.
 */
export type SignInAnswer = { "answer": "wait" } | { "answer": "pasted", 
/**
 * As pasted.
 */
text: string, } | { "answer": "second-factor", 
/**
 * As typed.
 */
code: string, } | { "answer": "place", 
/**
 * Its name at the service.
 */
uid: string, } | { "answer": "cancel" };

/**
 * What changed: ids only. May be dropped when a face is slow, and then says so.
 */
export type Signal = { "signal": "link", 
/**
 * Whose.
 */
account: AccountId, } & ({ "state": "off" } | { "state": "connecting" } | { "state": "catching-up" } | { "state": "live" } | { "state": "waiting", 
/**
 * When it tries again.
 */
until: string, 
/**
 * Why it is down, in a sentence.
 */
reason: string, } | { "state": "needs-sign-in", 
/**
 * What the service said, in a sentence.
 */
reason: string, } | { "state": "broken", 
/**
 * What is wrong and what to do, in a sentence.
 */
reason: string, }) | { "signal": "new", 
/**
 * Which.
 */
id: NotificationId, } | { "signal": "renewed", 
/**
 * Which.
 */
id: NotificationId, } | { "signal": "changed", 
/**
 * Which.
 */
id: NotificationId, } | { "signal": "toast", 
/**
 * Which.
 */
id: NotificationId, 
/**
 * The stored name of what happened: `shown`, `quiet`, `failed`, `clicked` …
 */
outcome: string, 
/**
 * Why, by its stored name, where there is a reason.
 */
reason: string | null, } | { "signal": "accounts" } | { "signal": "settings" } | { "signal": "reread" } | { "signal": "refused", 
/**
 * Which.
 */
id: NotificationId, 
/**
 * In a sentence for the person.
 */
words: string, } | { "signal": "missed" };

/**
 * The kinds of trouble.
 */
export type TroubleKind = "failed" | "usage" | "needs-sign-in" | "occupied";

/**
 * Why a wish was not fulfilled: a sentence for the person and what kind of trouble it is, which decides the exit code.
 */
export type Trouble = { 
/**
 * What kind.
 */
kind: TroubleKind, 
/**
 * In a sentence that says what to do.
 */
words: string, };
