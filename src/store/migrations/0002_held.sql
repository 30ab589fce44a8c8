-- What came while toasts kept quiet is told in one summary afterwards.

-- 1 while that summary is still to tell it; 0 once it was told, or was read before.
ALTER TABLE toast ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
-- The quiet hours it came in, as people write them (22:00–07:00); NULL if it came outside of any.
ALTER TABLE toast ADD COLUMN quiet_hours TEXT;

CREATE INDEX toast_held ON toast (notification) WHERE held = 1;
