"""Label and field selectors."""

import re


def split(text: str) -> list[str]:
    """At the commas that are not inside parentheses."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def labels_match(text: str, labels: dict) -> bool:
    """kubectl's -l: a=b, a==b, a!=b, a, !a, a in (b,c), a notin (b,c)."""
    return all(_one_label(part, labels or {}) for part in split(text))


def _one_label(part: str, labels: dict) -> bool:
    if match := re.fullmatch(r"(\S+)\s+(in|notin)\s+\((.*)\)", part):
        values = [value.strip() for value in match[3].split(",")]
        return (labels.get(match[1]) in values) == (match[2] == "in")
    if "!=" in part:
        key, _, value = part.partition("!=")
        return labels.get(key.strip()) != value.strip()
    if "=" in part:
        key, _, value = part.partition("=")
        return labels.get(key.strip()) == value.lstrip("=").strip()
    if part.startswith("!"):
        return part[1:].strip() not in labels
    return part in labels


def object_matches(selector: dict, labels: dict) -> bool:
    """A LabelSelector of an object's spec (matchLabels, matchExpressions)."""
    labels = labels or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
        held = {
            "In": labels.get(key) in values, "NotIn": labels.get(key) not in values,
            "Exists": key in labels, "DoesNotExist": key not in labels,
        }[operator]
        if not held:
            return False
    return True


def fields_match(text: str, document: dict) -> bool:
    """--field-selector: any path of the object, with =, == and !=."""
    for part in split(text):
        negated = "!=" in part
        path, _, wanted = part.partition("!=" if negated else "=")
        value = document
        for step in path.strip().split("."):
            value = value.get(step, "") if isinstance(value, dict) else ""
        if isinstance(value, bool):
            value = str(value).lower()
        if (str(value) == wanted.lstrip("=").strip()) == negated:
            return False
    return True
