use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A Kubernetes version, however it is written: as kubeadm does (`v1.28.2`), plainly (`1.28.2`), or with a package's
/// release suffix (`1.28.2-0`, `1.28.2-00`, `1.28.11-150500.1.1`, `1.28.11-1.1`), which is left away.
///
/// Two are equal when Kubernetes takes them as equal: suffixes and build data do not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// First number; 1 for every Kubernetes so far.
    pub major: u64,
    /// Second number.
    pub minor: u64,
    /// Third number.
    pub patch: u64,
    /// What follows for a version before the release: `alpha.1`, `beta.0`, `rc.1`.
    pub pre_release: Option<String>,
}

/// A text that is no Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a Kubernetes version (such as v1.28.2, 1.28.2 or 1.28.2-0)")]
pub struct VersionError {
    /// The text.
    pub text: String,
}

impl Version {
    /// As kubeadm and image tags write it: `v1.28.2`.
    pub fn tag(&self) -> String {
        format!("v{self}")
    }

    /// Major and minor: `1.28`.
    pub fn series(&self) -> String {
        format!("{}.{}", self.major, self.minor)
    }

    /// True when major and minor are the same.
    pub fn is_same_series(&self, other: &Self) -> bool {
        (self.major, self.minor) == (other.major, other.minor)
    }

    /// Finds the version in what a program says of itself: `Kubernetes v1.28.2`, `v1.28.2`.
    pub fn find_in(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| word.parse().ok())
    }

    /// The version that an image's tag gives: `registry.k8s.io/kube-apiserver:v1.28.2`, also with a digest after it.
    pub fn of_image(image: &str) -> Option<Self> {
        image_tag(image)?.parse().ok()
    }
}

/// The tag of an image's name, without its digest.
pub(in crate::kube) fn image_tag(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    let (_, last) = name.rsplit_once('/').unwrap_or(("", name));
    last.split_once(':').map(|(_, tag)| tag)
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        parse(text.trim()).ok_or_else(|| VersionError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(version, _build)| version);
    let (numbers, suffix) = match text.split_once(['-', '~']) {
        Some((numbers, suffix)) if !suffix.is_empty() => (numbers, Some(suffix)),
        Some(_) => return None,
        None => (text, None),
    };
    let mut parts = numbers.split('.').map(number);
    let version = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    let pre_release = suffix.filter(|suffix| ["alpha", "beta", "rc"].iter().any(|kind| suffix.starts_with(kind)));
    if let (Some(suffix), None) = (suffix, pre_release) {
        // A package's release begins with a number; anything else is a slip of the pen.
        if !suffix.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
    }
    Some(Version {
        major: version.0,
        minor: version.1,
        patch: version.2,
        pre_release: pre_release.map(|pre| pre.split('-').next().unwrap_or(pre).to_owned()),
    })
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        match &self.pre_release {
            Some(pre) => write!(f, "-{pre}"),
            None => Ok(()),
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| match (&self.pre_release, &other.pre_release) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(mine), Some(theirs)) => compare_pre_releases(mine, theirs),
            })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `alpha.2` comes before `alpha.10`, and both before `beta.0`.
fn compare_pre_releases(mine: &str, theirs: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(bool, u64, String)> {
        text.split('.')
            .map(|part| match number(part) {
                Some(value) => (false, value, String::new()),
                None => (true, 0, part.to_owned()),
            })
            .collect()
    };
    parts(mine).cmp(&parts(theirs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("v1.28.2", Some("1.28.2"))]
    #[case("1.28.2", Some("1.28.2"))]
    #[case(" 1.28.2\n", Some("1.28.2"))]
    #[case("1.28.2-0", Some("1.28.2"))]
    #[case("1.28.2-00", Some("1.28.2"))]
    #[case("1.28.11-150500.1.1", Some("1.28.11"))]
    #[case("1.31.0-rc.1", Some("1.31.0-rc.1"))]
    #[case("1.31.0~rc.1-0", Some("1.31.0-rc.1"))]
    #[case("v1.27.3+k3s1", Some("1.27.3"))]
    #[case("1.28", None)]
    #[case("1.28.x", None)]
    #[case("1.28.2.1", None)]
    #[case("1.28.2-", None)]
    #[case("1.28.2-latest", None)]
    #[case("latest", None)]
    #[case("", None)]
    #[case("1.28.+2", None)]
    #[case("99999999999999999999.1.1", None)]
    fn all_ways_to_write_a_version(#[case] text: &str, #[case] expected: Option<&str>) {
        let version = text.parse::<Version>().ok();
        assert_eq!(version.map(|version| version.to_string()).as_deref(), expected);
    }

    #[test]
    fn order() {
        let sorted = [
            "1.9.11",
            "1.28.0-alpha.2",
            "1.28.0-alpha.10",
            "1.28.0-beta.0",
            "1.28.0-rc.1",
            "1.28.0",
            "1.28.2",
            "1.28.11",
            "1.29.0",
        ];
        for pair in sorted.windows(2) {
            let [low, high] = [pair[0], pair[1]].map(|text| text.parse::<Version>().unwrap());
            assert!(low < high, "{low} < {high}");
        }
        assert_eq!("v1.28.2".parse::<Version>(), "1.28.2-0".parse());
    }

    #[rstest]
    #[case("registry.k8s.io/kube-apiserver:v1.28.2", Some("1.28.2"))]
    #[case("localhost:5000/kube-apiserver:v1.28.2@sha256:00", Some("1.28.2"))]
    #[case("localhost:5000/kube-apiserver", None)]
    #[case("registry.k8s.io/etcd:3.5.9-0", Some("3.5.9"))]
    #[case("kube-apiserver@sha256:00", None)]
    fn images(#[case] image: &str, #[case] expected: Option<&str>) {
        assert_eq!(
            Version::of_image(image).map(|version| version.to_string()).as_deref(),
            expected
        );
    }

    #[test]
    fn found_in_what_programs_say() {
        let found = |text: &str| Version::find_in(text).map(|version| version.tag());
        assert_eq!(found("Kubernetes v1.28.2"), Some("v1.28.2".to_owned()));
        assert_eq!(found("error: unknown command"), None);
    }
}
