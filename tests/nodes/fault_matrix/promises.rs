//! What has to hold whenever a run stops, and when the upgrade is through.

use super::chain::Goal;
use super::kinds::Kind;
use super::steps::Step;
use crate::support::Ran;
use crate::support::lab::Lab;

/// What has been done on the nodes so far, over all runs of a chain: without what was done again, and without what was undone.
#[derive(Default)]
pub struct Done {
    changes: Vec<String>,
    /// What a fault may have spoilt: that is done again.
    again: Vec<String>,
}

impl Done {
    fn add(&mut self, change: &str, context: &str) {
        let (node, what) = change.split_once(": ").unwrap();
        let own = |other: &&String| other.starts_with(&format!("{node}: "));
        // A node that is given back before anything was changed on it stands where it stood.
        if what == "uncordon"
            && self
                .changes
                .iter()
                .rfind(own)
                .is_some_and(|last| last.ends_with(": cordon") || last.ends_with(": drain"))
        {
            self.changes
                .retain(|other| !(own(&other) && (other.ends_with(": cordon") || other.ends_with(": drain"))));
            return;
        }
        if self.changes.iter().any(|other| other == change) {
            assert!(
                self.again.iter().any(|other| other == change),
                "done twice: {change}\n{:#?}\n{context}",
                self.changes
            );
        } else {
            self.changes.push(change.to_owned());
        }
    }
}

/// A run that has come to its end, by itself or not.
pub struct Stopped<'a> {
    pub kind: Kind,
    /// `None` when it was killed.
    pub ran: Option<&'a Ran>,
    /// The steps that were struck in it, in order.
    pub struck: &'a [&'a Step],
    /// What it changed on the nodes.
    pub changes: Vec<String>,
    /// The cluster's nodes afterwards.
    pub nodes: Vec<String>,
    pub goal: &'a Goal,
}

impl Stopped<'_> {
    fn context(&self) -> String {
        let struck: Vec<String> = self
            .struck
            .iter()
            .map(|step| format!("{} ({})", step.shown(), step.task))
            .collect();
        let said = self.ran.map_or(String::new(), |ran| {
            format!("exit code {}\n{}{}", ran.status, ran.stdout, ran.stderr)
        });
        format!(
            "{}, struck: {struck:#?}\nchanges: {:#?}\nnodes: {:?}\n{said}",
            self.kind.title(),
            self.changes,
            self.nodes
        )
    }

    /// Order: what was done is the beginning of what an undisturbed run does, and nothing was done twice but what was in flight.
    fn keeps_the_order(&self, done: &mut Done) {
        let context = self.context();
        done.again
            .extend(self.struck.iter().filter_map(|step| step.change.clone()));
        for change in &self.changes {
            done.add(change, &context);
        }
        assert!(
            self.goal.changes.starts_with(&done.changes),
            "done so far: {:#?}\nundisturbed: {:#?}\n{context}",
            done.changes,
            self.goal.changes
        );
    }

    pub fn is_well(&self, done: &mut Done) {
        let context = self.context();
        self.keeps_the_order(done);
        if let Some(ran) = self.ran {
            assert!(self.kind.exit_codes().contains(&ran.status), "{context}");
            // The stop rule, and the way on.
            assert!(ran.stdout.contains("STOPPED: "), "{context}");
            assert!(ran.stderr.contains("to go on from here: krun resume "), "{context}");
            let (_, recap) = ran.stdout.split_once("PLAY RECAP").unwrap();
            let counted = |line: &str| !line.contains("unreachable=0 ") || !line.contains(" failed=0");
            assert!(
                recap.lines().any(|line| line.contains("failed=") && counted(line)),
                "{context}"
            );
        }
        // One node at most takes no pods, and krun says so.
        let cordoned: Vec<&String> = self
            .nodes
            .iter()
            .filter(|node| node.contains("SchedulingDisabled"))
            .collect();
        assert!(cordoned.len() <= 1, "{context}");
        if let (Some(node), Some(ran)) = (cordoned.first(), self.ran) {
            let name = node.split_once(' ').unwrap().0;
            let said = ran
                .stdout
                .lines()
                .any(|line| line.contains(name) && line.contains("cordoned"));
            assert!(said, "nothing is said about {name}, which stays cordoned\n{context}");
        }
        // A node whose turn has not come is as it was.
        for node in &self.nodes {
            let name = node.split_once(' ').unwrap().0;
            let begun = done
                .changes
                .iter()
                .any(|change| *change == format!("{name}: kubelet package"));
            assert!(begun || node.ends_with("v1.28.0"), "{name} was not begun\n{context}");
        }
    }

    /// The same end as without faults.
    pub fn has_arrived(&self, done: &mut Done, lab: &Lab) {
        self.keeps_the_order(done);
        let context = self.context();
        assert_eq!(done.changes, self.goal.changes, "{context}");
        assert_eq!(self.nodes, self.goal.nodes, "{context}");
        let described = lab.kubectl("get nodes -o yaml");
        assert!(!described.contains("krun.dev/cordoned-by"), "{context}\n{described}");
        for node in ["m1", "w1"] {
            let packages = lab.on(node, "rpm -q kubeadm kubelet kubectl --qf '%{VERSION} '");
            assert_eq!(packages, "1.28.2 1.28.2 1.28.2 ", "{node}\n{context}");
        }
    }
}
