import { afterAll, beforeAll } from 'vitest';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from './control-plane.ts';
import { installPerconaCRDs, startPerconaOperator, type PerconaOperator, type PerconaVersion } from './percona.ts';

/** What the tests of a file need. */
export interface FixtureOptions extends ControlPlaneOptions {
  /** Install Percona's CRDs of this version. Default: none, or 2.9.0 with `operator`. */
  percona?: PerconaVersion;
  /** Run Percona's operator, 2.9.0, for all namespaces. Default: false. */
  operator?: boolean;
}

/** The control plane of a test file: that of `ControlPlane`, and Percona's operator. Usable from `beforeAll` on. */
export interface Fixture {
  readonly controlPlane: ControlPlane;
  /** Throws when `operator` was not asked for. */
  readonly perconaOperator: PerconaOperator;
}

/**
 * To be called at the top of a test file: starts a control plane before its first test and stops it after its last.
 *
 *     const test = useControlPlane({ percona: '2.9.0' });
 *     it('…', async () => { await test.controlPlane.admin.create(…) });
 */
export function useControlPlane({ percona, operator = false, ...options }: FixtureOptions = {}): Fixture {
  let controlPlane: ControlPlane | undefined;
  let perconaOperator: PerconaOperator | undefined;
  const version = percona ?? (operator ? '2.9.0' : undefined);

  beforeAll(async () => {
    controlPlane = await startControlPlane({
      ...options,
      beforeControllers: async (started) => {
        if (version) await installPerconaCRDs(started.admin, version);
        await options.beforeControllers?.(started);
      },
    });
    if (operator) perconaOperator = await startPerconaOperator(controlPlane);
  });
  afterAll(async () => controlPlane?.stop());

  const started = <T>(what: T | undefined): T => {
    if (what === undefined) throw new Error('not started: asked for in useControlPlane, and used after beforeAll?');
    return what;
  };
  return {
    get controlPlane() {
      return started(controlPlane);
    },
    get perconaOperator() {
      return started(perconaOperator);
    },
  };
}
