//! `--print`: what would be written, for another machine or a cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::add::AddArgs;
use super::command::below;
use super::{Scope, cannot, places};
use crate::cli::error::Error;
use crate::cli::hosts::folder_of;
use crate::cli::journal;
use crate::cli::print::complain;
use crate::modules::Failure;
use crate::schedule::{
    self, Cluster, ClusterFile, CredentialWay, CronTime, Job, Secret, crontab_line, crontab_script, manifests,
};

/// The units, one behind the other.
pub(super) fn units(job: &Job, scope: Scope) -> String {
    let way = match scope {
        Scope::System => CredentialWay::Loaded,
        Scope::User => CredentialWay::InPlace,
    };
    let folder = match scope {
        Scope::System => "/etc/systemd/system",
        Scope::User => "~/.config/systemd/user",
    };
    let units = schedule::units(job, way);
    let texts: Vec<String> = units
        .iter()
        .map(|unit| format!("# {folder}/{}\n{}", unit.name, unit.text))
        .collect();
    texts.join("\n")
}

/// The script and the line.
pub(super) fn crontab(job: &Job, time: &CronTime, scope: Scope) -> Result<String, Failure> {
    let script = places::script(scope, &job.name)?.display().to_string();
    let state = places::state(scope, &job.name)?.display().to_string();
    let text = crontab_script(job, &state);
    Ok(match scope {
        Scope::System => {
            let line = crontab_line(time, Some("root"), &script);
            format!(
                "# /etc/cron.d/{}\n{}\n# {script}\n{text}",
                job.tag(),
                job.crontab(&line)
            )
        }
        Scope::User => format!("# crontab\n{}\n# {script}\n{text}", crontab_line(time, None, &script)),
    })
}

/// The objects of a cluster.
pub(super) fn kubernetes(args: &AddArgs, job: &Job, time: &CronTime) -> Result<String, Error> {
    let root = super::add::here()?;
    let mut secrets = Vec::new();
    for credential in &job.credentials {
        let path = Path::new(&credential.path);
        let content = args
            .with_secrets
            .then(|| std::fs::read_to_string(path).map_err(|error| cannot("read", path, &error)))
            .transpose()?;
        secrets.push(Secret {
            id: credential.id.clone(),
            content,
        });
    }
    let known_hosts = args
        .known_hosts
        .as_ref()
        .map(|path| std::fs::read_to_string(path).map_err(|error| cannot("read", path, &error)))
        .transpose()?;
    let mut to_fill_in: Vec<&str> = Vec::new();
    if known_hosts.is_none() {
        to_fill_in.push("known_hosts");
    }
    to_fill_in.extend(
        secrets
            .iter()
            .filter(|secret| secret.content.is_none())
            .map(|secret| secret.id.as_str()),
    );
    if !to_fill_in.is_empty() {
        complain(&format!(
            "note: to be filled in before this is applied: {}",
            to_fill_in.join(", ")
        ));
    }
    let cluster = Cluster {
        image: args.image.clone().unwrap_or_default(),
        time_zone: args.time_zone.clone(),
        files: files(args, job, &root)?,
        known_hosts,
        secrets,
    };
    manifests(job, time, &cluster).map_err(|error| {
        Failure::new(error.to_string())
            .help("put the playbooks into the image instead, or take what the run does not need out of the folders")
            .into()
    })
}

/// The files that the run is made of, without those that are secret.
fn files(args: &AddArgs, job: &Job, root: &Path) -> Result<Vec<ClusterFile>, Error> {
    let sources = journal::sources(&args.run);
    let mut paths: Vec<PathBuf> = sources.paths().map(Path::to_owned).collect();
    let folder = folder_of(args.run.playbooks.first());
    let settings = [
        folder.join("krun.toml"),
        folder.join("../krun.toml"),
        "krun.toml".into(),
        "ansible.cfg".into(),
    ];
    paths.extend(settings.into_iter().filter(|path| path.is_file()));
    let texts = args.run.hosts.extra_vars.iter().chain(&args.run.hosts.limit);
    paths.extend(texts.filter_map(|text| text.trim().strip_prefix('@').map(PathBuf::from)));
    let secret: Vec<PathBuf> = job
        .credentials
        .iter()
        .filter_map(|credential| std::fs::canonicalize(&credential.path).ok())
        .collect();
    let mut found = BTreeMap::new();
    for path in paths {
        let full = std::fs::canonicalize(&path).map_err(|error| cannot("read", &path, &error))?;
        if secret.contains(&full) {
            continue;
        }
        let inner = below(root, &path).map_err(Error::options)?;
        let content = std::fs::read(&full).map_err(|error| cannot("read", &full, &error))?;
        if memchr::memmem::find(&content, b"PRIVATE KEY-----").is_some() {
            complain(&format!(
                "note: {inner} has a private key in it, and is left out: a ConfigMap is no place for it"
            ));
            continue;
        }
        found.insert(inner, content);
    }
    Ok(found
        .into_iter()
        .map(|(path, content)| ClusterFile { path, content })
        .collect())
}
