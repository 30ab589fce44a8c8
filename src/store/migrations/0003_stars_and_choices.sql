-- Stars, sounds, and what the person chose for an account.

-- 1 while it is starred at the service, as far as we know.
ALTER TABLE notification ADD COLUMN starred INTEGER NOT NULL DEFAULT 0 CHECK (starred IN (0, 1));
-- 0 if the account's own settings ask for no sound with it.
ALTER TABLE notification ADD COLUMN wants_sound INTEGER NOT NULL DEFAULT 1 CHECK (wants_sound IN (0, 1));
-- 1 if the person knows it without being told: they did it, or the same event came in another form.
ALTER TABLE notification ADD COLUMN no_news INTEGER NOT NULL DEFAULT 0 CHECK (no_news IN (0, 1));
-- What the person chose for this account, as JSON: its colour, pop-ups, sound. NULL for the defaults.
ALTER TABLE account ADD COLUMN choices TEXT CHECK (json_valid(choices));
-- How many of its notifications only a look at the service's lists found, while its link was live.
ALTER TABLE account ADD COLUMN found_late INTEGER NOT NULL DEFAULT 0;

-- What came about one thing at the service, newest first.
CREATE INDEX notification_of_context ON notification (account, context_what, context_id, occurred_at) WHERE context_id <> '';

-- Which stars the person wants set or taken away at the service, as `wish` does for what was read.
CREATE TABLE star_wish (
    -- The notification.
    notification INTEGER PRIMARY KEY REFERENCES notification (id) ON DELETE CASCADE,
    -- What it shall be at the service: 1 starred, 0 not.
    starred INTEGER NOT NULL CHECK (starred IN (0, 1)),
    -- When the person wished it.
    wished_at INTEGER NOT NULL,
    -- When the service had been told; NULL while the wish is open.
    told_at INTEGER
) STRICT;

CREATE INDEX star_wish_open ON star_wish (notification) WHERE told_at IS NULL;
