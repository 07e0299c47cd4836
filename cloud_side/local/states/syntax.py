"""What an expression says before it is evaluated: its syntax tree, and what it reads of variables and of `$states`.

`{% … %}` is JSONata without a context item: all data are `$states` and variables. A path that begins with a bare name,
`$` or `$$` has nothing to begin with, and Step Functions refuses the definition that holds it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser

from cloud_side.local.states.patterns import PatternError, compiled

STATES = "states"
# Beside its own JException the library lets through whatever Python raises on data that an operation is not made for.
LIBRARY_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,  # JException and RecursionError are ones
    TypeError,
    ValueError,
    PatternError,
    TimeoutError,  # of a regular expression
)

Node: TypeAlias = Any  # of the library's syntax tree
Reads: TypeAlias = dict[str, "Reads | None"]  # by name what is read of it; None: all of it


def expression_in(text: str) -> str | None:
    """Return the JSONata of a `{% … %}`, None for a text that is meant as it is."""
    return text[2:-2].strip() if text.startswith("{%") and text.endswith("%}") else None


def parse(code: str) -> Node:
    """Return the syntax tree of an expression; it may be evaluated by several threads at once.

    Raises:
        LIBRARY_ERRORS: If it is not JSONata.
    """
    return Jsonata.get_parser().parse(code, compiled)


def words(error: BaseException) -> str:
    """Return what one of LIBRARY_ERRORS says, with JSONata's code and place where it has them."""
    if not isinstance(error, JException):
        return f"{type(error).__name__}: {error}"
    if error.error not in JException.error_codes:
        return str(error.error)  # the library's own text, where it gives no code
    text = str(error).replace("Object", "function")  # its texts were translated from Java by a wide search-and-replace
    return f"{error.error}: {text}"


def reads(tree: Node) -> Reads:
    """Return what an expression may read of each variable, `states` among them.

    `$states.input.a.b[0]` reads `{"states": {"input": {"a": {"b": None}}}}`.
    """
    found: Reads = {}
    nodes = list(_nodes(tree))
    if any(node.type == "parent" for node in nodes):  # `%` goes back up the path
        return {node.value: None for node in nodes if node.type == "variable"}
    begins = {id(node.steps[0]) for node in nodes if node.type == "path"}
    for node in nodes:
        if node.type == "path" and node.steps[0].type == "variable":
            _note(found, _names(node.steps))
        elif node.type == "variable" and id(node) not in begins:
            found[node.value] = None
    return found


def fields_of_states(tree: Node) -> set[str]:
    """Return the fields of `$states` that an expression names."""
    paths = (node.steps for node in _nodes(tree) if node.type == "path" and len(node.steps) > 1)
    return {
        second.value
        for first, second, *_ in paths
        if first.type == "variable" and first.value == STATES and second.type == "name"
    }


def references_to_nothing(tree: Node) -> set[str]:
    """Return the names, `$` and `$$` by which an expression would read the context item that it does not have.

    Source:
        ValidateStateMachineDefinition's UNSUPPORTED_JSONATA_EXPRESSION as measured by floci-io/floci: only
        the first step of a path counts, and a function's body is where the function is written.
    """
    match tree.type:
        case "name":
            return {tree.value}
        case "variable":
            return {"$" + tree.value} if tree.value in ("", "$") else set()
        case "path":
            below = tree.steps[:1]
        case "unary" if str(tree.value) == "{":
            below = [side for pair in tree.lhs_object for side in pair]
        case _:
            one = (tree.lhs, tree.rhs, tree.expression, tree.procedure, tree.condition, tree.then, tree._else)  # noqa: SLF001
            many = (tree.expressions or [], [] if tree.type == "lambda" else tree.arguments or [])
            below = [*one, tree.body, *many[0], *many[1]]
    return {name for node in below if isinstance(node, Parser.Symbol) for name in references_to_nothing(node)}


def _nodes(tree: Node) -> Iterator[Node]:
    seen: set[int] = set()
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list | tuple):
            pending.extend(node)
        elif isinstance(node, Parser.Symbol) and id(node) not in seen:
            seen.add(id(node))
            yield node
            pending.extend(vars(node).values())


def _names(steps: Sequence[Node]) -> list[str]:
    """Return the variable and the names after it, up to where more than the next name may be read."""
    first, *rest = steps
    names = [first.value]
    if _binds(first) or _selects(first):
        return names
    for step in rest:
        if step.type != "name" or _binds(step):
            break
        names.append(step.value)
        if _selects(step):
            break
    return names


def _binds(step: Node) -> bool:
    """Return whether later steps may go on from what was before this one, as after `@$v`."""
    return any(part is not None for part in (step.focus, step.index, step.tuple, step.ancestor))


def _selects(step: Node) -> bool:
    """Return whether the step looks into what it found, as `[price > 3]` does."""
    return any(part is not None for part in (step.predicate, step.stages, step.group))


def _note(found: Reads, names: Sequence[str]) -> None:
    for name in names[:-1]:
        below = found.setdefault(name, {})
        if below is None:
            return
        found = below
    found[names[-1]] = None
