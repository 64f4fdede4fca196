//! A schedule for a cluster that manages others: a `CronJob` with its `ConfigMap` and `Secret`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::cron_time::CronTime;
use super::job::{Job, Word};

/// Where the files of a run are in its container.
const WORK: &str = "/krun/work";
const HOME: &str = "/krun/home";
const SECRETS: &str = "/krun/secrets";
/// What an object may hold: etcd takes no more than 1.5 MiB, and the API server 1 MiB of data.
const LARGEST: usize = 1_000_000;
/// What stands in place of a secret that is not printed.
const TO_FILL_IN: &str = "FILL IN";

/// A file that the run needs.
#[derive(Clone, Debug)]
pub struct ClusterFile {
    /// Where it is, from the folder of the run on.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// A secret that the run needs.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Its name.
    pub id: String,
    /// Its content; to be filled in without one.
    pub content: Option<String>,
}

/// What a cluster has to be told beside the job.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Image with krun.
    pub image: String,
    /// Time zone of the times.
    pub time_zone: Option<String>,
    /// Files of the run.
    pub files: Vec<ClusterFile>,
    /// Host keys of the nodes; to be filled in without them.
    pub known_hosts: Option<String>,
    /// Its secrets.
    pub secrets: Vec<Secret>,
}

/// The files are too large for a ConfigMap.
#[derive(Debug, thiserror::Error)]
#[error("the run's files have {0} bytes together, and a ConfigMap holds {LARGEST} at most")]
pub struct TooLarge(usize);

/// Where a file of the run's folder is in the container.
pub fn place_in_cluster(path: &str) -> String {
    if path.is_empty() {
        WORK.to_owned()
    } else {
        format!("{WORK}/{path}")
    }
}

/// The objects as YAML documents. Texts of the job's command that begin with its folder lead to the container's.
///
/// # Errors
/// The files are too large.
pub fn manifests(job: &Job, time: &CronTime, cluster: &Cluster) -> Result<String, TooLarge> {
    let size = cluster.files.iter().map(|file| file.content.len()).sum();
    if size > LARGEST {
        return Err(TooLarge(size));
    }
    let (files, items) = config_map(job, cluster);
    let mut documents = vec![files];
    if !cluster.secrets.is_empty() {
        documents.push(secret(job, cluster));
    }
    documents.push(cron_job(job, time, cluster, &items));
    let mut text = job.header.text();
    for document in documents {
        text.push_str("---\n");
        // What `json!` makes has keys of text only, so there is nothing that YAML could not say.
        text.push_str(&serde_yaml::to_string(&document).unwrap_or_default());
    }
    Ok(text)
}

fn metadata(job: &Job, ending: &str) -> Value {
    json!({
        "name": format!("{}{ending}", job.tag()),
        "labels": {"app.kubernetes.io/name": "krun", "app.kubernetes.io/instance": job.name},
    })
}

/// The ConfigMap, and which of its keys is which file.
fn config_map(job: &Job, cluster: &Cluster) -> (Value, Vec<Value>) {
    let (mut data, mut binary, mut items) = (Map::new(), Map::new(), Vec::new());
    let mut taken = BTreeSet::new();
    let known_hosts = cluster.known_hosts.clone();
    let known_hosts = known_hosts.unwrap_or_else(|| format!("# {TO_FILL_IN}: the lines of the nodes in known_hosts\n"));
    data.insert("known_hosts".to_owned(), known_hosts.into());
    taken.insert("known_hosts".to_owned());
    for file in &cluster.files {
        let key = key_of(&file.path, &mut taken);
        match std::str::from_utf8(&file.content) {
            Ok(text) => data.insert(key.clone(), text.into()),
            Err(_) => binary.insert(key.clone(), openssl::base64::encode_block(&file.content).into()),
        };
        items.push(json!({"key": key, "path": file.path}));
    }
    let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(job, "-files"), "data": data});
    if !binary.is_empty()
        && let Some(map) = map.as_object_mut()
    {
        map.insert("binaryData".to_owned(), binary.into());
    }
    (map, items)
}

/// A key for a file: no key has a `/`, and no two are the same.
fn key_of(path: &str, taken: &mut BTreeSet<String>) -> String {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let plain: String = path
        .chars()
        .map(|letter| match letter {
            '/' => '.',
            letter if is_letter(letter) => letter,
            _ => '_',
        })
        .collect();
    let mut key = plain.clone();
    let mut number = 1;
    while !taken.insert(key.clone()) {
        number += 1;
        key = format!("{plain}-{number}");
    }
    key
}

fn secret(job: &Job, cluster: &Cluster) -> Value {
    let data: Map<String, Value> = cluster
        .secrets
        .iter()
        .map(|secret| {
            let content = secret.content.clone().unwrap_or_else(|| TO_FILL_IN.to_owned());
            (secret.id.clone(), content.into())
        })
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata(job, "-secrets"), "type": "Opaque", "stringData": data,
    })
}

fn cron_job(job: &Job, time: &CronTime, cluster: &Cluster, items: &[Value]) -> Value {
    let words: Vec<String> = job
        .command
        .iter()
        .map(|word| match word {
            Word::Text(text) => text.clone(),
            Word::File { before, id } => format!("{before}{SECRETS}/{id}"),
        })
        .collect();
    let (program, args) = words
        .split_first()
        .map_or(("krun", &[][..]), |(first, rest)| (first.as_str(), rest));
    let own = [("HOME".to_owned(), HOME.to_owned())];
    let environment: Vec<Value> = own
        .iter()
        .chain(&job.environment)
        // Kubernetes would put variables in for `$(…)`.
        .map(|(name, value)| json!({"name": name, "value": value.replace("$(", "$$(")}))
        .collect();
    let args: Vec<String> = args.iter().map(|word| word.replace("$(", "$$(")).collect();
    let mut mounts = vec![
        json!({"name": "files", "mountPath": WORK, "readOnly": true}),
        json!({"name": "home", "mountPath": HOME}),
        json!({"name": "host-keys", "mountPath": format!("{HOME}/.ssh"), "readOnly": true}),
    ];
    let files = format!("{}-files", job.tag());
    let mut volumes = vec![
        json!({"name": "files", "configMap": {"name": files, "items": items}}),
        // The journal is here, and goes with the pod.
        json!({"name": "home", "emptyDir": {}}),
        json!({"name": "host-keys", "configMap": {"name": files, "items": [{"key": "known_hosts", "path": "known_hosts"}]}}),
    ];
    if !cluster.secrets.is_empty() {
        mounts.push(json!({"name": "secrets", "mountPath": SECRETS, "readOnly": true}));
        let name = format!("{}-secrets", job.tag());
        // 0400: ssh takes no key that others may read.
        volumes.push(json!({"name": "secrets", "secret": {"secretName": name, "defaultMode": 0o400}}));
    }
    let pod = json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        // As long as krun may need to end in order.
        "terminationGracePeriodSeconds": 300,
        "containers": [{
            "name": "krun", "image": cluster.image, "command": [program], "args": args, "workingDir": job.folder,
            "env": environment, "volumeMounts": mounts,
            "securityContext": {"allowPrivilegeEscalation": false},
        }],
        "volumes": volumes,
    });
    let labels = metadata(job, "").get("labels").cloned().unwrap_or_default();
    let mut spec = Map::new();
    spec.insert("schedule".to_owned(), time.to_string().into());
    if let Some(zone) = &cluster.time_zone {
        spec.insert("timeZone".to_owned(), zone.as_str().into());
    }
    let rest = json!({
        "concurrencyPolicy": "Forbid",
        // What was missed for longer is left to the next time.
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"spec": {
            // A run that failed is looked at before there is another one.
            "backoffLimit": 0,
            "activeDeadlineSeconds": job.time_limit,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }},
    });
    spec.extend(rest.as_object().cloned().unwrap_or_default());
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata(job, ""), "spec": spec})
}
