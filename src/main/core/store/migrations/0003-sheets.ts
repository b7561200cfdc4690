/** Sheets that expand, references that are copies of others, caps that only warn, runs that start later. */
export const sheets = `
ALTER TABLE runs ADD COLUMN cap_mode TEXT NOT NULL DEFAULT 'hard' CHECK (cap_mode IN ('hard', 'soft'));
-- What was confirmed before spending, micro-credits; NULL = some price was not known.
ALTER TABLE runs ADD COLUMN approved_micros INTEGER CHECK (approved_micros >= 0);
-- When the first row is to be ordered; NULL = at once, or it has begun.
ALTER TABLE runs ADD COLUMN start_at INTEGER;
CREATE INDEX runs_start ON runs (start_at) WHERE start_at IS NOT NULL;
-- A fitted or trimmed copy knows what it was made of, and how.
ALTER TABLE "references" ADD COLUMN source_id INTEGER REFERENCES "references" (id);
ALTER TABLE "references" ADD COLUMN change TEXT;
CREATE INDEX references_source ON "references" (source_id) WHERE source_id IS NOT NULL;
CREATE INDEX references_name ON "references" (name);
`
