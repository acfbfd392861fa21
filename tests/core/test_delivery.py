"""A letter leaves once: never again by itself after doubt, never never (S4-20; quirks 70-72)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.delivery import (
    GIVE_UP_AFTER,
    TABLE,
    Event,
    ForbiddenStep,
    Phase,
    RecipientState,
    ReplyKind,
    SmtpReply,
    State,
    is_worth_telling,
    kind_of,
    next_attempt,
    outcome,
    recover,
    settle,
    step,
)

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAITING, SENT, DEFERRED, FAILED, UNCERTAIN = (
    RecipientState.WAITING,
    RecipientState.SENT,
    RecipientState.DEFERRED,
    RecipientState.FAILED,
    RecipientState.UNCERTAIN,
)


def reachable(start: State) -> set[State]:
    found, todo = set(), [(start, Phase.NONE)]
    while todo:
        for place in TABLE[todo.pop()].values():
            if place not in found:
                found.add(place)
                todo.append(place)
    return {state for state, _ in found}


@pytest.mark.parametrize("state", [State.SENT, State.UNCERTAIN, State.FAILED])
def test_no_way_leads_back_to_sending(state):
    assert not reachable(state) & {State.HELD, State.QUEUED, State.SENDING}


@given(st.lists(st.sampled_from(Event), max_size=40))
def test_in_any_history_there_is_no_attempt_after_sent_or_doubt(events):
    state, phase, ended = State.HELD, Phase.NONE, False
    for event in events:
        try:
            state, phase = step(state, phase, event)
        except ForbiddenStep:
            continue
        assert (state is State.SENDING) == (phase is not Phase.NONE)
        assert not (ended and state in (State.QUEUED, State.SENDING))
        ended = ended or state in (State.SENT, State.UNCERTAIN, State.FAILED)


def test_a_row_found_in_the_dot_is_uncertain_and_before_it_queued():
    assert recover(State.SENDING, Phase.DOT) == (State.UNCERTAIN, Phase.NONE)
    assert recover(State.SENDING, Phase.PRE_DATA) == (State.QUEUED, Phase.NONE)
    for state in (State.HELD, State.QUEUED, State.SENT, State.FAILED, State.UNCERTAIN):
        assert recover(state, Phase.NONE) == (state, Phase.NONE)


@pytest.mark.parametrize("state", [State.SENDING, State.SENT, State.FAILED, State.UNCERTAIN])
def test_a_letter_on_its_way_or_gone_cannot_be_cancelled(state):
    phase = Phase.PRE_DATA if state is State.SENDING else Phase.NONE
    with pytest.raises(ForbiddenStep):
        step(state, phase, Event.CANCEL)


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (250, "2.0.0 Ok: queued as 4F1", ReplyKind.ACCEPTED),
        (451, "4.7.1 Greylisted", ReplyKind.LATER),
        (450, "4.2.0 mailbox busy", ReplyKind.LATER),
        (421, "4.3.2 shutting down", ReplyKind.THROTTLED),
        (432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", ReplyKind.THROTTLED),
        (452, "4.5.3 Too many recipients", ReplyKind.THROTTLED),
        (550, "5.1.1 no such user", ReplyKind.REFUSED),
        (554, "5.7.1 spam", ReplyKind.REFUSED),
        (552, "5.3.4 message too large, limit 20 MB", ReplyKind.REFUSED),
        (550, "5.4.5 Daily user sending limit exceeded", ReplyKind.DAILY_LIMIT),
        (554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", ReplyKind.DAILY_LIMIT),
        (535, "5.7.8 Username and Password not accepted", ReplyKind.SIGN_IN),
        (530, "5.7.57 Client not authenticated", ReplyKind.SIGN_IN),
        (454, "4.7.0 TLS not available due to local problem", ReplyKind.LATER),
        (354, "go on", ReplyKind.UNCLEAR),
        (0, "", ReplyKind.UNCLEAR),
    ],
)
def test_a_reply_says_what_to_do(code, text, kind):
    assert kind_of(SmtpReply(code, text)) is kind


OK, BUSY, NO = SmtpReply(250), SmtpReply(451), SmtpReply(550)


@pytest.mark.parametrize(
    ("phase", "rcpt", "final", "event", "states"),
    [
        (Phase.DOT, (OK, OK), OK, Event.ACCEPTED, (SENT, SENT)),
        (Phase.DOT, (OK, NO), OK, Event.ACCEPTED, (SENT, FAILED)),
        (Phase.DOT, (OK, BUSY), OK, Event.LATER, (SENT, DEFERRED)),
        (Phase.DOT, (OK, OK), BUSY, Event.LATER, (DEFERRED, DEFERRED)),
        (Phase.DOT, (OK, NO), NO, Event.REFUSED, (FAILED, FAILED)),
        (Phase.DOT, (OK, OK), None, Event.LOST, (UNCERTAIN, UNCERTAIN)),
        (Phase.DOT, (OK, NO), None, Event.LOST, (UNCERTAIN, FAILED)),
        (Phase.DOT, (OK, BUSY), None, Event.LOST, (UNCERTAIN, DEFERRED)),
        (Phase.DOT, (OK, OK), SmtpReply(999), Event.LOST, (UNCERTAIN, UNCERTAIN)),
        (Phase.PRE_DATA, (OK, None), None, Event.LOST, (WAITING, WAITING)),
        (Phase.PRE_DATA, (NO, NO), None, Event.REFUSED, (FAILED, FAILED)),
        (Phase.PRE_DATA, (NO, BUSY), None, Event.LATER, (FAILED, DEFERRED)),
        (Phase.PRE_DATA, (OK, OK), BUSY, Event.LATER, (DEFERRED, DEFERRED)),
        (Phase.PRE_DATA, (OK, OK), NO, Event.REFUSED, (FAILED, FAILED)),
        (Phase.PRE_DATA, (SmtpReply(550, "5.4.5 limit"), NO), NO, Event.LATER, (DEFERRED, FAILED)),
    ],
)
def test_each_recipient_has_a_fate_and_the_letter_the_sum_of_them(phase, rcpt, final, event, states):
    answers = {email: reply for email, reply in zip("ab", rcpt, strict=True) if reply is not None}
    result = outcome({"a": WAITING, "b": WAITING}, phase=phase, rcpt=answers, final=final)
    assert (result.event, tuple(result.recipients.values())) == (event, states)
    assert step(State.SENDING, phase, result.event)


def test_who_has_it_already_is_not_asked_again():
    result = outcome({"a": SENT, "b": DEFERRED}, phase=Phase.PRE_DATA, rcpt={"b": NO}, final=NO)
    assert (result.event, result.recipients) == (Event.ACCEPTED, {"a": SENT, "b": FAILED})


def test_doubt_settled_by_a_person_starts_nothing():
    doubtful = {"a": UNCERTAIN, "b": DEFERRED, "c": SENT, "d": FAILED}
    assert settle(doubtful, Event.MARK_SENT) == {"a": SENT, "b": FAILED, "c": SENT, "d": FAILED}
    assert settle(doubtful, Event.SENT_AGAIN)["a"] is FAILED


REPLY = st.sampled_from([OK, OK, BUSY, NO, SmtpReply(421), SmtpReply(550, "5.4.5 limit"), None])


@given(st.lists(st.tuples(st.lists(REPLY, min_size=3, max_size=3), REPLY, st.booleans()), max_size=30))
def test_no_recipient_is_ever_sent_to_twice_whatever_the_server_answers(attempts):
    """The server may have taken the letter whenever the dot left and no refusal came back."""
    recipients = dict.fromkeys("abc", WAITING)
    state, phase, taken = State.QUEUED, Phase.NONE, dict.fromkeys("abc", 0)
    for rcpt, final, reaches_dot in attempts:
        if state is not State.QUEUED:
            break
        state, phase = step(state, phase, Event.CLAIM)
        tried = [email for email, fate in recipients.items() if fate in (WAITING, DEFERRED)]
        answers = {email: reply for email, reply in zip("abc", rcpt, strict=True) if reply and email in tried}
        if reaches_dot and OK in answers.values():
            state, phase = step(state, phase, Event.DOT)
            for email, reply in answers.items():
                taken[email] += reply is OK and final in (OK, None)
        result = outcome(recipients, phase=phase, rcpt=answers, final=final)
        recipients = dict(result.recipients)
        state, phase = step(state, phase, result.event)
    assert max(taken.values()) <= 1
    for email, fate in recipients.items():
        assert fate is not SENT or taken[email] == 1
        assert fate is not FAILED or taken[email] == 0
    if state is State.SENT:
        assert SENT in recipients.values()
        assert not {WAITING, DEFERRED, UNCERTAIN} & set(recipients.values())


@given(st.floats(0, 1), st.sampled_from([None, ReplyKind.LATER, ReplyKind.THROTTLED, ReplyKind.UNCLEAR]))
def test_attempts_grow_apart_and_end(jitter, kind):
    at, attempts, pauses = AT, 1, []
    while (
        again := next_attempt(attempts=attempts, queued_at=AT, at=at, jitter=jitter, kind=kind)
    ) is not None:
        pauses.append(again - at)
        at, attempts = again, attempts + 1
    assert pauses == sorted(pauses)
    assert pauses[0] >= timedelta(seconds=48)
    assert at - AT <= GIVE_UP_AFTER
    assert GIVE_UP_AFTER - (at - AT) <= timedelta(hours=1, minutes=12)
    assert attempts < 80


def test_a_daily_limit_waits_for_the_next_day_and_a_sign_in_for_the_person():
    late = AT + GIVE_UP_AFTER
    limited = next_attempt(attempts=9, queued_at=AT, at=late, jitter=0, kind=ReplyKind.DAILY_LIMIT)
    assert limited == datetime(2026, 3, 4, tzinfo=UTC)
    much_later = AT + timedelta(days=30)
    assert next_attempt(attempts=9, queued_at=AT, at=much_later, jitter=0, kind=ReplyKind.DAILY_LIMIT) is None
    assert next_attempt(attempts=9, queued_at=AT, at=much_later, jitter=0, kind=ReplyKind.SIGN_IN) is not None


def test_the_author_hears_of_it_after_an_hour():
    assert not is_worth_telling(queued_at=AT, at=AT + timedelta(minutes=59))
    assert is_worth_telling(queued_at=AT, at=AT + timedelta(hours=1))
