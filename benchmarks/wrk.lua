-- Asks for the paths of a file in turn, as a phone would; says what came of it as JSON.
local requests = {}
local at = 0

function init(args)
  local headers = { ["User-Agent"] = args[2] }
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path, headers)
  end
  -- The threads begin at different links.
  at = math.random(#requests)
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  print(string.format(
    'RESULT {"requests": %d, "errors": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f}',
    summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3
  ))
end
