"""Watches stations from the cloud: their figures, their alarms, and whether they say anything at all.

    heard       what rules of AWS IoT write down of stations' messages: one row a station and kind
    stations    those rows, and what the watch itself remembers, as values
    figures     rows -> metrics
    silence, alarms    rows -> what people are told
    looking     all of it at once: a function of the rows and the time
    runtime     what does it once a minute

All but `runtime` and `keeping` is pure. `cloud_side.infrastructure.ingest` installs it.
"""
