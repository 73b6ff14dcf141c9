"""An error nobody foresaw, as the log may tell it: type and place, never its message, which may hold personal data."""

import traceback


def type_and_place(error: BaseException) -> str:
    """Return the error's type and the innermost places it came through, the last one first."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    places = [f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})" for frame in reversed(frames)]
    return f"{type(error).__name__} in {' <- '.join(places)}"
