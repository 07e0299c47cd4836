"""The operator page: what the line does, in a browser, and a person's word on it.

    journal ─→ index (SQLite, on disk) ─→ api ─→ browser          GET: looks things up
       │  └──→ feed (server-sent events, replayed by Last-Event-ID) ─→ browser
    inspect thread ─newest frame→ live (encoded once, only while watched) ─→ browser
    browser ─→ api ─→ desk (a disposition, thresholds, a command) ─→ the rest of the station

Threads: `page` serves (uvicorn's event loop; handlers that read the disk run on a few threads beside it), `page-index`
follows the journal, `page-live` encodes. None of them is ever waited for by the line. What the page asks of the
station stands in `desk`, what may be asked of the page in one table of doors, each with the role that it takes.
"""
