-- Asks for the paths of a file in turn, as a phone would; says what came of it as JSON.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "wrk_done.lua")

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
