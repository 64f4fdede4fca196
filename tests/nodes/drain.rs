//! Drains that meet resistance, on a lab node: tried before anything is changed, shown while they wait, and what comes after
//! their time is up.
use crate::support::lab::Lab;
use crate::support::{Project, Ran};

const FREE: &str = "w1 Ready v1.28.0";
const CORDONED: &str = "w1 Ready,SchedulingDisabled v1.28.0";

struct Drains {
    lab: Lab,
    project: Project,
}

impl Drains {
    /// Drains the worker with a setting of `on_timeout`.
    fn run(&self, on_timeout: &str) -> Ran {
        let site = self.project.path().join("site.yml");
        self.lab
            .krun(&[site.to_str().unwrap(), "-e", &format!("on_timeout={on_timeout}")])
    }

    fn pods(&self) -> usize {
        self.lab.kubectl("get pods -o wide").matches(" w1 ").count()
    }
}

#[test]
fn a_drain_that_meets_resistance() {
    let Some(lab) = Lab::up("drain", 1, 1, "1.28.0") else {
        return;
    };
    let project = Project::new(
        "
- hosts: workers
  gather_facts: false
  tasks:
    - drain: {delete_emptydir_data: true, timeout: 8, on_timeout: '{{ on_timeout }}'}
      delegate_to: m1
",
    );
    let drains = Drains { lab, project };
    let lab = &drains.lab;

    // Two budgets over one pod: the API server never lets it leave, which only a dry run tells.
    let second = "apiVersion: policy/v1\\nkind: PodDisruptionBudget\\nmetadata: {name: second, namespace: default}\\n\
                  spec: {minAvailable: 0, selector: {matchLabels: {app: web}}}\\n";
    lab.on(
        "m1",
        &format!("printf '{second}' | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -"),
    );
    lab.changes();
    drains
        .run("disable_eviction")
        .expect_status(2)
        .expect_stdout("the API server would not let pods leave w1")
        .expect_stdout("more than one PodDisruptionBudget")
        .expect_stdout("nothing was changed");
    assert_eq!(lab.nodes()[1], FREE);
    assert_eq!(lab.changes(), Vec::<String>::new());
    lab.kubectl("delete pdb second");

    // There is one worker only, and no other place for its pods: the budget of `web` holds the drain, which is shown.
    drains
        .run("fail")
        .expect_status(2)
        .expect_stdout("still on w1, 1 pod: default/web-")
        .expect_stdout("PodDisruptionBudget default/web needs 1 healthy, has 1")
        .expect_stdout("draining w1 did not end")
        .expect_stdout("w1 was uncordoned again");
    assert_eq!(lab.nodes()[1], FREE);

    // Left where they are, on the author's word; the cordon carries the run's name.
    drains
        .run("leave")
        .expect_status(0)
        .expect_stdout("w1 is not empty: after 8 s these were left on it");
    assert_eq!(lab.nodes()[1], CORDONED);
    assert!(drains.pods() > 0);
    let node = lab.kubectl("get node w1 -o yaml");
    let (_, mark) = node.split_once("krun.dev/cordoned-by: ").unwrap();
    let mark = mark.lines().next().unwrap().trim_matches('"');
    lab.krun_alone(&["show", mark]).expect_status(0);
}
