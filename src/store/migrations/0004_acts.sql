-- What the person does at the service beyond reading: replies, completed tasks, answered invitations …

CREATE TABLE act (
    -- The order of asking; acts of one account are told to the service in it. Never used twice.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The notification it is done from.
    notification INTEGER NOT NULL REFERENCES notification (id) ON DELETE CASCADE,
    -- What is done, as JSON.
    act TEXT NOT NULL CHECK (json_valid(act)),
    -- When the person asked for it.
    asked_at INTEGER NOT NULL,
    -- It is not told to the service before this, so that it can be taken back.
    due_at INTEGER NOT NULL,
    -- 'waiting', 'under-way' (the service is being told), then 'done', 'refused', 'unsure' (told, and no answer came) or 'undone'.
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'under-way', 'done', 'refused', 'unsure', 'undone')),
    -- What came of it, or why it waits, in a sentence; NULL where the state says all.
    words TEXT,
    -- When it became done, refused, unsure or undone; NULL before.
    settled_at INTEGER,
    CHECK ((state IN ('waiting', 'under-way')) = (settled_at IS NULL)),
    CHECK (state NOT IN ('refused', 'unsure') OR words IS NOT NULL)
) STRICT;

CREATE INDEX act_of_notification ON act (notification, number);
CREATE INDEX act_open ON act (number) WHERE settled_at IS NULL;

-- The starred ones alone, newest first; there are few.
CREATE INDEX notification_starred ON notification (occurred_at) WHERE starred = 1;
