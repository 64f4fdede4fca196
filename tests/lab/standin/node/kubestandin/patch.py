"""The ways to patch an object: JSON merge patch, JSON patch, and the strategic merge patch of Kubernetes."""

import copy

# Lists that a strategic merge patch merges item by item, and the field that tells the items apart.
MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "volumes": "name", "conditions": "type", "env": "name",
    "volumeMounts": "mountPath", "ownerReferences": "uid", "ports": "containerPort", "addresses": "type",
    "taints": "key", "containerStatuses": "name",
}


def merge(target, change):
    """RFC 7386."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target, change):
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(target) if isinstance(target, dict) else {}
    if change.get("$patch") == "replace":
        return {key: value for key, value in change.items() if key != "$patch"}
    for key, value in change.items():
        if key.startswith("$retainKeys") or key.startswith("$setElementOrder/"):
            continue
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.split("/", 1)[1]
            result[field] = [item for item in result.get(field, []) if item not in value]
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list) and key in MERGE_KEYS and all(isinstance(item, dict) for item in value):
            result[key] = _merge_list(result.get(key) or [], value, MERGE_KEYS[key])
        else:
            result[key] = strategic(result.get(key), value)
    return result


def _merge_list(old: list, changes: list, key: str) -> list:
    if any(item.get("$patch") == "replace" for item in changes):
        return [item for item in changes if "$patch" not in item]
    result = list(old)
    for change in changes:
        index = next((i for i, item in enumerate(result) if item.get(key) == change.get(key)), None)
        if change.get("$patch") == "delete":
            if index is not None:
                del result[index]
        elif index is None:
            result.append(copy.deepcopy(change))
        else:
            result[index] = strategic(result[index], change)
    return result


def json_patch(target, operations: list):
    """RFC 6902 (add, remove, replace, test, copy and move)."""
    document = copy.deepcopy(target)
    for operation in operations:
        action, path = operation["op"], operation["path"]
        if action == "test":
            if _read(document, path) != operation.get("value"):
                raise ValueError(f"the server rejected our request due to an error in our request: test of {path} failed")
        elif action == "remove":
            _write(document, path, "remove", None)
        elif action in ("add", "replace"):
            _write(document, path, action, operation.get("value"))
        elif action in ("copy", "move"):
            value = copy.deepcopy(_read(document, operation["from"]))
            if action == "move":
                _write(document, operation["from"], "remove", None)
            _write(document, path, "add", value)
        else:
            raise ValueError(f"unknown operation {action}")
    return document


def _steps(path: str) -> list:
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _read(document, path: str):
    for step in _steps(path):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _write(document, path: str, action: str, value):
    *parents, last = _steps(path)
    try:
        for step in parents:
            document = document[int(step)] if isinstance(document, list) else document[step]
        if isinstance(document, list):
            if action == "add":
                document.insert(len(document) if last == "-" else int(last), value)
            elif action == "remove":
                del document[int(last)]
            else:
                document[int(last)] = value
        elif action == "add":
            document[last] = value
        elif last not in document:
            raise KeyError(last)
        elif action == "remove":
            del document[last]
        else:
            document[last] = value
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ValueError(f"{action} operation does not apply: doc is missing path: {path}: missing value") from error
