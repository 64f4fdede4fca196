use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::event::{Event, EventSink};
use super::options::RunOptions;
use super::passes::{OpenPass, Stopped};
use super::play_run::Stop;
use super::standing::EndsWithIt;
use super::stats::Recap;
use super::verdict::FailurePolicy;
use super::way::Outside;
use super::world::World;
use crate::connection::SessionPool;
use crate::inventory::{Inventory, InventoryVariables};
use crate::modules::Failure;
use crate::playbook::{Action, Loader, Meta, Playbook};
use crate::vars::vault::VaultPasswords;

/// Hosts in flight when nobody says otherwise.
const DEFAULT_FORKS: usize = 50;

/// Exit codes of a run, Ansible's.
const EXIT_OK: u8 = 0;
const EXIT_ERROR: u8 = 1;
pub(super) const EXIT_FAILED: u8 = 2;
const EXIT_UNREACHABLE: u8 = 4;
const EXIT_INTERRUPTED: u8 = 99;

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Counts by host.
    pub recap: Recap,
    /// krun's exit code.
    pub exit_code: u8,
    /// Hosts that failed or could not be reached.
    pub lost: Vec<String>,
}

/// Why a host is lost for the rest of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    Failed,
    Unreachable,
}

/// The state of a run.
pub(super) struct Run<'a> {
    pub(super) world: Arc<World>,
    pub(super) options: Arc<RunOptions>,
    pub(super) loader: &'a Loader<'a>,
    pub(super) passwords: &'a VaultPasswords,
    pub(super) sessions: &'a SessionPool,
    pub(super) workers: &'a rayon::ThreadPool,
    pub(super) events: EventSink,
    pub(super) recap: Recap,
    /// Hosts that were lost in an earlier batch or play.
    pub(super) gone: HashMap<String, Gone>,
    /// The exit code, where it does not follow from those.
    pub(super) exit_code: Option<u8>,
    pub(super) started: bool,
    pub(super) goes_on: Mutex<bool>,
    /// Number of the play, from 0.
    pub(super) play_number: u32,
    /// The passes of repeated imports that are under way, the outermost first.
    pub(super) passes: Vec<OpenPass>,
    /// How many loops of imports the run has come to.
    pub(super) loops_met: u32,
}

/// Runs playbooks, which were checked, on the hosts of an inventory.
///
/// # Errors
/// Something that is no host's fault: a variable in `hosts` or `serial` that has no value, no threads.
pub fn run(
    playbooks: &[Playbook],
    (inventory, variables): (Inventory, InventoryVariables),
    options: &Arc<RunOptions>,
    loader: &Loader<'_>,
    passwords: &VaultPasswords,
    sessions: &SessionPool,
    events: EventSink,
) -> Result<Summary, Failure> {
    let width = if options.forks == 0 {
        DEFAULT_FORKS
    } else {
        options.forks
    };
    // Threads without a host to work on would still look for work, again and again.
    let width = if may_add_hosts(playbooks) {
        width
    } else {
        width.min(inventory.hosts().count().max(1))
    };
    let workers = rayon::ThreadPoolBuilder::new()
        .num_threads(width)
        .thread_name(|index| format!("host-{index}"))
        .build()
        .map_err(|error| Failure::new(format!("cannot start {width} threads: {error}")).help("lower --forks"))?;
    if let Some(cache) = options.fact_cache.as_ref().filter(|_| options.flush_cache) {
        inventory.hosts().for_each(|host| cache.forget(host));
    }
    let mut run = Run {
        world: Arc::new(World::new(inventory, variables, passwords, Arc::clone(options))),
        options: Arc::clone(options),
        loader,
        passwords,
        sessions,
        workers: &workers,
        events,
        recap: Recap::new(),
        gone: HashMap::new(),
        exit_code: None,
        started: options.start_at_task.is_none(),
        goes_on: Mutex::new(false),
        play_number: 0,
        passes: Vec::new(),
        loops_met: 0,
    };
    run.send(Event::RunStarted {
        format: 1,
        playbooks: playbooks
            .iter()
            .map(|playbook| playbook.path.display().to_string())
            .collect(),
        check_mode: options.check_mode,
    });
    let outside = run.outside();
    let ended = std::thread::scope(|scope| {
        let _end = EndsWithIt(&options.standing);
        scope.spawn(|| outside.keep_up());
        let ended = run.plays(playbooks);
        if run.interrupted() {
            run.clean_up();
        }
        ended
    });
    outside.give_back();
    drop(outside);
    let exit_code = match &ended {
        Err(_) => EXIT_ERROR,
        Ok(()) if options.standing.lost().is_some() => EXIT_ERROR,
        Ok(()) if run.interrupted() => EXIT_INTERRUPTED,
        Ok(()) => run.exit_code.unwrap_or_else(|| run.code_of_hosts()),
    };
    run.send(Event::RunFinished {
        recap: run.recap.clone(),
        exit_code,
    });
    ended?;
    let mut lost: Vec<String> = run.gone.into_keys().collect();
    lost.sort();
    Ok(Summary {
        recap: run.recap,
        exit_code,
        lost,
    })
}

/// True when there may be more hosts at the end than at the beginning.
fn may_add_hosts(playbooks: &[Playbook]) -> bool {
    let plays = playbooks.iter().flat_map(|playbook| &playbook.plays);
    let mut tasks = plays.flat_map(|play| play.all_tasks());
    tasks.any(|task| match &task.action {
        Action::Module { definition, .. } => definition.name == "add-host",
        // What they bring is known in the run only.
        Action::IncludeTasks(_) | Action::IncludeRole(_) => true,
        Action::Meta(meta) => *meta == Meta::RefreshInventory,
        Action::Unsupported(_) => false,
    })
}

impl<'a> Run<'a> {
    /// What work outside of tasks needs.
    pub(super) fn outside(&self) -> Outside<'a> {
        Outside {
            options: Arc::clone(&self.options),
            passwords: self.passwords,
            sessions: self.sessions,
            events: self.events.clone(),
        }
    }

    fn plays(&mut self, playbooks: &[Playbook]) -> Result<(), Failure> {
        for (index, playbook) in playbooks.iter().enumerate() {
            let behind = &playbooks[index + 1..];
            let stopped = match self.plays_in_order(&playbook.plays, 0)? {
                // Ansible begins no further playbook of its command line.
                None if !behind.is_empty() && self.loses_files() => Stopped {
                    stop: Stop {
                        reason: "hosts were lost in this playbook".to_owned(),
                        unfinished: Vec::new(),
                        untouched: Vec::new(),
                    },
                    play: playbook.plays.last().map(|play| play.name.clone()).unwrap_or_default(),
                    not_started: Vec::new(),
                },
                None => continue,
                Some(stopped) => stopped,
            };
            let later = behind.iter().flat_map(|playbook| &playbook.plays);
            let later = later.map(|play| play.name.clone());
            self.send(Event::RunStopped {
                reason: stopped.stop.reason,
                play: stopped.play,
                unfinished: stopped.stop.unfinished,
                untouched: stopped.stop.untouched,
                plays_not_started: stopped.not_started.into_iter().chain(later).collect(),
            });
            return Ok(());
        }
        if !self.started {
            let wanted = self.options.start_at_task.clone().unwrap_or_default();
            return Err(Failure::new(format!("no task is named `{wanted}`, nothing was run"))
                .help("`--list-tasks` shows the names"));
        }
        Ok(())
    }

    fn loses_files(&self) -> bool {
        self.options.failure_policy == FailurePolicy::Ansible && !self.gone.is_empty()
    }

    fn code_of_hosts(&self) -> u8 {
        if self.gone.values().any(|gone| *gone == Gone::Unreachable) {
            EXIT_UNREACHABLE
        } else if self.gone.is_empty() {
            EXIT_OK
        } else {
            EXIT_FAILED
        }
    }

    /// Ctrl-C was pressed, or something else ends the run.
    pub(super) fn interrupted(&self) -> bool {
        self.options.interrupted.load(Ordering::Relaxed)
    }

    pub(super) fn send(&self, event: Event) {
        // The receiver is gone only when the run is over.
        let _ = self.events.send(event);
    }
}
