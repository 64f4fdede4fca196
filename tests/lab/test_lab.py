"""The lab itself, tested on real nodes: python3 -m unittest tests/lab/test_lab.py (as root, with Debian's python3).

Labs of their own names are made and removed; labs that happen to be up are not touched.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

LAB = Path(__file__).resolve().parent / "lab"
NAME = f"test-{os.getpid()}"
TIMEOUT = 300  # the first call may build the base image


def lab(*arguments: str, name: str = NAME, check: bool = True, **options) -> subprocess.CompletedProcess:
    command, *rest = arguments
    done = subprocess.run(
        [LAB, command, "--name", name, *rest],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        stdin=subprocess.DEVNULL,
        **options,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"lab {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def in_node(node: str, script: str, check: bool = True) -> str:
    return lab("run", node, "--", "sh", "-c", script, check=check).stdout.strip()


def leftovers(name: str) -> list[str]:
    """Whatever on this machine still belongs to a lab."""
    found = []
    netns = Path("/run/netns")
    if netns.is_dir():
        found += [str(entry) for entry in netns.iterdir() if re.match(rf"krl-{name}(\.|$)", entry.name)]
    for mounts in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            text = mounts.read_text()
        except OSError:
            continue
        found += [f"{mounts}: {line}" for line in text.splitlines() if f"krun-lab-{name}-" in line]
    for hierarchy in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        found += [str(path) for path in Path(hierarchy).glob(f"krun-lab-*/{name}/**")]
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(f"--machine={name}-".encode() in word for word in words):
            found.append(f"{command}: {words}")
    state = Path(os.environ.get("KRUN_LAB_STATE") or "/var/lib/krun-lab") / name
    if state.exists():
        found.append(str(state))
    return found


def processes(name: str, word: str) -> list[int]:
    """The processes in the control groups of a lab that have `word` in their command line."""
    groups = [path for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") for path in Path(top).glob(f"krun-lab-*/{name}/**")]
    pids = {int(pid) for group in groups for pid in (group / "cgroup.procs").read_text().split()}
    return [pid for pid in pids if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


@unittest.skipUnless(os.geteuid() == 0, "the lab needs root")
class Nodes(unittest.TestCase):
    """One lab of two nodes for all tests; each leaves it as it was."""

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(lambda: lab("clean"))
        lab("up", "--masters", "1", "--workers", "1", "--cluster", "none")

    def ssh(self, *command: str, user: str = "root", node: str = "m1") -> subprocess.CompletedProcess:
        return lab("ssh", "--user", user, node, "--", *command, check=False)

    def test_a_node_is_a_running_system(self):
        self.assertEqual("running", in_node("m1", "systemctl is-system-running --wait"))

    def test_up_again_changes_nothing_and_another_shape_is_refused(self):
        before = in_node("m1", "cat /proc/sys/kernel/random/boot_id")
        lab("up", "--masters", "1", "--workers", "1", "--cluster", "none")
        self.assertEqual(before, in_node("m1", "cat /proc/sys/kernel/random/boot_id"))
        refused = lab("up", "--workers", "5", "--cluster", "none", check=False)
        self.assertEqual(1, refused.returncode)
        self.assertIn("is another: 1 master(s), 1 worker(s)", refused.stderr)

    def test_the_three_users_and_what_they_may(self):
        self.assertEqual("root\n", self.ssh("id -un").stdout)
        self.assertEqual("ops root\n", self.ssh("echo $(id -un) $(sudo -n id -un)", user="ops").stdout)
        denied = self.ssh("sudo -n true", user="nosudo")
        self.assertEqual(1, denied.returncode)

    def test_a_node_that_is_not_there(self):
        failed = lab("run", "w7", "--", "true", check=False)
        self.assertEqual(1, failed.returncode)
        self.assertIn("no node `w7`", failed.stderr)

    def test_nodes_reach_each_other_and_nothing_else(self):
        self.assertEqual("0", in_node("m1", "ping -c1 -W2 w1 >/dev/null; echo $?"))
        routes = in_node("m1", "ip route")
        self.assertNotIn("default", routes)

    def test_dnf_installs_from_a_repository(self):
        self.make_repository("m1")
        said = in_node("m1", "dnf -q -y install hello-lab 2>&1; rpm -q hello-lab; cat /etc/hello-lab")
        self.assertIn("hello-lab-1-1.noarch\nhello", said)
        self.assertIn("\tm1\troot\tdnf\t-q -y install hello-lab\n", lab("trace").stdout)

    def make_repository(self, node: str) -> None:
        spec = (
            "Name: hello-lab\nVersion: 1\nRelease: 1\nSummary: a test\nLicense: Apache-2.0\nBuildArch: noarch\n"
            "AutoReqProv: no\nRequires: /bin/sh\n%description\na test\n"
            "%install\ninstall -d %{buildroot}/etc; echo hello >%{buildroot}/etc/hello-lab\n%files\n/etc/hello-lab\n"
        )
        with tempfile.TemporaryDirectory() as work:
            Path(work, "hello.spec").write_text(spec)
            places = [f"--define=_{name} {work}" for name in ("topdir", "rpmdir", "dbpath")]
            subprocess.run(["rpmbuild", "-bb", "--quiet", *places, f"{work}/hello.spec"], check=True, capture_output=True)
            subprocess.run(["createrepo_c", "-q", f"{work}/noarch"], check=True, capture_output=True)
            shared = Path(os.environ.get("KRUN_LAB_STATE") or "/var/lib/krun-lab") / NAME / "shared"
            shutil.copytree(f"{work}/noarch", shared / "test-repo")
        repo = "[test]\nname=test\nbaseurl=file:///srv/lab/test-repo\ngpgcheck=0\n"
        in_node(node, f"printf '{repo}' >/etc/yum.repos.d/test.repo")

    def test_power_cut_and_boot_keep_the_disk(self):
        in_node("w1", "echo kept >/root/kept; sync")
        before = in_node("w1", "cat /proc/sys/kernel/random/boot_id")
        lab("kill", "w1")
        self.assertNotEqual(0, lab("run", "w1", "--", "true", check=False).returncode)
        lab("boot", "w1")
        self.assertEqual("kept", in_node("w1", "cat /root/kept"))
        self.assertNotEqual(before, in_node("w1", "cat /proc/sys/kernel/random/boot_id"))

    def test_stop_and_reboot_in_order(self):
        lab("stop", "w1")
        self.assertIn("off", lab("status").stdout)
        lab("boot", "w1")
        before = in_node("w1", "cat /proc/sys/kernel/random/boot_id")
        self.ssh("reboot", node="w1")
        self.await_("the node to come back", lambda: self.rebooted(before))

    def rebooted(self, before: str) -> bool:
        now = self.ssh("cat /proc/sys/kernel/random/boot_id", node="w1")
        return now.returncode == 0 and now.stdout.strip() != before

    def await_(self, what: str, condition, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, f"waited {seconds} s for {what}")
            time.sleep(0.05)

    def test_a_cut_cable(self):
        lab("cut", "w1")
        self.assertNotEqual(0, self.ping("w1").returncode)
        lab("heal", "w1")
        self.await_("the cable", lambda: self.ping("w1").returncode == 0)

    def ping(self, node: str, count: int = 1) -> subprocess.CompletedProcess:
        return lab("run", "m1", "--", "ping", "-c", str(count), "-i", "0.2", "-W", "1", node, check=False)

    def test_a_slow_cable(self):
        lab("delay", "w1", "40")
        slow = self.ping("w1", 3).stdout
        fastest = float(re.search(r"= ([0-9.]+)/", slow)[1])
        self.assertGreaterEqual(fastest, 80)
        self.assertLess(fastest, 160)
        lab("nodelay", "w1")
        fast = self.ping("w1", 3).stdout
        self.assertLess(float(re.search(r"= ([0-9.]+)/", fast)[1]), 20)

    def test_a_narrow_cable(self):
        lab("rate", "w1", "1mbit")
        self.addCleanup(lab, "norate", "w1")
        began = time.monotonic()
        self.ssh("head -c 250000 /dev/zero", node="w1")
        self.assertGreater(time.monotonic() - began, 1.5)

    def test_frozen_and_thawed(self):
        lab("freeze", "w1")
        self.assertIn("frozen", lab("status").stdout)
        frozen = lab("ctl", "--", "timeout", "0.5", "ssh-keyscan", "-T", "1", "10.77.0.101", check=False)
        self.assertEqual("", frozen.stdout)
        lab("thaw", "w1")
        self.assertEqual(0, self.ssh("true", node="w1").returncode)

    def test_faults_strike_as_often_as_they_say(self):
        lab("trace", "--clear")
        fault = ["--program", "systemctl", "--match", "^restart x", "--stderr", "no way\n", "--exit", "7", "--skip", "1"]
        lab("fault", "add", "--action", "fail", "--node", "m1", *fault)
        self.addCleanup(lab, "fault", "clear")
        said = in_node("m1", "for i in 1 2 3; do systemctl restart x.service >/dev/null 2>/tmp/said; echo $? $(cat /tmp/said); done")
        statuses = [line.split(" ", 1) for line in said.splitlines()]
        self.assertEqual(["7", "no way"], statuses[1])
        self.assertNotEqual("7", statuses[0][0])
        self.assertNotEqual("7", statuses[2][0])
        self.assertEqual(0, json.loads(lab("fault", "list").stdout)["times"])
        calls = [line.split("\t")[1:] for line in lab("trace").stdout.splitlines()]
        self.assertEqual([["m1", "root", "systemctl", "restart x.service"]] * 3, calls)

    def test_faults_that_lie_wait_and_kill(self):
        self.addCleanup(lab, "fault", "clear")
        lab("fault", "add", "--program", "dnf", "--action", "lie", "--stdout", "all is well\n")
        self.assertEqual("all is well", in_node("m1", "dnf install nothing"))
        lab("fault", "add", "--program", "systemctl", "--action", "delay", "--seconds", "0.4")
        began = time.monotonic()
        self.assertEqual("active", in_node("m1", "systemctl is-active ssh"))
        self.assertGreater(time.monotonic() - began, 0.4)
        lab("fault", "add", "--program", "etcdctl", "--action", "kill-after", "--seconds", "0.2")
        self.assertEqual("137", in_node("m1", "etcdctl watch x >/dev/null 2>&1; echo $?"))
        lab("fault", "add", "--program", "systemctl", "--action", "hang")
        self.assertEqual("124", in_node("m1", "timeout 0.5 systemctl is-active ssh; echo $?"))

    def test_the_trace_quotes_arguments(self):
        lab("trace", "--clear")
        self.ssh("""systemctl status "it's" '' 'two words' "$(printf 'a\\nb')" >/dev/null 2>&1""", user="ops")
        line = lab("trace").stdout.rstrip("\n").split("\t")
        self.assertEqual(["m1", "ops", "systemctl", r"""status 'it'\''s' '' 'two words' $'a\nb'"""], line[1:])
        self.assertLess(abs(int(line[0]) / 1e9 - time.time()), 60)

    def test_a_full_disk(self):
        in_node("w1", "mkdir -p /var/backups/etcd; echo old >/var/backups/etcd/old")
        lab("fill", "w1", "/var/backups/etcd")
        said = in_node("w1", "cat /var/backups/etcd/old; head -c 100000 /dev/zero 2>&1 >/var/backups/etcd/new || echo full")
        self.assertEqual("old", said.splitlines()[0])
        self.assertEqual("full", said.splitlines()[-1])
        lab("unfill", "w1", "/var/backups/etcd")
        self.assertEqual("old", in_node("w1", "head -c 100000 /dev/zero >/var/backups/etcd/new && cat /var/backups/etcd/old"))

    def test_reset_forgets_what_was_done(self):
        in_node("m1", "echo x >/root/x; rm /etc/sudoers.d/lab; systemctl status ssh >/dev/null")
        lab("fault", "add", "--program", "dnf", "--action", "fail")
        lab("kill", "w1")
        lab("reset")
        self.assertEqual("/etc/sudoers.d/lab", in_node("m1", "ls /root/x /etc/sudoers.d/lab 2>/dev/null || true"))
        self.assertEqual("", lab("fault", "list").stdout)
        self.assertEqual("", lab("trace").stdout)
        self.assertEqual(0, self.ssh("true", node="w1").returncode)

    def test_the_inventory_is_all_that_ssh_needs(self):
        inventory = lab("inventory").stdout
        self.assertIn("[masters]\nm1 ansible_host=10.77.0.11\n", inventory)
        key = re.search("^ansible_ssh_private_key_file=(.*)$", inventory, re.M)[1]
        options = re.search("^ansible_ssh_common_args='(.*)'$", inventory, re.M)[1]
        reached = lab("ctl", "--", "sh", "-c", f"ssh -F none -o BatchMode=yes {options} -i {key} root@10.77.0.101 hostname")
        self.assertEqual("w1\n", reached.stdout)


@unittest.skipUnless(os.geteuid() == 0, "the lab needs root")
class Cleaning(unittest.TestCase):
    """Never `clean --all` with the usual state folder here: other labs may be up on this machine."""

    def up(self, name: str) -> None:
        self.addCleanup(lab, "clean", name=name)
        lab("up", "--masters", "1", "--workers", "1", "--cluster", "none", name=name)

    def test_clean_leaves_nothing_also_of_another_lab_beside(self):
        first, second = f"{NAME}-a", f"{NAME}-b"
        self.up(first)
        self.up(second)
        lab("delay", "m1", "5", name=first)
        lab("freeze", "w1", name=first)
        lab("clean", name=first)
        self.assertEqual([], leftovers(first))
        self.assertNotEqual([], leftovers(second))
        self.assertEqual(0, lab("ssh", "m1", "--", "true", name=second).returncode)
        lab("down", name=second)
        self.assertEqual([], leftovers(second))

    def test_clean_after_the_supervisors_and_the_state_are_gone(self):
        name = f"{NAME}-crash"
        self.up(name)
        stray = subprocess.Popen(
            [LAB, "ctl", "--name", name, "--", "sh", "-c", "echo started; exec sleep 600"], stdout=subprocess.PIPE
        )
        self.addCleanup(stray.communicate)
        self.addCleanup(stray.kill)
        self.assertEqual(b"started\n", stray.stdout.readline())
        for word in ("supervisor.sh", f"--machine={name}-m1"):
            for pid in processes(name, word):
                os.kill(pid, signal.SIGKILL)
        state = Path(os.environ.get("KRUN_LAB_STATE") or "/var/lib/krun-lab") / name
        (state / "lab.json").unlink()
        self.assertIn(f"{name}: leftovers of a crash", lab("status", "--all").stdout)
        lab("clean", name=name)
        self.assertEqual([], leftovers(name))
        self.assertEqual(-signal.SIGTERM, stray.wait(10))

    def test_a_lab_of_another_state_folder_is_left_alone(self):
        name = f"{NAME}-mine"
        self.up(name)
        with tempfile.TemporaryDirectory() as other:
            elsewhere = {"env": os.environ | {"KRUN_LAB_STATE": f"{other}/state"}}
            # Asserted before anything is cleaned: no other lab of this machine may be in reach.
            self.assertEqual("", lab("status", "--all", name=name, **elsewhere).stdout)
            lab("clean", "--all", name=name, **elsewhere)
            lab("clean", name=name, **elsewhere)
            refused = lab("up", "--cluster", "none", name=name, check=False, **elsewhere)
            self.assertIn(f"the name {name} is in use by a lab in", refused.stderr)
        self.assertEqual(0, lab("ssh", "m1", "--", "true", name=name).returncode)

    def test_up_starts_over_after_an_interrupted_up(self):
        name = f"{NAME}-half"
        self.up(name)
        config = Path(os.environ.get("KRUN_LAB_STATE") or "/var/lib/krun-lab") / name / "lab.json"
        config.write_text(config.read_text().replace('"complete": true', '"complete": false'))
        lab("up", "--masters", "1", "--workers", "1", "--cluster", "none", name=name)
        self.assertIn("on", lab("status", name=name).stdout)

    def test_two_ups_at_once_make_one_lab(self):
        name = f"{NAME}-twice"
        self.addCleanup(lab, "clean", name=name)
        command = [LAB, "up", "--name", name, "--masters", "1", "--workers", "0", "--cluster", "none"]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        for one in both:
            _, errors = one.communicate(timeout=TIMEOUT)
            self.assertEqual(0, one.returncode, errors)
        self.assertEqual("m1\n", lab("ssh", "m1", "--", "hostname", name=name).stdout)


if __name__ == "__main__":
    unittest.main()
