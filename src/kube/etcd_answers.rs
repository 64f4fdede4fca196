//! etcd's members, by what they say of themselves.

use serde_json::Value;

/// A member that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdAnswer {
    /// Where it was asked.
    pub endpoint: String,
    /// Its version.
    pub version: String,
    /// It takes part in nothing yet.
    pub is_learner: bool,
    id: u64,
    leader: u64,
    /// Alarms and the like.
    errors: Vec<String>,
}

/// The members, as `etcdctl endpoint status --cluster` and `etcdctl member list` show them, both as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdAnswers {
    /// Those that answered.
    pub members: Vec<EtcdAnswer>,
    /// How many there are.
    pub total: usize,
}

impl EtcdAnswer {
    fn read(member: &Value) -> Option<Self> {
        let status = &member["Status"];
        let errors = status["errors"].as_array();
        Some(Self {
            endpoint: member["Endpoint"].as_str()?.to_owned(),
            version: status["version"].as_str()?.to_owned(),
            is_learner: status["isLearner"] == true,
            id: status["header"]["member_id"].as_u64()?,
            leader: status["leader"].as_u64().unwrap_or(0),
            errors: errors
                .map(|errors| errors.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
        })
    }

    /// It leads the others.
    pub fn is_leader(&self) -> bool {
        self.id == self.leader
    }
}

impl EtcdAnswers {
    /// Reads the two answers; `None` when they say nothing.
    pub fn read(status: &str, list: &str) -> Option<Self> {
        let status: Value = serde_json::from_str(status).ok()?;
        let list: Value = serde_json::from_str(list).ok()?;
        let members: Vec<_> = status.as_array()?.iter().filter_map(EtcdAnswer::read).collect();
        let total = list["members"].as_array()?.len();
        (!members.is_empty()).then_some(Self { members, total })
    }

    /// What they lack: members that answer, one leader, and the absence of alarms.
    pub fn lack(&self) -> Vec<String> {
        let mut lacking = Vec::new();
        let answered = self.members.len();
        if answered < self.total {
            lacking.push(format!("{answered} of {} members of etcd answer", self.total));
        }
        let leader = self.members.first().map_or(0, |member| member.leader);
        if leader == 0 || self.members.iter().any(|member| member.leader != leader) {
            lacking.push("the members of etcd are not agreed on a leader".to_owned());
        }
        for member in &self.members {
            if member.is_learner {
                lacking.push(format!("the member of etcd at {} is still a learner", member.endpoint));
            }
            // Each member repeats the alarms of all others; one that it is about names it.
            for error in &member.errors {
                let alarm = format!("etcd says: {error}");
                if !lacking.contains(&alarm) {
                    lacking.push(alarm);
                }
            }
        }
        lacking
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn member(id: u64, leader: u64, learner: bool, errors: &[&str]) -> Value {
        json!({"Endpoint": format!("https://10.0.0.{id}:2379"), "Status": {
            "header": {"member_id": id}, "version": "3.5.9", "leader": leader, "isLearner": learner, "errors": errors,
        }})
    }

    #[rstest]
    #[case::well(vec![member(1, 1, false, &[]), member(2, 1, false, &[])], 2, &[])]
    #[case::one_is_away(vec![member(1, 1, false, &[])], 2, &["1 of 2 members of etcd answer"])]
    #[case::no_leader(vec![member(1, 0, false, &[])], 1, &["not agreed on a leader"])]
    #[case::two_leaders(vec![member(1, 1, false, &[]), member(2, 2, false, &[])], 2, &["not agreed on a leader"])]
    #[case::learner(vec![member(1, 1, false, &[]), member(2, 1, true, &[])], 2, &["10.0.0.2:2379 is still a learner"])]
    #[case::alarm(
        vec![member(1, 1, false, &["memberID:1 alarm:NOSPACE "]), member(2, 1, false, &["memberID:1 alarm:NOSPACE "])],
        2,
        &["alarm:NOSPACE"]
    )]
    fn what_etcd_lacks(#[case] status: Vec<Value>, #[case] total: usize, #[case] expected: &[&str]) {
        let list = json!({"members": vec![json!({}); total]});
        let members = EtcdAnswers::read(&json!(status).to_string(), &list.to_string()).unwrap();
        let lacking = members.lack();
        assert_eq!(lacking.len(), expected.len(), "{lacking:?}");
        for (lack, words) in lacking.iter().zip(expected) {
            assert!(lack.contains(words), "{lacking:?}");
        }
    }

    #[rstest]
    #[case("", "")]
    #[case("[]", "{\"members\": []}")]
    #[case("no", "{}")]
    fn what_says_nothing(#[case] status: &str, #[case] list: &str) {
        assert_eq!(EtcdAnswers::read(status, list), None);
    }
}
