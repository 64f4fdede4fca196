use secrecy::SecretString;

/// The program that changes the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BecomeMethod {
    /// `sudo`
    Sudo,
    /// `su`
    Su,
    /// `doas`
    Doas,
}

impl BecomeMethod {
    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
        }
    }
}

/// Whom to become on the node, and how (Ansible's `become` family).
#[derive(Clone, Debug)]
pub struct Become {
    /// The program that changes the user.
    pub method: BecomeMethod,
    /// User to become.
    pub user: String,
    /// Password for that program; never in an argument list, an environment or a log.
    pub password: Option<SecretString>,
    /// Path of the program when it is not to be found by its name.
    pub executable: Option<String>,
    /// Further options for it, as in `ansible_become_flags`.
    pub flags: Vec<String>,
}

impl Become {
    /// Two escalations with the same key can share one shell.
    pub fn key(&self) -> (BecomeMethod, &str, Option<&str>, &[String]) {
        (self.method, &self.user, self.executable.as_deref(), &self.flags)
    }
}
