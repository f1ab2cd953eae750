-- Every event of the log before subjects is in `journal` now.
DROP TABLE journal_before;
