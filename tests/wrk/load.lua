-- What wrk asks for: the list of pipelines and, every tenth time, that one of them runs; or, asked of the dispatcher, a batch of signals.
-- At the end it says what it has counted.

local pipelines = {
  "6f1f0a9e-2f1c-4d5b-9a53-0d4c7e5b8a01", "b07d9c35-84f6-4e0a-8f2d-6b1e3c9d7f03", "e4a2c6b8-1d3f-4b7a-a5c9-2f8e6d0b1c04",
}
local tickers = { "AAPL", "TSLA", "GOOG", "MSFT" }
local json = { ["content-type"] = "application/json" }
local count = 0
local asks_for

function init(arguments)
  asks_for = arguments[1]
end

local function signals()
  local ticker = tickers[count % #tickers + 1]
  return wrk.format("POST", "/api/v1/signals", json, string.format(
    '{"signals":[{"id":"load-%d","kind":"mock","source":"wrk","ticker":"%s","price":1.5,"generated_unix_millis":%d,"headers":{}}]}',
    count, ticker, os.time() * 1000))
end

local function execution()
  local pipeline = pipelines[count % #pipelines + 1]
  return wrk.format("POST", "/api/v1/pipelines/" .. pipeline .. "/executions", json, string.format(
    '{"id":"load-%d","pipeline_id":"%s","trigger_mode":"signal","ticker":"AAPL"}', count, pipeline))
end

function request()
  count = count + 1
  if asks_for == "signals" then
    return signals()
  elseif count % 10 == 0 then
    return execution()
  end
  return wrk.format("GET", "/api/v1/pipelines")
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format("COUNTED %d %d %d %d %d %d %.1f", summary.requests, errors.connect, errors.read, errors.write,
    errors.status, errors.timeout, latency:percentile(99) / 1000))
end
