use super::{
    ModuleDefinition, add_host, apt_repository, archive, assert, async_status, blockinfile, capacity, cluster_lock,
    cluster_survey, command, copy, cordon, cron, deb822_repository, debug, dpkg_selections, drain, etcd_backup,
    etcd_backup_timer, etcd_restore, fail, fetch, file, find_files, get_url, group, group_by, hostname, include_vars,
    known_hosts, kubeadm, lineinfile, maintenance_window, modprobe, mount, node_survey, package, package_facts,
    package_versions, pause, ping, preflight, raw, reboot, replace, script, service_facts, set_fact, setup, shell,
    slurp, stat, sysctl, systemd, tempfile, template, unarchive, uncordon, uri, user, validate_argument_spec, wait_for,
    wait_for_connection, wait_jobs, wait_ready, yum_repo,
};

/// All modules, in the order of `krun doc`.
static MODULES: &[ModuleDefinition] = &[
    ModuleDefinition::of::<add_host::AddHost>(),
    ModuleDefinition::of::<apt_repository::AptRepository>(),
    ModuleDefinition::of::<archive::Archive>(),
    ModuleDefinition::of::<assert::Assert>(),
    ModuleDefinition::of::<async_status::AsyncStatus>(),
    ModuleDefinition::of::<blockinfile::BlockInFile>(),
    ModuleDefinition::of::<capacity::Capacity>(),
    ModuleDefinition::of::<cluster_lock::ClusterLock>(),
    ModuleDefinition::of::<cluster_survey::ClusterSurveyModule>(),
    ModuleDefinition::of::<command::Command>(),
    ModuleDefinition::of::<copy::Copy>(),
    ModuleDefinition::of::<cordon::Cordon>(),
    ModuleDefinition::of::<cron::Cron>(),
    ModuleDefinition::of::<deb822_repository::Deb822Repository>(),
    ModuleDefinition::of::<debug::Debug>(),
    ModuleDefinition::of::<dpkg_selections::DpkgSelections>(),
    ModuleDefinition::of::<drain::Drain>(),
    ModuleDefinition::of::<etcd_backup::EtcdBackup>(),
    ModuleDefinition::of::<etcd_backup_timer::EtcdBackupTimer>(),
    ModuleDefinition::of::<etcd_restore::EtcdRestore>(),
    ModuleDefinition::of::<fail::Fail>(),
    ModuleDefinition::of::<fetch::Fetch>(),
    ModuleDefinition::of::<file::File>(),
    ModuleDefinition::of::<find_files::Find>(),
    ModuleDefinition::of::<get_url::GetUrl>(),
    ModuleDefinition::of::<group::Group>(),
    ModuleDefinition::of::<group_by::GroupBy>(),
    ModuleDefinition::of::<hostname::Hostname>(),
    ModuleDefinition::of::<include_vars::IncludeVars>(),
    ModuleDefinition::of::<known_hosts::KnownHosts>(),
    ModuleDefinition::of::<kubeadm::Kubeadm>(),
    ModuleDefinition::of::<lineinfile::LineInFile>(),
    ModuleDefinition::of::<maintenance_window::MaintenanceWindow>(),
    ModuleDefinition::of::<modprobe::Modprobe>(),
    ModuleDefinition::of::<mount::Mount>(),
    ModuleDefinition::of::<node_survey::NodeSurveyModule>(),
    ModuleDefinition::of::<package::Package>(),
    ModuleDefinition::of::<package_facts::PackageFacts>(),
    ModuleDefinition::of::<package_versions::PackageVersions>(),
    ModuleDefinition::of::<pause::Pause>(),
    ModuleDefinition::of::<ping::Ping>(),
    ModuleDefinition::of::<preflight::Preflight>(),
    ModuleDefinition::of::<raw::Raw>(),
    ModuleDefinition::of::<reboot::Reboot>(),
    ModuleDefinition::of::<replace::Replace>(),
    ModuleDefinition::of::<script::Script>(),
    ModuleDefinition::of::<service_facts::ServiceFacts>(),
    ModuleDefinition::of::<set_fact::SetFact>(),
    ModuleDefinition::of::<setup::Setup>(),
    ModuleDefinition::of::<shell::Shell>(),
    ModuleDefinition::of::<slurp::Slurp>(),
    ModuleDefinition::of::<stat::Stat>(),
    ModuleDefinition::of::<sysctl::Sysctl>(),
    ModuleDefinition::of::<systemd::Systemd>(),
    ModuleDefinition::of::<tempfile::Tempfile>(),
    ModuleDefinition::of::<template::Template>(),
    ModuleDefinition::of::<unarchive::Unarchive>(),
    ModuleDefinition::of::<uncordon::Uncordon>(),
    ModuleDefinition::of::<uri::Uri>(),
    ModuleDefinition::of::<user::User>(),
    ModuleDefinition::of::<validate_argument_spec::ValidateArgumentSpec>(),
    ModuleDefinition::of::<wait_for::WaitFor>(),
    ModuleDefinition::of::<wait_for_connection::WaitForConnection>(),
    ModuleDefinition::of::<wait_jobs::WaitJobs>(),
    ModuleDefinition::of::<wait_ready::WaitReady>(),
    ModuleDefinition::of::<yum_repo::YumRepo>(),
];

/// All modules, in the order of `krun doc`.
pub fn all() -> &'static [ModuleDefinition] {
    MODULES
}

/// What may stand before a module's name: the collections that Ansible has such modules in.
pub(crate) const COLLECTIONS: [&str; 5] = [
    "ansible.builtin.",
    "ansible.legacy.",
    "ansible.posix.",
    "community.general.",
    "kubernetes.core.",
];

/// The module of this name: its own or another, with hyphens or underscores, with or without Ansible's collection.
pub fn find(name: &str) -> Option<&'static ModuleDefinition> {
    let short = COLLECTIONS
        .iter()
        .find_map(|collection| name.strip_prefix(collection))
        .unwrap_or(name);
    let wanted = short.replace('_', "-");
    MODULES
        .iter()
        .find(|module| module.name == wanted || module.aliases.contains(&wanted.as_str()))
}

/// Every name that [`find`] knows, as written with hyphens.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    MODULES
        .iter()
        .flat_map(|module| std::iter::once(module.name).chain(module.aliases.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each option of Ansible's modules (ansible-core 2.19, with its other names) is there, or is refused with a reason.
    #[test]
    fn no_option_of_ansibles_is_unheard_of() {
        let table: std::collections::BTreeMap<String, Vec<String>> =
            serde_json::from_str(include_str!("../../tests/data/ansible_options.json")).unwrap();
        let mut unknown = Vec::new();
        for (name, options) in &table {
            let module = find(name).unwrap();
            let known = module.options();
            let is_known = |option: &&String| {
                let own = module.option_name(option).to_owned();
                module.free_options || known.contains(&own) || module.refusal(option).is_some()
            };
            unknown.extend(
                options
                    .iter()
                    .filter(|option| !is_known(option))
                    .map(|option| format!("{name}.{option}")),
            );
        }
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    /// The modules that public kubeadm playbooks use, as they write them; statements such as `include_tasks` aside.
    #[test]
    fn the_modules_of_public_playbooks_are_known() {
        let names = "command shell set_fact debug copy file apt template dpkg_selections systemd systemd_service replace service \
                     pause package stat fail apt_repository deb822_repository reboot lineinfile assert uri find yum setup \
                     package_facts service_facts get_url slurp fetch dnf wait_for wait_for_connection yum_repository unarchive \
                     archive blockinfile hostname ping cron user group known_hosts raw script tempfile \
                     ansible.posix.sysctl ansible.posix.mount community.general.modprobe community.general.archive \
                     kubernetes.core.k8s_drain ansible.builtin.gather_facts ansible.legacy.command ansible.builtin.dnf5";
        let missing: Vec<_> = names.split_whitespace().filter(|name| find(name).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
