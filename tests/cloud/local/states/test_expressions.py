"""Expressions give what Step Functions gives, as far as sfnx knows it, and fail by the same name."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sfnx import testing as sfnx

from cloud_side.local.states import expressions, patterns, values
from cloud_side.local.states.expressions import QUERY_EVALUATION, evaluate
from cloud_side.local.states.failure import StateFailure
from cloud_side.local.states.syntax import LIBRARY_ERRORS

INPUT = {
    "name": "Bolt M8",
    "score": 0.875,
    "count": 3,
    "big": 9007199254740991,
    "whole": 2.0,
    "nothing": None,
    "empty": [],
    "object": {},
    "flag": False,
    "umlaut": "Prüfung é ß 😀",
    "tags": ["a", "b", None, "a"],
    "nested": [[1, 2], [3]],
    "items": [
        {"id": "a", "score": 0.9, "box": {"x": 1, "y": 2}, "ok": True},
        {"id": "b", "score": 0.4, "box": {"x": 3, "y": 4}, "ok": None},
        {"id": "c", "score": 0.9, "box": {"x": 5, "y": None}},
    ],
    "text": '{"a": [1, null, {"b": "c"}]}',
}
VARIABLES = {
    "threshold": 0.5,
    "list": [1, 2, 3],
    "config": {"retries": 2, "none": None},
    "word": "scratch",
    "null": None,
}

# Each is evaluated by sfnx and by us in the Output of a Pass state.
GOOD = [
    # literals, texts without an expression, templates
    "plain text",
    "{ % 1 %}",
    {"a": "{% 1 %}", "b": ["{% 'x' %}", None, 1.5, True, {"c": "{% $list %}"}], "": "{% $word %}"},
    ["{% $threshold %}", ["{% null %}"]],
    "{% null %}",
    "{% true %}",
    "{%1+1%}",
    "{% 'a' %}",
    "{% [] %}",
    "{% {} %}",
    # paths, nulls, sequences
    "{% $states.input %}",
    "{% $states.input.name %}",
    "{% $states.input.nothing %}",
    "{% $states.input.items.id %}",
    "{% $states.input.items[score > $threshold].id %}",
    "{% $states.input.items[0] %}",
    "{% $states.input.items[-1].box.y %}",
    "{% $states.input.items[id = 'b'] %}",
    "{% $states.input.items[id = 'b'][] %}",
    "{% [$states.input.items[id = 'nobody']] %}",
    "{% $states.input.items[ok = null].id %}",
    "{% $states.input.items.ok %}",
    "{% $states.input.nested %}",
    "{% $states.input.nested[1] %}",
    "{% $states.input.nested.$ %}",
    "{% $states.input.items.{'i': id, 's': score} %}",
    "{% $states.input.items{id: score} %}",
    "{% $states.input.items^(>score, id).id %}",
    "{% $states.input.items#$i[$i = 1].id %}",
    "{% $states.input.items.box.%.id %}",
    "{% $states.input.items@$i.$i.box.x %}",
    "{% $states.input.**.x %}",
    "{% $states.input.items[0].* %}",
    "{% $states.input.empty %}",
    "{% $states.input.empty{'a': 1} %}",
    "{% $count($states.input.empty) %}",
    "{% $config.none %}",
    "{% $null %}",
    "{% $lookup($config, 'retries') %}",
    "{% $states.context.Execution.Input.name %}",
    "{% $states.context.State.Name %}",
    "{% $keys($states) %}",
    # numbers
    "{% $states.input.count + 1 %}",
    "{% $states.input.count / 2 %}",
    "{% $states.input.big %}",
    "{% $states.input.whole %}",
    "{% 0.1 + 0.2 %}",
    "{% -7 % 3 %}",
    "{% $round(2.675, 2) %}",
    "{% $floor(-1.5) %}",
    "{% $power(2, 10) %}",
    "{% $number('0x1F') %}",
    "{% $sum($states.input.items.score) %}",
    "{% $average($list) %}",
    "{% $formatNumber(0.125, '0.00') %}",
    "{% $formatNumber(1234567.895, '#,##0.00') %}",
    "{% $formatNumber(-42, '00000;-0000') %}",
    "{% $formatBase(255, 16) %}",
    # logic
    "{% $states.input.flag or $states.input.count > 2 %}",
    "{% $nowhere = null %}",
    "{% $nowhere != 1 %}",
    "{% null = $states.input.nothing %}",
    "{% $exists($states.input.nothing) %}",
    "{% $exists($states.input.missing) %}",
    "{% 'a' in $states.input.tags %}",
    "{% $boolean([0]) %}",
    "{% $states.input.count > 2 ? 'many' : 'few' %}",
    # texts
    "{% $states.input.name & '-' & $states.input.count %}",
    "{% $string($states.input) %}",
    "{% $string($states.input.items, true) %}",
    "{% $string(1e21) & ' ' & $string(1e20) & ' ' & $string(1/3) & ' ' & $string(0.0000001) %}",
    "{% $states.input.items.$string(score) %}",
    "{% $split('a.b.c', '.') %}",
    "{% $join($states.input.tags[$ != null], '-') %}",
    "{% $replace('a-b', /(.)-(.)/, '$2-$1') %}",
    "{% $match('a1b22', /[0-9]+/).match %}",
    "{% $contains($states.input.name, /bolt/i) %}",
    "{% $substring($states.input.umlaut, 0, 3) %}",
    "{% $pad('7', -3, '0') %}",
    "{% $trim('  a   b ') %}",
    "{% $base64decode('YWJ') %}",
    "{% $decodeUrlComponent('a+b%20c%E6') %}",
    "{% $encodeUrlComponent('a b/ü') %}",
    # functions of higher order
    "{% $map($states.input.items, function($v, $i) { $v.id & $i }) %}",
    "{% $map([1], function($v) { $v }) %}",
    "{% $filter($list, function($v) { $v > 1 }) %}",
    "{% $reduce($list, function($a, $b) { $a + $b }, 10) %}",
    "{% $sort($list, function($a, $b) { $a < $b }) %}",
    "{% $sort(['b', 'a']) %}",
    "{% $merge([$config, {'x': 1}]) %}",
    "{% $each($config, function($v, $k) { $k }) %}",
    "{% $sift($config, function($v) { $v != null }) %}",
    "{% $distinct($states.input.tags) %}",
    "{% $zip([1, 2], ['a', 'b', 'c']) %}",
    "{% $map(['1', '2'], $number) %}",
    "{% $substring(?, 0, 2)('abc') %}",
    "{% $list ~> $sum ~> $string %}",
    "{% ($add := function($a) { $a + 1 }; $list.$add($)) %}",
    "{% $states.input.items[0] ~> |box|{'z': 9}, ['x']| %}",
    "{% ($f := function($n) { $n = 0 ? 0 : $f($n - 1) }; $f(500)) %}",
    "{% ($threshold := 1; $threshold) %}",
    # what Step Functions adds, and time
    "{% $parse($states.input.text) %}",
    "{% $parse($states.input.text).a[1] %}",
    "{% $parse('3') %}",
    "{% $partition($list, 2) %}",
    "{% $partition($list, 1.9) %}",
    "{% $partition([]) %}",
    "{% $range(0, 10, 2) %}",
    "{% $range(3, 1, -1) %}",
    "{% $range(1, 1, 1) %}",
    "{% $range(-1.7, 1, 1) %}",
    "{% $hash('ü', 'SHA-256') & $hash('', 'MD5') %}",
    "{% $random(7) = $random(7) %}",
    "{% $length($uuid()) %}",
    "{% $uuid() = $uuid() %}",
    "{% $fromMillis(1789479402245) %}",
    "{% $fromMillis(1789479402245, '[Y0001]-[M01]-[D01] [H01]:[m01] [z]', '+0230') %}",
    "{% $fromMillis(0, '[Y]', 'utc') %}",
    "{% $toMillis('2026-09-15T13:36:42Z') %}",
    "{% $toMillis('2026-09-15') %}",
    "{% $length($now()) %}",
    "{% $type($millis()) %}",
]
BAD = [
    "{% $states.input.missing %}",
    "{% $nowhere %}",
    "{% $states.input.items[id = 'nobody'] %}",
    "{% $map([], function($v) { $v }) %}",
    ["{% 1 %}", {"deep": "{% $missing %}"}],
    "{% $string %}",
    "{% function($x) { $x } %}",
    "{% {'f': $sum} %}",
    "{% 'a' + 1 %}",
    "{% -'a' %}",
    "{% 1 < 'a' %}",
    "{% {1: 'a'} %}",
    "{% {'a': 1, 'a': 2} %}",
    "{% $nofunction() %}",
    "{% $word() %}",
    "{% $sum(['a']) %}",
    "{% $sum(1, 2) %}",
    "{% $uppercase(1) %}",
    "{% $uppercase(null) %}",
    "{% $error('broken') %}",
    "{% $assert(false, 'no') %}",
    "{% $single([1, 2]) %}",
    "{% $number('twelve') %}",
    "{% $number(null) %}",
    "{% $sqrt(-1) %}",
    "{% $toMillis('yesterday') %}",
    "{% $toMillis(null) %}",
    "{% $parse('{a') %}",
    "{% $parse(1) %}",
    "{% $parse($nowhere) %}",
    "{% $partition($list, 0) %}",
    "{% $partition([], 2) %}",
    "{% $partition($list, -1) %}",
    "{% $partition('abc', 1) %}",
    "{% $partition($list, '2') %}",
    "{% $range(1, 5) %}",
    "{% $range(1, 5, 0) %}",
    "{% $range(5, 1, 1) %}",
    "{% $range('1', 5, 1) %}",
    "{% $range(1, 2, 3, 4) %}",
    "{% $hash('a') %}",
    "{% $hash('a', 'sha256') %}",
    "{% $hash(1, 'MD5') %}",
    "{% $hash() %}",
    "{% $random('a') %}",
    "{% $uuid(1) %}",
    "{% $base64decode('*') %}",
    "{% $decodeUrlComponent('%zz') %}",
    "{% $formatNumber('a', '0') %}",
    "{% $fromMillis('a') %}",
    "{% $string(1, 2) %}",
    "{% $now(1) %}",
]
# sfnx lets these through to a Python error, or does not run the definition at all.
BAD_BEYOND_SFNX = [
    "{% 1 / 0 %}",
    "{% 0 / 0 %}",
    "{% 1e308 * 10 %}",
    "{% 5 % 0 %}",
    "{% $power(10, 400) %}",
    "{% $power(-8, 0.5) %}",
    "{% $number('nan') %}",
    "{% $number('inf') %}",
    "{% $sort([1, 'a']) %}",
    "{% $formatNumber(1, 'x') %}",
    "{% $match('a', 'a') %}",
    "{% $replace('a', /(/, '') %}",
    "{% /a/ %}",
    "{% $eval('1') %}",
    "{% $ %}",
    "{% $$ %}",
    "{% name %}",
    "{% (1 %}",
    "{% %}",
    "{%%}",
    "{% 'a %}",
    "{% 1 + %}",
]
# What AWS was measured to do, where sfnx says that its own run differs, or where jsonata-python is wrong.
AS_AWS = [
    ("{% $sort([{'k': 1, 'v': 'a'}, {'k': 1, 'v': 'b'}], function($l, $r) { $l.k > $r.k }).v %}", ["a", "b"]),
    ("{% $lowercase('Straße') %}", "straße"),
    ("{% 5.5 % 2 %}", 1.5),
    (r"{% $replace('a-b', /-/, 'C:\\new$$') %}", "aC:\\new$b"),
    ("{% $replace('abc', /(b)/, '$2[$12$0]') %}", "a[b2b]c"),
    ("{% $replace('aaa', /a/, 'ba', 2) & $replace('aaa', /a/, 'b', 0) %}", "babaaaaa"),
    ("{% $replace('aaa', /a/, function($m) { $m.match & '-' }, 2) %}", "a-a-a"),
    ("{% $replace('a', /b/, 'c', 1000000000000) %}", "a"),
    ("{% '' & $states.input.umlaut & {'é': [0.1 + 0.2]} %}", 'Prüfung é ß 😀{"é":[0.3]}'),
    ("{% $toMillis('2026-11-18T07:16:31.258Z') %}", 1794986191258),
    ("{% $toMillis($now()) = $millis() %}", True),
    ("{% $count($distinct([1..300].($now() & $millis()))) %}", 1),
]
AS_AWS_BAD = [
    "{% $parse('NaN') %}",
    "{% $parse('1e400') %}",
    """{% $parse('{"a": 1, "a": 2}') %}""",
    "{% $sort([true, false]) %}",
    "{% $toMillis('2026-09-15 13:36') %}",
]


def run_by_sfnx(template: Any, value: Any = INPUT) -> tuple[str | None, Any]:
    """Return the error and the output of an execution whose last state has the template for its Output."""
    begin = {"Type": "Pass", "Assign": VARIABLES, "Next": "Evaluate"}
    end = {"Type": "Pass", "Output": template, "End": True}
    machine = {"QueryLanguage": "JSONata", "StartAt": "Begin", "States": {"Begin": begin, "Evaluate": end}}
    ended = sfnx.run(machine, value)
    return (ended.error, None) if ended.error else (None, ended.output)


def run_by_us(template: Any, value: Any = INPUT) -> tuple[str | None, Any]:
    context = sfnx.entered(sfnx.execution_context(value, "2026-01-01T00:00:00.000Z"), "Evaluate", {"Type": "Pass"})
    try:
        return None, evaluate(template, VARIABLES, {"input": value, "context": context})
    except StateFailure as failure:
        return failure.error, None


def said(value: Any) -> str:
    """Return JSON as a text that is the same for the same value: 1 and 1.0 are, true and 1 are not."""
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    return json.dumps(json.loads(text, parse_float=lambda number: float(number) + 0.0, parse_int=float), sort_keys=True)


def test_an_expression_gives_what_step_functions_gives() -> None:
    for template in GOOD:
        (their_error, theirs), (our_error, ours) = run_by_sfnx(template), run_by_us(template)
        assert (their_error, our_error) == (None, None), template
        assert said(ours) == said(theirs), template


def test_an_expression_that_fails_there_fails_here_by_the_same_name() -> None:
    for template in BAD:
        assert run_by_sfnx(template) == run_by_us(template) == (QUERY_EVALUATION, None), template


def test_what_is_no_expression_and_what_is_no_number_fails_its_state_and_nothing_else() -> None:
    for template in (*BAD_BEYOND_SFNX, *AS_AWS_BAD):
        assert run_by_us(template) == (QUERY_EVALUATION, None), template


def test_where_the_library_is_not_as_aws_we_are() -> None:
    for template, value in AS_AWS:
        assert run_by_us(template) == (None, value), template


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=12,
)
LAWS = [
    "{% $states.input %}",
    "{% $states.input.a %}",
    "{% $states.input.a.b.c %}",
    "{% $states.input.a[b].c %}",
    "{% $states.input.a[0].b %}",
    "{% $states.input.*.a %}",
    "{% $states.input.a@$x.b.{'x': $x, 'b': $} %}",
    "{% $states.input.a#$i.b.{'i': $i, 'b': $} %}",
    "{% $states.input.a.b.%.c %}",
    "{% $states.input{$type(a): b} %}",
    "{% [$states.input.a, $states.input.b] %}",
    "{% {'a': $states.input.a, 'n': $count($states.input.b)} %}",
    "{% $string($states.input) %}",
    "{% $string($states.input, true) %}",
    "{% $type($states.input.a) & $string($exists($states.input.b)) %}",
    "{% $keys($states.input) %}",
    "{% $map($states.input.a, function($v) { [$v] }) %}",
    "{% $boolean($states.input.a) or $states.input.b = $states.input.c %}",
    "{% $partition($states.input.a, 2) %}",
    "{% $parse($string($states.input)) %}",
    "{% ($states.input.a ~> |$|{'b': 1}|) %}",
    "{% $states.input.a + $states.input.b %}",
    "{% $states.input.a < $states.input.b %}",
    {"whole": "{% $states.input %}", "part": ["{% $states.input.a %}"]},
]


@given(JSON, st.lists(st.integers(0, len(LAWS) - 1), min_size=6, max_size=6, unique=True))
def test_any_input_gives_what_step_functions_gives(value: Any, chosen: list[int]) -> None:
    for template in (LAWS[law] for law in chosen):
        try:
            theirs = run_by_sfnx(template, value)
        except LIBRARY_ERRORS:  # which sfnx does not turn into the execution's
            theirs = (QUERY_EVALUATION, None)
        ours = run_by_us(template, value)
        assert ours[0] == theirs[0], template
        assert said(ours[1]) == said(theirs[1]), template


@given(JSON)
def test_a_value_goes_through_as_it_is_and_shares_nothing(value: Any) -> None:
    before = json.dumps(value)
    found = evaluate(["{% $states.input %}", "{% $v %}"], {"v": value}, {"input": value})
    assert said(found) == said([value, value])
    for part in found:
        if isinstance(part, list):
            part.append("changed")
        elif isinstance(part, dict):
            part["changed"] = True
    assert json.dumps(value) == before


def test_a_whole_number_is_an_int() -> None:
    for code in ("$states.input.whole", "4 / 2", "2.0", "$sum([0.5, 0.5])", "[1.0][0]"):
        assert type(evaluate(f"{{% {code} %}}", {}, {"input": INPUT})) is int, code


def test_a_failure_tells_the_expression_and_its_field() -> None:
    template = {"Payload": {"parts": [1, "{% $states.input.missing %}"]}}
    with pytest.raises(StateFailure) as failed:
        evaluate(template, {}, {"input": {}}, field="Arguments")
    assert failed.value.cause == (
        "The JSONata expression '$states.input.missing' specified for the field 'Arguments/Payload/parts[1]' returned "
        "nothing (undefined)."
    )
    with pytest.raises(StateFailure, match=r"field 'Seconds' threw an error during evaluation. T2001: The left side"):
        evaluate("{% 'a' + 1 %}", {}, {}, field="Seconds")
    with pytest.raises(StateFailure, match=r"'\$sum' returned an unsupported result type: a function."):
        evaluate("{% $sum %}", {}, {})


def test_a_value_that_is_called_like_a_function_is_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    for code in ("$word()", "($f := $word; $f(1))", "'a'()"):
        with pytest.raises(StateFailure, match="T1006: Attempted to invoke a non-function"):
            evaluate(f"{{% {code} %}}", {"word": "secret"}, {})
    assert capfd.readouterr() == ("", "")


def test_a_variable_hides_the_function_of_its_name() -> None:
    assert evaluate("{% $count %}", {"count": 5}, {}) == 5
    with pytest.raises(StateFailure, match="T1006"):
        evaluate("{% $count([1]) %}", {"count": 5}, {})


def test_a_variable_bound_in_one_evaluation_is_not_there_in_the_next() -> None:
    assert evaluate("{% ($leak := 5; $leak) %}", {}, {}) == 5
    with pytest.raises(StateFailure, match="returned nothing"):
        evaluate("{% $leak %}", {}, {})
    assert evaluate("{% $v %}", {"v": 1}, {}) == 1
    with pytest.raises(StateFailure, match="returned nothing"):
        evaluate("{% $v %}", {}, {})


def test_an_expression_evaluated_again_tells_the_time_anew() -> None:
    first = evaluate("{% $millis() %}", {}, {})
    evaluate("{% 'parsed later' %}", {}, {})
    while evaluate("{% $millis() %}", {}, {}) == first:
        pass


def test_threads_evaluate_the_same_expressions_at_once() -> None:
    """Partial application parses while it evaluates, closures keep scopes: what would break first."""
    templates = {
        "{% $map($v, $substring(?, 0, 3)) %}": lambda n: [f"{n:06}"[:3], f"{n + 1:06}"[:3]],
        "{% ($f := function($x) { $x & '-' & $n }; $map($v, $f)) %}": lambda n: [f"{n:06}-{n}", f"{n + 1:06}-{n}"],
        "{% $v.{'n': $n, 'v': $} %}": lambda n: [{"n": n, "v": f"{n:06}"}, {"n": n, "v": f"{n + 1:06}"}],
        "{% $states.input.a + $n %}": lambda n: 2 * n,
        "{% $sort($v, function($a, $b) { $a < $b })[0] %}": lambda n: f"{n + 1:06}",
    }
    together = threading.Barrier(4)

    def work(first: int) -> list[tuple[str, int, Any]]:
        together.wait()
        wrong = []
        for n in range(first, first + 60):
            variables = {"n": n, "v": [f"{n:06}", f"{n + 1:06}"]}
            for template, expected in templates.items():
                found = evaluate(template, variables, {"input": {"a": n}})
                if found != expected(n):
                    wrong.append((template, n, found))
        return wrong

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert [wrong for found in pool.map(work, [0, 10_000, 20_000, 30_000]) for wrong in found] == []
    finally:
        sys.setswitchinterval(before)


DEEP = {
    "terms": lambda n: "+".join(["1"] * n),
    "parentheses": lambda n: "(" * (n - 1) + "1" + ")" * (n - 1),
    "arrays": lambda n: "[" * (n - 1) + "1" + "]" * (n - 1),
    "chains": lambda n: "1" + " ~> $string" * (n - 1),
}


@pytest.mark.parametrize("shape", DEEP)
def test_an_expression_may_nest_as_deep_as_in_aws(shape: str) -> None:
    """Measured by floci-io/floci: 100 terms, 99 parentheses, arrays and stages of a chain."""
    evaluate(f"{{% {DEEP[shape](100)} %}}", {}, {})
    with pytest.raises(StateFailure, match="D1011: it nests deeper than 100"):
        evaluate(f"{{% {DEEP[shape](101)} %}}", {}, {})


def test_a_recursion_that_is_no_tail_call_may_go_as_deep_as_in_aws() -> None:
    code = "{% ($f := function($n) { $n = 0 ? 0 : 1 + $f($n - 1) }; $f($depth)) %}"
    assert evaluate(code, {"depth": 31}, {}) == 31
    with pytest.raises(StateFailure, match="D1011"):
        evaluate(code, {"depth": 32}, {})


@pytest.mark.parametrize(
    "code",
    [
        "($f := function($x) { $f($x) }; $f(1))",
        "($f := function($x) { 1 + $f($x) }; $f(1))",
        "($f := function($x) { $map([1, 2], $f) }; $f(1))",
        "($f := function($x) { $sort([2, 1], function($a, $b) { $f($a) > 0 }) }; $f(1))",
        "($f := function($x) { $replace('aa', /a/, function($m) { $f(1) }) }; $f(1))",
        "($f := function($x) { [1, $f($x)] }; $f(1))",
        "($f := function($x) { {'a': 1, 'b': $f($x)} }; $f(1))",
        "[1..800000].[1..800000]",
        "[1..1000].$pad('', 6000000)",
        "[1..9000000]",
        "$range(1, 1000000000, 1)",
        "$pad('', 1000000000000)",
        "($f := function($s) { $f($s & $s) }; $f('0123456789'))",
        "($f := function($s) { $f($append($s, $s)) }; $f([1, 2]))",
        "($f := function($x, $n) { $n = 0 ? $x : $f({'a': $x, 'b': $x}, $n - 1) }; $f(1, 40))",
        "($f := function($x, $n) { $n = 0 ? $string($x) : $f({'a': $x, 'b': $x}, $n - 1) }; $f(1, 40))",
        "$contains($pad('', 5000, 'x'), /x*x*x*x*x*[yz]/)",
        "$match($pad('', 5000, 'x'), /x*x*x*x*x*[yz]/)",
        "$replace($pad('', 5000, 'x'), /x*x*x*x*x*[yz]/, 'z')",
        "$split($pad('', 5000, 'x'), /x*x*x*x*x*[yz]/)",
        "(" * 5000 + "1" + ")" * 5000,
        "[" * 5000,
    ],
    ids=lambda code: code[:40],
)
def test_what_has_no_end_is_one_failure_in_any_thread(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "_MOST_STEPS", 5000)
    monkeypatch.setattr(patterns, "_LONGEST_S", 0.01)
    monkeypatch.setattr(values, "LARGEST_ARRAY", 5000)
    monkeypatch.setattr(values, "LARGEST_TEXT", 50_000)
    with ThreadPoolExecutor(1) as pool:
        failure = pool.submit(run_by_us, f"{{% {code} %}}").result()
    assert failure == (QUERY_EVALUATION, None)


def test_a_regular_expression_that_looks_for_long_lets_other_threads_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_LONGEST_S", 0.3)
    code = "{% $contains($pad('', 5000, 'x'), /x*x*x*x*x*[yz]/) %}"
    turns = 0
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(run_by_us, code)
        while not looking.done():
            turns += 1
            time.sleep(0.005)
    assert looking.result() == (QUERY_EVALUATION, None)
    assert turns > 5


@pytest.mark.nightly
@pytest.mark.parametrize("code", ["($f := function($x) { $f($x) }; $f(1))", "[1..800000].{'a': $, 'b': [1, 2]}"])
def test_what_has_no_end_is_given_up_within_seconds(code: str) -> None:
    with pytest.raises(StateFailure, match="D1012: it takes more than 1000000 steps"):
        evaluate(f"{{% {code} %}}", {}, {})


def test_data_too_deep_to_walk_are_a_failure() -> None:
    deep: Any = 1
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(StateFailure, match="RecursionError"):
        evaluate("{% $count($v) %}", {"v": deep}, {})
