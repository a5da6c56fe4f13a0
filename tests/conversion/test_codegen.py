"""Compiled functions behave like written ones: tracebacks and tools show their source."""

from __future__ import annotations

import inspect
import linecache
import traceback

import pytest

import briqpay_async as bq
from briqpay_async.conversion.codegen import compile_function
from briqpay_async.conversion.validate_fast import is_surely_valid


def test_the_function_is_the_one_that_the_lines_define() -> None:
    double = compile_function("double", ["def double(value):", "    return value * factor"], {"factor": 2}, "test")
    assert double(21) == 42


def test_a_traceback_shows_the_line_that_failed() -> None:
    divide = compile_function("divide", ["def divide(value):", "    return value / 0  # here"], {}, "test")
    with pytest.raises(ZeroDivisionError) as caught:
        divide(1)
    linecache.checkcache()  # as the traceback module does; files that do not exist are dropped there
    shown = "".join(traceback.format_exception(caught.value))
    assert "return value / 0  # here" in shown
    assert "divide of test" in shown


def test_two_functions_of_one_name_keep_their_own_source() -> None:
    one, other = (compile_function("f", ["def f():", f"    return {n}"], {}, "test") for n in (1, 2))
    assert "return 1" in inspect.getsource(one)
    assert "return 2" in inspect.getsource(other)


def test_the_names_given_are_not_changed() -> None:
    names = {"one": 1}
    compile_function("f", ["def f():", "    return one"], names, "test")
    assert names == {"one": 1}


def test_the_source_of_a_check_can_be_read() -> None:
    assert "model.city" in inspect.getsource(is_surely_valid(bq.Address))
