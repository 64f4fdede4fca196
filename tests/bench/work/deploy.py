"""The reference work of upgrade.yml, for pyinfra."""

import os

from pyinfra import host
from pyinfra.facts.files import Directory, File
from pyinfra.operations import files, server

BASE = f"{os.environ['BENCH_BASE']}/{host.name}"
VERSION = "4.2.1"
MEMBERS = [
    {"name": "n1", "address": "10.0.0.1"},
    {"name": "n2", "address": "10.0.0.2", "weight": 3},
    {"name": "n3", "address": "10.0.0.3"},
    {"name": "n4", "address": "10.0.0.4", "weight": 2},
]

files.directory(name="Folder of the configuration", path=f"{BASE}/conf.d", mode="755")
server.shell(name="Drain", commands=["/bin/true"])
server.shell(name="Look at the load", commands=["cat /proc/loadavg | wc -c"])
server.shell(name="Stop the service", commands=["/bin/true"])
host.get_fact(Directory, path=f"{BASE}/conf.d")
files.put(name="First file", src="files/a.conf", dest=f"{BASE}/conf.d/a.conf", mode="644")
files.put(name="Second file", src="files/b.conf", dest=f"{BASE}/conf.d/b.conf", mode="644")
third = files.put(name="Third file", src="files/c.conf", dest=f"{BASE}/conf.d/c.conf", mode="600")
service = files.template(
    name="Configuration of the service",
    src="templates/service.conf.pyinfra.j2",
    dest=f"{BASE}/service.conf",
    mode="644",
    version=VERSION,
    tls=True,
)
files.template(
    name="Members", src="templates/members.conf.j2", dest=f"{BASE}/members.conf", mode="644", members=MEMBERS
)
files.directory(name="Folder of the state", path=f"{BASE}/state", mode="700")
files.line(
    name="Version of the node",
    path=f"{BASE}/node.env",
    line="^NODE_VERSION=.*",
    replace=f"NODE_VERSION={VERSION}",
)
installed = server.shell(name="Installed version", commands=["echo 4.2.1"])
server.shell(name="Upgrade", commands=["/bin/true"], _if=lambda: installed.stdout == VERSION)
server.shell(name="Migrate", commands=[f"test -d {BASE} && true"])
host.get_fact(File, path=f"{BASE}/service.conf")
server.shell(name="Enable the service", commands=["/bin/true"])
server.shell(name="Start the service", commands=["/bin/true"])
server.shell(name="Wait until it is ready", commands=["true; echo ready"])
server.shell(name="Undrain", commands=["/bin/true"])
server.shell(
    name="Restart the service", commands=["/bin/true"], _if=lambda: third.did_change() or service.did_change()
)
