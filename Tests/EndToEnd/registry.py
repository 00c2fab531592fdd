"""The list of whole-session tests: suite.py and every suite_*.py beside it put theirs in."""

TESTS = []


def test(function):
    TESTS.append(function)
    return function
