import { FINAL_STATES } from '../../../../shared/job.ts'

const FINAL = FINAL_STATES.map((state) => `'${state}'`).join(', ')
const FINISHED_TASK = `'generating', 'downloading'`

/** The first schema. `_at` is epoch milliseconds UTC, `_micros` a millionth of the account's currency. */
export const first = `
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value_json TEXT NOT NULL CHECK (json_valid(value_json))
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  family TEXT NOT NULL CHECK (family IN ('evolink', 'vtrix', 'practice')),
  base_url TEXT,
  files_url TEXT,
  proxy_url TEXT,
  currency TEXT NOT NULL CHECK (currency IN ('credits', 'usd')),
  prices_json TEXT NOT NULL CHECK (json_valid(prices_json)),
  limits_json TEXT NOT NULL CHECK (json_valid(limits_json)),
  options_json TEXT NOT NULL CHECK (json_valid(options_json)),
  cap_micros INTEGER CHECK (cap_micros >= 0),
  counted_micros INTEGER NOT NULL DEFAULT 0,
  is_paused INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
  -- What the account's own trouble stops: nothing, spending, or everything that needs the key.
  stops TEXT NOT NULL DEFAULT 'nothing' CHECK (stops IN ('nothing', 'spending', 'everything')),
  stops_until_at INTEGER,
  problem_json TEXT CHECK (json_valid(problem_json)),
  key_kept TEXT,
  created_at INTEGER NOT NULL,
  removed_at INTEGER,
  CONSTRAINT accounts_stop_has_reason CHECK ((stops = 'nothing') = (problem_json IS NULL)),
  CONSTRAINT accounts_base_unless_practice CHECK ((family = 'practice') OR (base_url IS NOT NULL))
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  sheet_path TEXT,
  sheet_sha256 TEXT,
  headers_json TEXT NOT NULL CHECK (json_valid(headers_json)),
  archive_folder TEXT NOT NULL,
  name_template TEXT NOT NULL,
  cap_micros INTEGER CHECK (cap_micros >= 0),
  counted_micros INTEGER NOT NULL DEFAULT 0,
  is_paused INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
  problem_json TEXT CHECK (json_valid(problem_json)),
  created_at INTEGER NOT NULL,
  started_at INTEGER
) STRICT;
CREATE INDEX runs_sheet ON runs (sheet_path);

CREATE TABLE "references" (
  id INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),
  kind TEXT NOT NULL CHECK (kind IN ('image', 'video', 'audio')),
  format TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
  width INTEGER,
  height INTEGER,
  duration_ms INTEGER,
  frames_per_second REAL,
  has_sound INTEGER,
  has_transparency INTEGER,
  name TEXT NOT NULL,
  original_path TEXT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE uploads (
  id INTEGER PRIMARY KEY,
  reference_id INTEGER NOT NULL REFERENCES "references" (id),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  url TEXT NOT NULL,
  file_id TEXT,
  expires_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX uploads_fresh ON uploads (reference_id, account_id, expires_at);

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  parent_id INTEGER REFERENCES jobs (id),
  row INTEGER NOT NULL CHECK (row > 0),
  row_key TEXT,
  take INTEGER NOT NULL DEFAULT 1 CHECK (take > 0),
  fingerprint TEXT NOT NULL,
  name TEXT,
  state TEXT NOT NULL CHECK (state IN ('held', 'queued', 'uploading', 'submitting', 'unconfirmed',
    'generating', 'downloading', 'done', 'failed', 'cancelled')),
  -- Who keeps it from being bought: 1 the job itself, 2 its run.
  pauses INTEGER NOT NULL DEFAULT 0 CHECK (pauses BETWEEN 0 AND 3),
  priority INTEGER NOT NULL DEFAULT 0,
  run_at INTEGER NOT NULL,
  model TEXT NOT NULL,
  prompt TEXT NOT NULL,
  order_json TEXT NOT NULL CHECK (json_valid(order_json)),
  cells_json TEXT NOT NULL CHECK (json_valid(cells_json)),
  attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  setbacks INTEGER NOT NULL DEFAULT 0 CHECK (setbacks >= 0),
  progress REAL CHECK (progress BETWEEN 0 AND 1),
  remote_id TEXT,
  accepted_at INTEGER,
  estimated_ms INTEGER,
  link TEXT,
  link_expires_at INTEGER,
  estimate_micros INTEGER CHECK (estimate_micros >= 0),
  clip_name TEXT,
  problem_json TEXT CHECK (json_valid(problem_json)),
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  version INTEGER NOT NULL DEFAULT 1,
  CONSTRAINT jobs_finished_iff_final CHECK ((finished_at IS NOT NULL) = (state IN (${FINAL}))),
  CONSTRAINT jobs_task_known CHECK (state NOT IN (${FINISHED_TASK}) OR remote_id IS NOT NULL),
  CONSTRAINT jobs_link_known CHECK (state <> 'downloading' OR link IS NOT NULL),
  CONSTRAINT jobs_failed_has_reason CHECK (state <> 'failed' OR problem_json IS NOT NULL)
) STRICT;
-- Taking the next jobs to buy walks this index in order and stops at the first few.
CREATE INDEX jobs_queue ON jobs (account_id, priority DESC, run_at, id) WHERE state = 'queued' AND pauses = 0;
-- Everything under way, by what is due first; small whatever the size of the table.
CREATE INDEX jobs_working ON jobs (account_id, state, run_at, id)
  WHERE state IN ('uploading', 'submitting', 'unconfirmed', 'generating');
CREATE INDEX jobs_links ON jobs (account_id, link_expires_at, id) WHERE state = 'downloading';
CREATE INDEX jobs_wake ON jobs (run_at)
  WHERE state IN ('queued', 'uploading', 'submitting', 'unconfirmed', 'generating', 'downloading');
CREATE INDEX jobs_run ON jobs (run_id, row, take, id);
CREATE INDEX jobs_run_state ON jobs (run_id, state);
CREATE INDEX jobs_state ON jobs (state);
CREATE INDEX jobs_fingerprint ON jobs (run_id, fingerprint);
CREATE UNIQUE INDEX jobs_task ON jobs (account_id, remote_id) WHERE remote_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_clip_name ON jobs (run_id, clip_name COLLATE NOCASE) WHERE clip_name IS NOT NULL;

CREATE INDEX jobs_clip_names ON jobs (clip_name COLLATE NOCASE) WHERE clip_name IS NOT NULL;

CREATE TABLE job_references (
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('reference', 'audio')),
  position INTEGER NOT NULL CHECK (position > 0),
  reference_id INTEGER REFERENCES "references" (id),
  address TEXT,
  name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('image', 'video', 'audio')),
  PRIMARY KEY (job_id, role, position),
  CONSTRAINT job_references_one_source CHECK ((reference_id IS NULL) <> (address IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX job_references_used ON job_references (reference_id);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs (id),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  number INTEGER NOT NULL CHECK (number > 0),
  idempotency_key TEXT NOT NULL UNIQUE,
  body_json TEXT NOT NULL CHECK (json_valid(body_json)),
  body_sha256 TEXT NOT NULL CHECK (length(body_sha256) = 64),
  created_at INTEGER NOT NULL,
  sent_at INTEGER,
  resent_at INTEGER,
  answered_at INTEGER,
  outcome TEXT NOT NULL DEFAULT 'open'
    CHECK (outcome IN ('open', 'accepted', 'refused', 'not-sent', 'unknown', 'found', 'absent', 'left')),
  remote_id TEXT,
  problem_json TEXT CHECK (json_valid(problem_json)),
  UNIQUE (job_id, number),
  CONSTRAINT attempts_task_when_taken CHECK ((outcome IN ('accepted', 'found')) = (remote_id IS NOT NULL)),
  CONSTRAINT attempts_taken_was_sent CHECK (outcome NOT IN ('accepted', 'unknown', 'found', 'left') OR sent_at IS NOT NULL),
  CONSTRAINT attempts_resent_after_sent CHECK (resent_at IS NULL OR sent_at IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX attempts_task ON attempts (account_id, remote_id) WHERE remote_id IS NOT NULL;
-- Attempts that may have made a task nobody has: rivals when one is looked for.
CREATE INDEX attempts_doubtful ON attempts (account_id, sent_at)
  WHERE sent_at IS NOT NULL AND outcome IN ('open', 'unknown', 'left', 'absent');
-- One undecided attempt a job: the schema itself refuses a second paid request.
CREATE UNIQUE INDEX attempts_one_undecided ON attempts (job_id) WHERE outcome IN ('open', 'unknown');

CREATE TABLE ledger (
  attempt_id INTEGER PRIMARY KEY REFERENCES attempts (id),
  job_id INTEGER NOT NULL REFERENCES jobs (id),
  run_id INTEGER NOT NULL REFERENCES runs (id),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  model TEXT NOT NULL,
  currency TEXT NOT NULL CHECK (currency IN ('credits', 'usd')),
  standing TEXT NOT NULL CHECK (standing IN ('open', 'reserved', 'charged', 'released', 'unknown')),
  estimate_micros INTEGER,
  reserved_micros INTEGER,
  charged_micros INTEGER,
  -- What stands against the caps, in the account's currency and in credits.
  counted_micros INTEGER NOT NULL CHECK (counted_micros >= 0),
  counted_credit_micros INTEGER NOT NULL CHECK (counted_credit_micros >= 0),
  at INTEGER NOT NULL,
  CONSTRAINT ledger_released_counts_nothing CHECK (standing <> 'released' OR counted_micros = 0)
) STRICT;
CREATE INDEX ledger_job ON ledger (job_id);
CREATE INDEX ledger_run ON ledger (run_id);

CREATE TRIGGER ledger_counts_in AFTER INSERT ON ledger BEGIN
  UPDATE runs SET counted_micros = counted_micros + NEW.counted_credit_micros WHERE id = NEW.run_id;
  UPDATE accounts SET counted_micros = counted_micros + NEW.counted_micros WHERE id = NEW.account_id;
END;
CREATE TRIGGER ledger_counts_change AFTER UPDATE OF counted_micros, counted_credit_micros ON ledger BEGIN
  UPDATE runs SET counted_micros = counted_micros - OLD.counted_credit_micros + NEW.counted_credit_micros
    WHERE id = NEW.run_id;
  UPDATE accounts SET counted_micros = counted_micros - OLD.counted_micros + NEW.counted_micros
    WHERE id = NEW.account_id;
END;

CREATE TABLE clips (
  id INTEGER PRIMARY KEY,
  job_id INTEGER REFERENCES jobs (id),
  run_id INTEGER REFERENCES runs (id),
  archive_folder TEXT NOT NULL,
  path TEXT NOT NULL,
  sidecar_path TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
  width INTEGER,
  height INTEGER,
  duration_ms INTEGER,
  has_sound INTEGER,
  model TEXT NOT NULL,
  prompt TEXT NOT NULL,
  remote_id TEXT,
  condition TEXT NOT NULL DEFAULT 'whole' CHECK (condition IN ('whole', 'missing', 'changed')),
  checked_at INTEGER,
  problem_json TEXT CHECK (json_valid(problem_json)),
  created_at INTEGER NOT NULL,
  UNIQUE (archive_folder, path)
) STRICT;
CREATE UNIQUE INDEX clips_job ON clips (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX clips_run ON clips (run_id, id);

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  from_state TEXT,
  to_state TEXT,
  problem_json TEXT CHECK (json_valid(problem_json)),
  facts_json TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(facts_json))
) STRICT;
CREATE INDEX events_job ON events (job_id, id);

-- Search over what a person reads: prompt, name and the problem's sentences.
CREATE VIRTUAL TABLE jobs_text USING fts5 (prompt, name, problem, content = '', contentless_delete = 1,
  tokenize = 'unicode61 remove_diacritics 2');
-- New rows are put in by jobs.indexText, many at once: one at a time costs more than all the rest of a row.
CREATE TRIGGER jobs_text_change AFTER UPDATE OF prompt, name, problem_json ON jobs
  WHEN OLD.prompt IS NOT NEW.prompt OR OLD.name IS NOT NEW.name OR OLD.problem_json IS NOT NEW.problem_json
BEGIN
  INSERT OR REPLACE INTO jobs_text (rowid, prompt, name, problem)
    VALUES (NEW.id, NEW.prompt, coalesce(NEW.name, ''), coalesce(NEW.problem_json ->> '$.what', ''));
END;
`
