/** `npm run demo`: a file server with its PostgreSQL, on a real Kubernetes API, before your eyes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoError, HELP, readArguments } from './arguments.ts';
import { play } from './play.ts';
import { Screen } from './screen.ts';
import type { Undo } from './stage.ts';

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
/** What is being set up when the demo is cut short gets so long to end by itself. */
const CUT_SHORT_MS = 3_000;

/** Resolves with the first signal; a second one ends the process at once, and a watchdog cleans up behind it. */
function interrupted(): Promise<keyof typeof SIGNALS> {
  return new Promise((resolve) => {
    let first = true;
    const onSignal = (signal: keyof typeof SIGNALS) => {
      if (!first) process.exit(128 + SIGNALS[signal]);
      first = false;
      resolve(signal);
    };
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  });
}

/** Undoes everything, whatever fails meanwhile. */
async function takeDown(undo: Undo, screen: Screen): Promise<boolean> {
  let clean = true;
  for (let next = undo.pop(); next !== undefined; next = undo.pop()) {
    try {
      await next();
    } catch (error) {
      clean = false;
      screen.say(`error: ${(error as Error).message}`);
    }
  }
  return clean;
}

async function main(): Promise<number> {
  const interactive = process.stdin.isTTY && process.stdout.isTTY && !process.env.CI;
  const screen = new Screen(process.stdout);
  const undo: Undo = [];
  const stop = new AbortController();
  let code = 0;
  try {
    const options = readArguments(process.argv.slice(2), interactive);
    if (options === undefined) {
      process.stdout.write(HELP);
      return 0;
    }
    const played = play(screen, undo, options, stop.signal);
    const end = await Promise.race([played, interrupted()]);
    if (end !== undefined) {
      stop.abort();
      await Promise.race([played.catch(() => undefined), sleep(CUT_SHORT_MS)]);
      screen.block([]);
      // Ctrl-C is how the demo ends when it has shown everything; before that it was cut short.
      code = played.shown() ? 0 : 128 + SIGNALS[end];
    }
  } catch (error) {
    screen.block([]);
    process.stderr.write(`error: ${messageFor(error)}\n`);
    code = error instanceof DemoError ? error.exitCode : 1;
  }
  stop.abort();
  if (undo.length > 0) screen.say('\nTaking everything down.');
  return (await takeDown(undo, screen)) ? code : 1;
}

function messageFor(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main();
// Watches that were cut off hold the process for a while.
process.exit();
