//! A watcher: what a cluster looks like during a run, seen without krun, and what must never be seen.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde::Deserialize;

use super::lab::{Lab, lab_tool};

/// What `tests/lab/watch` saw at one moment.
#[derive(Debug, Clone, Deserialize)]
pub struct Sample {
    pub masters: BTreeMap<String, Master>,
    /// `None` where no API server could tell.
    pub nodes: Option<BTreeMap<String, Node>>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Master {
    /// The API server's version; `None` while it does not answer.
    pub api: Option<String>,
    /// Whether the member of etcd answers.
    pub etcd: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Node {
    pub ready: bool,
    pub cordoned: bool,
    pub kubelet: String,
}

/// How many nodes may be unavailable at once: of the workers of each group.
pub struct Allowed<'a> {
    pub workers: &'a [(&'a [&'a str], usize)],
}

/// Judges samples one after the other.
#[derive(Default)]
pub struct Judge {
    pub samples: usize,
    /// What must not be, each with the sample that shows it.
    pub violations: Vec<String>,
    /// The last known version of each API server.
    servers: BTreeMap<String, (u32, u32, u32)>,
}

impl Judge {
    pub fn see(&mut self, sample: &Sample, allowed: &Allowed<'_>) {
        self.samples += 1;
        for (name, master) in &sample.masters {
            if let Some(version) = &master.api {
                self.servers.insert(name.clone(), numbers(version));
            }
        }
        let mut found = vec![down(sample), quorum(sample)];
        if let Some(nodes) = &sample.nodes {
            found.push(self.skew(nodes));
            found.extend(
                allowed
                    .workers
                    .iter()
                    .map(|(group, most)| unavailable(nodes, group, *most)),
            );
            let masters: Vec<&str> = sample.masters.keys().map(String::as_str).collect();
            found.push(unavailable(nodes, &masters, 1));
        }
        self.violations
            .extend(found.into_iter().flatten().map(|what| format!("{what}: {sample:?}")));
    }

    /// No kubelet is newer than any API server.
    fn skew(&self, nodes: &BTreeMap<String, Node>) -> Option<String> {
        let oldest = self.servers.values().min()?;
        let newer = nodes.iter().find(|(_, node)| numbers(&node.kubelet) > *oldest);
        newer.map(|(name, node)| {
            format!(
                "the kubelet of {name} is at {}, newer than an API server at {oldest:?}",
                node.kubelet
            )
        })
    }
}

/// No two control planes are away at once: the API server, the member of etcd, or the node.
fn down(sample: &Sample) -> Option<String> {
    let is_down = |(name, master): &(&String, &Master)| {
        let node = sample.nodes.as_ref().and_then(|nodes| nodes.get(*name));
        master.api.is_none() || !master.etcd || node.is_some_and(|node| !node.ready)
    };
    let down: Vec<&String> = sample.masters.iter().filter(is_down).map(|(name, _)| name).collect();
    (down.len() > 1).then(|| format!("control planes down at once: {down:?}"))
}

fn quorum(sample: &Sample) -> Option<String> {
    let there = sample.masters.values().filter(|master| master.etcd).count();
    (there * 2 <= sample.masters.len()).then(|| format!("etcd has {there} members of {}", sample.masters.len()))
}

fn unavailable(nodes: &BTreeMap<String, Node>, group: &[&str], most: usize) -> Option<String> {
    let away: Vec<&&str> = group
        .iter()
        .filter(|name| nodes.get(**name).is_none_or(|node| !node.ready || node.cordoned))
        .collect();
    (away.len() > most).then(|| format!("more than {most} unavailable: {away:?}"))
}

fn numbers(version: &str) -> (u32, u32, u32) {
    let mut parts = version
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}

/// A watcher at work.
pub struct Watcher {
    process: Child,
    judge: Arc<Mutex<Judge>>,
    reader: Option<JoinHandle<()>>,
    _certificates: tempfile::TempDir,
}

impl Watcher {
    pub fn of(lab: &Lab, masters: &[(&str, &str)], workers: &'static [(&'static [&'static str], usize)]) -> Self {
        let certificates = tempfile::tempdir().unwrap();
        let keep = |name: &str, text: String| std::fs::write(certificates.path().join(name), text).unwrap();
        let admin = "kubectl --kubeconfig /etc/kubernetes/admin.conf config view --raw -o jsonpath=";
        let field = |path: &str| lab.on("m1", &format!("{admin}'{{{path}}}' | base64 -d"));
        keep("ca.crt", field(".clusters[0].cluster.certificate-authority-data"));
        keep("client.crt", field(".users[0].user.client-certificate-data"));
        keep("client.key", field(".users[0].user.client-key-data"));
        let pki = |file: &str| lab.on("m1", &format!("cat /etc/kubernetes/pki/etcd/{file}"));
        keep("etcd-ca.crt", pki("ca.crt"));
        keep("etcd-client.crt", pki("healthcheck-client.crt"));
        keep("etcd-client.key", pki("healthcheck-client.key"));
        let mut process = Command::new(lab_tool())
            .args(["ctl", "--name", lab.name(), "--"])
            .arg(lab_tool().with_file_name("watch"))
            .arg(certificates.path())
            .args(masters.iter().map(|(name, ip)| format!("{name}={ip}")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let judge = Arc::new(Mutex::new(Judge::default()));
        let own = Arc::clone(&judge);
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let sample: Sample = serde_json::from_str(&line).unwrap();
                own.lock().unwrap().see(&sample, &Allowed { workers });
            }
        });
        Self {
            process,
            judge,
            reader: Some(reader),
            _certificates: certificates,
        }
    }

    /// How many samples there are, and what was seen that must not be.
    pub fn so_far(&self) -> (usize, Vec<String>) {
        let judge = self.judge.lock().unwrap();
        (judge.samples, judge.violations.clone())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
