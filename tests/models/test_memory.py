from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_inspector.events import ModelProof
from edge_inspector.inspection import ModelIdentity
from edge_inspector.models.memory import Memory, Probation, Rejection
from edge_inspector.models.probation import Counts
from edge_inspector.models.store import Store
from tests.models.fakes import NOW

MODELS = tuple(ModelIdentity("spot", f"1.{number}.0", f"{number:064x}") for number in range(5))
A, B, C, *_ = MODELS
PROBATION = Probation(NOW, before=Counts(100, 3, 1))
PROOF = ModelProof(200, 1.5, 0.0, 0.1, None, (1.0, 2.0))

models = st.sampled_from(MODELS)
switches = st.builds(
    lambda model, probation: lambda memory: memory.switched(model, probation),
    models,
    st.sampled_from([None, PROBATION]),
)
refusals = st.builds(lambda model: lambda memory: memory.refused(rejection_of(model)), models)
others = st.sampled_from(
    [
        lambda memory: memory.trusted(PROOF),
        Memory.started,
        Memory.ended,
        lambda memory: memory if memory.running is None else memory.taken_back(rejection_of(memory.running)),
        lambda memory: memory.fallen_back(memory.previous),
        lambda memory: memory.forgetting(A.sha256),
    ]
)
histories = st.lists(switches | refusals | others, max_size=30)


def rejection_of(model: ModelIdentity) -> Rejection:
    return Rejection(model, "too slow", NOW)


@given(histories)
def test_whatever_happens_there_is_a_model_to_go_back_to_other_than_the_one_that_runs(history: list) -> None:
    memory = Memory()
    for change in history:
        memory = change(memory)
        assert memory.running is not None or memory.previous is None
        assert memory.running is None or memory.running != memory.previous
        assert memory.probation is None or memory.running is not None
        assert set(memory.kept) == {memory.running, memory.previous} - {None}


@settings(max_examples=20)
@given(histories)
def test_what_is_remembered_is_read_back_as_it_was(history: list) -> None:
    memory = Memory()
    for change in history:
        memory = change(memory)
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "models")
        assert store.change(lambda _: memory) == memory
        assert Store(Path(folder) / "models").read() == memory


def test_a_model_on_probation_gives_way_to_the_last_good_one_before_it() -> None:
    memory = Memory().switched(A, None).switched(B, PROBATION)
    assert (memory.running, memory.previous) == (B, A)
    assert memory.switched(C, PROBATION).previous == A
    assert memory.trusted(PROOF).switched(C, PROBATION).previous == B
    assert memory.switched(A, PROBATION) == Memory(running=A), "A is good already"


def test_what_is_taken_back_is_remembered_as_refused() -> None:
    memory = Memory().switched(A, None).switched(B, PROBATION).taken_back(rejection_of(B))
    assert (memory.running, memory.previous, memory.probation) == (A, None, None)
    assert memory.rejection_of(B) == replace(rejection_of(B), ran=True)
    assert memory.forgetting(B.sha256).rejection_of(B) is None


def test_another_version_with_the_same_file_is_another_model() -> None:
    same_file = ModelIdentity(A.name, "2.0.0", A.sha256)
    assert Memory().refused(rejection_of(A)).rejection_of(same_file) is None


def test_a_model_under_which_the_process_died_twice_is_hopeless_and_clean_ends_do_not_count() -> None:
    memory = Memory().switched(A, PROBATION)
    for _ in range(5):
        memory = memory.ended().started()
    assert not memory.is_hopeless
    assert memory.started().is_hopeless
    assert not memory.started().trusted(PROOF).is_hopeless


def test_only_the_latest_refusals_are_remembered() -> None:
    memory = Memory()
    for number in range(300):
        memory = memory.refused(rejection_of(ModelIdentity("spot", "1.0.0", f"{number:064x}")))
    assert len(memory.rejected) == 200
    assert memory.rejected[-1].model.sha256 == f"{299:064x}"
