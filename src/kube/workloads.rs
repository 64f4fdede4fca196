//! What makes pods anew after a drain, and whether it has.

use std::fmt;
use std::str::FromStr;

/// Kinds that keep a number of pods alive; a Job only has to end.
const KINDS: [&str; 3] = ["ReplicaSet", "StatefulSet", "ReplicationController"];

/// A controller of pods: `shop/ReplicaSet/web-6d9f`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl Workload {
    /// The controller, if it is of a kind that keeps a number of pods alive.
    pub fn of(namespace: &str, kind: &str, name: &str) -> Option<Self> {
        KINDS.contains(&kind).then(|| Self {
            namespace: namespace.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }

    /// What it lacks, by lines `NAMESPACE/KIND/NAME WANTED READY` about all there are; the ready ones are left out when there
    /// are none. One that is not among them was taken away by somebody, and lacks nothing.
    pub fn lacks(&self, lines: &str) -> Option<String> {
        let name = self.to_string();
        let line = lines.lines().find(|line| line.split(' ').next() == Some(&name))?;
        let mut numbers = line.split(' ').skip(1).map(|word| word.parse::<u64>().unwrap_or(0));
        let (wanted, ready) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        (ready < wanted).then(|| format!("{name} has {ready} of {wanted} pods ready"))
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.kind, self.name)
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<_> = text.split('/').collect();
        let read = match words[..] {
            [namespace, kind, name] => Self::of(namespace, kind, name),
            _ => None,
        };
        read.ok_or_else(|| {
            format!(
                "`{text}` is not NAMESPACE/KIND/NAME with a KIND of {}",
                KINDS.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("d/ReplicaSet/a", None)]
    #[case("d/ReplicaSet/b", Some("d/ReplicaSet/b has 1 of 2 pods ready"))]
    #[case("d/ReplicaSet/c", Some("d/ReplicaSet/c has 0 of 1 pods ready"))]
    #[case("d/StatefulSet/b", None)]
    #[case("d/ReplicaSet/gone", None)]
    fn what_a_workload_lacks(#[case] name: &str, #[case] lack: Option<&str>) {
        let lines = "d/ReplicaSet/a 2 2\nd/ReplicaSet/b 2 1\nd/ReplicaSet/c 1 \nd/StatefulSet/b 0 \n";
        assert_eq!(name.parse::<Workload>().unwrap().lacks(lines).as_deref(), lack);
    }

    #[rstest]
    #[case("d/Job/a")]
    #[case("d/a")]
    #[case("ReplicaSet")]
    fn what_is_no_workload(#[case] text: &str) {
        assert!(text.parse::<Workload>().is_err());
    }
}
