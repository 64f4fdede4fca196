//! Plays, blocks, tasks, roles and handlers: loaded whole and checked whole, without executing anything.

mod action;
mod background;
mod checks;
mod keywords;
mod loader;
mod model;
mod play;
mod role;
mod selection;
mod setting;
mod strategy;
mod tags;
mod tasks;
mod variables;

pub use action::{Action, IncludeRole, IncludeTasks, Meta, UnsupportedTask};
pub use background::InBackground;
pub use checks::check_hosts;
pub(crate) use checks::finder;
pub use keywords::Keywords;
pub use loader::{Included, Loader, LoaderOptions, Scoping, Unsupported};
pub use model::{Block, Item, Loop, LoopKind, Play, Playbook, Task};
pub use role::{Role, RoleVars};
pub use selection::check_selection;
pub use setting::{Expression, Setting};
pub use strategy::Strategy;
pub use tags::TagSelection;
pub use variables::{Known, check_variables};
