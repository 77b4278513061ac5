import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DittoServerSpec } from '../api/types.ts';
import { dittoServer, NOW, perconaClusterOf } from '../testing/builders.ts';
import { isUncontrolled, ownershipChange } from './ownership.ts';

const OURS = { kind: 'DittoServer', name: 'nas', uid: dittoServer().metadata.uid, controller: true };
const FORMER = { kind: 'DittoServer', name: 'nas', uid: 'uid-of-a-former-nas', controller: false };
const OTHER = { kind: 'App', name: 'x', uid: 'x', controller: false };
const THEIRS = { kind: 'App', name: 'x', uid: 'x', controller: true };
const LABELS = { app: 'dittofs-server', instance: 'nas' };

type Owner = typeof OURS;

function change(spec: Partial<DittoServerSpec>, owners: Owner[], labels: Record<string, string> = LABELS) {
  const server = dittoServer(spec);
  return ownershipChange(server, perconaClusterOf(server, { metadata: { ownerReferences: owners, labels } }));
}

function uidsAfter(spec: Partial<DittoServerSpec>, owners: Owner[], labels?: Record<string, string>) {
  const changed = change(spec, owners, labels);
  return changed?.ownerReferences.map(({ uid }) => uid);
}

const percona = (deleteWithServer?: boolean, enabled = true) => ({
  percona: { enabled, ...(deleteWithServer !== undefined && { deleteWithServer }) },
});

describe('a cluster that we ordered', () => {
  it.each([undefined, true])('is taken back when nobody controls it and deleteWithServer is %s', (deleteWithServer) => {
    expect(uidsAfter(percona(deleteWithServer), [])).toEqual([OURS.uid]);
    expect(uidsAfter(percona(deleteWithServer), [OTHER])).toEqual(['x', OURS.uid]);
    expect(uidsAfter(percona(deleteWithServer), [OURS])).toBeUndefined();
  });

  it('loses the references of a former server of the name, for which it would be collected', () => {
    expect(uidsAfter(percona(), [FORMER])).toEqual([OURS.uid]);
  });

  it('is let go of when it is to be kept, and others keep theirs', () => {
    expect(uidsAfter(percona(false), [OURS])).toEqual([]);
    expect(uidsAfter(percona(false), [OTHER, OURS])).toEqual(['x']);
    expect(uidsAfter(percona(false), [])).toBeUndefined();
    expect(change(percona(false), [OURS])?.reason).toBe('spec.percona.deleteWithServer is false');
  });

  it('is let go of also when Percona is switched off in the same breath', () => {
    expect(uidsAfter(percona(false, false), [OURS])).toEqual([]);
  });

  it('stays let go of when the spec does not speak of Percona any more', () => {
    expect(uidsAfter({}, [])).toBeUndefined();
    expect(uidsAfter(percona(true, false), [])).toBeUndefined();
  });

  it('goes with its server when Percona was switched off and nothing was said of keeping it', () => {
    expect(uidsAfter({}, [OURS])).toBeUndefined();
  });

  it('is let go of when it is only referred to', () => {
    expect(uidsAfter({ perconaPGClusterRef: { name: 'nas-postgres' } }, [OURS])).toEqual([]);
    expect(uidsAfter({ perconaPGClusterRef: { name: 'nas-postgres' } }, [])).toBeUndefined();
  });
});

describe('a cluster that is not ours', () => {
  it('is never taken', () => {
    expect(uidsAfter(percona(), [THEIRS])).toBeUndefined();
    expect(uidsAfter(percona(), [], {})).toBeUndefined();
    expect(uidsAfter(percona(), [], { ...LABELS, instance: 'another' })).toBeUndefined();
  });

  it('is known as nobody`s', () => {
    const cluster = (ownerReferences: Owner[], labels: Record<string, string>) =>
      perconaClusterOf(dittoServer(), { metadata: { ownerReferences, labels } });
    expect(isUncontrolled(cluster([], {}))).toBe(true);
    expect(isUncontrolled(cluster([OTHER], {}))).toBe(true);
    expect(isUncontrolled(cluster([THEIRS], {}))).toBe(false);
    expect(isUncontrolled(cluster([], LABELS))).toBe(false);
  });
});

describe('ownership', () => {
  it('is not touched on a cluster that is going, and none is taken by a server that is going', () => {
    const server = dittoServer(percona(false));
    expect(ownershipChange(server, perconaClusterOf(server, { metadata: { deletionTimestamp: NOW } }))).toBeUndefined();
    const going = dittoServer(percona(), { deletionTimestamp: NOW });
    const orphan = perconaClusterOf(going, { metadata: { ownerReferences: [] } });
    expect(ownershipChange(going, orphan)).toBeUndefined();
    expect(ownershipChange(server, undefined)).toBeUndefined();
  });

  it('settles at once, whoever owned the cluster, and never leaves two controllers', () => {
    const owners = fc.subarray([OURS, FORMER, OTHER]);
    const specs = fc.constantFrom<Partial<DittoServerSpec>>(
      percona(), percona(true), percona(false), percona(false, false), {}, { perconaPGClusterRef: { name: 'nas-postgres' } },
    ); // prettier-ignore
    fc.assert(
      fc.property(owners, specs, fc.constantFrom(LABELS, {}), (list, spec, labels) => {
        const first = change(spec, list, labels);
        if (!first) return;
        expect(first.ownerReferences.filter(({ controller }) => controller === true).length).toBeLessThan(2);
        expect(change(spec, first.ownerReferences as Owner[], labels)).toBeUndefined();
      }),
    );
  });
});
