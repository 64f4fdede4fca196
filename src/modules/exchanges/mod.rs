//! What each module costs in exchanges with the node: a module that begins to ask more often fails here.

mod cost;
mod table;

use std::path::Path;

use serde_json::Value;

use crate::connection::Connection;

use super::testing::{Trial, asked, local_shell, scripted};
use super::{FileFinder, Fuses, Outcome, RunsOn, all};
use cost::{Cost, Node};
use table::table;

/// The most that a state may cost that is as wanted, and a look in check mode.
const LOOK: usize = 1;
/// The most that a change may cost, without its payload.
const CHANGE: usize = 2;

/// A folder with what the options name.
fn folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("text", "a\n");
    write("template.j2", "{{ 1 + 1 }}\n");
    write("script", "#!/bin/sh\ntouch \"$1\"\n");
    let packed = std::process::Command::new("sh")
        .args(["-ec", "echo x >packed && tar -cf archive.tar packed && rm packed"])
        .current_dir(folder.path())
        .status();
    assert!(packed.unwrap().success());
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path().join("script"), mode).unwrap();
    folder
}

fn in_folder(options: &Value, folder: &Path) -> Value {
    serde_json::from_str(&options.to_string().replace("DIR", folder.to_str().unwrap())).unwrap()
}

impl Cost {
    /// Runs it; gives what came of it and how many exchanges that took.
    fn run(&self, check_mode: bool, options: &Value, node: &mut dyn Connection) -> (Outcome, usize) {
        let before = node.exchanges();
        let trial = Trial::new(self.module, options.clone()).files(FileFinder::default());
        let trial = if check_mode { trial.check_mode() } else { trial };
        let outcome = trial
            .on(node)
            .run()
            .unwrap_or_else(|failure| panic!("{}: {failure:?}", self.module));
        (outcome, usize::try_from(node.exchanges() - before).unwrap())
    }

    /// What it costs now: in check mode, for a change, for nothing.
    fn measure(&self) -> [Option<usize>; 3] {
        let folder = folder();
        let options = in_folder(&self.options, folder.path());
        let mut real = local_shell();
        // Not the module's: opening the connection.
        real.execute(
            None,
            &crate::connection::Request::new(crate::connection::Script { name: "", text: ":" }, [""; 0]),
        )
        .unwrap();
        let mut measured = [self.check, self.changed, self.satisfied];
        for (index, cost) in measured.iter_mut().enumerate() {
            if cost.is_none() {
                continue;
            }
            let (outcome, asked) = match &self.node {
                Node::Real => self.run(index == 0, &options, &mut *real),
                Node::Scripted(wrong, right) => {
                    let answers = if index == 2 { right } else { wrong };
                    let (mut node, log) = scripted(answers.clone());
                    let ran = self.run(index == 0, &options, &mut node);
                    assert_eq!(ran.1, asked(&log).len());
                    ran
                }
            };
            match index {
                1 => assert!(outcome.changed, "{}: nothing was changed", self.module),
                2 => assert!(!outcome.changed, "{}: it was changed again", self.module),
                _ => {}
            }
            *cost = Some(asked);
        }
        measured
    }
}

#[test]
fn no_module_asks_more_often_than_it_did() {
    let wrong: Vec<_> = table()
        .iter()
        .filter_map(|cost| {
            let (known, now) = ([cost.check, cost.changed, cost.satisfied], cost.measure());
            (known != now).then(|| format!("{}: [check, changed, satisfied] {known:?} → {now:?}", cost.module))
        })
        .collect();
    assert!(wrong.is_empty(), "exchanges:\n{}", wrong.join("\n"));
}

#[test]
fn a_look_costs_one_exchange_and_a_change_two_or_there_is_a_reason() {
    for cost in table() {
        let check = cost.check.map(|check| check - cost.rehearsal);
        for look in [check, cost.satisfied].into_iter().flatten() {
            assert!(look <= LOOK, "{}: a look costs {look}", cost.module);
        }
        let is_dear = cost.changed.is_some_and(|changed| changed > CHANGE + cost.payload);
        assert_eq!(is_dear, cost.more.is_some(), "{}: {:?}", cost.module, cost.changed);
    }
}

#[test]
fn every_module_that_works_on_nodes_is_counted() {
    let counted: Vec<_> = table().iter().map(|cost| cost.module).collect();
    for module in all() {
        let is_counted = counted.contains(&module.name);
        // The others have no connection at all.
        assert_eq!(is_counted, module.runs_on == RunsOn::Node, "{}", module.name);
    }
}

#[test]
fn fused_modules_make_one_look_and_act_by_requests_alone() {
    for cost in table() {
        let definition = super::find(cost.module).unwrap();
        match definition.fuses {
            Fuses::Never => {}
            Fuses::Looks => assert_eq!((cost.satisfied, cost.changed), (Some(1), None), "{}", cost.module),
            Fuses::Whole => {
                assert!(cost.satisfied.is_none_or(|looks| looks == 1), "{}", cost.module);
                assert!(cost.more.is_none(), "{}: it cannot be detached", cost.module);
            }
        }
    }
}
