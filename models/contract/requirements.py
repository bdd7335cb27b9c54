"""What checks require, each with the sentence that says so."""

N_SAMPLED = 10


def require(holds, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)


def require_refused(what: str, function, *arguments) -> None:
    try:
        function(*arguments)
    except ValueError:
        return
    except Exception as error:
        raise AssertionError(f"{what} must be refused with ValueError, not {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what} must be refused with ValueError")


def same(found, expected) -> bool:
    return (found.dtype, found.shape) == (expected.dtype, expected.shape) and found.tobytes() == expected.tobytes()
