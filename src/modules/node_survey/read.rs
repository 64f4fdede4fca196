//! What the script printed, read.

use indexmap::IndexMap;
use serde_json::Value;

use super::certificates;
use crate::kube::{Disk, EtcdMember, EtcdSurvey, KubeletFlag, Manifest, NodeSurvey, RepositoryEntry, Version};

type Sections = IndexMap<String, String>;

fn text<'a>(sections: &'a Sections, name: &str) -> &'a str {
    sections.get(name).map_or("", String::as_str)
}

fn lines(sections: &Sections, name: &str) -> Vec<String> {
    let lines = text(sections, name).lines().filter(|line| !line.trim().is_empty());
    lines.map(ToOwned::to_owned).collect()
}

/// Rows of words with tabs between.
fn rows<'a, const N: usize>(sections: &'a Sections, name: &str) -> impl Iterator<Item = [&'a str; N]> {
    text(sections, name)
        .lines()
        .filter_map(|line| <[&str; N]>::try_from(line.split('\t').collect::<Vec<_>>()).ok())
}

fn values(sections: &Sections) -> IndexMap<&str, &str> {
    text(sections, "values")
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect()
}

/// The name that the machine has for itself, with and without its domain.
pub(super) fn own_name(sections: &Sections) -> Vec<String> {
    let Some(name) = values(sections).get("nodename").map(|name| name.to_lowercase()) else {
        return Vec::new();
    };
    let short = name.split('.').next().unwrap_or_default().to_owned();
    vec![name, short]
}

pub(super) fn survey(sections: &Sections) -> NodeSurvey {
    let values = values(sections);
    let value = |name: &str| values.get(name).copied().unwrap_or_default().to_owned();
    let version = |name: &str| {
        let text = values.get(name)?;
        Some(Version::find_in(text)?.tag())
    };
    let given = |name: &str| Some(value(name)).filter(|text| !text.is_empty());
    let (disks, etcd_data_kib) = disks(sections);
    NodeSurvey {
        time: value("time").parse().unwrap_or_default(),
        os: value("os"),
        kernel: value("kernel"),
        package_manager: value("package_manager"),
        swaps: lines(sections, "swaps")
            .iter()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect(),
        swap_allowed: values.contains_key("swap_allowed"),
        cgroup_version: value("cgroup").parse().ok(),
        kubelet_state: value("kubelet_state"),
        kubeadm: version("kubeadm"),
        kubelet: version("kubelet"),
        kubectl: version("kubectl"),
        package: given("package"),
        kubelet_flags: rows(sections, "flags")
            .map(|[file, flag]| KubeletFlag {
                flag: flag.to_owned(),
                file: file.to_owned(),
            })
            .collect(),
        disks,
        etcd_data_kib,
        repositories: rows(sections, "repositories")
            .map(|[file, url, signed]| RepositoryEntry {
                file: file.to_owned(),
                url: url.to_owned(),
                is_signed: signed == "yes",
            })
            .collect(),
        has_admin_conf: values.contains_key("admin_conf"),
        manifests: manifests(sections),
        certificates: certificates::read(text(sections, "certificates")),
        drift: lines(sections, "diff")
            .into_iter()
            .filter(|line| line.starts_with(['-', '+']) && !line.starts_with("--- ") && !line.starts_with("+++ "))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect(),
        drift_error: last_line(sections, "diff error"),
        images: lines(sections, "images"),
        images_error: last_line(sections, "images error"),
        has_etcd_service: values.contains_key("etcd_service"),
        etcdctl: given("etcdctl"),
        etcd: etcd(sections),
        ..NodeSurvey::default()
    }
}

fn last_line(sections: &Sections, name: &str) -> Option<String> {
    sections.get(name)?;
    let last = lines(sections, name).pop();
    Some(last.unwrap_or_else(|| "no reason was given".to_owned()))
}

/// Disks, and the size of etcd's data. A place of images that is in the same file system as /var says nothing new.
fn disks(sections: &Sections) -> (Vec<Disk>, Option<u64>) {
    let mut disks = Vec::new();
    let mut size = None;
    let mut var = "";
    for [purpose, path, number, mount] in rows(sections, "disks") {
        let Ok(number) = number.parse() else { continue };
        match purpose {
            "size" => {
                size = Some(number);
                continue;
            }
            "var" => var = mount,
            "images" if mount == var => continue,
            _ => {}
        }
        disks.push(Disk {
            purpose: purpose.to_owned(),
            path: path.to_owned(),
            free_kib: number,
        });
    }
    (disks, size)
}

fn manifests(sections: &Sections) -> IndexMap<String, Manifest> {
    sections
        .iter()
        .filter_map(|(name, text)| {
            let component = name.strip_prefix("manifest ")?;
            let mut lines: Vec<String> = Vec::new();
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                if !lines.iter().any(|known| known == line) {
                    lines.push(line.to_owned());
                }
            }
            let image = lines
                .iter()
                .find_map(|line| line.trim_start_matches("- ").strip_prefix("image:"));
            let image = image.map(|image| image.trim().trim_matches(['"', '\'']).to_owned());
            Some((
                component.to_owned(),
                Manifest {
                    image: image.unwrap_or_default(),
                    lines,
                },
            ))
        })
        .collect()
}

fn etcd(sections: &Sections) -> Option<EtcdSurvey> {
    if let Some(error) = last_line(sections, "etcd error") {
        return Some(EtcdSurvey {
            error: Some(error),
            ..EtcdSurvey::default()
        });
    }
    let status: Value = serde_json::from_str(sections.get("etcd status")?.trim()).unwrap_or_default();
    let status = &status[0]["Status"];
    if status.is_null() {
        return Some(EtcdSurvey {
            error: Some("etcdctl's answer could not be read".to_owned()),
            ..EtcdSurvey::default()
        });
    }
    // Identities are larger than what programs take numbers for.
    let id = |value: &Value| value.as_u64().unwrap_or_default().to_string();
    let list: Value = serde_json::from_str(text(sections, "etcd members").trim()).unwrap_or_default();
    let texts = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(ToOwned::to_owned).collect()
    };
    Some(EtcdSurvey {
        error: None,
        version: status["version"].as_str().unwrap_or_default().to_owned(),
        id: id(&status["header"]["member_id"]),
        leader: id(&status["leader"]),
        alarms: lines(sections, "etcd alarms")
            .iter()
            .filter_map(|line| line.split_once("alarm:").map(|(_, alarm)| alarm.trim().to_owned()))
            .collect(),
        members: list["members"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|member| EtcdMember {
                id: id(&member["ID"]),
                name: member["name"].as_str().unwrap_or_default().to_owned(),
                is_learner: member["isLearner"] == true,
                peer_urls: texts(&member["peerURLs"]),
            })
            .collect(),
    })
}
