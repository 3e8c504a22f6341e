-- wrk: durable uploads of 1 KiB, each file to a place of its own, in sets that
-- never complete, so that nothing but storing is measured.
local n = 0
local run = os.getenv("RUN") or "0"
local hex = string.rep("ab", 1016)
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

request = function()
    n = n + 1
    local set = "bench-" .. run .. "-" .. math.floor(n / 100000)
    local body = string.format('{"content":"0x%016x%s","setCount":1000000}', n,
        hex)
    return wrk.format("POST", "/api/sets/" .. set .. "/files/" .. n % 100000,
        nil, body)
end
