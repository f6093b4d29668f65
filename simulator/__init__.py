"""Made-up customer support traffic whose truth is known.

Nothing here describes real people, shops or agents. Every case is drawn from a
scenario that writes down, by hand, what the KPIs must say about it; the events
are then acted out. So the truth is planned, never computed from the events, and
a warehouse that reads the events can be held against it.
"""
