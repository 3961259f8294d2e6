"""How long requests took, per route: one histogram shared by every worker."""

from prometheus_client import Counter, Histogram

REQUEST_SECONDS = Histogram(
    "jishi_request_seconds",
    "Time from parsed request to ready answer.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
RESPONSES = Counter("jishi_responses_total", "Answers by status.", ["method", "route", "status"])
