"""House rules that dbt-bouncer has no check for; `dbt-bouncer.yml` names them."""

from __future__ import annotations

from typing import Any

from dbt_bouncer.check_framework.decorator import check, fail

TEST = "well_formed"
OPENING = "One row per "


@check
def check_model_states_its_grain(model, ctx) -> None:  # noqa: ANN001
    """A model states its grain to a test, by the columns that no two rows share."""
    _fail_without_grain(model, ctx)


@check
def check_seed_states_its_grain(seed, ctx) -> None:  # noqa: ANN001
    """A seed states its grain to a test, by the columns that no two rows share."""
    _fail_without_grain(seed, ctx)


@check
def check_seed_opens_with_its_grain(seed, ctx) -> None:  # noqa: ANN001
    """The description of a seed opens with its grain."""
    _fail_without_opening(seed)


@check
def check_snapshot_opens_with_its_grain(snapshot, ctx) -> None:  # noqa: ANN001
    """The description of a snapshot opens with its grain."""
    _fail_without_opening(snapshot)


@check
def check_source_opens_with_its_grain(source, ctx) -> None:  # noqa: ANN001
    """The description of a source's table opens with its grain."""
    _fail_without_opening(source)


@check
def check_model_has_a_test(model, ctx) -> None:  # noqa: ANN001
    """Something fails where the model goes wrong: a data test or a unit test."""
    if not (
        ctx.tests_by_attached_node.get(model.unique_id)
        or ctx.unit_tests_by_depends_on_node.get(model.unique_id)
    ):
        fail(f"`{model.name}` has neither a data test nor a unit test")


def _fail_without_grain(node: Any, ctx: Any) -> None:  # noqa: ANN401
    tests = ctx.tests_by_attached_node.get(node.unique_id, [])
    stated = (test.test_metadata for test in tests if test.test_metadata)
    if not any(it.name == TEST and it.kwargs.get("grain") for it in stated):
        fail(f"`{node.name}` has no test `{TEST}` with a `grain`")


def _fail_without_opening(node: Any) -> None:  # noqa: ANN401
    if not (node.description or "").lstrip().startswith(OPENING):
        fail(f"the description of `{node.name}` does not open with `{OPENING}`")
