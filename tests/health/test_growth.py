from edge_inspector.health.growth import growth_probe


class Counter:
    def __init__(self) -> None:
        self.count, self.at_s = 7, 100.0
        self.probe = growth_probe(lambda: self.count, what="events were given up", now_s=lambda: self.at_s)

    def look(self, *, more: int = 0, after_s: float = 1.0) -> str | None:
        self.count += more
        self.at_s += after_s
        return self.probe()


def test_a_counter_that_stands_still_is_good_whatever_it_stands_at() -> None:
    counter = Counter()
    assert [counter.look() for _ in range(3)] == [None, None, None]


def test_growth_is_told_for_a_minute_and_summed_up_while_it_goes_on() -> None:
    counter = Counter()
    counter.look()
    assert counter.look(more=2) == "2 events were given up"
    assert counter.look(after_s=50) == "2 events were given up"
    assert counter.look(more=3, after_s=5) == "5 events were given up"
    assert counter.look(after_s=59) == "5 events were given up"
    assert counter.look(after_s=2) is None


def test_growth_after_a_quiet_time_is_counted_anew() -> None:
    counter = Counter()
    counter.look()
    counter.look(more=2)
    assert counter.look(after_s=100) is None
    assert counter.look(more=1) == "1 events were given up"
