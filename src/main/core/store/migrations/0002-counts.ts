/**
 * What a library of a hundred thousand jobs needs: rows in their order by state, counts that are kept and
 * not counted, and no index that nothing asks.
 */
export const counts = `
-- Nothing looks a fingerprint up: a sheet is compared with its run's rows in memory.
DROP INDEX jobs_fingerprint;
-- One index instead of two: a state's rows in the order of runs and rows, so that a page stops at its limit.
DROP INDEX jobs_run_state;
DROP INDEX jobs_state;
CREATE INDEX jobs_view ON jobs (state, run_id, row, take);
-- With the time at which each is due: what is not due is passed over without reading its row.
DROP INDEX jobs_links;
CREATE INDEX jobs_links ON jobs (account_id, link_expires_at, id, run_at) WHERE state = 'downloading';
-- File names that differ only in case are the same file on some disks.
CREATE INDEX clips_path ON clips (archive_folder, path COLLATE NOCASE);
-- The newest charges of an account, however many others were charged since.
CREATE INDEX ledger_charged ON ledger (account_id, attempt_id) WHERE standing = 'charged' AND charged_micros > 0;

-- How many jobs there are of a kind: counting them takes as long as there are jobs. The keys come from jobs,
-- which has them checked; checking them here again would cost an import a third more.
CREATE TABLE job_counts (
  run_id INTEGER NOT NULL,
  state TEXT NOT NULL,
  account_id INTEGER NOT NULL,
  pauses INTEGER NOT NULL,
  jobs INTEGER NOT NULL CHECK (jobs >= 0),
  PRIMARY KEY (run_id, state, account_id, pauses)
) STRICT, WITHOUT ROWID;
INSERT INTO job_counts SELECT run_id, state, account_id, pauses, count(*) FROM jobs
  GROUP BY run_id, state, account_id, pauses;

CREATE TRIGGER jobs_counted_in AFTER INSERT ON jobs BEGIN
  INSERT INTO job_counts VALUES (NEW.run_id, NEW.state, NEW.account_id, NEW.pauses, 1)
    ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER jobs_counted_anew AFTER UPDATE OF run_id, state, account_id, pauses ON jobs
  WHEN OLD.state <> NEW.state OR OLD.pauses <> NEW.pauses OR OLD.run_id <> NEW.run_id
    OR OLD.account_id <> NEW.account_id
BEGIN
  UPDATE job_counts SET jobs = jobs - 1 WHERE run_id = OLD.run_id AND state = OLD.state
    AND account_id = OLD.account_id AND pauses = OLD.pauses;
  INSERT INTO job_counts VALUES (NEW.run_id, NEW.state, NEW.account_id, NEW.pauses, 1)
    ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER jobs_counted_out AFTER DELETE ON jobs BEGIN
  UPDATE job_counts SET jobs = jobs - 1 WHERE run_id = OLD.run_id AND state = OLD.state
    AND account_id = OLD.account_id AND pauses = OLD.pauses;
END;
`
