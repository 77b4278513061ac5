/** The commands as a user calls them. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const SAMPLE = fileURLToPath(new URL('../../samples/percona.yaml', import.meta.url));
const VALID =
  'apiVersion: dittofs.dittofs.com/v1alpha1\nkind: DittoServer\nmetadata: {name: files}\nspec: {storage: {metadataSize: 1Gi}}\n';

function call(args: string[], input = '') {
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', input, env });
  return { status, stdout, stderr };
}

describe('a wrong command line', () => {
  it.each([
    [['rnu'], "unknown command 'rnu'\n(Did you mean run?)"],
    [['run', '--worker', '3'], "unknown option '--worker'\n(Did you mean --workers?)"],
    [['run', '--workers', '0'], 'Give a whole number from 1 to 1000.'],
    [['run', '--workers', '1.5'], 'Give a whole number from 1 to 1000.'],
    [['run', '--log-level', 'loud'], 'Allowed choices are debug, info, warn, error.'],
    [['run', '--metrics-address', '8080'], "option '--metrics-address <address>' argument '8080' is invalid"],
    [['run', '--namespaces', 'a,B'], '"B" is no name of a namespace'],
    [['run', '--percona-cr-version', '2'], 'Give a version of three numbers'],
    [['run', '--postgres-image', ''], 'It is empty.'],
    [['run', 'x'], 'too many arguments'],
    [['run'], 'not in a cluster'],
    [['run', '--kubeconfig', '/nonexistent'], '--kubeconfig /nonexistent: ENOENT'],
    [['render'], "required option '-f, --filename <path>' not specified"],
    [['render', '-f', '/nonexistent'], '--filename /nonexistent: there is no such file'],
    [['explain'], "missing required argument 'name'"],
    [['explain', 'files'], 'no kubeconfig found'],
    [[], 'Usage: dittofs-operator'],
  ])('%j ends with 2 and says why', (args, message) => {
    const { status, stdout, stderr } = call(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});

describe('help', () => {
  it.each(['run', 'crd', 'render', 'explain', 'version'])('of %s has an example', (command) => {
    const { status, stdout } = call([command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  dittofs-operator ${command}`));
  });
});

describe('render', () => {
  it('prints nothing but errors when one document is wrong', () => {
    const { status, stdout, stderr } = call(
      ['render', '-f', SAMPLE, '-f', '-'],
      `${VALID.replace('files', 'other')}---\nkind: Pod\n`,
    );
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'error: standard input, document 2: Pod is no DittoServer\n',
    });
  });

  it('quotes what YAML 1.1, as kubectl reads it, would take for true', () => {
    const text = VALID.replace(
      '1Gi}',
      '1Gi}, percona: {enabled: true, backup: {enabled: true, credentialsSecretRef: {name: s}, bucket: b, endpoint: e.example}}',
    );
    const { status, stdout } = call(['render', '-f', '-'], text);
    expect(status).toBe(0);
    expect(stdout).toContain('repo1-storage-verify-tls: "y"');
    expect(stdout.startsWith('# What dittofs-operator makes')).toBe(true);
  });

  it('prints JSON', () => {
    const { stdout } = call(['render', '-o', 'json', '-n', 'own', '-f', '-'], VALID);
    const list = JSON.parse(stdout) as { kind: string; items: { metadata: { namespace: string } }[] };
    expect(list.kind).toBe('List');
    expect(new Set(list.items.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['own']));
  });
});

describe('crd and version', () => {
  it('print what they are for', () => {
    expect(call(['crd']).stdout).toContain('kind: CustomResourceDefinition');
    expect(call(['version']).stdout).toMatch(/^dittofs-operator \d+\.\d+\.\d+ on Node \d+/);
    const { defaults } = JSON.parse(call(['version', '-o', 'json']).stdout) as { defaults: { crVersion: string } };
    expect(defaults.crVersion).toBe('2.8.0');
  });
});
