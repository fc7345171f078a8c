-- SPDX-License-Identifier: MIT
-- What wrk sends. After the --: KIND ARGUMENT SEED [PAUSE_MS]
--
--   post -          runs, each with an event_id of its own
--   batch COUNT     arrays of so many of them
--   patch FILE      ends of runs, whose event_ids are the file's lines
--   commit FILE     commits for them
--   get FILE        GETs of the paths that are the file's lines
--
-- The file's lines are taken at random. At the end it prints one JSON object, times in milliseconds.
local json = { ["Content-Type"] = "application/json" }
local text, argument, lines, pause_ms
local count = 0

local run = '{"event_id":"%s","run_id":"%s","agent_name":"%s.agent-%02d","agent_owner":"team-%d",'
   .. '"job_type":"job-%02d","status":"success","start_time":"2025-12-10T12:05:30.123456+00:00",'
   .. '"end_time":"2025-12-10T12:06:10.654321+00:00","product":"product-%d","platform":"platform-1",'
   .. '"website":"site-%d.example","website_section":"section-3","item_name":"item-%d",'
   .. '"items_discovered":120,"items_succeeded":118,"items_failed":2,"duration_ms":40531,'
   .. '"input_summary":"120 pages of the spring catalogue","output_summary":"118 pages converted",'
   .. '"source_ref":"s3://input/catalogue","target_ref":"s3://output/catalogue",'
   .. '"git_repo":"https://git.example/team/repo-1","git_branch":"main",'
   .. '"git_run_tag":"repo-1/main","host":"host-1","environment":"production","trigger_type":"cli",'
   .. '"metrics_json":{"pages":120,"bytes":4118273,"retries":2,"cache_hits":77,"queue":"default",'
   .. '"notes":"fetched, parsed and stored without a warning; the slowest page was among the first '
   .. 'ten, the largest among the last; nothing was skipped"},"parent_run_id":"run-of-the-day"}'

local change = '{"status":"success","end_time":"2025-12-10T12:06:10.654321+00:00",'
   .. '"duration_ms":%d,"items_succeeded":118,"metrics_json":{"pages":120,"bytes":4118273}}'

local commit = '{"commit_hash":"%08x%08x%08x%08x%08x","commit_source":"ci","commit_author":"A. Author"}'

local function bits(count_of)
   return math.random(0, 2 ^ count_of - 1)
end

local function event_id()
   count = count + 1
   return string.format("%08x-%04x-4%03x-8%03x-%04x%08x", bits(31), bits(16), bits(12), bits(12),
      bits(16), count)
end

-- In the order of time, as the library makes them.
local function run_id()
   return string.format("%s-agent-%08x", os.date("!%Y%m%dT%H%M%SZ"), bits(31))
end

local function a_run()
   local agent = math.random(0, 29)
   return string.format(run, event_id(), run_id(), agent < 10 and "launch.llm" or "crawl",
      agent, agent % 4, math.random(0, 11), agent % 7, agent, count)
end

local function a_line()
   return lines[math.random(#lines)]
end

local kinds = {
   post = function()
      return wrk.format("POST", "/api/v1/runs", json, a_run())
   end,
   batch = function()
      local runs = {}
      for i = 1, tonumber(argument) do
         runs[i] = a_run()
      end
      return wrk.format("POST", "/api/v1/runs/batch", json, "[" .. table.concat(runs, ",") .. "]")
   end,
   patch = function()
      return wrk.format("PATCH", "/api/v1/runs/" .. a_line(), json,
         string.format(change, bits(20)))
   end,
   commit = function()
      return wrk.format("POST", "/api/v1/runs/" .. a_line() .. "/associate-commit", json,
         string.format(commit, bits(31), bits(31), bits(31), bits(31), bits(31)))
   end,
   get = function()
      return wrk.format("GET", a_line())
   end,
}

function init(arguments)
   request, argument = kinds[arguments[1]], arguments[2]
   math.randomseed(tonumber(arguments[3]))
   pause_ms = tonumber(arguments[4] or 0)
   if arguments[1] == "patch" or arguments[1] == "commit" or arguments[1] == "get" then
      lines = {}
      for line in io.lines(argument) do
         lines[#lines + 1] = line
      end
   end
   if pause_ms > 0 then
      delay = function()
         return pause_ms
      end
   end
end

function done(summary, latency, _)
   local failed = summary.errors
   text = '{"requests": %d, "seconds": %.6f, "errors": %d, "p50": %.3f, "p99": %.3f, "p100": %.3f}\n'
   io.write(string.format(text, summary.requests, summary.duration / 1e6,
      failed.connect + failed.read + failed.write + failed.status + failed.timeout,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
