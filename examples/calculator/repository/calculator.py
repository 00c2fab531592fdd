"""A small calculator: reads an expression, gives a number."""

import re

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|(.))")


def tokens(text):
    for number, operator in TOKEN.findall(text):
        if number:
            yield float(number)
        elif operator.strip():
            yield operator


def evaluate(text):
    """The value of an expression with + - * / and parentheses."""
    stream = list(tokens(text))
    position = 0

    def peek():
        return stream[position] if position < len(stream) else None

    def take():
        nonlocal position
        position += 1
        return stream[position - 1]

    def factor():
        token = take()
        if token == "(":
            value = sum_()
            take()
            return value
        if token == "-":
            return -factor()
        return token

    def product():
        value = factor()
        while peek() in ("*", "/"):
            if take() == "*":
                value *= factor()
            else:
                value /= factor()
        return value

    def sum_():
        value = product()
        while peek() in ("+", "-"):
            if take() == "+":
                value += product()
            else:
                value = product() - value
        return value

    return sum_()
