-- wrk: GETs of files drawn uniformly from all N, the same ones for one SEED.
local n = tonumber(os.getenv("N"))
local random = math.random
local head, tail = "GET /api/sets/bench/files/", " HTTP/1.1\r\nHost: x\r\n\r\n"

math.randomseed(tonumber(os.getenv("SEED")))

request = function()
    return head .. random(0, n - 1) .. tail
end
