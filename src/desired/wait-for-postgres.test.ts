import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { databaseOf } from '../postgres/database.ts';
import { dittoServer } from '../testing/builders.ts';
import { waitForPostgres } from './wait-for-postgres.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/**
 * Runs the container's own command with a `psql` that fails `failures` times, and with a clock on which time passes
 * only in `sleep`, `speed` times as fast.
 */
function run(failures: number, speed = 1) {
  const folder = mkdtempSync(join(tmpdir(), 'wait-for-postgres-'));
  folders.push(folder);
  const program = (name: string, body: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  writeFileSync(join(folder, 'now'), '1000');
  writeFileSync(join(folder, 'tries'), '0');
  program('date', `cat ${folder}/now`);
  program('sleep', `echo $(( $(cat ${folder}/now) + $1 * ${speed} )) > ${folder}/now`);
  program(
    'psql',
    `tries=$(( $(cat ${folder}/tries) + 1 )); echo $tries > ${folder}/tries; echo "$*" > ${folder}/arguments
     [ $tries -gt ${failures} ] && echo 1 && exit 0
     echo "password authentication failed" >&2; exit 2`,
  );
  const container = waitForPostgres(databaseOf(dittoServer({ percona: { enabled: true } })), 'postgres:16-alpine')!;
  const [command = '', ...args] = container.command;
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { PATH: `${folder}:/usr/bin:/bin`, PGHOST: 'db', PGPORT: '5432', PGPASSWORD: 'hunter2' },
  });
  const read = (name: string) => readFileSync(join(folder, name), 'utf8').trim();
  return { status, stdout, stderr, tries: Number(read('tries')), seconds: Number(read('now')) - 1000, read };
}

describe('wait-for-postgres', () => {
  it('goes on at once when PostgreSQL answers a query', () => {
    const { status, tries, seconds, stdout, read } = run(0);
    expect({ status, tries, seconds }).toEqual({ status: 0, tries: 1, seconds: 0 });
    expect(stdout).toBe('PostgreSQL at db:5432 answers.\n');
    expect(read('arguments')).toContain('--command select 1');
    expect(read('arguments')).toContain('--no-password');
  });

  it('asks every 2 s and says why it waits', () => {
    const { status, tries, seconds, stdout } = run(3);
    expect({ status, tries, seconds }).toEqual({ status: 0, tries: 4, seconds: 6 });
    expect(stdout).toContain('Waiting for PostgreSQL at db:5432 (4 s): password authentication failed\n');
  });

  it('gives up after 300 s with the last error, and never prints the password', () => {
    const { status, tries, seconds, stdout, stderr } = run(1000, 50);
    expect({ status, tries, seconds }).toEqual({ status: 1, tries: 4, seconds: 300 });
    expect(stderr).toBe('PostgreSQL at db:5432 did not answer within 300 s: password authentication failed\n');
    expect(stdout + stderr).not.toContain('hunter2');
  });
});
