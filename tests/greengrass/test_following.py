import queue
import threading

from edge_inspector.errors import SinkError
from edge_inspector.greengrass.following import Follower
from tests.mosquitto import PATIENCE_S


def test_a_storm_of_changes_is_one_question_after_it() -> None:
    taken: queue.Queue[dict[str, object]] = queue.Queue()
    state = {"leaf": 0}
    asked = []

    def ask() -> dict[str, object]:
        asked.append(1)
        return dict(state)

    with Follower(ask, taken.put, quiet_s=0.05, longest_s=5.0) as follower:
        for number in range(1000):
            state["leaf"] = number
            follower.note_change()
        assert taken.get(timeout=PATIENCE_S) == {"leaf": 999}
    assert len(asked) == 1


def test_a_storm_that_does_not_end_is_looked_into_now_and_then() -> None:
    taken: queue.Queue[dict[str, object]] = queue.Queue()
    stop = threading.Event()
    with Follower(dict, taken.put, quiet_s=10.0, longest_s=0.05) as follower:

        def storm() -> None:
            while not stop.wait(0.001):
                follower.note_change()

        thread = threading.Thread(target=storm)
        thread.start()
        for _ in range(3):
            taken.get(timeout=PATIENCE_S)
        stop.set()
        thread.join()


def test_a_change_whose_event_was_lost_is_found_after_a_while() -> None:
    taken: queue.Queue[dict[str, object]] = queue.Queue()
    with Follower(dict, taken.put, period_s=0.01):
        taken.get(timeout=PATIENCE_S)


def test_a_nucleus_that_does_not_answer_and_a_taker_that_fails_do_not_end_it() -> None:
    answers = iter([SinkError("away"), {"number": 1}, {"number": 2}])
    taken: queue.Queue[dict[str, object]] = queue.Queue()
    done = threading.Event()

    def ask() -> dict[str, object]:
        answer = next(answers, None)
        if answer is None:
            done.wait()
            return {}
        if isinstance(answer, SinkError):
            raise answer
        return answer

    def take(document: dict[str, object]) -> None:
        if document == {"number": 1}:
            msg = "a defect"
            raise ValueError(msg)
        taken.put(document)

    with Follower(ask, take, period_s=0.01):
        assert taken.get(timeout=PATIENCE_S) == {"number": 2}
        done.set()
