-- What services change of the rules. Times are milliseconds since 1970 UTC; 0 means
-- never.

CREATE TABLE exceptions (
    id           TEXT PRIMARY KEY,
    revision     BIGINT NOT NULL,
    service_id   TEXT NOT NULL REFERENCES services (id),
    rule_id      BIGINT NOT NULL,
    rule_id_last BIGINT NOT NULL,
    tag          TEXT NOT NULL,
    target       TEXT NOT NULL,
    path_prefix  TEXT NOT NULL,
    methods      TEXT NOT NULL, -- JSON
    sources      TEXT NOT NULL, -- JSON
    expires      BIGINT NOT NULL,
    owner        TEXT NOT NULL,
    comment      TEXT NOT NULL,
    enabled      BOOLEAN NOT NULL,
    created      BIGINT NOT NULL
);
CREATE INDEX exceptions_service ON exceptions (service_id);

CREATE TABLE rule_actions (
    service_id TEXT PRIMARY KEY REFERENCES services (id),
    revision   BIGINT NOT NULL,
    actions    TEXT NOT NULL -- JSON
);
