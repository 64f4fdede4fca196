//! Plays, blocks, tasks, roles and handlers: loaded whole and checked whole, without executing anything.

mod action;
mod checks;
mod expected;
mod imports;
mod keywords;
mod literal;
mod loader;
mod looping;
mod model;
mod module_options;
mod play;
mod role;
mod selection;
mod setting;
mod short_form;
mod strategy;
mod tags;
mod task_action;
mod tasks;
mod variables;

pub use action::{Action, IncludeRole, IncludeTasks, Meta};
pub use checks::check_hosts;
pub(crate) use checks::finder;
pub use expected::Expected;
pub use keywords::Keywords;
pub use loader::{Included, Loader, LoaderOptions, Scoping};
pub use model::{Block, Item, Loop, LoopKind, Play, Playbook, Task};
pub use role::{Role, RoleVars};
pub use selection::check_selection;
pub use setting::{Expression, Setting};
pub use strategy::Strategy;
pub use tags::TagSelection;
pub use variables::{Known, check_variables};
