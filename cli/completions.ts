/**
 * `spdy completions`: prints completions for bash, zsh and fish.
 *
 * @module
 */

import { type Command, EXIT_OK, UsageError } from "./command.ts";
import { defineCommand } from "./help.ts";
import type { Option } from "./option.ts";
import { readOptions, typedName } from "./options.ts";
import { print, showLines } from "./terminal.ts";

/** `spdy completions SHELL`, for a list of commands. */
export function completionsFor(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "completions",
    summary: "completions for bash, zsh or fish",
    usage: "bash|zsh|fish",
    about: `Prints a script that completes commands and options of spdy.

  eval "$(spdy completions bash)"          in ~/.bashrc
  spdy completions zsh > "\${fpath[1]}/_spdy"
  spdy completions fish \\
      > ~/.config/fish/completions/spdy.fish`,
    options: [],
    choices: Object.keys(SCRIPTS),
    run(args: string[]): Promise<number> {
      const { positionals } = readOptions(args, []);
      const script = Object.hasOwn(SCRIPTS, positionals[0] ?? "")
        ? SCRIPTS[positionals[0]]
        : undefined;
      if (script === undefined || positionals.length > 1) {
        throw new UsageError("completions needs bash, zsh or fish");
      }
      print(showLines(script(commands())));
      return Promise.resolve(EXIT_OK);
    },
  });
}

const SCRIPTS: Readonly<
  Record<string, (commands: readonly Command[]) => string>
> = { bash, zsh, fish };

function wordsOf(option: Option): string[] {
  return [typedName(option), ...option.short ? [`-${option.short}`] : []];
}

/** Options whose value is a file or folder are completed with file names. */
function takesFile({ value }: Option): boolean {
  return value === "FILE" || value === "DIR";
}

/** The values of an option whose help lists them, such as `2|3|3.1`. */
function choicesOf({ value = "" }: Option): readonly string[] {
  return value.includes("|") ? value.split("|") : [];
}

function bash(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const cases = commands.map(({ name, options }) => {
    const words = options.flatMap(wordsOf).join(" ");
    return `    ${name}) words="${words}" ;;`;
  });
  const values = commands.flatMap(({ name, options, choices = [] }) => [
    ...choices.length === 0
      ? []
      : [`    "${name} ${name}") values="${choices.join(" ")}" ;;`],
    ...options.filter((option) => choicesOf(option).length > 0).map(
      (option) => {
        const before = wordsOf(option).map((word) => `"${name} ${word}"`);
        return `    ${before.join("|")}) values="${
          choicesOf(option).join(" ")
        }" ;;`;
      },
    ),
  ]);
  return `_spdy() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words values=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]} \${COMP_WORDS[COMP_CWORD - 1]}" in
${values.join("\n")}
  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    help) words="${names}" ;;
    *) words="" ;;
  esac
  if [[ "$word" == -* || "\${COMP_WORDS[1]}" == help ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    # File names may have spaces.
    local IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _spdy spdy`;
}

/** Text in single quotes for a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function zsh(commands: readonly Command[]): string {
  const names = commands.map(({ name, summary }) =>
    `    ${quote(`${name}:${summary.replaceAll(":", "\\:")}`)}`
  );
  const cases = commands.map(({ name, options, choices }) => {
    const specs = options.flatMap((option) => {
      const help = (option.help ?? "").split("\n")[0]
        .replace(/[[\]:\\]/g, "\\$&");
      const values = choicesOf(option).join(" ");
      const value = option.value === undefined
        ? ""
        : values
        ? `:value:(${values})`
        : `:${option.value.toLowerCase()}:${takesFile(option) ? "_files" : ""}`;
      const repeated = option.repeated ? "*" : "";
      return wordsOf(option).map((word) =>
        `        ${quote(`${repeated}${word}[${help}]${value}`)}`
      );
    });
    return `      ${name})
        _arguments \\
${
      [
        ...specs,
        choices
          ? `        '1:value:(${choices.join(" ")})'`
          : "        '*:file:_files'",
      ].join(" \\\n")
    }
        ;;`;
  });
  return `#compdef spdy
_spdy() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
      help)
        _values command ${commands.map(({ name }) => name).join(" ")}
        ;;
  esac
}
# In a file of fpath, this script runs at the first completion and must answer it.
if [[ "\${funcstack[1]}" == _spdy ]]; then
  _spdy "$@"
else
  compdef _spdy spdy
fi`;
}

function fish(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const lines = commands.flatMap(({ name, summary, options, choices }) => [
    `complete -c spdy -n __fish_use_subcommand -f -a ${name} -d ${
      quote(summary)
    }`,
    ...choices === undefined ? [] : [
      `complete -c spdy -n "__fish_seen_subcommand_from ${name}" -f -a "${
        choices.join(" ")
      }"`,
    ],
    ...options.map((option) => {
      const short = option.short === undefined ? "" : ` -s ${option.short}`;
      const value = option.value === undefined
        ? ""
        : takesFile(option)
        ? " -r -F"
        : ` -x${
          choicesOf(option).length > 0
            ? ` -a "${choicesOf(option).join(" ")}"`
            : ""
        }`;
      const help = wordsText(option.help);
      return `complete -c spdy -n "__fish_seen_subcommand_from ${name}" -l ${
        typedName(option).slice(2)
      }${short}${value} -d ${quote(help)}`;
    }),
  ]);
  return [
    ...lines,
    `complete -c spdy -n "__fish_seen_subcommand_from help" -f -a "${names}"`,
  ].join("\n");
}

function wordsText(text = ""): string {
  return text.replace(/\s+/g, " ");
}
