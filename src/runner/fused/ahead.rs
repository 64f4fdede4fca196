//! The connection of a task that is run ahead: it answers what is known, and notes what is not.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::connection::{
    Answered, Become, Connection, ConnectionError, ConnectionKind, Endpoint, Lease, Output, Request, SessionPool, Step,
    transfer,
};
use crate::modules::{Failure, random_word};

/// One run of a module: the number of its task in the window, and its own among those of the task (for a loop).
pub(super) type Unit = (usize, usize);

/// What is known of the requests of a host's tasks, and how the node is reached.
pub(in crate::runner) struct Ahead<'p>(Mutex<State<'p>>);

struct State<'p> {
    pool: &'p SessionPool,
    /// Where all requests go: set by the first one.
    target: Option<Target>,
    lease: Option<Lease<'p>>,
    known: HashMap<Unit, Vec<Known>>,
    words: HashMap<Unit, Vec<String>>,
    /// The task that is being run, and how many modules it has run.
    task: usize,
    units: usize,
    /// Whether what is not known is asked.
    live: bool,
    asked: Vec<Asked>,
    alone: bool,
}

/// Where requests go, and whom they become.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) endpoint: Endpoint,
    pub(super) become_user: Option<Become>,
}

/// A request whose answer is known.
struct Known {
    request: Request,
    answer: Result<Output, ConnectionError>,
    /// For an answer that was given before the request's turn.
    prediction: Option<Prediction>,
}

/// An answer that was given before its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prediction {
    /// Under which the node keeps it.
    pub(super) key: usize,
    /// How many requests had acted before it.
    pub(super) epoch: usize,
}

/// What a task asked while it was run ahead.
#[derive(Debug)]
pub(super) enum Asked {
    /// It used a prediction; with the request that it is the answer to.
    Predicted(Unit, usize, Prediction, Request),
    /// It looks, and the answer is not known; the module went no further.
    Look(Unit, usize, Request),
    /// It acts; the module went on as if that had succeeded.
    Act(Unit, usize, Request),
}

impl<'p> Ahead<'p> {
    pub(super) fn new(pool: &'p SessionPool) -> Self {
        Self(Mutex::new(State {
            pool,
            target: None,
            lease: None,
            known: HashMap::new(),
            words: HashMap::new(),
            task: 0,
            units: 0,
            live: false,
            asked: Vec::new(),
            alone: false,
        }))
    }

    /// A task is about to be run; `live` lets it ask the node what is not known.
    pub(super) fn begin(&self, task: usize, live: bool) {
        let mut state = self.lock();
        state.task = task;
        state.units = 0;
        state.live = live;
        state.asked.clear();
        state.alone = false;
    }

    /// What the task asked, and whether it has to be run by itself.
    pub(super) fn end(&self) -> (Vec<Asked>, bool) {
        let mut state = self.lock();
        state.live = false;
        (std::mem::take(&mut state.asked), state.alone)
    }

    /// The connection for the task's next module.
    pub(in crate::runner) fn connection<'a>(
        &'a self,
        endpoint: &Endpoint,
        become_user: Option<&Become>,
    ) -> AheadConnection<'a, 'p> {
        let mut state = self.lock();
        let unit = (state.task, state.units);
        state.units += 1;
        // Tasks on this machine may make the very files that those behind them send.
        let is_here = endpoint.kind == ConnectionKind::Local;
        let fits = !is_here
            && state.target.as_ref().is_none_or(|target| {
                target.endpoint.leads_the_same_way(endpoint)
                    && target.become_user.as_ref().map(Become::key) == become_user.map(Become::key)
            });
        if fits && state.target.is_none() {
            state.target = Some(Target {
                endpoint: endpoint.clone(),
                become_user: become_user.cloned(),
            });
        }
        let own = if fits {
            None
        } else if state.live {
            Some(state.pool.lease(endpoint))
        } else {
            state.alone = true;
            None
        };
        AheadConnection {
            ahead: self,
            unit,
            position: 0,
            acting: false,
            halted: false,
            own,
        }
    }

    /// A random word, the same one whenever the task is run.
    pub(in crate::runner) fn random_word(&self, unit: Unit, number: usize) -> Result<String, Failure> {
        let mut state = self.lock();
        let words = state.words.entry(unit).or_default();
        while words.len() <= number {
            words.push(random_word()?);
        }
        Ok(words.get(number).cloned().unwrap_or_default())
    }

    /// The session, to send a chain on; [`Ahead::give_back`] returns it.
    pub(super) fn take(&self) -> Option<(Target, Lease<'p>)> {
        let mut state = self.lock();
        let target = state.target.clone()?;
        let lease = state.lease.take().unwrap_or_else(|| state.pool.lease(&target.endpoint));
        Some((target, lease))
    }

    pub(super) fn give_back(&self, lease: Lease<'p>) {
        self.lock().lease = Some(lease);
    }

    /// How long a packet is under way to the node and back, once that is known.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.lock().lease.as_mut()?.connection().round_trip()
    }

    /// Whether any answer to the task is known.
    pub(super) fn knows(&self, task: usize) -> bool {
        self.lock().known.keys().any(|(of, _)| *of == task)
    }

    /// Another task may go elsewhere, once nothing is known that has not been used.
    pub(super) fn set_out_anew(&self) {
        let mut state = self.lock();
        state.target = None;
        state.lease = None;
        state.known.clear();
    }

    /// Takes in an answer.
    pub(super) fn learn(
        &self,
        unit: Unit,
        position: usize,
        request: Request,
        answer: Result<Output, ConnectionError>,
        prediction: Option<Prediction>,
    ) {
        let mut state = self.lock();
        let known = state.known.entry(unit).or_default();
        known.truncate(position);
        known.push(Known {
            request,
            answer,
            prediction,
        });
    }

    /// A prediction has come true, or is of a later time than was thought.
    pub(super) fn confirm(&self, unit: Unit, position: usize, prediction: Option<Prediction>) {
        if let Some(known) = self
            .lock()
            .known
            .get_mut(&unit)
            .and_then(|known| known.get_mut(position))
        {
            known.prediction = prediction;
        }
    }

    /// Nothing is asked any more about tasks before this one.
    pub(super) fn forget_before(&self, task: usize) {
        let mut state = self.lock();
        state.known.retain(|(of, _), _| *of >= task);
        state.words.retain(|(of, _), _| *of >= task);
    }

    fn lock(&self) -> MutexGuard<'_, State<'p>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection of one module that is run ahead.
pub(in crate::runner) struct AheadConnection<'a, 'p> {
    ahead: &'a Ahead<'p>,
    unit: Unit,
    /// How many requests the module made.
    position: usize,
    acting: bool,
    /// An answer that it waits for is not known: nothing is noted any more.
    halted: bool,
    /// A session elsewhere, for a task that is run by itself.
    own: Option<Lease<'p>>,
}

impl AheadConnection<'_, '_> {
    /// The unit that the module is.
    pub(in crate::runner) fn unit(&self) -> Unit {
        self.unit
    }

    /// The answer that is known, or what to do without one.
    fn answer(&mut self, request: &Request) -> Option<Result<Output, ConnectionError>> {
        let position = self.position;
        self.position += 1;
        let mut state = self.ahead.lock();
        let state = &mut *state;
        if let Some(known) = state.known.get(&self.unit).and_then(|known| known.get(position)) {
            // What has been done is done, even if the module would put it another way now.
            let is_it = is_same(&known.request, request)
                || (self.acting && known.prediction.is_none() && known.request.script == request.script);
            // Who asks for himself need not rely on a prediction.
            if is_it && !(state.live && known.prediction.is_some()) {
                if let Some(prediction) = known.prediction {
                    let asked = Asked::Predicted(self.unit, position, prediction, known.request.clone());
                    state.asked.push(asked);
                }
                return Some(known.answer.clone());
            }
        }
        if state.live {
            return None;
        }
        if self.halted || state.alone {
            return Some(Err(not_known(request.script.name)));
        }
        if self.acting {
            state.asked.push(Asked::Act(self.unit, position, request.clone()));
            return Some(Ok(Output::default()));
        }
        self.halted = true;
        state.asked.push(Asked::Look(self.unit, position, request.clone()));
        Some(Err(not_known(request.script.name)))
    }

    /// The answer to an upload that was made already.
    fn known_upload(&mut self) -> Option<Result<Output, ConnectionError>> {
        let position = self.position;
        self.position += 1;
        let state = self.ahead.lock();
        Some(state.known.get(&self.unit)?.get(position)?.answer.clone())
    }

    /// Does something that cannot travel with other requests.
    fn by_itself<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut dyn Connection) -> Result<T, ConnectionError>,
    ) -> Result<T, ConnectionError> {
        if let Some(own) = &mut self.own {
            return work(own.connection());
        }
        let mut state = self.ahead.lock();
        if !state.live {
            state.alone = true;
            return Err(not_known(what));
        }
        let State {
            pool, target, lease, ..
        } = &mut *state;
        match target {
            Some(target) => work(lease.get_or_insert_with(|| pool.lease(&target.endpoint)).connection()),
            None => Err(not_known(what)),
        }
    }
}

fn is_same(a: &Request, b: &Request) -> bool {
    // The time limit is what is left of the task's time.
    a.script == b.script && a.args == b.args && a.stdin == b.stdin && a.environment == b.environment
}

/// Never shown: a task that meets it is run again when the answer is there.
fn not_known(what: &str) -> ConnectionError {
    ConnectionError::Transfer {
        what: what.to_owned(),
        reason: "not asked yet".to_owned(),
    }
}

impl Connection for AheadConnection<'_, '_> {
    fn execute(&mut self, user: Option<&Become>, request: &Request) -> Result<Output, ConnectionError> {
        match self.answer(request) {
            Some(answer) => answer,
            None => self.by_itself(request.script.name, |connection| connection.execute(user, request)),
        }
    }

    fn upload(&mut self, user: Option<&Become>, source: &mut dyn Read, path: &str) -> Result<(), ConnectionError> {
        if self.ahead.lock().live {
            return match self.known_upload() {
                Some(answer) => transfer::uploaded(path, &answer?),
                None => self.by_itself(path, |connection| connection.upload(user, source, path)),
            };
        }
        let Some(request) = transfer::as_request(source, path)? else {
            return self.by_itself(path, |connection| connection.upload(user, source, path));
        };
        match self.answer(&request) {
            Some(answer) => transfer::uploaded(path, &answer?),
            None => Err(not_known(path)),
        }
    }

    fn download(&mut self, user: Option<&Become>, path: &str, sink: &mut dyn Write) -> Result<(), ConnectionError> {
        self.by_itself(path, |connection| connection.download(user, path, sink))
    }

    fn chain(
        &mut self,
        user: Option<&Become>,
        steps: &[Step],
        afresh: bool,
        interrupted: &AtomicBool,
        answered: Answered<'_>,
    ) {
        let ran = self.by_itself("a chain", |connection| {
            connection.chain(user, steps, afresh, interrupted, &mut *answered);
            Ok(())
        });
        if let Err(error) = ran {
            answered(0, Err(error));
        }
    }

    fn begin_to_act(&mut self) {
        self.acting = true;
    }

    fn reset(&mut self) {
        let _ = self.by_itself("reset", |connection| {
            connection.reset();
            Ok(())
        });
    }

    fn exchanges(&self) -> u64 {
        if let Some(own) = &self.own {
            return own.exchanges();
        }
        // Whoever is run ahead does not ask again over another connection: the window sees to that.
        let state = self.ahead.lock();
        let lease = state.lease.as_ref().filter(|_| state.live);
        lease.map_or(0, Lease::exchanges)
    }
}
