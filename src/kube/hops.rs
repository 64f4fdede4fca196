use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Version;
use super::skew::SkewError;

/// What a cluster is to be upgraded to: a version (`1.31.1`), or the newest patch of a minor version (`1.31`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This version.
    Exact(Version),
    /// The newest that is offered of this minor version.
    Newest {
        /// First number.
        major: u64,
        /// Second number.
        minor: u64,
    },
}

impl Target {
    fn series(&self) -> (u64, u64) {
        match self {
            Self::Exact(version) => (version.major, version.minor),
            Self::Newest { major, minor } => (*major, *minor),
        }
    }
}

impl FromStr for Target {
    type Err = SkewError;

    fn from_str(text: &str) -> Result<Self, SkewError> {
        let plain = text.trim();
        let plain = plain.strip_prefix('v').unwrap_or(plain);
        if let Ok(version) = plain.parse() {
            return Ok(Self::Exact(version));
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some((major, minor)) = plain.split_once('.')
            && is_number(major)
            && is_number(minor)
            && let (Ok(major), Ok(minor)) = (major.parse(), minor.parse())
        {
            return Ok(Self::Newest { major, minor });
        }
        Err(SkewError {
            message: format!("`{text}` is no Kubernetes version to upgrade to"),
            help: "give all three numbers (1.28.2), or two for the newest patch of that minor version (1.28)"
                .to_owned(),
        })
    }
}

/// A version of kubeadm that a package repository serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The Kubernetes version.
    pub version: Version,
    /// The package's version, with its release: `1.28.2-0`, `1.28.11-150500.1.1`.
    pub package: String,
    /// Where it is to be had: the repository's address, or words for the node's own repositories.
    pub source: String,
}

/// One step of an upgrade: at most one minor version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The control plane's version before it; the oldest, where masters differ.
    pub from: Version,
    /// The version after it.
    pub version: Version,
    /// The package's version with its release, where a repository was found to serve it.
    pub package: Option<String>,
    /// Where that is.
    pub source: Option<String>,
    /// The user chose this patch version.
    pub pinned: bool,
}

/// The versions that a cluster has now.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// Of every API server; at least one.
    pub api_servers: &'a [Version],
    /// Of every kubelet.
    pub kubelets: &'a [Version],
}

/// Plans the way to a version: minor by minor, each by its newest patch unless `pins` names another.
///
/// An upgrade that was begun is finished first: where kubelets or API servers are a minor version behind the newest API
/// server, its version is the first hop. No hop at all where everything is at the target.
///
/// Source of the rules: Kubernetes' version skew policy and kubeadm's own (one minor at a time, no way back).
///
/// # Errors
/// The target is older than the cluster, of another major version, or a minor version on the way is offered by nobody.
pub fn plan_hops(
    standing: &Standing<'_>,
    target: &Target,
    offered: &[Offered],
    pins: &[Version],
) -> Result<Vec<Hop>, SkewError> {
    let (Some(oldest), Some(newest)) = (standing.api_servers.iter().min(), standing.api_servers.iter().max()) else {
        return Err(SkewError {
            message: "no API server was found, so that no way to the target can be planned".to_owned(),
            help: "see that `kubectl -n kube-system get pods -l component=kube-apiserver` lists them".to_owned(),
        });
    };
    let series = target.series();
    let is_behind = match target {
        Target::Exact(version) => version < newest,
        Target::Newest { .. } => series < (newest.major, newest.minor),
    };
    if is_behind {
        return Err(SkewError {
            message: format!(
                "the control plane is at {newest}, and the target {} is older: Kubernetes has no way back",
                written(target)
            ),
            help: "to undo an upgrade, see playbooks/rollback.yml and playbooks/restore.yml".to_owned(),
        });
    }
    if series.0 != newest.major {
        return Err(SkewError {
            message: format!("no way is known from Kubernetes {newest} to another major version"),
            help: format!("choose a target that begins with {}.", newest.major),
        });
    }
    let mut hops: Vec<Hop> = Vec::new();
    let add = |hops: &mut Vec<Hop>, version: Version, pinned: bool| {
        let found = offered.iter().find(|offer| offer.version == version);
        let from = hops.last().map_or(oldest, |hop| &hop.version).clone();
        hops.push(Hop {
            from,
            version,
            package: found.map(|offer| offer.package.clone()),
            source: found.map(|offer| offer.source.clone()),
            pinned,
        });
    };
    let is_older_minor = |version: &&Version| (version.major, version.minor) < (newest.major, newest.minor);
    let was_begun = standing
        .api_servers
        .iter()
        .chain(standing.kubelets)
        .any(|version| is_older_minor(&version));
    if was_begun && series > (newest.major, newest.minor) {
        add(&mut hops, newest.clone(), false);
    }
    for minor in newest.minor..=series.1 {
        let is_last = minor == series.1;
        if minor == newest.minor && !is_last {
            continue;
        }
        let (version, pinned) = match (is_last, target) {
            (true, Target::Exact(version)) => (version.clone(), true),
            _ => choose(newest, minor, offered, pins)?,
        };
        // A patch older than what runs is no target: what runs is.
        let version = version.max(newest.clone());
        let is_reached = standing
            .api_servers
            .iter()
            .chain(standing.kubelets)
            .all(|found| *found == version);
        if !is_reached {
            add(&mut hops, version, pinned);
        }
    }
    Ok(hops)
}

/// The patch of a minor version to go by.
fn choose(newest: &Version, minor: u64, offered: &[Offered], pins: &[Version]) -> Result<(Version, bool), SkewError> {
    let is_of_it = |version: &&Version| (version.major, version.minor) == (newest.major, minor);
    if let Some(pin) = pins.iter().find(is_of_it) {
        return Ok((pin.clone(), true));
    }
    let stable = offered
        .iter()
        .map(|offer| &offer.version)
        .filter(|version| version.pre_release.is_none());
    if let Some(version) = stable.filter(is_of_it).max() {
        return Ok((version.clone(), false));
    }
    // Where nothing newer is offered of the minor version that the cluster has, it is at its newest.
    if minor == newest.minor {
        return Ok((newest.clone(), false));
    }
    let mut known: Vec<String> = offered.iter().map(|offer| offer.version.series()).collect();
    known.dedup();
    let known = if known.is_empty() {
        "nothing was found at all".to_owned()
    } else {
        format!("found were versions of {}", known.join(", "))
    };
    Err(SkewError {
        message: format!("no repository offers a version of {}.{minor}, which is on the way; {known}", newest.major),
        help: "since 1.24 each minor version has a repository of its own: set repository_baseurl (repository_apt_url for apt) \
               with {{ kubernetes_minor }} in its address; the old single repositories end at 1.28.2"
            .to_owned(),
    })
}

fn written(target: &Target) -> String {
    match target {
        Target::Exact(version) => version.to_string(),
        Target::Newest { major, minor } => format!("{major}.{minor}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn versions(text: &str) -> Vec<Version> {
        text.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    fn offers(text: &str) -> Vec<Offered> {
        let offer = |version: Version| Offered {
            package: format!("{version}-0"),
            version,
            source: "here".to_owned(),
        };
        versions(text).into_iter().map(offer).collect()
    }

    fn way(servers: &str, kubelets: &str, target: &str, offered: &str, pins: &str) -> Result<String, SkewError> {
        let (servers, kubelets) = (versions(servers), versions(kubelets));
        let standing = Standing {
            api_servers: &servers,
            kubelets: &kubelets,
        };
        let hops = plan_hops(&standing, &target.parse()?, &offers(offered), &versions(pins))?;
        let words: Vec<_> = hops.iter().map(|hop| hop.version.to_string()).collect();
        Ok(words.join(" "))
    }

    const ALL: &str = "1.27.6 1.28.0 1.28.2 1.28.11 1.29.0 1.29.9 1.30.5 1.31.0 1.31.1 1.32.0-rc.1";

    #[rstest]
    // Within a minor version.
    #[case("1.28.0", "1.28.0", "1.28.2", "", "1.28.2")]
    #[case("1.28.2", "1.28.2", "1.28.2", "", "")]
    #[case("1.28.2", "1.28.0 1.28.2", "1.28.2", "", "1.28.2")]
    #[case("1.28.0 1.28.2", "1.28.0", "1.28.11", "", "1.28.11")]
    #[case("1.28.0", "1.28.0", "1.28", "", "1.28.11")]
    // One minor, several minors.
    #[case("1.28.0", "1.28.0", "1.29.0", "", "1.29.0")]
    #[case("1.28.0", "1.28.0", "v1.31", "", "1.29.9 1.30.5 1.31.1")]
    #[case("1.28.0", "1.28.0", "1.31.0", "", "1.29.9 1.30.5 1.31.0")]
    #[case("1.28.0", "1.28.0", "1.31.0", "1.29.0", "1.29.0 1.30.5 1.31.0")]
    // What was begun is finished first; patches behind are no reason for another round.
    #[case("1.29.9", "1.28.0 1.29.9", "1.31.1", "", "1.29.9 1.30.5 1.31.1")]
    #[case("1.29.9 1.28.0", "1.28.0", "1.30.5", "", "1.29.9 1.30.5")]
    #[case("1.29.9", "1.28.0", "1.29.9", "", "1.29.9")]
    #[case("1.29.0", "1.28.0", "1.29.9", "", "1.29.9")]
    #[case("1.28.2", "1.28.0", "1.29.9", "", "1.29.9")]
    // At the newest of a minor version that nobody offers any more.
    #[case("1.32.1", "1.32.1", "1.32", "", "")]
    // A target that no repository has been found to serve is said by who looks for packages.
    #[case("1.28.0", "1.28.0", "1.29.5", "", "1.29.5")]
    fn ways(
        #[case] servers: &str,
        #[case] kubelets: &str,
        #[case] target: &str,
        #[case] pins: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(way(servers, kubelets, target, ALL, pins).unwrap(), expected);
    }

    #[rstest]
    #[case("1.28.2", "1.28.0", ALL, "is older")]
    #[case("1.28.2", "1.27", ALL, "is older")]
    #[case("1.28.2", "2.0.0", ALL, "another major")]
    #[case("1.28.2", "1.30.5", "1.28.2 1.30.5", "no repository offers a version of 1.29")]
    #[case("1.28.2", "1.32", ALL, "no repository offers a version of 1.32")]
    #[case("1.28.2", "newest", ALL, "no Kubernetes version")]
    #[case("1.28.2", "1.", ALL, "no Kubernetes version")]
    #[case("", "1.29", ALL, "no API server")]
    fn refusals(#[case] servers: &str, #[case] target: &str, #[case] offered: &str, #[case] part: &str) {
        let error = way(servers, servers, target, offered, "").unwrap_err();
        assert!(error.message.contains(part), "{error:?}");
        assert!(!error.help.is_empty());
    }

    #[test]
    fn a_hop_says_where_it_comes_from() {
        let servers = versions("1.28.0");
        let standing = Standing {
            api_servers: &servers,
            kubelets: &servers,
        };
        let hops = plan_hops(&standing, &"1.30.5".parse().unwrap(), &offers("1.29.9"), &[]).unwrap();
        let text = serde_json::to_value(&hops).unwrap();
        assert_eq!(
            text,
            serde_json::json!([
                {"from": "1.28.0", "version": "1.29.9", "package": "1.29.9-0", "source": "here", "pinned": false},
                {"from": "1.29.9", "version": "1.30.5", "package": null, "source": null, "pinned": true},
            ])
        );
        assert_eq!(serde_json::from_value::<Vec<Hop>>(text).unwrap(), hops);
    }

    proptest! {
        /// Whatever a cluster looks like: no minor is skipped, nothing goes down, and the end is the target.
        #[test]
        fn the_way_is_one_that_kubernetes_supports(
            servers in prop::collection::vec((25_u64..29, 0_u64..4), 1..4),
            behind in prop::collection::vec((0_u64..2, 0_u64..4), 0..5),
            target in (25_u64..33, 0_u64..4),
        ) {
            let version = |minor, patch| Version { major: 1, minor, patch, pre_release: None };
            let lowest = servers.iter().map(|(minor, _)| *minor).min().unwrap();
            // Masters differ by one minor version at most.
            let servers: Vec<_> = servers.iter().map(|(minor, patch)| version((*minor).min(lowest + 1), *patch)).collect();
            let kubelets: Vec<_> = behind.iter().map(|(minor, patch)| version(lowest - minor, *patch)).collect();
            let offered: Vec<_> = (24..34).flat_map(|minor| (0..4).map(move |patch| version(minor, patch)))
                .map(|version| Offered { package: version.to_string(), version, source: String::new() }).collect();
            let target = version(target.0, target.1);
            let standing = Standing { api_servers: &servers, kubelets: &kubelets };
            let newest = servers.iter().max().unwrap();
            match plan_hops(&standing, &Target::Exact(target.clone()), &offered, &[]) {
                Err(_) => prop_assert!(target < *newest),
                Ok(hops) => {
                    let mut at = servers.iter().min().unwrap().clone();
                    for hop in &hops {
                        prop_assert_eq!(&hop.from, &at);
                        prop_assert!(hop.version >= *newest && hop.version >= at && hop.version.minor <= at.minor + 1);
                        at = hop.version.clone();
                    }
                    if hops.is_empty() {
                        prop_assert!(servers.iter().chain(&kubelets).all(|found| *found == target));
                    } else {
                        prop_assert_eq!(at, target);
                    }
                }
            }
        }
    }
}
