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
-- What a run's clips cost beside what was agreed, by price: two proportions of micros to what they are for.
-- An estimated price is compared with its estimate; one without, with milliseconds that were ordered.
CREATE TABLE run_prices (
  run_id INTEGER NOT NULL REFERENCES runs (id),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  is_estimated INTEGER NOT NULL CHECK (is_estimated IN (0, 1)),
  agreed_micros INTEGER NOT NULL CHECK (agreed_micros >= 0),
  agreed_basis INTEGER NOT NULL CHECK (agreed_basis > 0),
  dearest_micros INTEGER NOT NULL CHECK (dearest_micros >= 0),
  dearest_basis INTEGER NOT NULL CHECK (dearest_basis > 0),
  PRIMARY KEY (run_id, account_id, name, is_estimated)
) STRICT, WITHOUT ROWID;
`
