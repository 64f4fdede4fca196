/// Declares the options of a module that edits a text file: its own, and those that all of them have. Serde cannot put one
/// struct into another and refuse unknown options at the same time.
macro_rules! edits_file {
    ($(#[$attribute:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$attribute])*
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($own)*
            /// Keeps the file as it was under another name, with the time in it. Default: false.
            #[serde(default)]
            backup: $crate::modules::args::Flag,
            /// A command on the node that has to accept the new file before it is put in place; `%s` stands for its path.
            validate: Option<$crate::modules::args::Text>,
            /// Mode of the file (`"0644"`, `u=rw,go=r`). Default: as it is; for a new file what the umask leaves of 0666.
            mode: Option<$crate::modules::args::Mode>,
            /// Owner, as a name or a number. Default: as it is.
            owner: Option<$crate::modules::args::Text>,
            /// Group, as a name or a number. Default: as it is.
            group: Option<$crate::modules::args::Text>,
        }

        impl $name {
            /// Finds what is wrong with the options that all such modules have.
            fn check_installation(&self) -> Result<(), $crate::modules::ArgumentError> {
                $crate::modules::remote_file::refuse_preserve(self.mode.as_ref())?;
                $crate::modules::remote_file::check_validation(self.validate.as_ref())
            }

            /// How the edited file is put in place.
            pub(super) fn installation(&self) -> $crate::modules::remote_file::Installation {
                $crate::modules::remote_file::Installation {
                    attributes: $crate::modules::remote_file::Attributes::new(
                        self.mode.as_ref(),
                        self.owner.as_ref(),
                        self.group.as_ref(),
                    ),
                    backup: *self.backup,
                    validate: self.validate.clone(),
                }
            }
        }
    };
}
pub(in crate::modules) use edits_file;
