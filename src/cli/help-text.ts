/**
 * What `--help` says beyond what the library says by itself: which options a command cannot do without. Knows no command.
 */
import { type Command, Help, type HelpConfiguration, type Option } from 'commander';

const LIBRARY = new Help();

/** Marks options that must be given, in their line and in the line of usage. */
export const HELP_TEXT: HelpConfiguration = {
  commandUsage(command: Command): string {
    const needed = command.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags.replace(/^-\w, /, ''));
    return LIBRARY.commandUsage(command).replace('[options]', [...needed, '[options]'].join(' '));
  },
  optionDescription(option: Option): string {
    const description = LIBRARY.optionDescription(option);
    return option.mandatory ? `${description} (required)` : description;
  },
};
