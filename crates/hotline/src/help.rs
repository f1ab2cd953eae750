//! Help in both languages, the library's own options included.

use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};

use crate::arguments::Cli;

impl Cli {
    /// What was typed. A mistake, like a wish for help, is answered, and ends the process.
    pub(crate) fn read() -> Cli {
        let typed = command().get_matches();
        Cli::from_arg_matches(&typed).unwrap_or_else(|error| error.exit())
    }
}

/// All commands, with the help of the library's own options and headings in both languages.
fn command() -> Command {
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    let version = version.help("Print the version 显示版本").help_heading(OPTIONS);
    let mut command = bilingual(Cli::command().disable_version_flag(true).arg(version));
    // Only now there are the commands that the library adds.
    command.build();
    explain_help(command)
}

const OPTIONS: &str = "Options 选项";
const HELP: &str = "Print help 显示帮助";

fn bilingual(command: Command) -> Command {
    let names = names(&command);
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help(HELP);
    let command =
        command.disable_help_flag(true).arg(help).subcommand_help_heading("Commands 命令").mut_args(
            |argument| {
                let heading = if argument.is_positional() { "Arguments 参数" } else { OPTIONS };
                argument.help_heading(heading)
            },
        );
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, bilingual))
}

fn explain_help(command: Command) -> Command {
    let names = names(&command);
    let explain = |command: Command, name: String| match name.as_str() {
        "help" => command.mut_subcommand(name, |help| help.about(HELP)),
        _ => command.mut_subcommand(name, explain_help),
    };
    names.into_iter().fold(command, explain)
}

fn names(command: &Command) -> Vec<String> {
    command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both languages stand in it.
    fn is_in_both(text: &str) -> bool {
        let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        text.chars().any(is_chinese) && text.chars().any(|c| c.is_ascii_alphabetic())
    }

    fn walk(command: &Command, path: &str, missing: &mut Vec<String>) {
        let mut note = |what: String, help: Option<String>| {
            if !help.as_deref().is_some_and(is_in_both) {
                missing.push(format!("{what}: {help:?}"));
            }
        };
        note(path.to_owned(), command.get_about().map(ToString::to_string));
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let name = format!("{path} {}", argument.get_id());
            note(name.clone(), argument.get_help().map(ToString::to_string));
            for value in argument.get_possible_values() {
                if let Some(help) = value.get_help() {
                    note(format!("{name}={}", value.get_name()), Some(help.to_string()));
                }
            }
        }
        let (added, ours): (Vec<&Command>, Vec<&Command>) =
            command.get_subcommands().partition(|verb| verb.get_name() == "help");
        for help in added {
            note(format!("{path} help"), help.get_about().map(ToString::to_string));
        }
        for verb in ours {
            walk(verb, &format!("{path} {}", verb.get_name()), missing);
        }
    }

    #[test]
    fn all_help_is_in_both_languages() {
        let mut command = command();
        command.build();
        command.clone().debug_assert();
        let mut missing = Vec::new();
        walk(&command, "hotline", &mut missing);
        assert!(missing.is_empty(), "{missing:#?}");
    }
}
