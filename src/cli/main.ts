#!/usr/bin/env node
/** The commands, put together. Each loads what it needs when it is called, and nothing else. */
import { Command, CommanderError } from 'commander';
import { CommandError, FAILED, USAGE } from './exit.ts';
import { crdCommand } from './crd.ts';
import { explainCommand } from './explain.ts';
import { renderCommand } from './render.ts';
import { runCommand } from './run.ts';
import { versionCommand } from './version-command.ts';

function program(): Command {
  const root = new Command('dittofs-operator')
    .description("Runs DittoFS file servers on Kubernetes, with their database on PostgreSQL by Percona's operator.")
    .showHelpAfterError('Try --help.');
  const commands = [runCommand(), crdCommand(), renderCommand(), explainCommand(), versionCommand()];
  for (const command of commands) root.addCommand(command.copyInheritedSettings(root));
  return withExitCodes(root);
}

/** Commander ends the process by itself with 1 for everything; here it throws, so that a wrong command line is 2. */
function withExitCodes(command: Command): Command {
  command.exitOverride();
  for (const inner of command.commands) withExitCodes(inner);
  return command;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Help and version are asked for and come by the same way, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    process.stderr.write(`${messageFor(error)}\n`);
    return error instanceof CommandError ? error.exitCode : FAILED;
  }
}

function messageFor(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  return `error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : FAILED));

process.exitCode = await main(process.argv.slice(2));
