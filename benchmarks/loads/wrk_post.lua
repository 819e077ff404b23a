-- Posts the events of a file, one a line, in turns; says what came of it as JSON.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "wrk_done.lua")

local requests = {}
local at = 0

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  for line in io.lines(args[2]) do requests[#requests + 1] = wrk.format(nil, nil, nil, line) end
  -- The threads begin at different places.
  at = math.random(#requests)
end

function request()
  at = at % #requests + 1
  return requests[at]
end
