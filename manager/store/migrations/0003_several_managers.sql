-- What several managers on one database must agree on. Times are milliseconds since
-- 1970 UTC; 0 means never.

-- Counts the times that somebody lost a right: a session or token ended, a user was
-- disabled or got another role. Managers that see it grow ask who may still listen.
INSERT INTO counters (name, value) VALUES ('rights', 0);

-- Attempts to log in, to slow down guessing.
CREATE TABLE attempts (
    name       TEXT PRIMARY KEY,
    tries      BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    last_try   BIGINT NOT NULL
);
CREATE INDEX attempts_last ON attempts (last_try);
