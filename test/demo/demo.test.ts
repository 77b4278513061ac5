import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crd } from '../../src/api/crd.ts';
import { eventually } from '../control-plane/eventually.ts';
import { useControlPlane } from '../control-plane/fixture.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

const CRD = 'apiextensions.k8s.io/v1/CustomResourceDefinition';
const CRD_NAME = 'dittoservers.dittofs.dittofs.com';

describe('npm run demo', () => {
  const users = useControlPlane();
  let temporary: string;

  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'demo-test-'));
  });
  afterEach(async () => {
    await rm(temporary, { recursive: true, force: true });
  });

  it('shows a server that waits for its database, says why, and leaves nothing behind', async () => {
    const demo = start(['--once']);
    expect(await demo.ended, demo.output()).toBe(0);
    const text = demo.output();
    expect(text).toContain('✓ samples/percona.yaml applied: DittoServer ');
    expect(text).toMatch(/Ready and DatabaseReady are False: WaitingForDatabase\. .*0 of 1 instances are ready\./);
    expect(text).toMatch(/event on DittoServer\/\S+: WaitingForDatabase\./);
    const tree = text.slice(text.indexOf('What was made of it')).split('\n');
    const at = (pattern: RegExp) => tree.findIndex((line) => pattern.test(line));
    expect(at(/^DittoServer\//)).toBeGreaterThan(0);
    expect(at(/^[├└]─ PerconaPGCluster\/.* initializing$/)).toBeGreaterThan(at(/^DittoServer\//));
    expect(at(/^│ {2}[├└]─ PostgresCluster\//)).toBeGreaterThan(at(/PerconaPGCluster\//));
    expect(at(/StatefulSet\/.* 0 of 1 ready$/)).toBeGreaterThan(at(/PostgresCluster\//));
    expect(at(/^[├└]─ ConfigMap\/\S+-config$/)).toBeGreaterThan(0);
    expect(text).toContain('No pod runs here: this cluster has no node.');
    expect(text, 'colours and cursor movements are for terminals').not.toContain('\u001b');
    expect(demo.errors()).toBe('');
    await nothingLeft(demo);
  });

  it('takes everything down when it is cut short', async () => {
    const demo = start([]);
    await eventually('the sample is applied', () => demo.output().includes('applied: DittoServer'), {
      timeoutMs: 60_000,
    });
    // As the terminal does it: to every process in the foreground.
    process.kill(-demo.pid, 'SIGINT');
    expect(await demo.ended, demo.output()).toBe(130);
    expect(demo.output()).toContain('Taking everything down.');
    expect(demo.errors()).toBe('');
    await nothingLeft(demo);
  });

  it("uses the user's cluster, says what it finds there, and deletes what it has made", async () => {
    const { admin, kubeconfig, url } = users.controlPlane;
    const before = await namespaces();
    const demo = start(['--kubeconfig', kubeconfig]);
    expect(await demo.ended, demo.output() + demo.errors()).toBe(0);
    const text = demo.output();
    expect(text).toContain(`The cluster is ${url}.`);
    expect(text).toContain("Percona's operator for PostgreSQL is not installed there");
    expect(text).toMatch(/Ready and DatabaseReady are False: PerconaNotInstalled\./);
    expect(text).toContain('ConfigMap/');
    expect(text).toContain("Without Percona's operator nobody runs PostgreSQL here");
    expect(demo.errors()).toBe('');
    await nothingLeft(demo);
    expect(await namespaces()).toEqual(before);
    expect((await admin.find(CRD, CRD_NAME))?.metadata.name).toBeUndefined();
  });

  it("leaves the user's own definition alone", async () => {
    const { admin, kubeconfig } = users.controlPlane;
    await admin.apply(crd());
    const before = await namespaces();
    const demo = start(['--kubeconfig', kubeconfig]);
    expect(await demo.ended, demo.output() + demo.errors()).toBe(0);
    expect(demo.output()).toContain('The DittoServer CRD is there already; it is left as it is.');
    expect((await admin.get(CRD, CRD_NAME)).metadata.deletionTimestamp).toBeUndefined();
    expect(await namespaces()).toEqual(before);
  });

  it.each([
    [['--twice'], 2, "error: Unknown option '--twice'"],
    [['--kubeconfig', '/nowhere/config'], 1, 'error: There is no file /nowhere/config.\n'],
    [['--kubeconfig', MAIN], 1, `error: The cluster of ${MAIN} cannot be used: `],
  ])('answers %j with one sentence', async (args, code, sentence) => {
    const demo = start(args);
    expect(await demo.ended, demo.errors()).toBe(code);
    expect(demo.errors()).toContain(sentence);
    expect(demo.errors().trimEnd().split('\n')).toHaveLength(1);
    expect(demo.errors()).not.toContain('    at ');
    await nothingLeft(demo);
  });

  it('says what it can do', async () => {
    const demo = start(['--help']);
    expect(await demo.ended).toBe(0);
    expect(demo.output()).toContain('--kubeconfig <path>');
  });

  async function namespaces(): Promise<string[]> {
    const { items } = await users.controlPlane.admin.list('v1/Namespace');
    return items.map(({ metadata }) => metadata.name).sort();
  }

  /** Runs the demo without a terminal, in a process group and with temporary files of its own. */
  function start(args: readonly string[]) {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { pid: child.pid!, ended, output: () => said.stdout, errors: () => said.stderr };
  }

  async function nothingLeft({ pid }: { pid: number }): Promise<void> {
    // Signal 0 only asks whether there is anybody in the group.
    const isAnybody = () => {
      try {
        return process.kill(-pid, 0);
      } catch {
        return false;
      }
    };
    await eventually('no process of the demo is left', () => !isAnybody(), { timeoutMs: 5_000 });
    await eventually('no file is left', async () => (await readdir(temporary)).length === 0, { timeoutMs: 5_000 });
  }
});
