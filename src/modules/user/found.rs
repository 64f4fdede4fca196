use crate::connection::Output;

/// What query.sh found out about a user and the node's groups.
#[derive(Clone, Default)]
pub struct Found {
    /// The fields of his line, when he is there.
    passwd: Option<Vec<String>>,
    /// The fields behind the password in the shadow file.
    aging: Vec<String>,
    pub has_home: bool,
    pub is_locked: bool,
    pub has_wanted_password: bool,
    groups: Vec<GroupLine>,
}

/// A group of the node.
#[derive(Clone)]
pub struct GroupLine {
    pub name: String,
    pub gid: String,
    members: Vec<String>,
}

impl Found {
    pub fn read(output: &Output) -> Self {
        let mut found = Self {
            has_home: true,
            ..Self::default()
        };
        let fields = |value: &str| value.split(':').map(str::to_owned).collect::<Vec<_>>();
        for (key, value) in output.stdout_text().lines().filter_map(|line| line.split_once('=')) {
            match key {
                "passwd" => found.passwd = Some(fields(value)),
                "aging" => found.aging = fields(value),
                "home" => found.has_home = false,
                "password" => found.is_locked = value == "locked",
                "same" => found.has_wanted_password = value == "yes",
                "group" => found.groups.extend(GroupLine::read(value)),
                _ => {}
            }
        }
        found
    }

    pub fn exists(&self) -> bool {
        self.passwd.is_some()
    }

    fn field(&self, index: usize) -> &str {
        self.passwd
            .as_ref()
            .and_then(|fields| fields.get(index))
            .map_or("", String::as_str)
    }

    pub fn uid(&self) -> Option<u64> {
        self.field(2).parse().ok()
    }

    pub fn gid(&self) -> &str {
        self.field(3)
    }

    pub fn comment(&self) -> &str {
        self.field(4)
    }

    pub fn home(&self) -> &str {
        self.field(5)
    }

    pub fn shell(&self) -> &str {
        self.field(6)
    }

    fn aging(&self, index: usize) -> Option<i64> {
        self.aging.get(index)?.parse().ok()
    }

    pub fn least_days(&self) -> Option<i64> {
        self.aging(1)
    }

    pub fn most_days(&self) -> Option<i64> {
        self.aging(2)
    }

    pub fn warning_days(&self) -> Option<i64> {
        self.aging(3)
    }

    pub fn expiry_day(&self) -> Option<i64> {
        self.aging(5)
    }

    /// A group by number or name.
    pub fn group(&self, group: &str) -> Option<&GroupLine> {
        self.groups
            .iter()
            .find(|line| line.gid == group)
            .or_else(|| self.groups.iter().find(|line| line.name == group))
    }

    /// The groups whose lists name the user.
    pub fn memberships(&self, user: &str) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for line in &self.groups {
            if line.members.iter().any(|member| member == user) && !names.contains(&line.name.as_str()) {
                names.push(&line.name);
            }
        }
        names
    }
}

impl GroupLine {
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let gid = fields.nth(1)?.to_owned();
        let members = fields.next().unwrap_or_default();
        Some(Self {
            name,
            gid,
            members: members.split(',').map(str::to_owned).collect(),
        })
    }
}
