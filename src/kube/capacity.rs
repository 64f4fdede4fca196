//! How many nodes may be away at the same time.

use std::fmt;
use std::str::FromStr;

/// A number of nodes, or a share of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MostUnavailable {
    /// So many.
    Count(usize),
    /// So many of a hundred, rounded down; one at least.
    Percent(usize),
}

/// A node as far as counting cares about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name in the cluster.
    pub name: String,
    /// Its hostname label and its addresses.
    pub also: Vec<String>,
    /// Why it is away; `None` when it takes pods.
    pub away: Option<String>,
    /// What its kubelet reports as its version.
    pub kubelet: String,
}

/// What a batch finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// How many nodes may be away.
    pub most: usize,
    /// How many there are.
    pub total: usize,
    /// Those that are about to be taken away.
    pub batch: Vec<String>,
    /// Those outside of the batch that are away already, and why.
    pub away: Vec<(String, String)>,
}

/// Whether a batch may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// It may.
    Enough,
    /// Not yet: too many others are away.
    NotYet,
    /// Never: it is larger than what may be away.
    Never,
}

impl MostUnavailable {
    /// The number for so many nodes.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (total * percent / 100).max(1),
        }
    }
}

impl FromStr for MostUnavailable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (digits, is_share) = text
            .strip_suffix('%')
            .map_or((text, false), |digits| (digits.trim_end(), true));
        match digits.parse() {
            Ok(0) => Err("with no node that may be away nothing could ever be drained: 1 or more".to_owned()),
            Ok(percent) if is_share && percent > 100 => Err(format!("{percent}% is more than all of them")),
            Ok(percent) if is_share => Ok(Self::Percent(percent)),
            Ok(count) => Ok(Self::Count(count)),
            Err(_) => Err(format!(
                "`{text}` is neither a number of nodes nor a share of them (`20%`)"
            )),
        }
    }
}

impl fmt::Display for MostUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Member {
    /// Reads a line with what counts, between tabs: name, hostname label, addresses, `true` when cordoned, krun's mark of the
    /// cordon, the state of Ready with its message, and the kubelet's version.
    pub fn read(line: &str) -> Option<Self> {
        let mut words = line.split('\t').map(str::trim);
        let mut next = || words.next();
        let name = next().filter(|name| !name.is_empty())?.to_owned();
        let mut also = vec![next()?.to_owned()];
        also.extend(next()?.split_whitespace().map(str::to_owned));
        let (cordoned, mark, ready, message, kubelet) = (next()?, next()?, next()?, next()?, next()?);
        let away = match (ready, cordoned, mark) {
            ("True", "true", "") => Some("cordoned".to_owned()),
            ("True", "true", mark) => Some(format!("cordoned by krun {mark}")),
            ("True", ..) => None,
            _ if message.is_empty() => Some("not Ready".to_owned()),
            _ => Some(format!("not Ready: {message}")),
        };
        Some(Self {
            name,
            also,
            away,
            kubelet: kubelet.to_owned(),
        })
    }

    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.also.iter().any(|also| also == name)
    }

    /// The node that one of a host's names means; the better names stand first.
    pub fn find<'a>(members: &'a [Self], names: &[String]) -> Option<&'a Self> {
        names
            .iter()
            .find_map(|name| members.iter().find(|member| member.answers_to(name)))
    }
}

impl Capacity {
    /// Counts, of these nodes, what is away beside the batch.
    pub fn count(most: MostUnavailable, members: &[&Member], batch: Vec<String>) -> Self {
        let away = members
            .iter()
            .filter(|member| !batch.contains(&member.name))
            .filter_map(|member| Some((member.name.clone(), member.away.clone()?)));
        Self {
            most: most.of(members.len()),
            total: members.len(),
            away: away.collect(),
            batch,
        }
    }

    /// Whether the batch may begin.
    pub fn room(&self) -> Room {
        if self.batch.is_empty() {
            Room::Enough
        } else if self.batch.len() > self.most {
            Room::Never
        } else if self.batch.len() + self.away.len() > self.most {
            Room::NotYet
        } else {
            Room::Enough
        }
    }

    /// Which nodes are away and why, for people.
    pub fn away_list(&self) -> String {
        let list: Vec<_> = self.away.iter().map(|(name, why)| format!("{name} ({why})")).collect();
        list.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2", 5, Some(2))]
    #[case(" 20% ", 10, Some(2))]
    #[case("20%", 14, Some(2))]
    #[case("20%", 3, Some(1))]
    #[case("100%", 3, Some(3))]
    #[case("0", 3, None)]
    #[case("0%", 3, None)]
    #[case("101%", 3, None)]
    #[case("-1", 3, None)]
    #[case("many", 3, None)]
    fn limits(#[case] text: &str, #[case] total: usize, #[case] most: Option<usize>) {
        let limit = text.parse::<MostUnavailable>().ok();
        assert_eq!(limit.map(|limit| limit.of(total)), most);
    }

    fn members() -> Vec<Member> {
        [
            "w1\tw1.lan\t10.0.0.1 w1\t\t\tTrue\tkubelet is posting\tv1.28.2",
            "w2\tw2.lan\t10.0.0.2\ttrue\t\tTrue\t\tv1.28.0",
            "w3\tw3.lan\t10.0.0.3\ttrue\t20260101-000000-aaaa\tTrue\t\tv1.28.0",
            "w4\t\t\t\t\tUnknown\tKubelet stopped posting\tv1.28.0",
            "w5\t\t\t\t\t\t\tv1.28.0",
        ]
        .map(|line| Member::read(line).unwrap())
        .to_vec()
    }

    #[test]
    fn who_is_away_and_why() {
        let members = members();
        let away: Vec<_> = members.iter().map(|member| member.away.as_deref()).collect();
        assert_eq!(
            away,
            [
                None,
                Some("cordoned"),
                Some("cordoned by krun 20260101-000000-aaaa"),
                Some("not Ready: Kubelet stopped posting"),
                Some("not Ready"),
            ]
        );
        let find = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            Member::find(&members, &names).map(|member| member.name.clone())
        };
        assert_eq!(find(&["nobody", "10.0.0.3"]).as_deref(), Some("w3"));
        assert_eq!(find(&["w2.lan"]).as_deref(), Some("w2"));
        assert_eq!(find(&["nobody"]), None);
        assert_eq!(Member::read("\t\t\t\t\t\t\t"), None);
    }

    #[rstest]
    #[case("5", &["w1"], Room::Enough)]
    #[case("4", &["w1"], Room::NotYet)]
    #[case("4", &["w1", "w2"], Room::NotYet)]
    #[case("4", &["w2", "w3"], Room::Enough)]
    #[case("1", &["w1", "w2"], Room::Never)]
    #[case("1", &[], Room::Enough)]
    fn when_a_batch_may_begin(#[case] most: &str, #[case] batch: &[&str], #[case] room: Room) {
        let members = members();
        let members: Vec<_> = members.iter().collect();
        let batch = batch.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(Capacity::count(most.parse().unwrap(), &members, batch).room(), room);
    }
}
