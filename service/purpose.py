"""The one purpose that is served, and the refusal of any other."""

from features.errors import AccessError

# Help is planned with the person; the law and the area's training, not this line, keep the estimate from other uses.
SERVED_PURPOSE = "service_planning"


class PurposeError(AccessError):
    """The request names a purpose that is not served."""


def refuse_other_purposes(*purposes: str) -> None:
    """Nothing, when each of `purposes` is the one served. Raises PurposeError, which says why."""
    if any(purpose != SERVED_PURPOSE for purpose in purposes):
        raise PurposeError(
            f"purpose: only {SERVED_PURPOSE} is served. The estimate is not for statements, obligations, benefits or "
            "control, and another purpose would need a legal basis of its own."
        )
