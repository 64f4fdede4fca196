//! Runs a module in a unit test: against scripted answers, or against a real shell of this machine.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::connection::scripted::{Answer, Log, Recorded, ScriptedConnection};
use crate::connection::{self, Connection, Endpoint};
use crate::vars::vault::VaultPasswords;
use crate::vars::{Scope, ScopeBuilder, VarMap, Variable};

use super::{Context, Failure, FileFinder, ModuleDefinition, Outcome, UndoNote};

/// One run of a module, with defaults for all that a test does not care about.
pub struct Trial<'a> {
    module: &'static ModuleDefinition,
    options: Value,
    connection: Option<&'a mut dyn Connection>,
    variables: VarMap,
    files: FileFinder,
    check_mode: bool,
    diff: bool,
    background: Option<super::Background>,
    word: Option<&'static str>,
    run: super::RunIdentity,
}

impl<'a> Trial<'a> {
    pub fn new(module: &str, options: Value) -> Self {
        Self {
            module: super::find(module).expect("a registered module"),
            options,
            connection: None,
            variables: VarMap::new(),
            files: FileFinder::default(),
            check_mode: false,
            diff: true,
            background: None,
            word: None,
            run: super::RunIdentity::default(),
        }
    }

    /// Begins its random words, so that what it makes can be told from what other tests make.
    pub fn random_word(mut self, word: &'static str) -> Self {
        self.word = Some(word);
        self
    }

    pub fn on(mut self, connection: &'a mut dyn Connection) -> Self {
        self.connection = Some(connection);
        self
    }

    pub fn variable(mut self, name: &str, value: Value) -> Self {
        self.variables.insert(name.to_owned(), Variable::written(value));
        self
    }

    pub fn files(mut self, files: FileFinder) -> Self {
        self.files = files;
        self
    }

    pub fn in_run(mut self, run: super::RunIdentity) -> Self {
        self.run = run;
        self
    }

    pub fn check_mode(mut self) -> Self {
        self.check_mode = true;
        self
    }

    pub fn background(mut self, background: super::Background) -> Self {
        self.background = Some(background);
        self
    }

    pub fn without_diff(mut self) -> Self {
        self.diff = false;
        self
    }

    pub fn run(self) -> Result<Outcome, Failure> {
        self.run_noting(&|_| {})
    }

    /// The same; `services` takes what the module leaves to be done beside the run's tasks.
    pub fn run_leaving(self, services: &dyn Fn(super::Service)) -> Result<Outcome, Failure> {
        self.run_with(&|_| {}, services, &|_| {})
    }

    /// The same; `undos` takes what the module says about its undo.
    pub fn run_noting(self, undos: &dyn Fn(UndoNote)) -> Result<Outcome, Failure> {
        self.run_with(undos, &|_| {}, &|_| {})
    }

    /// The same; `reporter` takes what it shows meanwhile.
    pub fn run_saying(self, reporter: &(dyn Fn(&str) + Sync)) -> Result<Outcome, Failure> {
        self.run_with(&|_| {}, &|_| {}, reporter)
    }

    fn run_with(
        self,
        undos: &dyn Fn(UndoNote),
        services: &dyn Fn(super::Service),
        reporter: &(dyn Fn(&str) + Sync),
    ) -> Result<Outcome, Failure> {
        #[expect(clippy::manual_map, reason = "see the next line")]
        // Shortens the connection's lifetime to that of the scope; inside of an `Option` the compiler does not.
        let connection = match self.connection {
            Some(connection) => Some(&mut *connection as &mut dyn Connection),
            None => None,
        };
        let scope: Scope = ScopeBuilder::default().layer(Arc::new(self.variables)).build();
        let mut context = Context {
            host: "n1",
            check_mode: self.check_mode,
            diff: self.diff,
            scope: &scope,
            files: &self.files,
            run: &self.run,
            passwords: &VaultPasswords::default(),
            connection,
            become_user: None,
            environment: Vec::new(),
            deadline: Instant::now() + Duration::from_secs(60),
            reporter,
            asker: &|_| super::Answer::Nobody("there is no terminal".to_owned()),
            interrupted: &AtomicBool::new(false),
            undos,
            services,
            reconnect_for: Duration::ZERO,
            only_looks: false,
            before: super::Before::Nothing,
            background: self.background,
            // Tests run side by side on one machine, and none may find another one's commands.
            job_prefix: format!("test-{}", super::random_word()?),
            random_words: &|| Ok(format!("{}{}", self.word.unwrap_or_default(), super::random_word()?)),
        };
        self.module.run(self.options, &mut context)
    }
}

/// Hands a context to what is no module.
pub fn with_context<T>(connection: &mut dyn Connection, work: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let scope = ScopeBuilder::default().build();
    work(&mut Context {
        host: "n1",
        check_mode: false,
        diff: false,
        scope: &scope,
        files: &FileFinder::default(),
        run: &super::RunIdentity::default(),
        passwords: &VaultPasswords::default(),
        connection: Some(connection),
        become_user: None,
        environment: Vec::new(),
        deadline: Instant::now() + Duration::from_secs(60),
        reporter: &|_| {},
        asker: &|_| super::Answer::Nobody("there is no terminal".to_owned()),
        interrupted: &AtomicBool::new(false),
        undos: &|_| {},
        services: &|_| {},
        reconnect_for: Duration::ZERO,
        only_looks: false,
        before: super::Before::Nothing,
        background: None,
        job_prefix: "test".to_owned(),
        random_words: &super::random_word,
    })
}

/// Runs a module as a task does outside of check mode.
pub fn run_module(name: &str, options: Value, connection: &mut dyn Connection) -> Result<Outcome, Failure> {
    Trial::new(name, options).on(connection).run()
}

/// Runs a module in check mode.
pub fn check_module(name: &str, options: Value, connection: &mut dyn Connection) -> Result<Outcome, Failure> {
    Trial::new(name, options).on(connection).check_mode().run()
}

/// Runs a module that needs no connection.
pub fn run_on_controller(name: &str, options: Value) -> Result<Outcome, Failure> {
    Trial::new(name, options).run()
}

/// A connection to a node that gives these answers, and what it was asked.
pub fn scripted(answers: impl IntoIterator<Item = Answer>) -> (ScriptedConnection, Log) {
    let log: Log = Arc::new(Mutex::new(Vec::<Recorded>::new()));
    (ScriptedConnection::new("n1", answers, Arc::clone(&log)), log)
}

/// What a scripted connection was asked, without the payloads.
pub fn asked(log: &Log) -> Vec<String> {
    log.lock()
        .expect("the log")
        .iter()
        .map(|recorded| recorded.what.clone())
        .collect()
}

/// A real shell of this machine.
pub fn local_shell() -> Box<dyn Connection> {
    connection::open(&Endpoint::local("n1"))
}

/// A shell of one's choice on this machine; see [`shells`].
pub struct ShellNode {
    connection: Box<dyn Connection>,
    _directory: tempfile::TempDir,
}

impl ShellNode {
    pub fn connection(&mut self) -> &mut dyn Connection {
        self.connection.as_mut()
    }
}

/// A connection to this machine through a shell that is given as a command line, for example `busybox sh`.
pub fn shells(shell: &str) -> ShellNode {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let wrapper = directory.path().join("shell");
    std::fs::write(&wrapper, format!("#!/bin/sh\nexec {shell} \"$@\"\n")).expect("a wrapper");
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let connection = connection::open(&Endpoint {
        shell: wrapper.to_str().expect("a plain path").to_owned(),
        ..Endpoint::local("n1")
    });
    ShellNode {
        connection,
        _directory: directory,
    }
}

/// Programs that stand in for those of a node which would change this machine. Each notes how it was called.
pub struct FakeTools {
    folder: tempfile::TempDir,
}

impl FakeTools {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(folder.path().join("bin")).expect("a folder");
        Self { folder }
    }

    /// A place for their files, `$HERE` in their text.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a plain path").to_owned()
    }

    /// Adds one that does this, in the words of a shell.
    pub fn add(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let here = self.folder.path().display();
        let script = format!("#!/bin/sh\nHERE='{here}'\necho \"{name} $*\" >>\"$HERE/calls\"\n{text}\n");
        let path = self.path(&format!("bin/{name}"));
        std::fs::write(&path, script).expect("a program");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    }

    /// How they were called until now.
    pub fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// This machine with them in front of its own programs, through a shell of one's choice.
    pub fn node(&self, shell: &str) -> ShellNode {
        shells(&format!("env PATH='{}':\"$PATH\" {shell}", self.path("bin")))
    }
}
