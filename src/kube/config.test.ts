import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inClusterConfig, kubeconfigConfig } from './config.ts';
import { FakeClock } from './testing/fake-clock.ts';

describe('inClusterConfig', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const files = (token: () => string) => (path: string) => {
    if (path.endsWith('/token')) return token();
    return path.endsWith('/namespace') ? 'mine\n' : 'PEM';
  };

  it('reads what the kubelet mounts', () => {
    const config = inClusterConfig({ env, readFile: files(() => 't0\n'), clock: new FakeClock() });
    expect(config).toMatchObject({ server: 'https://10.0.0.1:443', ca: 'PEM', namespace: 'mine' });
    expect(config.authorization()).toBe('Bearer t0');
  });

  it('reads a rotated token, but not more than once a minute, and keeps the old one when that fails', async () => {
    const clock = new FakeClock();
    let reads = 0;
    const config = inClusterConfig({
      env,
      clock,
      readFile: files(() => {
        reads += 1;
        if (reads === 3) throw new Error('ENOENT');
        return `t${reads}`;
      }),
    });
    await clock.advance(59_999);
    expect(config.authorization()).toBe('Bearer t1');
    await clock.advance(1);
    expect(config.authorization()).toBe('Bearer t2');
    expect(config.authorization()).toBe('Bearer t2');
    await clock.advance(60_000);
    expect(config.authorization()).toBe('Bearer t2');
    expect(reads).toBe(3);
    await clock.advance(60_000);
    expect(config.authorization()).toBe('Bearer t4');
  });

  it('brackets an IPv6 address, and says when this is no cluster', () => {
    const readFile = files(() => 't');
    expect(inClusterConfig({ env: { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' }, readFile }).server).toBe(
      'https://[fd00::1]:443',
    );
    expect(() => inClusterConfig({ env: {}, readFile })).toThrow('not in a cluster');
  });
});

describe('kubeconfigConfig', () => {
  const kubeconfig = async (user: object): Promise<string> => {
    const directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, 'config');
    const certificate = Buffer.from('PEM').toString('base64');
    const content = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'one',
      clusters: [
        {
          name: 'c',
          cluster: {
            server: 'https://example:6443',
            'certificate-authority-data': certificate,
            'tls-server-name': 'kubernetes',
          },
        },
      ],
      contexts: [
        { name: 'one', context: { cluster: 'c', user: 'u' } },
        { name: 'two', context: { cluster: 'c', user: 'u', namespace: 'n' } },
      ],
      users: [{ name: 'u', user }],
    };
    await writeFile(file, JSON.stringify(content));
    return file;
  };

  it('reads a token and the chosen context', async () => {
    const file = await kubeconfig({ token: 't' });
    const config = await kubeconfigConfig(file);
    expect(config).toMatchObject({
      server: 'https://example:6443',
      ca: 'PEM',
      serverName: 'kubernetes',
      namespace: 'default',
    });
    expect(await config.authorization()).toBe('Bearer t');
    expect((await kubeconfigConfig(file, 'two')).namespace).toBe('n');
    await expect(kubeconfigConfig(file, 'three')).rejects.toThrow('no cluster for context "three"');
  });

  it('runs an exec plug-in for a token', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'made' },
    };
    const args = ['-e', `console.log(${JSON.stringify(JSON.stringify(credential))})`];
    const exec = { apiVersion: credential.apiVersion, command: process.execPath, args, interactiveMode: 'Never' };
    const config = await kubeconfigConfig(await kubeconfig({ exec }));
    expect(await config.authorization()).toBe('Bearer made');
  });
});
