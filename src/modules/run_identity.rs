//! Which run this is, and who runs it: what krun leaves on a cluster is marked with that.

use std::fmt;
use std::sync::Arc;

/// The run that a task belongs to.
#[derive(Clone, Debug, Default)]
pub struct RunIdentity {
    /// Its name: that of its journal, or one that was made for it where none is kept (`krun_run_id`).
    pub id: String,
    /// Who runs it.
    pub user: String,
    /// Name of the machine that it is run on.
    pub machine: String,
    /// Names of the runs that it goes on from (`krun resume`), the latest first. Their processes are dead.
    pub continues: Vec<String>,
    /// The runs whose journals say that they have ended.
    pub ended: EndedRuns,
}

/// Tells of a run by its name whether its journal, on this machine, says that it has ended.
#[derive(Clone, Default)]
pub struct EndedRuns(Option<Arc<dyn Fn(&str) -> bool + Send + Sync>>);

impl EndedRuns {
    /// By this journal.
    pub fn by(journal: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(journal)))
    }

    /// True when it has ended.
    pub fn has(&self, run: &str) -> bool {
        self.0.as_ref().is_some_and(|journal| journal(run))
    }
}

impl fmt::Debug for EndedRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndedRuns")
    }
}

impl RunIdentity {
    /// True for this run's name and for those of the runs that it goes on from.
    pub fn is_own(&self, id: &str) -> bool {
        self.id == id || self.continues.iter().any(|earlier| earlier == id)
    }

    /// Who runs it, where: `USER@MACHINE`.
    pub fn owner(&self) -> String {
        format!("{}@{}", self.user, self.machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_part_of_the_run_left_is_its_own() {
        let run = RunIdentity {
            id: "3".to_owned(),
            user: "ops".to_owned(),
            machine: "ctl".to_owned(),
            continues: vec!["2".to_owned(), "1".to_owned()],
            ended: EndedRuns::by(|run| run == "1"),
        };
        assert_eq!(
            ["1", "2", "3", "4", ""].map(|id| run.is_own(id)),
            [true, true, true, false, false]
        );
        assert_eq!(run.owner(), "ops@ctl");
        assert!(run.ended.has("1") && !run.ended.has("2") && !EndedRuns::default().has("1"));
    }
}
