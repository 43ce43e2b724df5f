-- Portable on purpose: SQLite and PostgreSQL run this file unchanged. Times are
-- milliseconds since 1970 UTC; 0 means never.

-- Numbers that only grow: the policy's version and the last audit id. A table, and
-- not AUTOINCREMENT or IDENTITY, because those differ between the databases.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('policy', 0), ('audit', 0);

CREATE TABLE sites (
    id       TEXT PRIMARY KEY,
    revision BIGINT NOT NULL,
    name     TEXT NOT NULL UNIQUE
);

CREATE TABLE server_groups (
    id                 TEXT PRIMARY KEY,
    revision           BIGINT NOT NULL,
    site_id            TEXT NOT NULL REFERENCES sites (id),
    name               TEXT NOT NULL,
    mode               TEXT NOT NULL,
    pass_when_disabled BOOLEAN NOT NULL,
    UNIQUE (site_id, name)
);

CREATE TABLE services (
    id                 TEXT PRIMARY KEY,
    revision           BIGINT NOT NULL,
    server_group_id    TEXT NOT NULL REFERENCES server_groups (id),
    name               TEXT NOT NULL,
    ports              TEXT NOT NULL, -- JSON
    trusted_proxies    TEXT NOT NULL, -- JSON
    access_events      BOOLEAN NOT NULL,
    paranoia           BIGINT NOT NULL,
    inbound_threshold  BIGINT NOT NULL,
    outbound_threshold BIGINT NOT NULL,
    max_body_bytes     BIGINT NOT NULL,
    fail_closed        BOOLEAN NOT NULL,
    UNIQUE (server_group_id, name)
);

CREATE TABLE routes (
    id                   TEXT PRIMARY KEY,
    revision             BIGINT NOT NULL,
    service_id           TEXT NOT NULL REFERENCES services (id),
    priority             BIGINT NOT NULL,
    host                 TEXT NOT NULL,
    path_prefix          TEXT NOT NULL,
    upstreams            TEXT NOT NULL, -- JSON
    preserve_host        BOOLEAN NOT NULL,
    insecure_skip_verify BOOLEAN NOT NULL
);
CREATE INDEX routes_service ON routes (service_id);

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    password   TEXT NOT NULL, -- argon2id in PHC form
    disabled   BOOLEAN NOT NULL,
    created    BIGINT NOT NULL,
    last_login BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_name ON users (lower(name));

CREATE TABLE sessions (
    hash      TEXT PRIMARY KEY, -- SHA-256 of the cookie's value, hex
    user_id   TEXT NOT NULL REFERENCES users (id),
    created   BIGINT NOT NULL,
    last_seen BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE tokens (
    id        TEXT PRIMARY KEY,
    hash      TEXT NOT NULL UNIQUE, -- SHA-256 of the secret, hex
    user_id   TEXT NOT NULL REFERENCES users (id),
    name      TEXT NOT NULL,
    role      TEXT NOT NULL,
    created   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    last_used BIGINT NOT NULL
);
CREATE INDEX tokens_user ON tokens (user_id);

CREATE TABLE audit (
    id          BIGINT PRIMARY KEY,
    time        BIGINT NOT NULL,
    actor       TEXT NOT NULL,
    source      TEXT NOT NULL,
    verb        TEXT NOT NULL,
    object      TEXT NOT NULL,
    object_id   TEXT NOT NULL,
    name        TEXT NOT NULL,
    before_json TEXT NOT NULL,
    after_json  TEXT NOT NULL
);
CREATE INDEX audit_time ON audit (time);

-- Requests of a server group in one minute.
CREATE TABLE traffic (
    minute          BIGINT NOT NULL, -- its start
    server_group_id TEXT NOT NULL,
    requests        BIGINT NOT NULL,
    blocked         BIGINT NOT NULL,
    alerted         BIGINT NOT NULL,
    errors          BIGINT NOT NULL,
    PRIMARY KEY (minute, server_group_id)
);

-- How far each gateway's counters have been added to traffic. Without it a
-- restart of the manager would count twice or not at all.
CREATE TABLE traffic_marks (
    gateway_id      TEXT NOT NULL,
    service_id      TEXT NOT NULL,
    server_group_id TEXT NOT NULL,
    started         BIGINT NOT NULL, -- of the gateway, nanoseconds
    seen            BIGINT NOT NULL,
    requests        BIGINT NOT NULL,
    blocked         BIGINT NOT NULL,
    alerted         BIGINT NOT NULL,
    errors          BIGINT NOT NULL,
    PRIMARY KEY (gateway_id, service_id, server_group_id)
);
