-- Asks for the tiles of the list in $TILES over and over; each thread begins at another place.
-- A line: path, tab, header's name, tab, header's value.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init()
    requests = {}
    for line in io.lines(os.getenv("TILES")) do
        local path, name, value = line:match("^(.-)\t(.-)\t(.*)$")
        requests[#requests + 1] = wrk.format("GET", path, { [name] = value })
    end
    at = math.floor(number * #requests / 2)
end

function request()
    at = at % #requests + 1
    return requests[at]
end
