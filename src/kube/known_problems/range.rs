use serde::{Deserialize, Deserializer, de};

use crate::kube::Version;

/// A range of versions: `>=1.28.3, <1.30`. Empty: every version.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::kube) struct Range(Vec<(Bound, Version)>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtLeast,
    Below,
}

impl Range {
    /// The version is in it.
    pub(super) fn holds(&self, version: &Version) -> bool {
        self.0.iter().all(|(bound, limit)| match bound {
            Bound::AtLeast => version >= limit,
            Bound::Below => version < limit,
        })
    }

    /// As people read it.
    #[cfg(test)]
    pub(super) fn words(&self) -> String {
        if self.0.is_empty() {
            return "any version".to_owned();
        }
        let words = self.0.iter().map(|(bound, limit)| match bound {
            Bound::AtLeast => format!("{limit} or newer"),
            Bound::Below => format!("older than {limit}"),
        });
        words.collect::<Vec<_>>().join(", ")
    }

    fn parse(text: &str) -> Option<Self> {
        let bounds = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (bound, version) = match (part.strip_prefix(">="), part.strip_prefix('<')) {
                    (Some(version), _) => (Bound::AtLeast, version),
                    (_, Some(version)) => (Bound::Below, version),
                    _ => return None,
                };
                // Two numbers stand for the first release of that minor version.
                let full = if version.matches('.').count() == 1 {
                    format!("{version}.0")
                } else {
                    version.to_owned()
                };
                Some((bound, full.trim().parse().ok()?))
            });
        bounds.collect::<Option<_>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is no range of versions (>=1.28.3, <1.30)")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(">=1.28.3", "1.28.3", true)]
    #[case(">=1.28.3", "1.28.2", false)]
    #[case("<1.24", "1.23.17", true)]
    #[case("<1.24", "1.24.0", false)]
    #[case(">=1.30, <1.30.1", "1.30.0", true)]
    #[case(">=1.30, <1.30.1", "1.30.1", false)]
    #[case("", "1.2.3", true)]
    fn ranges(#[case] range: &str, #[case] version: &str, #[case] holds: bool) {
        assert_eq!(Range::parse(range).unwrap().holds(&version.parse().unwrap()), holds);
    }

    #[rstest]
    #[case("1.24")]
    #[case(">1.24")]
    #[case(">=1.x")]
    fn no_ranges(#[case] range: &str) {
        assert_eq!(Range::parse(range), None);
    }
}
