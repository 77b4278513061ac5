import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { crd } from '../../src/api/crd.ts';
import { cacheDirectory } from '../control-plane/binaries.ts';
import { goBuild } from '../control-plane/go.ts';

/** The first build takes a minute or two; Go keeps it. */
const BUILD_MS = 600_000;

describe('Kubernetes 1.29', () => {
  const program = join(cacheDirectory(), 'oldest-kubernetes');

  beforeAll(async () => {
    await mkdir(cacheDirectory(), { recursive: true });
    await goBuild(['-trimpath', '-o', program, '.'], join(import.meta.dirname, 'oldest-kubernetes'));
  }, BUILD_MS);

  function complaints(definition: object): string[] {
    const { status, stdout, stderr } = spawnSync(program, { input: JSON.stringify(definition), encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return stdout.split('\n').filter((line) => line !== '');
  }

  it('takes the CRD: its rules use no newer CEL and stay within the budget of their cost', () => {
    expect(complaints(crd())).toEqual([]);
  });

  it('would not take a rule that needs a later release', () => {
    const newer = crd();
    newer.spec.versions[0]?.schema.openAPIV3Schema['x-kubernetes-validations'].push({
      rule: "isIP('10.0.0.1')",
      fieldPath: '.spec',
      message: 'never',
    });
    expect(complaints(newer).join()).toContain('undeclared reference');
  });
});
