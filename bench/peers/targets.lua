-- wrk: each thread asks one of the addresses in TARGETS, in turn.
local targets = {}
for target in os.getenv("TARGETS"):gmatch("%S+") do
    targets[#targets + 1] = target
end

local threads = 0

function setup(thread)
    thread.addr = wrk.lookup(targets[threads % #targets + 1], wrk.port)[1]
    threads = threads + 1
end
