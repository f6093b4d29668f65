"""The policy leg: chains of checks, and which actions they bind."""

# ruff: noqa: D103 - a scenario's name is its sentence

from __future__ import annotations

from simulator.plot import PERSON, CasePlan, Plot, SessionPlan
from simulator.plot import TicketPlan as Ticket
from simulator.scenarios import edge
from simulator.stories import (
    act_safely,
    finish,
    open_case,
    understand,
    understood_case,
)
from simulator.vocabulary import IDENTITY_POLICY


def _policy_fails(
    case: CasePlan,
    talk: SessionPlan,
    ticket: Ticket,
    compliance: str,
    *,
    action_leg: str = "pass",
    kind: str = "action",
) -> None:
    closed_at = finish(talk, ticket)
    case.expects(
        legs=f"pass fail {action_leg} pass",
        resolved=False,
        blocker="policy",
        outcome="closed_unproven",
        kind=kind,
        resolved_at=closed_at,
        compliance=compliance,
    )


def _policy_missing(
    case: CasePlan, talk: SessionPlan, ticket: Ticket, compliance: str = "0/0"
) -> None:
    closed_at = finish(talk, ticket)
    case.expects(
        legs="pass missing pass pass",
        resolved=None,
        blocker="policy",
        outcome="closed_unproven",
        kind="action",
        resolved_at=closed_at,
        compliance=compliance,
    )


@edge()
def unnamed_check_after_the_act(plot: Plot) -> None:
    """A check that names no action binds only what comes after it: nothing."""
    case, ticket, talk = understood_case(plot)
    talk.writes()
    talk.checks()
    case.resolves(finish(talk, ticket), compliance="0/0")


@edge()
def write_before_check_passed(plot: Plot) -> None:
    """The check passes later, but the act was done while it stood failed."""
    case, ticket, talk = understood_case(plot)
    talk.checks("fail", action="a")
    talk.writes()
    talk.checks("pass", action="a")
    _policy_fails(case, talk, ticket, "0/1")


@edge()
def write_after_an_errored_check(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.checks("error", action="a")
    talk.writes()
    talk.checks("pass", action="a")
    _policy_fails(case, talk, ticket, "0/1")


@edge()
def check_failed_then_passed(plot: Plot) -> None:
    """The chain's last outcome counts, and it came before the act."""
    case, ticket, talk = understood_case(plot)
    talk.checks("fail", action="a")
    talk.checks("error", action="a")
    talk.checks("pass", action="a")
    talk.writes()
    case.resolves(finish(talk, ticket))


@edge()
def check_lapsed_before_the_act(plot: Plot) -> None:
    """Passed once, failed since: at the act the check has not passed."""
    case, ticket, talk = understood_case(plot)
    talk.checks("pass", action="a")
    talk.checks("fail", action="a")
    talk.writes()
    talk.checks("pass", action="a")
    _policy_fails(case, talk, ticket, "0/1")


@edge()
def check_failed_after_the_act(plot: Plot) -> None:
    """Allowed at the act; a later failure of another chain is left."""
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    talk.writes()
    talk.checks("fail")
    _policy_fails(case, talk, ticket, "1/1")


@edge()
def not_applicable_only(plot: Plot) -> None:
    """`not_applicable` is no evidence and binds nothing."""
    case, ticket, talk = understood_case(plot)
    talk.checks("not_applicable", action="a")
    talk.writes()
    _policy_missing(case, talk, ticket)


@edge()
def not_applicable_after_fail(plot: Plot) -> None:
    """`not_applicable` mends nothing."""
    case, ticket, talk = understood_case(plot)
    talk.checks("fail", action="a")
    talk.checks("not_applicable", action="a")
    talk.writes()
    _policy_fails(case, talk, ticket, "0/1")


@edge()
def not_applicable_after_pass(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.checks("pass", action="a")
    talk.checks("not_applicable", action="a")
    talk.writes()
    case.resolves(finish(talk, ticket))


@edge()
def optional_check_failed(plot: Plot) -> None:
    """Optional checks neither fail the leg nor count."""
    case, ticket, talk = understood_case(plot)
    talk.checks("pass", action="a", is_required=True)
    talk.checks("fail", policy="privacy", is_required=False)
    talk.writes()
    case.resolves(finish(talk, ticket))


@edge()
def optional_check_only(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.checks("pass", action="a", is_required=False)
    talk.writes()
    _policy_missing(case, talk, ticket)


@edge()
def required_flag_is_not_a_flag(plot: Plot) -> None:
    """A flag that is no boolean is not said: the check is required."""
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    talk.checks("fail", policy="privacy", is_required="false", counts=True)
    _policy_fails(case, talk, ticket, "0/0", action_leg="none", kind="unproven")


@edge()
def check_left_in_error(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    talk.checks("error", action="a")
    _policy_fails(case, talk, ticket, "0/0", action_leg="none", kind="unproven")


@edge()
def chain_by_check_id(plot: Plot) -> None:
    """Without a policy the check's id makes the chain."""
    case, ticket, talk = understood_case(plot)
    check = f"sim-check-{plot.tag}-again"
    talk.checks("fail", policy=None, check=check, action="a")
    talk.checks("pass", policy=None, check=check, action="a")
    talk.writes()
    case.resolves(finish(talk, ticket))


@edge()
def chain_by_policy_over_check_ids(plot: Plot) -> None:
    """Where the policy is named, differing check ids are one chain."""
    case, ticket, talk = understood_case(plot)
    talk.checks("fail", check=f"sim-check-{plot.tag}-x", action="a")
    talk.checks("pass", check=f"sim-check-{plot.tag}-y", action="a")
    talk.writes()
    case.resolves(finish(talk, ticket))


@edge()
def nameless_check_stands_alone(plot: Plot) -> None:
    """Neither policy nor check id: nothing can mend such a failure."""
    case, ticket, talk = understood_case(plot)
    talk.checks("fail", policy=None, check=None, action="a")
    talk.checks("pass", policy=None, check=None, action="a")
    talk.writes()
    _policy_fails(case, talk, ticket, "0/1")


@edge()
def chains_are_kept_apart_by_action(plot: Plot) -> None:
    """The same policy of another action is another chain, and is left failed."""
    case, ticket, talk = understood_case(plot)
    talk.checks("fail", action="b")
    talk.checks("pass", action="a")
    talk.writes(action="a")
    _policy_fails(case, talk, ticket, "1/1")


@edge()
def one_of_two_actions_compliant(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.checks("pass", action="a")
    talk.checks("fail", action="b")
    talk.writes(action="a")
    talk.writes(action="b")
    talk.checks("pass", action="b")
    _policy_fails(case, talk, ticket, "1/2")


@edge()
def one_check_binds_every_later_action(plot: Plot) -> None:
    case, ticket, talk = understood_case(plot)
    talk.checks_identity()
    talk.writes(action="a")
    talk.writes(action="b")
    case.resolves(finish(talk, ticket), compliance="2/2")


@edge()
def first_attempt_before_the_check(plot: Plot) -> None:
    """Every attempt must be compliant, the failed ones too."""
    case, ticket, talk = understood_case(plot)
    talk.checks("fail", action="a")
    talk.writes("failure", attempt=1)
    talk.checks("pass", action="a")
    talk.writes("success", attempt=2)
    _policy_fails(case, talk, ticket, "0/1")


@edge(days=2)
def check_in_another_session(plot: Plot) -> None:
    """A check binds the actions of its own session only."""
    case, ticket, first = understood_case(plot)
    first.checks_identity()
    first.ends("timeout")
    plot.wait(hours=5)
    second = case.session(ticket, link_rule="ticket", parent=first)
    second.starts()
    understand(second)
    second.writes()
    case.resolves(finish(second, ticket), compliance="0/0")


@edge(days=2)
def check_left_failed_in_an_earlier_session(plot: Plot) -> None:
    """The session is part of the chain: a pass elsewhere does not mend it."""
    case, ticket, first = understood_case(plot)
    first.checks("fail", policy=IDENTITY_POLICY)
    first.ends("timeout")
    plot.wait(hours=5)
    second = case.session(ticket, link_rule="ticket", parent=first)
    second.starts()
    understand(second)
    act_safely(second)
    _policy_fails(case, second, ticket, "1/1")


@edge()
def human_did_the_work(plot: Plot) -> None:
    """Legs are never filled by people, and a person in a session is a touch."""
    case, ticket, talk = open_case(plot, tier_from="seed")
    talk.asks()
    joined_at = talk.joins()
    case.escalation("human_takeover", joined_at, "human_touch", talk)
    talk.classifies(actor=PERSON, tier=None)
    talk.checks("pass", action="a", actor=PERSON, is_required=False)
    talk.writes(actor=PERSON)
    talk.classifies(actor="system", tier=None)
    closed_at = finish(talk, ticket)
    case.expects(
        legs="pass missing none pass",
        resolved=False,
        blocker="human",
        outcome="resolved_by_human",
        resolved_at=closed_at,
        touch=True,
    )


@edge()
def checks_and_writes_at_one_moment(plot: Plot) -> None:
    """Equal timestamps go by `sequence`, and only then by `event_id`."""
    case, ticket, talk = understood_case(plot)
    moment = plot.now + 5_000
    plot.jump_to(moment)
    talk.writes(sequence=20)
    plot.hold()
    talk.checks(action="a", sequence=10)
    case.resolves(finish(talk, ticket))


@edge()
def checks_and_writes_in_order_of_id(plot: Plot) -> None:
    """No sequence: the greater `event_id` comes later."""
    case, ticket, talk = understood_case(plot)
    plot.jump_to(plot.now + 5_000)
    talk.writes(event_id=f"sim-event-{plot.tag}-x1")
    plot.hold()
    talk.checks(action="a", event_id=f"sim-event-{plot.tag}-x2")
    _policy_fails(case, talk, ticket, "0/1")
