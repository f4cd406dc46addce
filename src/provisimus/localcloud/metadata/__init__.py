"""The instance metadata service (IMDSv2) that every guest finds at http://169.254.169.254.

Each machine has a wire of its own for it: a second network card whose other end is a socket that
this process holds. Who asks is known by the wire that the question comes from, nothing listens on
this computer, and no other process is started.

How a question travels: ``wire`` (a thread at the socket) → ``tcp`` and ``frames`` (the few packets
that one HTTP exchange needs) → ``http`` (bytes to a request, a reply to bytes) → ``service`` (what
AWS would answer: tokens, refusals) → ``tree`` (an instance's description as paths). All but
``wire`` is decided without a socket or a clock; describing an instance is ``hooks/metadata.py``.
"""
