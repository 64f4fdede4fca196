use super::found::Found;
use super::options::{Update, User};
use crate::modules::Failure;
use crate::modules::args::{Count, Text};

/// What apply.sh is to do.
#[derive(Default)]
pub struct Steps {
    /// The program and its words; empty for none.
    command: Vec<String>,
    password: Option<Password>,
    /// A home directory that is made where it is missing.
    home: String,
    skeleton: String,
    umask: String,
    /// Options of chage.
    aging: Vec<String>,
    /// The user was not there.
    pub is_new: bool,
}

/// How a password is set.
#[derive(Clone, Copy)]
enum Password {
    Open,
    Locked,
}

impl Steps {
    pub fn sets_password(&self) -> bool {
        self.password.is_some()
    }

    /// What is run first, for messages.
    pub fn program(&self) -> String {
        match (self.command.first(), self.password, self.aging.is_empty()) {
            (Some(program), ..) => program.clone(),
            (None, Some(_), _) => "chpasswd".to_owned(),
            (None, None, false) => "chage".to_owned(),
            (None, None, true) => "making the home directory of".to_owned(),
        }
    }

    pub fn into_words(self, user: &str) -> Vec<String> {
        let password = match self.password {
            None => "no",
            Some(Password::Open) => "set",
            Some(Password::Locked) => "locked",
        };
        let mut words = vec![
            user.to_owned(),
            password.to_owned(),
            self.home,
            self.skeleton,
            self.umask,
            self.aging.join(" "),
        ];
        words.extend(self.command);
        words
    }
}

/// Words of a command line, some of which depend on options.
struct Words(Vec<String>);

impl Words {
    fn new(program: &str) -> Self {
        Self(vec![program.to_owned()])
    }

    fn push(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|word| (*word).to_owned()));
    }

    fn option(&mut self, option: &str, value: Option<&Text>) {
        if let Some(value) = value {
            self.push(&[option, value]);
        }
    }
}

impl User {
    pub(super) fn removal(&self) -> Steps {
        let mut words = Words::new("userdel");
        if *self.force {
            words.push(&["-f"]);
        }
        if *self.remove {
            words.push(&["-r"]);
        }
        words.push(&[&self.name]);
        Steps {
            command: words.0,
            ..Steps::default()
        }
    }

    pub(super) fn addition(&self, found: &Found) -> Result<Steps, Failure> {
        let mut words = Words::new("useradd");
        self.push_uid(&mut words);
        words.option("-Z", self.seuser.as_ref());
        if let Some(group) = &self.group {
            existing(found, group)?;
            words.push(&["-g", group]);
        } else if found.group(&self.name).is_some() {
            // useradd would make a group of his own, which is there.
            words.push(&["-N"]);
        }
        if let Some(groups) = self.groups.as_ref().filter(|groups| !groups.is_empty()) {
            for group in groups.iter() {
                existing(found, group)?;
            }
            words.push(&["-G", &groups.join(",")]);
        }
        words.option("-c", self.comment.as_ref());
        words.option("-d", self.home.as_ref());
        words.option("-s", self.shell.as_ref());
        if let Some(Ok(expiry)) = self.expiry() {
            words.push(&["-e", &expiry.map_or_else(String::new, day)]);
        }
        if *self.create_home {
            words.push(&["-m"]);
            words.option("-k", self.skeleton.as_ref());
            if let Some(mask) = &self.umask {
                words.push(&["-K", &format!("UMASK={mask}")]);
            }
        } else {
            words.push(&["-M"]);
        }
        if *self.system {
            words.push(&["-r"]);
        }
        for (key, limit) in [("UID_MIN", self.uid_min), ("UID_MAX", self.uid_max)] {
            if let Some(Count(limit)) = limit {
                words.push(&["-K", &format!("{key}={limit}")]);
            }
        }
        words.push(&[&self.name]);
        let locked = self.password_lock.is_some_and(|lock| *lock);
        let mut steps = Steps {
            command: words.0,
            password: self.password.as_ref().map(|_| password(locked)),
            aging: self.aging(found).0,
            is_new: true,
            ..Steps::default()
        };
        if *self.create_home {
            self.home.as_deref().unwrap_or_default().clone_into(&mut steps.home);
            self.fill_home(&mut steps);
        }
        Ok(steps)
    }

    /// What differs of a user who is there; nothing is to be done when the list of changes is empty.
    pub(super) fn alteration(&self, found: &Found) -> Result<(Steps, Vec<String>), Failure> {
        let mut words = Words::new("usermod");
        let mut changes = Vec::new();
        if self.uid.is_some_and(|uid| Some(uid.0) != found.uid()) {
            self.push_uid(&mut words);
            changes.push("uid".to_owned());
        }
        if let Some(group) = &self.group {
            let gid = existing(found, group)?;
            if gid != found.gid() {
                words.push(&["-g", gid]);
                changes.push("group".to_owned());
            }
        }
        self.alter_groups(found, &mut words, &mut changes)?;
        for (option, name, wanted, current) in [
            ("-c", "comment", &self.comment, found.comment()),
            ("-d", "home", &self.home, found.home()),
            ("-s", "shell", &self.shell, found.shell()),
        ] {
            if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != current) {
                words.push(&[option, wanted]);
                changes.push(name.to_owned());
                if name == "home" && *self.move_home {
                    words.push(&["-m"]);
                }
            }
        }
        if let Some(Ok(expiry)) = self.expiry()
            && expiry != found.expiry_day().filter(|day| *day >= 0)
        {
            words.push(&["-e", &expiry.map_or_else(String::new, day)]);
            changes.push("expires".to_owned());
        }
        let lock = self.password_lock.map(|lock| *lock);
        let sets_password =
            self.password.is_some() && self.update_password == Update::Always && !found.has_wanted_password;
        if sets_password {
            changes.push("password".to_owned());
        }
        match lock {
            Some(true) if !found.is_locked => {
                changes.push("password locked".to_owned());
                if !sets_password {
                    words.push(&["-L"]);
                }
            }
            Some(false) if found.is_locked => {
                changes.push("password unlocked".to_owned());
                if !sets_password {
                    words.push(&["-U"]);
                }
            }
            _ => {}
        }
        let (aging, aging_changes) = self.aging(found);
        changes.extend(aging_changes);
        let mut steps = Steps {
            password: sets_password.then(|| password(lock == Some(true))),
            aging,
            ..Steps::default()
        };
        let moves = *self.move_home && self.home.as_deref().is_some_and(|home| home != found.home());
        // Another home directory than the present one is looked at by apply.sh alone.
        if *self.create_home
            && (!found.has_home || (self.home.as_deref().is_some_and(|home| home != found.home()) && !moves))
        {
            self.home.as_deref().unwrap_or(found.home()).clone_into(&mut steps.home);
            self.fill_home(&mut steps);
            if !found.has_home && !changes.iter().any(|change| change == "home") {
                changes.push("home directory".to_owned());
            }
        }
        if words.0.len() > 1 {
            words.push(&[&self.name]);
            steps.command = words.0;
        }
        Ok((steps, changes))
    }

    fn alter_groups(&self, found: &Found, words: &mut Words, changes: &mut Vec<String>) -> Result<(), Failure> {
        let Some(groups) = &self.groups else { return Ok(()) };
        let mut wanted = Vec::new();
        for group in groups.iter() {
            existing(found, group)?;
            wanted.extend(found.group(group).map(|line| line.name.as_str()));
        }
        let current = found.memberships(&self.name);
        let are_missing = wanted.iter().any(|group| !current.contains(group));
        let are_too_many = current.iter().any(|group| !wanted.contains(group));
        if are_missing || (are_too_many && !*self.append) {
            if *self.append {
                words.push(&["-a"]);
            }
            words.push(&["-G", &wanted.join(",")]);
            changes.push("groups".to_owned());
        }
        Ok(())
    }

    fn push_uid(&self, words: &mut Words) {
        if let Some(Count(uid)) = self.uid {
            words.push(&["-u", &uid.to_string()]);
            if *self.non_unique {
                words.push(&["-o"]);
            }
        }
    }

    fn fill_home(&self, steps: &mut Steps) {
        let text = |value: &Option<Text>| value.as_deref().unwrap_or_default().to_owned();
        steps.skeleton = text(&self.skeleton);
        steps.umask = text(&self.umask);
    }

    /// Options of chage, and what they change.
    fn aging(&self, found: &Found) -> (Vec<String>, Vec<String>) {
        let mut words = Vec::new();
        let mut changes = Vec::new();
        for (option, name, wanted, current) in [
            ("-M", "password_expire_max", self.password_expire_max, found.most_days()),
            (
                "-m",
                "password_expire_min",
                self.password_expire_min,
                found.least_days(),
            ),
            (
                "-W",
                "password_expire_warn",
                self.password_expire_warn,
                found.warning_days(),
            ),
        ] {
            if let Some(Count(wanted)) = wanted
                && current.and_then(|days| u64::try_from(days).ok()) != Some(wanted)
            {
                words.extend([option.to_owned(), wanted.to_string()]);
                changes.push(name.to_owned());
            }
        }
        (words, changes)
    }
}

fn password(is_locked: bool) -> Password {
    if is_locked { Password::Locked } else { Password::Open }
}

/// The number of a group, which has to be there.
fn existing<'a>(found: &'a Found, group: &str) -> Result<&'a str, Failure> {
    found.group(group).map(|line| line.gid.as_str()).ok_or_else(|| {
        Failure::new(format!("the group {group} does not exist on the node")).help("make it first with `group`")
    })
}

/// A day counted from 1970, as programs take it; what no calendar holds is as good as never.
fn day(days: i64) -> String {
    jiff::Span::new()
        .try_days(days)
        .and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span))
        .map_or_else(|_| String::new(), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    #[rstest]
    #[case(0, "1970-01-01")]
    #[case(11_016, "2000-02-29")]
    #[case(20_819, "2027-01-01")]
    fn dates(#[case] days: i64, #[case] date: &str) {
        assert_eq!(super::day(days), date);
    }
}
