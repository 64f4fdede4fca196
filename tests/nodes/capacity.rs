//! No more nodes away than may be, on lab nodes: a batch waits until somebody's cordon is gone, is refused where that cannot
//! help, and the drain counts once more.
use crate::support::Project;
use crate::support::lab::Lab;

#[test]
fn nodes_that_are_away_already_count() {
    let Some(lab) = Lab::up("capacity", 1, 3, "1.28.0") else {
        return;
    };
    let project = Project::new(
        "
- hosts: workers
  gather_facts: false
  serial: '{{ batch | default(1) }}'
  tasks:
    - capacity: {max_unavailable: '{{ most }}', timeout: '{{ wait | default(3) }}'}
      delegate_to: m1
      when: asks | default(true)
    - drain: {delete_emptydir_data: true, timeout: 60, max_unavailable: '{{ most }}'}
      delegate_to: m1
    - uncordon:
      delegate_to: m1
",
    );
    let site = project.path().join("site.yml").display().to_string();
    let arguments = |settings: &'static str| [site.clone(), "-e".to_owned(), settings.to_owned()];
    let run = |settings: &'static str| {
        let arguments = arguments(settings);
        lab.krun(&arguments.each_ref().map(String::as_str))
    };
    lab.kubectl("cordon w3");

    run("most=1 batch=2")
        .expect_status(2)
        .expect_stdout("this batch is 2 nodes (w1, w2), and at most 1 of 3 nodes may be unavailable")
        .expect_stdout("`serial: 1` or less");
    run("most=1")
        .expect_status(2)
        .expect_stdout("this batch takes 1 (w1), and these are unavailable already: w3 (cordoned)");
    run("most=1 asks=false")
        .expect_status(2)
        .expect_stdout("w1 was not cordoned: at most 1 of 3 nodes may be unavailable")
        .expect_stdout("w3 (cordoned)");
    assert_eq!(
        lab.nodes()[1..],
        [
            "w1 Ready v1.28.0",
            "w2 Ready v1.28.0",
            "w3 Ready,SchedulingDisabled v1.28.0"
        ]
    );

    // It goes on by itself when there is room.
    let arguments = arguments("most=34% wait=60");
    let mut krun = lab.start_krun(&arguments.each_ref().map(String::as_str));
    krun.wait_for("w3 (cordoned)");
    lab.kubectl("uncordon w3");
    krun.end().expect_status(0);
    assert_eq!(
        lab.nodes()[1..],
        ["w1 Ready v1.28.0", "w2 Ready v1.28.0", "w3 Ready v1.28.0"]
    );
}
