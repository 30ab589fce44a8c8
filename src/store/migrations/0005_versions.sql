-- What changes at the service after it was kept, and how much a notification matters where its feed says so.

-- Grows with each change at the service; 0 for what never changes.
ALTER TABLE notification ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
-- 'low', 'normal' or 'high' where its feed says so; NULL where its kind does.
ALTER TABLE notification ADD COLUMN urgency TEXT CHECK (urgency IN ('low', 'normal', 'high'));
-- When a later version that was news took its place here; NULL if none did.
ALTER TABLE notification ADD COLUMN changed_at INTEGER;
-- When a later version that was no news took its place here, and raised no toast for that; NULL if none did since the last news.
ALTER TABLE toast ADD COLUMN small_change_at INTEGER;
