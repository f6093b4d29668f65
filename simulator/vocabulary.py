"""The words of the made-up traffic: intents, actions, policies, reasons, agents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Intent:
    """What a made-up customer wants, and how well the agent copes with it.

    `ease` is the share of handled cases that the agent should resolve alone;
    for questions it is the share that ends in an answer.
    """

    code: str
    domain: str
    requires_action: bool
    tier: str
    weight: float
    ease: float
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    policy: str
    alias: str | None = None


INTENTS: tuple[Intent, ...] = (
    Intent(
        "order_status", "retail", False, "tier_1", 11, 0.86,
        ("get_order_details", "find_user_id_by_email"), (), "privacy",
        alias="wismo",
    ),
    Intent(
        "cancel_order", "retail", True, "tier_1", 7, 0.78,
        ("get_order_details", "find_user_id_by_name_zip"),
        ("cancel_pending_order",), "cancellation_window",
    ),
    Intent(
        "return_item", "retail", True, "tier_1", 8, 0.76,
        ("get_order_details", "get_product_details"),
        ("return_delivered_order_items",), "refund_limit",
    ),
    Intent(
        "exchange_item", "retail", True, "tier_1", 5, 0.72,
        ("get_product_details", "list_all_product_types"),
        ("exchange_delivered_order_items",), "refund_limit",
    ),
    Intent(
        "change_address", "retail", True, "tier_1", 5, 0.84,
        ("get_user_details",), ("modify_user_address",), "account_change",
    ),
    Intent(
        "refund_request", "retail", True, "tier_2", 6, 0.66,
        ("get_order_details", "calculate_refund"), ("refund_payment",),
        "refund_limit", alias="money_back",
    ),
    Intent(
        "product_question", "retail", False, "tier_1", 6, 0.84,
        ("search_products", "get_product_details"), (), "privacy",
    ),
    Intent(
        "book_flight", "airline", True, "tier_1", 5, 0.7,
        ("search_direct_flight", "get_user_details"), ("book_reservation",),
        "fare_rules",
    ),
    Intent(
        "change_flight", "airline", True, "tier_2", 6, 0.64,
        ("get_reservation_details", "search_onestop_flight"),
        ("update_reservation_flights",), "fare_rules",
    ),
    Intent(
        "cancel_flight", "airline", True, "tier_1", 5, 0.72,
        ("get_reservation_details",), ("cancel_reservation",),
        "cancellation_window", alias="flight_cancellation",
    ),
    Intent(
        "baggage_request", "airline", True, "tier_1", 4, 0.76,
        ("get_reservation_details",), ("update_reservation_baggages",),
        "fare_rules",
    ),
    Intent(
        "flight_status", "airline", False, "tier_1", 5, 0.9,
        ("get_flight_status",), (), "privacy",
    ),
    Intent(
        "mobile_data_issue", "telecom", True, "tier_2", 6, 0.36,
        ("check_network_status", "get_data_usage", "get_details_by_id"),
        ("toggle_data", "resume_line"), "account_change",
    ),
    Intent(
        "roaming_request", "telecom", True, "tier_1", 4, 0.8,
        ("get_details_by_id",), ("enable_roaming", "disable_roaming"),
        "account_change",
    ),
    Intent(
        "plan_change", "telecom", True, "tier_2", 4, 0.62,
        ("list_plans", "get_customer_by_phone"), ("update_plan",),
        "account_change",
    ),
    Intent(
        "pay_bill", "telecom", True, "tier_1", 5, 0.82,
        ("get_bills_for_customer",), ("make_payment",), "account_change",
    ),
    Intent(
        "billing_question", "telecom", False, "tier_1", 4, 0.8,
        ("get_bills_for_customer", "calculate"), (), "privacy",
    ),
    Intent(
        "policy_question", "retail", False, "tier_1", 4, 0.88,
        ("search_help_pages",), (), "privacy",
    ),
)  # fmt: skip

INTENTS_BY_CODE = {intent.code: intent for intent in INTENTS}
ACTION_INTENTS = tuple(intent for intent in INTENTS if intent.requires_action)
QUESTION_INTENTS = tuple(intent for intent in INTENTS if not intent.requires_action)

IDENTITY_POLICY = "identity_verification"

AGENTS = {
    "retail": "sim_retail_assistant",
    "airline": "sim_airline_assistant",
    "telecom": "sim_telecom_assistant",
}
# The airline's agent logs under a name of its own: ids are unique within it.
SOURCE_SYSTEMS = {"retail": None, "airline": "sim_airline", "telecom": None}
# The telecom's helpdesk exports under a name of its own; its tickets are still
# those of the default ticket system.
HELPDESKS = {"retail": None, "airline": None, "telecom": "sim_helpdesk"}
OLD_VERSION = "2.3.0"
NEW_VERSION = "2.4.0"
WORSENED_INTENT = "return_item"
WORSENED_EASE = 0.3
GROWN_INTENT = "mobile_data_issue"  # wanted more often towards the end
GROWTH = 8

CHANNELS = ("chat", "email", "voice", "web")
CHANNEL_WEIGHTS = (52, 18, 17, 13)

REASONS = (
    "low_confidence",
    "policy_ambiguity",
    "physical_action_required",
    "customer_request",
    "missing_knowledge",
    "unsupported_request",
    "policy_restriction",
    "tool_failure",
    "negative_feedback",
    "safety_or_compliance",
    "usage_limit",
    "human_takeover",
    "human_approval",
)
REASON_ALIASES = {
    "user_requested": "customer_request",
    "human_requested": "customer_request",
    "low_conf": "low_confidence",
    "ambiguous_policy": "policy_ambiguity",
    "api_error": "tool_failure",
    "onsite_visit": "physical_action_required",
}
# What agents say when they hand over on an ordinary day, with its weight.
REASON_MIX = (
    ("low_confidence", 24),
    ("customer_request", 22),
    ("policy_ambiguity", 14),
    ("missing_knowledge", 10),
    ("policy_restriction", 8),
    ("tool_failure", 7),
    ("unsupported_request", 6),
    ("physical_action_required", 4),
    ("negative_feedback", 3),
    ("safety_or_compliance", 1),
    ("usage_limit", 1),
)

MODELS = (("sim-model-small", 0.15, 0.6), ("sim-model-large", 2.5, 10.0))
QUEUES = ("tier_2_support", "billing_desk", "travel_desk", "network_desk")
TEXTS = (
    "Made-up text: hello, I need help with my order.",
    "Made-up text: can you change this for me, please?",
    "Made-up text: thank you, that is all.",
    "Made-up text: I have looked it up for you.",
)
