#![no_main]
use std::sync::Arc;

use krun::playbook::{Known, Loader, LoaderOptions, TagSelection, check_hosts, check_selection, check_variables};
use krun::vars::VarMap;
use krun::vars::vault::VaultPasswords;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Names of files from the root would read this machine's files.
    if text.contains(['/', '~']) || text.contains("..") {
        return;
    }
    let path = krun_fuzz::write("site.yml", text);
    let (options, passwords) = (LoaderOptions::default(), VaultPasswords::default());
    let loader = Loader::new(&options, &passwords);
    let (playbook, mut problems) = loader.load(&path);
    if let Some(playbook) = playbook {
        let (inventory, variables) = krun_fuzz::inventory();
        let tags = TagSelection::default();
        check_hosts(&playbook, inventory, &mut problems);
        let extra_vars = Arc::new(VarMap::new());
        let playbooks = [playbook];
        let known = Known {
            inventory,
            variables,
            extra_vars: &extra_vars,
            limit: None,
            tags: &tags,
        };
        check_variables(&playbooks, known, &loader, &mut problems);
        problems.extend(check_selection(&playbooks, &tags, None));
    }
    let _ = problems.to_string();
});
