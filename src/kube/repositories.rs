use serde::{Deserialize, Serialize};

use super::{NodeSurvey, Version};

/// What kind of package repository a node takes Kubernetes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepositoryKind {
    /// The single repository of old, or a mirror of it: frozen at 1.28.2.
    Legacy,
    /// Kubernetes' own, one for each minor version.
    Minor,
    /// A mirror of those.
    Mirror,
    /// Something else, such as a repository of the operators' own.
    Other,
}

/// A package repository, recognised by its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// What kind it is.
    pub kind: RepositoryKind,
    /// Its address.
    pub url: String,
    /// What stands behind the version in the names of packages from it: `-0`, `-150500.1.1`. Empty where unknown.
    pub release: String,
    /// The minor version that it serves, where it serves one: `1.28`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minor: Option<String>,
}

/// The newest version in the frozen repositories.
const LAST_LEGACY: (u64, u64, u64) = (1, 28, 2);

impl Repository {
    /// Recognises a repository by its address.
    pub fn of(url: &str) -> Self {
        let plain = url.to_ascii_lowercase();
        let has = |part: &str| plain.contains(part);
        let minor = minor_in(&plain);
        let is_deb = has("/deb") || has("apt");
        let kind = if minor.is_some() {
            let own = ["pkgs.k8s.io/", "pkgs.kubernetes.io/", "packages.kubernetes.io/"];
            if own.iter().any(|host| has(host)) {
                RepositoryKind::Minor
            } else {
                RepositoryKind::Mirror
            }
        } else if [
            "packages.cloud.google.com/",
            "apt.kubernetes.io",
            "yum.kubernetes.io",
            "kubernetes/yum/repos",
            "kubernetes-el7",
            "kubernetes-el8",
            "kubernetes-el9",
            "kubernetes/apt",
        ]
        .iter()
        .any(|part| has(part))
        {
            RepositoryKind::Legacy
        } else {
            RepositoryKind::Other
        };
        let release = match (kind, is_deb) {
            (RepositoryKind::Legacy, false) => "-0",
            (RepositoryKind::Legacy, true) => "-00",
            (RepositoryKind::Minor | RepositoryKind::Mirror, false) => "-150500.1.1",
            (RepositoryKind::Minor | RepositoryKind::Mirror, true) => "-1.1",
            (RepositoryKind::Other, _) => "",
        };
        Self {
            kind,
            url: url.to_owned(),
            release: release.to_owned(),
            minor,
        }
    }

    /// The one that the node takes Kubernetes from: where it has several, the one that is known best.
    pub fn of_node(node: &NodeSurvey) -> Option<Self> {
        let rank = |repository: &Self| match repository.kind {
            RepositoryKind::Minor => 0,
            RepositoryKind::Mirror => 1,
            RepositoryKind::Legacy => 2,
            RepositoryKind::Other => 3,
        };
        let mut found = node
            .repositories
            .iter()
            .map(|entry| Self::of(&entry.url))
            .min_by_key(rank)?;
        // What is installed tells the suffix better than the address.
        if let Some((_, release)) = node.package.as_deref().and_then(|package| package.split_once('-')) {
            found.release = format!("-{release}");
        }
        Some(found)
    }

    /// It cannot serve this version, by what is known of its kind.
    pub fn lacks(&self, version: &Version) -> bool {
        match (&self.minor, self.kind) {
            (Some(minor), _) => *minor != version.series(),
            (None, RepositoryKind::Legacy) => (version.major, version.minor, version.patch) > LAST_LEGACY,
            (None, _) => false,
        }
    }

    /// The settings that let krun write the repository of each hop, as lines of YAML; on mirrors they stay on the mirror.
    pub fn switch(&self) -> String {
        let plain = self.url.to_ascii_lowercase();
        let is_deb = plain.contains("/deb") || plain.contains("apt");
        let base = if plain.contains("mirrors.aliyun.com") {
            "https://mirrors.aliyun.com/kubernetes-new/core/stable/v{{ kubernetes_minor }}".to_owned()
        } else if let (RepositoryKind::Mirror, Some(minor)) = (self.kind, &self.minor) {
            let version = format!("v{minor}");
            let end = plain.find(&version).unwrap_or(plain.len());
            format!(
                "{}v{{{{ kubernetes_minor }}}}",
                self.url.get(..end).unwrap_or(&self.url)
            )
        } else {
            "https://pkgs.k8s.io/core:/stable:/v{{ kubernetes_minor }}".to_owned()
        };
        if is_deb {
            format!("repository_apt_url: \"{base}/deb/\"")
        } else {
            format!("repository_baseurl: \"{base}/rpm/\"\nrepository_gpgkey: [\"{base}/rpm/repodata/repomd.xml.key\"]")
        }
    }
}

/// The minor version that is a folder of the address: `1.28` for `…/v1.28/rpm/`.
fn minor_in(url: &str) -> Option<String> {
    url.split('/').find_map(|folder| {
        let text = folder.strip_prefix('v')?;
        let (major, minor) = text.split_once('.')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (is_number(major) && is_number(minor)).then(|| text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::RepositoryEntry;
    use rstest::rstest;

    #[rstest]
    #[case(
        "http://mirrors.aliyun.com/kubernetes/yum/repos/kubernetes-el7-x86_64",
        RepositoryKind::Legacy,
        "-0",
        None
    )]
    #[case(
        "https://packages.cloud.google.com/yum/repos/kubernetes-el7-$basearch",
        RepositoryKind::Legacy,
        "-0",
        None
    )]
    #[case("https://apt.kubernetes.io/", RepositoryKind::Legacy, "-00", None)]
    #[case("https://mirrors.ustc.edu.cn/kubernetes/apt", RepositoryKind::Legacy, "-00", None)]
    #[case(
        "https://pkgs.k8s.io/core:/stable:/v1.28/rpm/",
        RepositoryKind::Minor,
        "-150500.1.1",
        Some("1.28")
    )]
    #[case(
        "https://pkgs.kubernetes.io/core:/stable:/v1.30/deb/",
        RepositoryKind::Minor,
        "-1.1",
        Some("1.30")
    )]
    #[case(
        "https://packages.kubernetes.io/core:/stable:/v1.30/rpm/",
        RepositoryKind::Minor,
        "-150500.1.1",
        Some("1.30")
    )]
    #[case(
        "https://mirrors.aliyun.com/kubernetes-new/core/stable/v1.29/rpm/",
        RepositoryKind::Mirror,
        "-150500.1.1",
        Some("1.29")
    )]
    #[case("file:///srv/repo/legacy/", RepositoryKind::Other, "", None)]
    fn kinds(#[case] url: &str, #[case] kind: RepositoryKind, #[case] release: &str, #[case] minor: Option<&str>) {
        let found = Repository::of(url);
        assert_eq!(
            (found.kind, found.release.as_str(), found.minor.as_deref()),
            (kind, release, minor)
        );
    }

    #[rstest]
    #[case("http://x/kubernetes/yum/repos/kubernetes-el7-x86_64", "1.28.2", false)]
    #[case("http://x/kubernetes/yum/repos/kubernetes-el7-x86_64", "1.28.3", true)]
    #[case("https://pkgs.k8s.io/core:/stable:/v1.28/rpm/", "1.28.11", false)]
    #[case("https://pkgs.k8s.io/core:/stable:/v1.28/rpm/", "1.29.0", true)]
    #[case("http://intern/k8s/", "1.40.0", false)]
    fn what_they_cannot_serve(#[case] url: &str, #[case] version: &str, #[case] lacks: bool) {
        assert_eq!(Repository::of(url).lacks(&version.parse().unwrap()), lacks);
    }

    #[rstest]
    #[case(
        "http://mirrors.aliyun.com/kubernetes/yum/repos/kubernetes-el7-x86_64",
        "https://mirrors.aliyun.com/kubernetes-new/core/stable/v{{ kubernetes_minor }}/rpm/"
    )]
    #[case(
        "https://apt.kubernetes.io/",
        "repository_apt_url: \"https://pkgs.k8s.io/core:/stable:/v{{ kubernetes_minor }}/deb/"
    )]
    #[case(
        "http://intern/core/v1.28/rpm/",
        "repository_baseurl: \"http://intern/core/v{{ kubernetes_minor }}/rpm/"
    )]
    fn the_switch_is_offered(#[case] url: &str, #[case] line: &str) {
        let offered = Repository::of(url).switch();
        assert!(offered.contains(line), "{offered}");
    }

    #[test]
    fn the_installed_package_tells_the_suffix() {
        let entry = |url: &str| RepositoryEntry {
            url: url.to_owned(),
            ..RepositoryEntry::default()
        };
        let node = NodeSurvey {
            package: Some("1.28.0-0".to_owned()),
            repositories: vec![
                entry("http://intern/x/"),
                entry("https://pkgs.k8s.io/core:/stable:/v1.28/rpm/"),
            ],
            ..NodeSurvey::default()
        };
        let found = Repository::of_node(&node).unwrap();
        assert_eq!((found.kind, found.release.as_str()), (RepositoryKind::Minor, "-0"));
    }
}
