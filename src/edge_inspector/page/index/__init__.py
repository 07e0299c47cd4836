"""The index: what the pages look up, kept in a small database of its own so that 100,000 results slow nothing down.

    journal ─→ following (new before past) ─→ told (parsed) ─→ writing ─┐
                  keeping: the thread `page-index` that does it      database ─→ reading, finding, figures ─→ index
                                                                        └─ schema, names

It is made of what the journal says and of nothing else: one that is damaged, or of another version, is made anew.
"""
