use super::{
    ModuleDefinition, add_host, apt_repository, assert, blockinfile, command, copy, cordon, cron, deb822_repository,
    debug, dpkg_selections, drain, etcd_backup, etcd_restore, fail, fetch, file, find_files, get_url, group, group_by,
    hostname, include_vars, known_hosts, kubeadm, lineinfile, modprobe, mount, package, package_facts, pause, ping,
    raw, reboot, replace, script, service_facts, set_fact, setup, shell, slurp, stat, sysctl, systemd, tempfile,
    template, uncordon, uri, user, wait_for, wait_for_connection, wait_jobs, wait_ready, yum_repo,
};

/// All modules, in the order of `krun doc`.
static MODULES: &[ModuleDefinition] = &[
    ModuleDefinition::of::<add_host::AddHost>(),
    ModuleDefinition::of::<apt_repository::AptRepository>(),
    ModuleDefinition::of::<assert::Assert>(),
    ModuleDefinition::of::<blockinfile::BlockInFile>(),
    ModuleDefinition::of::<command::Command>(),
    ModuleDefinition::of::<copy::Copy>(),
    ModuleDefinition::of::<cordon::Cordon>(),
    ModuleDefinition::of::<cron::Cron>(),
    ModuleDefinition::of::<deb822_repository::Deb822Repository>(),
    ModuleDefinition::of::<debug::Debug>(),
    ModuleDefinition::of::<dpkg_selections::DpkgSelections>(),
    ModuleDefinition::of::<drain::Drain>(),
    ModuleDefinition::of::<etcd_backup::EtcdBackup>(),
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
    ModuleDefinition::of::<modprobe::Modprobe>(),
    ModuleDefinition::of::<mount::Mount>(),
    ModuleDefinition::of::<package::Package>(),
    ModuleDefinition::of::<package_facts::PackageFacts>(),
    ModuleDefinition::of::<pause::Pause>(),
    ModuleDefinition::of::<ping::Ping>(),
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
    ModuleDefinition::of::<uncordon::Uncordon>(),
    ModuleDefinition::of::<uri::Uri>(),
    ModuleDefinition::of::<user::User>(),
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
