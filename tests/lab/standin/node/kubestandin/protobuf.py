"""As much of Kubernetes' protobuf form as `kubectl auth can-i` sends: one SelfSubjectAccessReview."""

MAGIC = b"k8s\0"
ATTRIBUTES = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}


def access_review(raw: bytes) -> dict:
    """The object that the bytes stand for."""
    # An envelope (type, object), the object (metadata, spec), its spec (resource attributes, other attributes).
    document = _fields(raw[len(MAGIC):]).get(2, b"")
    spec = _fields(_fields(document).get(2, b""))
    attributes = {ATTRIBUTES[number]: value.decode() for number, value in _fields(spec.get(1, b"")).items() if number in ATTRIBUTES}
    return {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
            "spec": {"resourceAttributes": attributes}}


def _fields(raw: bytes) -> dict:
    """Field number -> bytes, of the fields that have a length; others do not occur where we look."""
    found, at = {}, 0
    while at < len(raw):
        tag, at = _number(raw, at)
        length, at = _number(raw, at)
        if tag & 7 == 2:
            found[tag >> 3] = raw[at:at + length]
            at += length
    return found


def _number(raw: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
