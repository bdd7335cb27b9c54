from class_balancing.experiments.running import rounds as module
from class_balancing.experiments.running.rounds import rounds


def test_what_one_round_holds_is_made_with_the_given_seed():
    assert list(rounds(10_000, (64, 64, 3), 7)) == [(10_000, 7)]
    assert list(rounds(1, (5000, 5000, 3), 7)) == [(1, 7)]
    assert list(rounds(0, (8, 8, 1), 7)) == []


def test_rounds_have_seeds_of_their_own_and_make_as_many_as_wanted(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES_IN_A_ROUND", 10 * 8 * 8)
    found = list(rounds(35, (8, 8, 1), 7))
    assert [n for n, _ in found] == [10, 10, 10, 5]
    seeds = [seed for _, seed in found]
    assert seeds[0] == 7
    assert len(set(seeds)) == 4
    assert list(rounds(25, (8, 8, 1), 7)) == [*found[:2], (5, seeds[2])], "more images leave the first ones as they are"
    assert not set(seeds) & {seed for _, seed in rounds(35, (8, 8, 1), 8)}
