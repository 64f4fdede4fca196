//! The keys to offer, in this order: those that were chosen (the given one first), from the agent where it has them; the
//! agent's other keys; the other key files.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ssh2::{Agent, PublicKey, Session};

use super::config::Settings;
use super::identity;
use crate::connection::Endpoint;

/// How long the agent may take to say that it is there.
const AGENT_LIMIT: Duration = Duration::from_secs(2);

/// A key to offer.
pub(super) enum Candidate {
    /// The agent's, by its position there.
    Agent { position: usize, is_given: bool },
    /// A private key file; one that was given to krun has to be there.
    File { path: PathBuf, is_given: bool },
}

/// The keys that were not offered yet.
pub(super) struct Keys {
    agent: Option<(Agent, Vec<PublicKey>)>,
    candidates: VecDeque<Candidate>,
}

impl Keys {
    /// Looks for keys; also says what is wrong with the agent.
    pub(super) fn find(session: &Session, endpoint: &Endpoint, settings: &Settings) -> (Self, Option<String>) {
        let (agent, trouble) = match settings.agent.as_deref().map(|socket| list(session, socket)) {
            None => (None, None),
            Some(Ok((_, keys))) if keys.is_empty() => (None, Some("agent: it holds no keys".to_owned())),
            Some(Ok(listed)) => (Some(listed), None),
            Some(Err(error)) => (None, Some(error)),
        };
        let held: Vec<&[u8]> = agent
            .iter()
            .flat_map(|(_, keys)| keys.iter().map(PublicKey::blob))
            .collect();
        let given = endpoint.private_key.iter();
        let others = settings
            .identity_files
            .iter()
            .filter(|path| Some(*path) != endpoint.private_key.as_ref());
        let mut offered = vec![false; held.len()];
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for (path, is_given) in given.map(|path| (path, true)).chain(others.map(|path| (path, false))) {
            let public = if held.is_empty() {
                Vec::new()
            } else {
                identity::public_keys(path, &settings.certificate_files)
            };
            let mut is_held = false;
            for key in public {
                for (position, _) in held.iter().enumerate().filter(|(_, blob)| **blob == key) {
                    is_held = true;
                    if !std::mem::replace(offered.get_mut(position).unwrap_or(&mut true), true) {
                        first.push(Candidate::Agent { position, is_given });
                    }
                }
            }
            // The agent has it unlocked; nobody need be asked for the pass phrase.
            if !is_held {
                let target = if is_given { &mut first } else { &mut rest };
                target.push(Candidate::File {
                    path: path.clone(),
                    is_given,
                });
            }
        }
        if !settings.identities_only {
            let left = offered.iter().enumerate().filter(|(_, offered)| !**offered);
            first.extend(left.map(|(position, _)| Candidate::Agent {
                position,
                is_given: false,
            }));
        }
        first.extend(rest);
        let keys = Self {
            candidates: first.into(),
            agent,
        };
        (keys, trouble)
    }

    pub(super) fn next(&mut self) -> Option<Candidate> {
        self.candidates.pop_front()
    }

    pub(super) fn agent_key(&self, position: usize) -> Option<(&Agent, &PublicKey)> {
        let (agent, keys) = self.agent.as_ref()?;
        Some((agent, keys.get(position)?))
    }
}

fn list(session: &Session, socket: &Path) -> Result<(Agent, Vec<PublicKey>), String> {
    let trouble = |error: &dyn std::fmt::Display| format!("agent {}: {error}", socket.display());
    probe(socket).map_err(|error| trouble(&error))?;
    let listed = session.agent().and_then(|mut agent| {
        agent.set_identity_path(socket)?;
        agent.connect()?;
        agent.list_identities()?;
        let keys = agent.identities()?;
        Ok((agent, keys))
    });
    listed.map_err(|error| trouble(&error))
}

/// Asks the agent for its keys, only to see that it answers: libssh2 would wait for ever.
fn probe(socket: &Path) -> std::io::Result<()> {
    const REQUEST_IDENTITIES: [u8; 5] = [0, 0, 0, 1, 11];
    let mut agent = UnixStream::connect(socket)?;
    agent.set_read_timeout(Some(AGENT_LIMIT))?;
    agent.set_write_timeout(Some(AGENT_LIMIT))?;
    agent.write_all(&REQUEST_IDENTITIES)?;
    agent.read_exact(&mut [0; 5])
}
