-- Batches of BATCH events, each with a message id of its own.
local batch = tonumber(os.getenv("BATCH") or "25")
local prefix = os.getenv("PREFIX") or "b"
local n = 0
local first = prefix .. tostring(math.random(1, 1e9))
wrk.method = "POST"
function request()
  local parts = {}
  for i = 1, batch do
    n = n + 1
    parts[i] = string.format('{"type":"track","userId":"%s-u%d","messageId":"%s-%d",' ..
      '"event":"Product Viewed","timestamp":"2024-03-05T10:00:00Z",' ..
      '"properties":{"product_id":"p%d","price":12.85,"currency":"EUR"}}',
      prefix, n % 5000, first, n, n % 300)
  end
  return wrk.format(nil, nil, nil, '{"batch":[' .. table.concat(parts, ",") .. ']}')
end
dofile((os.getenv("LUA_DIR") or ".") .. "/answers.lua")
