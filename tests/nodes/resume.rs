//! `krun resume` on lab nodes: an upgrade that was killed in any of its tasks ends as one that nobody disturbed.
use crate::support::lab::Lab;

const UPGRADE: [&str; 3] = [
    "playbooks/upgrade.yml",
    "-e",
    "kubernetes_version=1.28.2 drain_delete_emptydir_data=true drain_timeout=60 wait_timeout=60",
];

/// Of so many tasks one is the place where krun is killed; `KRUN_TEST_EACH=1` tries them all (about an hour).
const EACH: usize = 20;

/// The heads of the tasks that a run began, in order.
fn heads(stdout: &str) -> Vec<String> {
    let is_head = |line: &&str| line.starts_with("TASK [") || line.starts_with("RUNNING HANDLER [");
    let heads = stdout.lines().filter(is_head);
    heads
        .filter_map(|line| Some(line.split_once(" **")?.0.to_owned()))
        .collect()
}

#[test]
fn an_upgrade_that_was_killed_goes_on_to_the_same_end() {
    let Some(lab) = Lab::up("resume", 1, 2, "1.28.0") else {
        return;
    };
    lab.lab(&["trace", "--clear"]);
    let undisturbed = lab.krun(&UPGRADE).expect_status(0);
    let expected = lab.changes();
    let nodes = lab.nodes();
    let heads = heads(&undisturbed.stdout);
    assert!(heads.len() >= 25, "{heads:#?}");

    let each = std::env::var("KRUN_TEST_EACH").map_or(EACH, |text| text.parse().unwrap());
    for (number, head) in heads.iter().enumerate().skip(each / 2).step_by(each) {
        lab.reset();
        lab.changes();
        let mut krun = lab.start_krun(&UPGRADE);
        for earlier in &heads[..=number] {
            krun.wait_for(earlier);
        }
        krun.kill();
        let begun = lab.changes();
        let resumed = lab.krun_alone(&["resume"]).expect_status(0);
        assert_eq!(lab.nodes(), nodes, "killed in {head}:\n{}", resumed.stdout);
        // What was in flight may be done again; nothing else is, and nothing is left out.
        let repeated = begun.last().cloned();
        let mut done = begun;
        done.extend(lab.changes());
        let twice: Vec<&String> = done
            .iter()
            .enumerate()
            .filter(|(index, change)| done[..*index].contains(change))
            .map(|(_, change)| change)
            .collect();
        assert!(
            twice.is_empty() || twice == repeated.iter().collect::<Vec<_>>(),
            "done twice after a kill in {head}: {twice:?}\n{done:#?}"
        );
        let mut once: Vec<String> = Vec::new();
        for change in done {
            if !once.contains(&change) {
                once.push(change);
            }
        }
        assert_eq!(once, expected, "killed in {head}");
        let described = lab.kubectl("get nodes -o yaml");
        assert!(!described.contains("krun.dev/cordoned-by"), "killed in {head}");
    }
}
