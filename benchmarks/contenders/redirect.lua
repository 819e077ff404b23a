-- Reads a link, keeps a session and a click, and redirects: what Clicktrail does in Redis, in one pipeline.
local redis = require "nginx.redis"

local store = redis:new()
store:set_timeout(5000)
local is_connected = store:connect("127.0.0.1", redis_port)
if not is_connected then return ngx.exit(503) end
if store:get_reused_times() == 0 then store:auth(redis_password) end

local code = string.sub(ngx.var.uri, 2)
-- Sixteen random bytes as 32 characters, by nginx itself.
local session = ngx.var.request_id
local headers = ngx.req.get_headers()
local click = table.concat({
  code, session, ngx.now(), ngx.var.host, ngx.var.remote_addr, ngx.var.args or "",
  headers["user-agent"] or "", headers["referer"] or "", headers["accept-language"] or "",
}, "\n")

store:init_pipeline(3)
store:get("l:" .. code)
store:set("s:" .. session, code, "EX", 86400)
store:xadd("outbox", "*", "d", click)
local replies = store:commit_pipeline()
if not replies then return ngx.exit(503) end
store:set_keepalive(60000, 1000)

local destination = replies[1]
if not destination or destination == ngx.null then return ngx.exit(404) end
ngx.header["Cache-Control"] = "private, no-store"
return ngx.redirect(destination .. "&hellotext_session=" .. session .. "&hello_session=" .. session, 302)
