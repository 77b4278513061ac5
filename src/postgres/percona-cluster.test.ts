import { describe, expect, it } from 'vitest';
import type { PerconaSpec } from '../api/types.ts';
import { OPERATOR_DEFAULTS } from '../observed.ts';
import { BACKUP, dittoServer, secret } from '../testing/builders.ts';
import { perconaCluster } from './percona-cluster.ts';

interface Spec {
  crVersion: string;
  image: string;
  initContainer: { image: string };
  instances: { name: string; replicas: number; dataVolumeClaimSpec: object; resources?: unknown }[];
  users: { name: string; databases: string[]; options?: string; password: object }[];
  proxy: { pgBouncer: { image: string; replicas: number } };
  backups: {
    enabled: boolean;
    trackLatestRestorableTime?: boolean;
    pgbackrest: { image: string; global?: Record<string, string>; repos?: object[]; configuration?: object[] };
  };
  [field: string]: unknown;
}

function specOf(percona: PerconaSpec = {}, keys: Record<string, string> = { 's3.conf': 'x' }): Spec {
  const server = dittoServer({ percona: { enabled: true, ...percona } });
  return perconaCluster(server, OPERATOR_DEFAULTS, secret('backup-s3', keys))['spec'] as Spec;
}

describe('the PerconaPGCluster', () => {
  it('names every image, without which Percona never starts it, also the one of backups that are off', () => {
    const { image, initContainer, proxy, backups } = specOf();
    expect([image, initContainer.image, proxy.pgBouncer.image, backups.pgbackrest.image]).toEqual([
      OPERATOR_DEFAULTS.postgresImage,
      OPERATOR_DEFAULTS.perconaInitImage,
      OPERATOR_DEFAULTS.pgBouncerImage,
      OPERATOR_DEFAULTS.pgBackRestImage,
    ]);
    const images = { postgres: 'a', init: 'b', pgBouncer: 'c', pgBackRest: 'd' };
    const own = specOf({ images, backup: BACKUP });
    expect([own.image, own.initContainer.image, own.proxy.pgBouncer.image, own.backups.pgbackrest.image]).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
  });

  it('has a proxy block, without which 2.8.x crashes, and no pooler in it', () => {
    expect(specOf().proxy.pgBouncer.replicas).toBe(0);
  });

  it('is of crVersion 2.8.0 and PostgreSQL 16 unless told otherwise', () => {
    expect(specOf()).toMatchObject({ crVersion: '2.8.0', postgresVersion: 16 });
    expect(specOf({ crVersion: '2.9.0' }).crVersion).toBe('2.9.0');
  });

  it('has one user, no superuser, whose password needs no quoting', () => {
    expect(specOf().users).toEqual([{ name: 'dittofs', databases: ['dittofs'], password: { type: 'AlphaNumeric' } }]);
    expect(specOf({ databaseName: 'files' }).users[0]?.databases).toEqual(['files']);
    expect(specOf({ databaseName: '' }).users[0]?.databases).toEqual(['dittofs']);
  });

  it('has one instance set with its claim', () => {
    expect(specOf().instances).toEqual([
      {
        name: 'instance1',
        replicas: 1,
        dataVolumeClaimSpec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
      },
    ]);
    const resources = { requests: { memory: '1Gi' } };
    expect(specOf({ replicas: 3, storageSize: '5Gi', storageClassName: 'fast', resources }).instances).toEqual([
      {
        name: 'instance1',
        replicas: 3,
        resources,
        dataVolumeClaimSpec: {
          storageClassName: 'fast',
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '5Gi' } },
        },
      },
    ]);
  });

  it('says that there are no backups in the one form that Percona takes', () => {
    const off = { enabled: false, pgbackrest: { image: OPERATOR_DEFAULTS.pgBackRestImage } };
    expect(specOf().backups).toEqual(off);
    expect(specOf({ backup: { ...BACKUP, enabled: false } }).backups).toEqual(off);
  });

  it('has backups with a path of their own, retention and schedules', () => {
    expect(specOf({ backup: BACKUP }).backups).toEqual({
      enabled: true,
      trackLatestRestorableTime: false,
      pgbackrest: {
        image: OPERATOR_DEFAULTS.pgBackRestImage,
        configuration: [{ secret: { name: 'backup-s3' } }],
        global: {
          'repo1-path': '/pgbackrest/nas/repo1',
          'repo1-s3-uri-style': 'path',
          'repo1-storage-verify-tls': 'y',
          'repo1-retention-full': '7',
          'repo1-retention-full-type': 'time',
          'start-fast': 'y',
        },
        repos: [
          {
            name: 'repo1',
            s3: { bucket: 'backups', endpoint: 's3.cubbit.eu', region: 'eu-west-1' },
            schedules: { full: '0 2 * * *', incremental: '0 * * * *' },
          },
        ],
      },
    });
  });

  it('has backups as the user wants them, an empty text meaning the default', () => {
    const given = { region: 'r', fullSchedule: '@daily', incrSchedule: '@hourly', retentionDays: 30, path: '/x' };
    const { pgbackrest } = specOf({ backup: { ...BACKUP, ...given } }).backups;
    expect(pgbackrest.global).toMatchObject({ 'repo1-path': '/x', 'repo1-retention-full': '30' });
    expect(pgbackrest.repos).toMatchObject([
      { s3: { region: 'r' }, schedules: { full: '@daily', incremental: '@hourly' } },
    ]);
    const empty = { region: '', fullSchedule: '', incrSchedule: '', path: '' };
    expect(specOf({ backup: { ...BACKUP, ...empty } }).backups).toEqual(specOf({ backup: BACKUP }).backups);
  });

  it('trusts a private CA that the credentials Secret brings', () => {
    const { global } = specOf({ backup: BACKUP }, { 's3.conf': 'x', 'ca.crt': 'y' }).backups.pgbackrest;
    expect(global).toMatchObject({
      'repo1-storage-ca-file': '/etc/pgbackrest/conf.d/ca.crt',
      'repo1-storage-verify-tls': 'y',
    });
  });

  it('gives pgBackRest texts only, for Percona refuses numbers', () => {
    for (const value of Object.values(specOf({ backup: BACKUP }).backups.pgbackrest.global ?? {})) {
      expect(typeof value).toBe('string');
    }
  });

  it('is controlled by its server unless it is to be kept', () => {
    const metadata = (percona: PerconaSpec) =>
      perconaCluster(dittoServer({ percona: { enabled: true, ...percona } }), OPERATOR_DEFAULTS).metadata;
    const owner = [
      expect.objectContaining({ controller: true, blockOwnerDeletion: true, kind: 'DittoServer', name: 'nas' }),
    ];
    expect(metadata({})).toMatchObject({ name: 'nas-postgres', namespace: 'files', ownerReferences: owner });
    expect(metadata({ deleteWithServer: true })).toMatchObject({ ownerReferences: owner });
    expect(metadata({ deleteWithServer: false })).not.toHaveProperty('ownerReferences');
    expect(metadata({ deleteWithServer: false }).labels).toMatchObject({ instance: 'nas' });
  });
});
