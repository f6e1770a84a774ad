-- wrk's words as one line of numbers: requests a second, errors, p50, p99, p99.9 in microseconds.
-- Answers other than 2xx count as errors.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %.1f %d %.0f %.0f %.0f\n",
    summary.requests / (summary.duration / 1e6),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
