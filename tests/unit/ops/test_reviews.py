"""Decisions on candidates: added, undone, and kept when a new search numbers the candidates anew."""

from __future__ import annotations

from airbeat.ops.reviews import Reviewable, Reviews, Verdict


def look(number: int) -> tuple[str, tuple[float, ...]]:
    return (f"{number:064x}", (1.0, 2.0, 3.0, 4.0 + number))


CANDIDATES = (
    Reviewable(id="C001", looks=(look(1), look(2))),
    Reviewable(id="C002", looks=(look(3),)),
)


def test_the_last_decision_counts_and_the_one_before_stays_in_the_log(log):
    reviews = Reviews(log, CANDIDATES)
    reviews.decide("C001", Verdict.UNSURE, reviewer="Desk A")
    reviews.decide("C001", Verdict.PERSON, reviewer="Desk K", note="waving")
    decision = reviews.state()["C001"]
    assert (decision.verdict, decision.reviewer, decision.note) == (Verdict.PERSON, "Desk K", "waving")
    assert [e.payload["verdict"] for e in log.events()] == ["unsure", "person"]
    assert "C002" not in reviews.state()


def test_an_undone_decision_gives_way_to_the_one_before(log):
    reviews = Reviews(log, CANDIDATES)
    reviews.decide("C002", Verdict.NO, reviewer="a")
    reviews.decide("C002", Verdict.CLUE, reviewer="a")
    reviews.undo("C002", reviewer="a")
    assert reviews.state()["C002"].verdict is Verdict.NO
    reviews.undo("C002", reviewer="a")
    assert reviews.state() == {}
    assert reviews.undo("C002", reviewer="a") is None
    assert len(log.events()) == 4
    assert log.verify() == 4


def test_a_decision_follows_the_look_when_the_candidates_are_numbered_anew(log):
    Reviews(log, CANDIDATES).decide("C002", Verdict.PERSON, reviewer="a")
    anew = Reviews(
        log,
        [Reviewable(id="C001", looks=(look(9), look(3))), Reviewable(id="C002", looks=(look(1), look(2)))],
    )
    assert {name: d.verdict for name, d in anew.state().items()} == {"C001": Verdict.PERSON}
    assert anew.lost() == 0


def test_a_decision_on_a_candidate_that_is_gone_is_counted_and_not_given_to_another(log):
    Reviews(log, CANDIDATES).decide("C001", Verdict.PERSON, reviewer="a")
    other = Reviews(log, [Reviewable(id="C001", looks=(look(7),))])
    assert other.state() == {}
    assert other.lost() == 1


def test_what_is_kept_up_with_the_log_is_what_reading_it_anew_gives(log):
    reviews = Reviews(log, CANDIDATES)
    standing = reviews.standing()
    assert standing.by_reviewer() == {}
    before = []
    for verdict, reviewer in ((Verdict.NO, "a"), (Verdict.CLUE, "b"), (Verdict.PERSON, "a")):
        reviews.decide("C001", verdict, reviewer=reviewer)
        before.append(standing.by_reviewer())
        assert before[-1] == reviews.by_reviewer()
    log.append("sortie.flown", {}, actor="a")
    Reviews(log, [Reviewable(id="C009", looks=(look(9),))]).decide("C009", Verdict.NO, reviewer="a")
    reviews.undo_event("C001", 3, reviewer="a")
    assert standing.by_reviewer()["C001"]["a"].verdict is Verdict.NO
    assert standing.by_reviewer() == reviews.by_reviewer()
    assert standing.last_event == log.last_number() == 6
    assert [d["C001"]["a"].verdict for d in before] == [Verdict.NO, Verdict.NO, Verdict.PERSON]
    for reviewer in ("a", "b"):
        reviews.undo_event("C001", reviews.by_reviewer()["C001"][reviewer].event, reviewer=reviewer)
    assert not standing.by_reviewer()["C001"]
