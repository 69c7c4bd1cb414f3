"""Looking at the proxy: what the master asks of its workers, and how it shows the sum.

figures     for `status`, `list_workers` and `metrics`
counted     what is counted, by its name
exposition  counters in Prometheus' text format, pure
page        the endpoint that Prometheus scrapes
statsd      the same figures for those who want to be told, over UDP
"""
