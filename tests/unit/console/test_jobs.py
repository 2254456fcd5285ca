"""Jobs: one on a vehicle at a time, cancelled only while that is safe, and a yes that somebody gave."""

from __future__ import annotations

import threading
import time

import pytest

from airbeat.console.jobs import Busy, Cancelled, Jobs, error_words
from airbeat.errors import MissionFileError, PlanningError, Problem

SOON_S = 10.0


def ended(job):
    """The job's JSON once it has ended."""
    until = time.monotonic() + SOON_S
    while not job.has_ended:
        assert time.monotonic() < until, job.to_json()
        time.sleep(0.01)
    return job.to_json()


def asked(job):
    until = time.monotonic() + SOON_S
    while job.question() is None:
        assert time.monotonic() < until, job.to_json()
        time.sleep(0.01)


def test_a_job_tells_how_far_it_is_and_what_came_of_it():
    def work(job):
        job.progress(0.5, label="half")
        job.say("done soon")
        return {"value": 7}

    told = ended(Jobs().begin("plan", "planning", by="Desk A", work=work, plan="plan-1"))
    assert (told["state"], told["share"], told["label"], told["said"]) == ("done", 0.5, "half", ["done soon"])
    assert (told["result"], told["by"], told["about"]) == ({"value": 7}, "Desk A", {"plan": "plan-1"})


def test_only_one_job_has_a_vehicle():
    jobs, go_on = Jobs(), threading.Event()
    first = jobs.begin("fly", "flight", by="Desk A", work=lambda _j: go_on.wait(SOON_S) or {}, holds="v")
    with pytest.raises(Busy, match=r"flight is under way, by Desk A"):
        jobs.begin("upload", "upload", by="Desk K", work=lambda _j: {}, holds="v")
    jobs.begin("upload", "upload", by="Desk K", work=lambda _j: {}, holds="another")
    go_on.set()
    ended(first)
    time.sleep(0.05)
    ended(jobs.begin("upload", "upload", by="Desk K", work=lambda _j: {}, holds="v"))


def test_a_job_is_cancelled_until_it_must_be_ended_in_order():
    def work(job):
        job.ask({"word": "x"}, timeout_s=SOON_S)
        while job.take_order() is None:
            job.progress(0.5)
            job.live({"flying": True})
            time.sleep(0.01)
        return {}

    jobs = Jobs()
    job = jobs.begin("fly", "flight", by="Desk A", work=work)
    asked(job)
    assert job.cancel()
    assert ended(job)["state"] == "cancelled"
    job = jobs.begin("fly", "flight", by="Desk A", work=work)
    asked(job)
    assert job.answer(yes=True, by="Desk K")
    while not job.order("land"):
        assert not job.cancel()
        time.sleep(0.01)
    assert ended(job)["state"] == "done"
    assert not job.cancel()
    assert not job.answer(yes=True, by="Desk K")
    assert not job.order("land")


def test_no_answer_is_no():
    seen = []
    job = Jobs().begin(
        "fly", "f", by="x", work=lambda j: seen.append(j.ask({"word": "x"}, timeout_s=0.05)) or {}
    )
    ended(job)
    assert seen == [(False, "")]


def test_what_fails_is_said_and_told_and_our_own_mistakes_show_no_traceback():
    told = []
    jobs = Jobs(failed=lambda job, why: told.append((job.title, why)))

    def wrong(_job):
        raise PlanningError("no way", remedy="draw another")

    def ours(_job):
        raise KeyError("secret")

    assert ended(jobs.begin("plan", "a", by="x", work=wrong))["error"] == "no way (draw another)"
    assert ended(jobs.begin("plan", "b", by="x", work=ours))["error"] == "internal error: KeyError"
    assert told == [("a", "no way (draw another)"), ("b", "internal error: KeyError")]


def test_a_console_that_ends_cancels_its_jobs():
    def work(job):
        while True:
            job.progress(0.1)
            time.sleep(0.01)

    jobs = Jobs()
    job = jobs.begin("plan", "p", by="x", work=work)
    jobs.close()
    assert ended(job)["state"] == "cancelled"


def test_a_mission_file_s_problems_are_named_by_their_keys():
    problem = Problem(line=3, column=4, key="fence.max_height_m", message="is too low", remedy="raise it")
    error = MissionFileError("plan-1.yaml", [problem])
    assert error_words(error) == "fence.max_height_m: is too low (raise it)"


def test_cancelled_is_no_failure():
    def work(job):
        raise Cancelled

    assert ended(Jobs().begin("plan", "p", by="x", work=work))["error"] == ""
