//! Which task is shown: the one that runs on all hosts, or, where hosts do not wait for one another, that of the host
//! that there is something to say of.

use std::collections::HashMap;

use crate::playbook::Strategy;

/// What stands above the reports of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Title {
    pub(super) text: String,
    pub(super) place: String,
}

/// The tasks that hosts are at.
#[derive(Default)]
pub(super) struct Paces {
    strategy: Strategy,
    at: HashMap<String, Title>,
    shown: Option<Title>,
}

impl Paces {
    pub(super) fn play_begins(&mut self, strategy: Strategy) {
        *self = Self {
            strategy,
            ..Self::default()
        };
    }

    pub(super) fn is_at_own_pace(&self) -> bool {
        self.strategy.is_at_own_pace()
    }

    /// A task begins; gives its title when that is to be shown now.
    pub(super) fn task_begins(&mut self, task: Title, hosts: &[String]) -> Option<Title> {
        if !self.is_at_own_pace() {
            return Some(task);
        }
        for host in hosts {
            self.at.insert(host.clone(), task.clone());
        }
        None
    }

    /// Something is said of a host; gives its task's title when that was not the one shown last.
    pub(super) fn is_to_be_told(&mut self, host: &str) -> Option<Title> {
        let task = self.at.get(host).filter(|task| self.shown.as_ref() != Some(*task))?;
        self.shown = Some(task.clone());
        self.shown.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> Title {
        Title {
            text: text.to_owned(),
            place: "site.yml:1:1".to_owned(),
        }
    }

    #[test]
    fn a_title_is_shown_when_the_task_is_another_one_than_above() {
        let mut paces = Paces::default();
        paces.play_begins(Strategy::Free);
        let hosts = |name: &str| [name.to_owned()];
        assert_eq!(paces.task_begins(title("1"), &hosts("a")), None);
        assert_eq!(paces.task_begins(title("1"), &hosts("b")), None);
        assert_eq!(paces.is_to_be_told("a"), Some(title("1")));
        assert_eq!(paces.is_to_be_told("b"), None);
        paces.task_begins(title("2"), &hosts("a"));
        assert_eq!(paces.is_to_be_told("b"), None);
        assert_eq!(paces.is_to_be_told("a"), Some(title("2")));
        assert_eq!(paces.is_to_be_told("b"), Some(title("1")));
    }

    #[test]
    fn a_task_of_all_hosts_is_shown_when_it_begins() {
        let mut paces = Paces::default();
        assert_eq!(paces.task_begins(title("1"), &["a".to_owned()]), Some(title("1")));
        assert_eq!(paces.is_to_be_told("a"), None);
    }
}
