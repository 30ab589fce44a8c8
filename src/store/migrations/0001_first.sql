-- Times are UTC milliseconds. Flags are 0 or 1. A column never changes its meaning: a new meaning is a new column.

CREATE TABLE setting (
    -- What is set: 'rules', 'closed'.
    name TEXT NOT NULL PRIMARY KEY,
    -- Its value: JSON for 'rules'; for 'closed' 'cleanly', or 'no' while the database is open and after a crash.
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    -- The number of a run of the engine; a claim names the run that made it.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- When it began.
    started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
    -- Its number in this database: the order of creation, never used twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The short name the person uses for it.
    name TEXT NOT NULL UNIQUE,
    -- What to call it on screen.
    label TEXT NOT NULL,
    -- 1 while the person has paused it.
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    -- The service's name, for people who look into the file; `settings` decides.
    service TEXT NOT NULL,
    -- Service and addresses as JSON. Never a secret.
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    -- How far its past has been taken in completely, in its source's own words; NULL before the first catch-up.
    cursor TEXT,
    -- When it was added here.
    created_at INTEGER NOT NULL,
    -- When name, label, pause or settings last changed.
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE notification (
    -- What commands, window and toasts call it by; never used twice.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The account it came to.
    account INTEGER NOT NULL REFERENCES account (number) ON DELETE CASCADE,
    -- The service's own name for it.
    external_id TEXT NOT NULL,
    -- What happened, in the service's word.
    kind TEXT NOT NULL,
    -- The name of its picture.
    icon TEXT NOT NULL,
    -- Who and what, one line of plain text.
    title TEXT NOT NULL,
    -- The first words of the content, maybe empty.
    body TEXT NOT NULL,
    -- Who caused it; NULL if unknown.
    actor TEXT,
    -- What it is about, in the service's word; empty if unknown.
    context_what TEXT NOT NULL DEFAULT '',
    -- The number or name at the service of what it is about; empty if unknown.
    context_id TEXT NOT NULL DEFAULT '',
    -- The title of what it is about; NULL if unknown.
    context_title TEXT,
    -- The space, project or team it lies in; NULL if unknown.
    context_place TEXT,
    -- The address a click opens, unchecked; NULL if there is none.
    context_url TEXT,
    -- When it happened, by the service's clock; by ours where the service does not say.
    occurred_at INTEGER NOT NULL,
    -- 0 if the account's own settings ask for no pop-up for it.
    wants_banner INTEGER NOT NULL DEFAULT 1 CHECK (wants_banner IN (0, 1)),
    -- How much is known: 'whole', or 'hint' until it is completed from the service.
    detail TEXT NOT NULL CHECK (detail IN ('whole', 'hint')),
    -- What the service sent, JSON text.
    raw TEXT NOT NULL,
    -- How it came in: 'live', 'backlog' or 'first-fill'.
    arrival TEXT NOT NULL CHECK (arrival IN ('live', 'backlog', 'first-fill')),
    -- When it was kept here.
    admitted_at INTEGER NOT NULL,
    -- 1 once it has been read, here or elsewhere.
    read INTEGER NOT NULL DEFAULT 0 CHECK (read IN (0, 1)),
    -- When it was read, as far as we know; NULL while unread.
    read_at INTEGER,
    -- Who says that it was read: 'person' here, 'service' elsewhere; NULL while unread.
    read_by TEXT CHECK (read_by IN ('person', 'service')),
    UNIQUE (account, external_id),
    CHECK ((read = 1) = (read_at IS NOT NULL) AND (read = 1) = (read_by IS NOT NULL))
) STRICT;

-- The inbox, whole and by account, newest first; the row's id is each index's last column by itself.
CREATE INDEX notification_newest ON notification (occurred_at);
CREATE INDEX notification_newest_of_account ON notification (account, occurred_at);
-- The unread ones alone: pages and counts cost as much as there are unread rows.
CREATE INDEX notification_unread ON notification (occurred_at) WHERE read = 0;
CREATE INDEX notification_unread_of_account ON notification (account, occurred_at) WHERE read = 0;
-- What is still to be completed.
CREATE INDEX notification_hint ON notification (account) WHERE detail = 'hint';

-- The words of each notification. The text itself stays in `notification`. Nothing ranks by length, so no sizes are kept.
CREATE VIRTUAL TABLE notification_search USING fts5 (
    title, body, actor, context_title, context_place,
    content = 'notification', content_rowid = 'id', columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER notification_search_insert AFTER INSERT ON notification BEGIN
    INSERT INTO notification_search (rowid, title, body, actor, context_title, context_place)
    VALUES (new.id, new.title, new.body, new.actor, new.context_title, new.context_place);
END;

CREATE TRIGGER notification_search_delete AFTER DELETE ON notification BEGIN
    INSERT INTO notification_search (notification_search, rowid, title, body, actor, context_title, context_place)
    VALUES ('delete', old.id, old.title, old.body, old.actor, old.context_title, old.context_place);
END;

CREATE TRIGGER notification_search_update
AFTER UPDATE OF title, body, actor, context_title, context_place ON notification BEGIN
    INSERT INTO notification_search (notification_search, rowid, title, body, actor, context_title, context_place)
    VALUES ('delete', old.id, old.title, old.body, old.actor, old.context_title, old.context_place);
    INSERT INTO notification_search (rowid, title, body, actor, context_title, context_place)
    VALUES (new.id, new.title, new.body, new.actor, new.context_title, new.context_place);
END;

-- The ledger: what became of each notification's toast.
CREATE TABLE toast (
    -- The notification.
    notification INTEGER PRIMARY KEY REFERENCES notification (id) ON DELETE CASCADE,
    -- 'pending' (no verdict yet), 'claimed' (this run is about to show it), then 'shown', 'quiet' or 'failed'.
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'claimed', 'shown', 'quiet', 'failed')),
    -- Why it was kept quiet or could not be shown; NULL otherwise.
    reason TEXT,
    -- The name of the toast that tells it; several notifications under one name are a summary. NULL before a claim.
    key TEXT,
    -- The run that claimed it; NULL before a claim.
    run INTEGER,
    -- When it was claimed; NULL before a claim.
    claimed_at INTEGER,
    -- What the desktop answered to a toast that was shown; NULL otherwise.
    outcome TEXT,
    -- When it became shown, quiet or failed; NULL before.
    settled_at INTEGER,
    -- How a shown toast ended; NULL while it may be on screen.
    ended TEXT CHECK (ended IN ('clicked', 'dismissed', 'expired', 'withdrawn')),
    -- When it ended; NULL before.
    ended_at INTEGER,
    CHECK (ended IS NULL OR state = 'shown'),
    CHECK ((ended IS NULL) = (ended_at IS NULL)),
    CHECK (state NOT IN ('quiet', 'failed') OR reason IS NOT NULL),
    CHECK ((state IN ('pending', 'claimed')) = (settled_at IS NULL)),
    CHECK (state NOT IN ('claimed', 'shown', 'failed') OR (key IS NOT NULL AND run IS NOT NULL AND claimed_at IS NOT NULL))
) STRICT;

CREATE INDEX toast_pending ON toast (notification) WHERE state = 'pending';
CREATE INDEX toast_claimed ON toast (run) WHERE state = 'claimed';
CREATE INDEX toast_key ON toast (key, claimed_at) WHERE key IS NOT NULL;

-- What the person wants done at the service. A row stays after it is done, for the notification's story.
CREATE TABLE wish (
    -- The notification.
    notification INTEGER PRIMARY KEY REFERENCES notification (id) ON DELETE CASCADE,
    -- What it shall be at the service: 1 read, 0 unread.
    read INTEGER NOT NULL CHECK (read IN (0, 1)),
    -- When the person wished it.
    wished_at INTEGER NOT NULL,
    -- When the service had been told; NULL while the wish is open.
    told_at INTEGER
) STRICT;

CREATE INDEX wish_open ON wish (notification) WHERE told_at IS NULL;
