-- wrk: as targets.lua, and each connection rests between its requests, a second on average.
dofile("/bench/targets.lua")

function delay()
    return math.random(500, 1500)
end
