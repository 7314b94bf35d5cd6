CREATE SCHEMA IF NOT EXISTS trading_platform;

CREATE TABLE IF NOT EXISTS trading_platform.pipelines (
    id text PRIMARY KEY,
    name text NOT NULL,
    tickers text[] NOT NULL,
    active boolean NOT NULL DEFAULT true
);

CREATE TABLE IF NOT EXISTS trading_platform.pipeline_executions (
    id text PRIMARY KEY,
    pipeline_id text NOT NULL,
    trigger_mode text NOT NULL,
    status text NOT NULL,
    cost double precision,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

CREATE TABLE IF NOT EXISTS trading_platform.positions (
    account text NOT NULL,
    ticker text NOT NULL,
    quantity bigint NOT NULL,
    PRIMARY KEY (account, ticker)
);

CREATE TABLE IF NOT EXISTS trading_platform.trades (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    execution_id text NOT NULL,
    ticker text NOT NULL,
    action text NOT NULL,
    quantity bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS trading_platform.signals (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    ticker text NOT NULL,
    price double precision NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

-- What earlier runs left.
DELETE FROM trading_platform.pipeline_executions WHERE started_at < now() - interval '1 day';
DELETE FROM trading_platform.trades WHERE at < now() - interval '1 day';
DELETE FROM trading_platform.signals WHERE at < now() - interval '1 day';
