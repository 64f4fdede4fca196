use serde_json::{Value, json};

use super::cost::{Cost, answered, one_way, real};
use crate::connection::scripted::Answer;

const DETACHED: &str = "what a detached command printed is removed on the node only when it has arrived here";

fn out(text: &str) -> Answer {
    Answer::stdout(text)
}

/// The two answers about a detached command: it has ended well, and what it printed is removed.
fn detached(printed: &str) -> [Answer; 2] {
    [out(&format!("krun-job finished 0 no\n{printed}")), out("")]
}

/// A node of a cluster as query.sh and that of wait-ready show it.
fn cluster_node(cordoned: bool, pods: &Value) -> Answer {
    let node = json!({
        "metadata": {"name": "w1", "annotations": {"krun.dev/cordoned-by": cordoned.then_some("krun")}},
        "spec": {"unschedulable": cordoned},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.28.2"}},
    });
    let pods = json!({ "items": pods });
    out(&format!(
        "== api\nok\n== etcd\nok\n== node\n{node}\n== pods\n{pods}\n== budgets\n{{}}\n"
    ))
}

/// The lock as the run that holds it sees it. Taking it counts as no change; it is the look and one request.
fn own_lock() -> Answer {
    out("== now\n1772600760\n== lease\n{\"metadata\": {}, \"spec\": {\"holderIdentity\": \"@ \"}}\n")
}

fn control_plane(version: &str) -> String {
    let mut text = format!("kubeadm=v1.28.2\nkubelet=Kubernetes v1.28.0\nrole=control-plane\ncluster={version}\n");
    for part in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        text.push_str(&format!("image.{part}=registry.k8s.io/{part}:{version}\n"));
    }
    text + "image.etcd=registry.k8s.io/etcd:3.5.9-0\nrecord=\n"
}

fn files() -> Vec<Cost> {
    vec![
        real("archive", json!({"path": "DIR/text"}), 2),
        real("blockinfile", json!({"path": "DIR/text", "block": "x"}), 2),
        real("copy", json!({"content": "x", "dest": "DIR/new"}), 2),
        real("copy", json!({"content": "x".repeat(1 << 20), "dest": "DIR/new"}), 3).payload(1),
        real(
            "fetch",
            json!({"src": "DIR/text", "dest": "DIR/here/", "flat": true}),
            2,
        )
        .payload(1),
        real(
            "file",
            json!({"path": "DIR/folder", "state": "directory", "mode": "0700"}),
            2,
        ),
        real("lineinfile", json!({"path": "DIR/text", "line": "x"}), 2),
        real("replace", json!({"path": "DIR/text", "regexp": "a", "replace": "b"}), 2),
        one_way("find", json!({"paths": "DIR"}), Some(1)),
        one_way(
            "node-survey",
            json!({"kubernetes": "DIR", "kubelet": "DIR", "etc": "DIR"}),
            Some(1),
        ),
        real(
            "known-hosts",
            json!({"path": "DIR/known", "name": "a", "key": "a ssh-rsa AAA"}),
            2,
        ),
        one_way("slurp", json!({"src": "DIR/text"}), Some(1)),
        one_way("stat", json!({"path": "DIR/text"}), Some(1)),
        one_way("tempfile", json!({"path": "DIR"}), None),
        real("template", json!({"src": "DIR/template.j2", "dest": "DIR/new"}), 2),
        real("unarchive", json!({"src": "DIR/archive.tar", "dest": "DIR"}), 2),
        real(
            "yum-repo",
            json!({"name": "r", "description": "R", "baseurl": "http://x/", "reposdir": "DIR"}),
            2,
        ),
    ]
}

fn commands() -> Vec<Cost> {
    let making = |text: &str| json!({"cmd": text, "creates": "DIR/made"});
    vec![
        real("command", making("touch DIR/made"), 2),
        one_way("command", json!({"cmd": "true"}), None),
        real("shell", making("> DIR/made"), 2),
        one_way("shell", json!({"cmd": "true"}), None),
        real("script", making("DIR/script DIR/made"), 2),
        one_way("script", json!({"cmd": "DIR/script DIR/made"}), None),
        one_way("raw", json!({"cmd": "true"}), None),
        one_way("ping", json!({}), Some(1)),
        one_way("setup", json!({}), Some(1)),
        Cost {
            check: Some(0),
            ..answered(
                "wait-for-connection",
                json!({}),
                vec![out("pong\n")],
                vec![out("pong\n")],
            )
        }
        .changed(None),
        one_way("wait-for", json!({"path": "DIR/text", "timeout": 5}), Some(1)),
    ]
}

fn cluster() -> Vec<Cost> {
    let pod = json!([{
        "metadata": {"name": "p", "ownerReferences": [{"kind": "ReplicaSet", "controller": true}]},
        "spec": {"nodeName": "w1"},
    }]);
    let (free, cordoned) = (|| cluster_node(false, &json!([])), || cluster_node(true, &json!([])));
    let done = || out("node/w1 patched\n");
    let [finished, removed] = detached("");
    let (kubeadm_said, package_said) = (
        detached("[upgrade/successful] SUCCESS! Your cluster was upgraded to \"v1.28.2\". Enjoy!\n"),
        detached("installed\tkubeadm\t1.28.2-0\n"),
    );
    let to_install = "manager\tdnf\nname\tkubeadm\tkubeadm\t1.28.2\ninstalled\tkubeadm\t1.28.0-0\n\
                      available\tkubeadm\t1.28.2-0\n";
    let installed = "manager\tdnf\nname\tkubeadm\tkubeadm\t1.28.2\ninstalled\tkubeadm\t1.28.2-0\n";
    let unit = |active, enabled| format!("LoadState=loaded\nActiveState={active}\nUnitFileState={enabled}\n");
    vec![
        answered("cluster-lock", json!({}), vec![own_lock()], vec![own_lock()]).changed(None),
        answered("cordon", json!({}), vec![free(), done()], vec![cordoned()]),
        answered("uncordon", json!({}), vec![cordoned(), done()], vec![free()]),
        answered(
            "drain",
            json!({}),
            vec![cluster_node(false, &pod), out(""), finished, removed],
            vec![cordoned()],
        )
        .rehearsal(1)
        .more("as every detached command, and the API server is asked before whether it would let the pods leave"),
        answered("capacity", json!({"max_unavailable": 1}), vec![out("")], vec![out("")]).changed(None),
        answered("wait-ready", json!({}), vec![free()], vec![free()]).changed(None),
        answered(
            "cluster-survey",
            json!({}),
            vec![out("== nodes\n")],
            vec![out("== nodes\n")],
        )
        .changed(None),
        answered("wait-jobs", json!({}), vec![out("")], vec![out("")]).changed(None),
        answered(
            "kubeadm",
            json!({"action": "apply", "version": "1.28.2"}),
            [
                vec![out(&control_plane("v1.28.0"))],
                kubeadm_said.to_vec(),
                vec![out(&control_plane("v1.28.2"))],
            ]
            .concat(),
            vec![out(&control_plane("v1.28.2"))],
        )
        .rehearsal(2)
        .more("as the drain, and a look at what kubeadm has made of the node"),
        answered(
            "package",
            json!({"name": "kubeadm", "version": "1.28.2"}),
            [vec![out(to_install)], package_said.to_vec()].concat(),
            vec![out(installed)],
        )
        .more(DETACHED),
        answered(
            "systemd",
            json!({"name": "kubelet", "state": "started", "enabled": true}),
            vec![out(&unit("inactive", "disabled")), out(&unit("active", "enabled"))],
            vec![out(&unit("active", "enabled"))],
        ),
        Cost {
            satisfied: None,
            ..answered(
                "reboot",
                json!({}),
                vec![out("one\n"), out(""), out("two\n"), out("")],
                vec![],
            )
        }
        .more("it asks until the machine is back, and then whether it works"),
    ]
}

/// Modules about etcd.
fn etcd() -> Vec<Cost> {
    let snapshot = "== age\n100\n== description\n{\"file\": \"s.db\", \"sha256\": \"00\", \"revision\": 7}\n";
    let plan = out("live_revision=90\nmembers=1\nmember=m1\nrevision=70\ntotal_keys=12\nsha256=00\n");
    let [start_restore, collect] = detached("the old data is kept in /x\n");
    vec![
        answered(
            "etcd-backup",
            json!({"max_age": 3600}),
            std::iter::once(out("== age\n9999\n== description\n{}\n"))
                .chain(detached(snapshot))
                .collect(),
            vec![out(snapshot)],
        )
        .more(DETACHED),
        answered(
            "etcd-backup-timer",
            json!({"at": "02:00"}),
            vec![
                out("scheduler=systemd\nnew=/usr/local/lib/krun/etcd-backup.sh\n"),
                out(""),
            ],
            vec![out("scheduler=systemd\n")],
        ),
        Cost {
            satisfied: None,
            ..answered(
                "etcd-restore",
                json!({"snapshot": "/s.db"}),
                vec![plan, start_restore, collect],
                vec![],
            )
        }
        .more(DETACHED),
    ]
}

/// Modules that only look at the machine.
fn looks() -> Vec<Cost> {
    let packages = || vec![out("== dpkg\ninstalled\tkubelet\t1\tamd64\tadmin\n")];
    let services = || vec![out("== units\n== files\n== states\n")];
    vec![
        answered("package-facts", json!({}), packages(), packages()).changed(None),
        answered(
            "package-versions",
            json!({}),
            vec![out("manager\tdnf\n")],
            vec![out("manager\tdnf\n")],
        )
        .changed(None),
        answered(
            "async-status",
            json!({"jid": "shell-0123456789abcdef-program"}),
            vec![out("krun-job running - no /x\n")],
            vec![out("krun-job running - no /x\n")],
        )
        .changed(None),
        answered("service-facts", json!({}), services(), services()).changed(None),
    ]
}

/// Modules about the machine itself, which is not to be changed by a test.
fn machine() -> Vec<Cost> {
    let passwd = "passwd=ops:x:1:1::/home/ops:/bin/sh\n";
    let loaded = |loaded| format!("loaded={loaded}\npersistent=no\n");
    let sysctl = |live, file: &str| {
        let sum = crate::modules::remote_file::Content::Bytes(file.as_bytes().to_vec())
            .digests()
            .unwrap()
            .sha256;
        let size = file.len();
        out(&format!(
            "live={live}\numask=0022\npath=/etc/sysctl.conf\nraw=81a4\nsize={size}\nchecksum={sum}\n\n{file}"
        ))
    };
    let said = || out("status=200\nurl=http://x\nredirects=0\nsize=0\n\n");
    let sum = "67b176705b46206614219f47a05aee7ae6a3edbe850bbbe214c536b989aea4d2";
    let file = |there: &str| out(&format!("umask=0022\npath=/x\n{there}"));
    vec![
        Cost {
            check: Some(0),
            satisfied: None,
            ..answered("uri", json!({"url": "http://x"}), vec![said()], vec![])
        }
        .changed(None),
        answered(
            "get-url",
            json!({"url": "http://x/a", "dest": "/x", "checksum": format!("sha256:{sum}")}),
            vec![file(""), out("changed=yes\nsize=2\n")],
            vec![file(&format!("raw=81a4\nchecksum={sum}\n"))],
        ),
        answered(
            "deb822-repository",
            json!({"name": "x", "state": "absent"}),
            vec![sysctl("", "x\n"), out("")],
            vec![file("")],
        ),
        answered(
            "dpkg-selections",
            json!({"name": "kubelet", "selection": "hold"}),
            vec![out("selection=install\n"), out("")],
            vec![out("selection=hold\n")],
        ),
        answered(
            "group",
            json!({"name": "ops"}),
            vec![out(""), out("group=ops:x:1:\n")],
            vec![out("group=ops:x:1:\n")],
        ),
        answered(
            "apt-repository",
            json!({"repo": "deb http://x y z", "filename": "x"}),
            vec![out("parts=/p\n"), out("")],
            vec![out("parts=/p\n== /p/x.list\n deb http://x y z\n")],
        ),
        answered(
            "cron",
            json!({"name": "a", "job": "x"}),
            vec![out(""), out("")],
            vec![out("#Ansible: a\n* * * * * x\n")],
        ),
        answered(
            "hostname",
            json!({"name": "cp1"}),
            vec![out("current=x\npermanent=x\n"), out("")],
            vec![out("current=cp1\npermanent=cp1\n")],
        ),
        answered(
            "modprobe",
            json!({"name": "overlay"}),
            vec![out(&loaded("no")), out("loaded=yes\n")],
            vec![out(&loaded("yes"))],
        ),
        real(
            "mount",
            json!({"path": "/x", "src": "/y", "fstype": "xfs", "state": "present", "fstab": "DIR/fstab"}),
            2,
        ),
        answered(
            "sysctl",
            json!({"name": "a.b", "value": 1, "sysctl_set": true}),
            vec![sysctl("0", "a.b=0\n"), out("")],
            vec![sysctl("1", "a.b=1\n")],
        ),
        answered(
            "user",
            json!({"name": "ops"}),
            vec![out(""), out(passwd)],
            vec![out(passwd)],
        ),
    ]
}

/// What every module costs.
pub(super) fn table() -> Vec<Cost> {
    files()
        .into_iter()
        .chain(commands())
        .chain(cluster())
        .chain(etcd())
        .chain(looks())
        .chain(machine())
        .collect()
}
