"""The reference work as 21 shell commands, for the floors; `@BASE@` stands for a host's folder, `@HOST@` for its name."""

from benchkit import paths

END = "_END_"


def _put(text: str, path: str, mode: str) -> str:
    return (
        f"umask 077; cat >{path}.new <<'{END}'\n{text}{END}\n"
        f"if cmp -s {path}.new {path}; then rm {path}.new; else chmod {mode} {path}.new && mv {path}.new {path}; fi"
    )


def steps() -> list[str]:
    files = {name: (paths.WORK / f"files/{name}.conf").read_text() for name in "abc"}
    keys = "".join(f"key_{i} = @HOST@-4.2.1-{i * 7}\n" for i in range(20))
    weights = (1, 3, 1, 2)
    members = "".join(f"member n{i} 10.0.0.{i} weight={weight}\n" for i, weight in enumerate(weights, 1))
    return [
        "mkdir -p @BASE@/conf.d && chmod 755 @BASE@/conf.d",
        "/bin/true",
        "sh -c 'cat /proc/loadavg | wc -c'",
        "/bin/true",
        "stat -c %a @BASE@/conf.d",
        _put(files["a"], "@BASE@/conf.d/a.conf", "644"),
        _put(files["b"], "@BASE@/conf.d/b.conf", "644"),
        _put(files["c"], "@BASE@/conf.d/c.conf", "600"),
        _put(f"# @HOST@\n{keys}tls = on\n", "@BASE@/service.conf", "644"),
        _put(members, "@BASE@/members.conf", "644"),
        "mkdir -p @BASE@/state && chmod 700 @BASE@/state",
        "grep -qx NODE_VERSION=4.2.1 @BASE@/node.env 2>/dev/null || echo NODE_VERSION=4.2.1 >>@BASE@/node.env",
        "sh -c 'echo 4.2.1'",
        "/bin/true",
        "sh -c 'test -d @BASE@ && true'",
        "stat -c %a @BASE@/service.conf",
        "/bin/true",
        "/bin/true",
        "sh -c 'true; echo ready'",
        "/bin/true",
        "/bin/true",
    ]


SEPARATOR = "\n#%%\n"


def text() -> str:
    return SEPARATOR.join(steps())
