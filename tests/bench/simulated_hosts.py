"""Many SSH hosts in one process: `simulated_hosts.py HOST_KEY AUTHORIZED_KEYS`, with asyncssh.

Answers at every address of its namespace. Every session is a real /bin/sh, so that what a tool says to it is answered
as a node would; there is no sshd process a connection, which is what makes a thousand of them fit on one machine.
"""

import asyncio
import sys

import asyncssh


async def session(process: asyncssh.SSHServerProcess) -> None:
    command = process.command or "exec /bin/sh"
    child = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
        process.exit(await child.wait())
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def main() -> None:
    host_key, authorized_keys = sys.argv[1:]
    asyncssh.set_log_level("ERROR")
    server = await asyncssh.listen(
        "0.0.0.0",
        22,
        backlog=1024,
        server_host_keys=[host_key],
        authorized_client_keys=authorized_keys,
        process_factory=session,
        encoding=None,
        login_timeout=60,
    )
    await server.wait_closed()


asyncio.run(main())
