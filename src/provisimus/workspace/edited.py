"""One value written into a definition, and nothing else in the file touched. Pure.

Comments, order and spelling stay: the place is found by the marks of PyYAML's nodes, and what comes
out is read again and compared with what was meant.
"""

from __future__ import annotations

from typing import Any

from provisimus.workspace.marks import KeyPath


def with_value(text: str, path: KeyPath, value: Any) -> str | None:
    """The text with another value at a key path, which is made where it is not there.

    None for a file that is written too cleverly for that: an alias, a folded key, a null.
    """
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        changed = _changed(text, node, path, value)
        wanted = _put(yaml.safe_load(text), path, value)
        return changed if yaml.safe_load(changed) == wanted else None
    except (yaml.YAMLError, LookupError, TypeError):
        return None


def written(value: Any) -> str:
    """A value as it stands in a file, on one line. Quoted where YAML would read a number, a truth
    or nothing: 1.10 is 1.1."""
    import yaml

    if isinstance(value, str) and value.isprintable() and _plain(value):
        return value
    dumped: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10**9, default_style=None
    )
    return dumped.removesuffix("\n").removesuffix("\n...").replace("'", '"')


def _plain(value: str) -> bool:
    import yaml

    try:
        return bool(yaml.safe_load(f"[{value}]") == [value])
    except yaml.YAMLError:
        return False


def _changed(text: str, node: Any, path: KeyPath, value: Any) -> str:
    if node is None:
        return text + _last_line(path, value)
    for depth, key in enumerate(path):
        below = _child(node, key)
        if below is None:
            return _inserted(text, node, path[depth:], value, root=depth == 0)
        node = below
    return text[: node.start_mark.index] + written(value) + text[_end(node) :]


def _end(node: Any) -> int:
    """Where a node ends. A block's own mark stands where the next thing begins, past remarks."""
    if node.id == "scalar" or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if node.id == "mapping" else last)


def _child(node: Any, key: str | int) -> Any:
    if node.id == "sequence" and isinstance(key, int):
        return node.value[key]
    if node.id != "mapping":
        raise TypeError(node.id)
    return next((each for name, each in node.value if name.value == key), None)


def _inserted(text: str, node: Any, path: KeyPath, value: Any, *, root: bool) -> str:
    """A new key of a mapping: the last of the file, else the first of the mapping."""
    if root and not node.flow_style:
        return f"{text.rstrip()}\n{_last_line(path, value)}"
    item = f"{path[0]}: {_nested(path[1:], value)}"
    if not node.flow_style:
        first = node.value[0][0].start_mark
        return text[: first.index] + f"{item}\n{' ' * first.column}" + text[first.index :]
    after = node.start_mark.index + 1
    return text[:after] + item + (", " if node.value else "") + text[after:]


def _last_line(path: KeyPath, value: Any) -> str:
    if len(path) == 1:
        return f"{path[0]}: {written(value)}\n"
    return f"{path[0]}:\n  {path[1]}: {_nested(path[2:], value)}\n"


def _nested(path: KeyPath, value: Any) -> str:
    return f"{{{path[0]}: {_nested(path[1:], value)}}}" if path else written(value)


def _put(data: Any, path: KeyPath, value: Any) -> Any:
    """The data with a value at a path; what lies on the way is copied."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(key, int):
        return [_put(each, rest, value) if n == key else each for n, each in enumerate(data)]
    below = data or {}
    return {**below, key: _put(below.get(key), rest, value)}
