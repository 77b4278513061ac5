/** The init container that holds the server back until its database really answers. */
import type { Database } from '../postgres/database.ts';
import { fromSecret } from './environment.ts';
import { PATHS } from './features.ts';
import { databaseVolumes } from './volumes.ts';

/** It asks every 2 s for up to 300 s and then fails, so that the pod shows what is wrong and starts over. */
const INTERVAL_SECONDS = 2;
const LIMIT_SECONDS = 300;
/** A number other than root's, since the image's own user is root and "restricted" forbids that. */
const UID = 65532;

/** A query, not `pg_isready`: that one neither logs in nor notices a database that is not there. */
const SCRIPT = `
started=$(date +%s)
until error=$(psql --no-psqlrc --no-password --quiet --tuples-only --command 'select 1' 2>&1 >/dev/null); do
  waited=$(( $(date +%s) - started ))
  if [ "$waited" -ge ${LIMIT_SECONDS} ]; then
    echo "PostgreSQL at $PGHOST:$PGPORT did not answer within ${LIMIT_SECONDS} s: $error" >&2
    exit 1
  fi
  echo "Waiting for PostgreSQL at $PGHOST:$PGPORT (\${waited} s): $error"
  sleep ${INTERVAL_SECONDS}
done
echo "PostgreSQL at $PGHOST:$PGPORT answers."
`.trimStart();

/**
 * The container `wait-for-postgres`: logs in as the server will, over the same verified TLS, and runs a query.
 *
 * @param image an image with `psql` and a shell.
 * @returns undefined when Percona does not run the database.
 */
export function waitForPostgres(database: Database, image: string) {
  if (database.mode !== 'Percona' && database.mode !== 'PerconaRef') return undefined;
  return {
    name: 'wait-for-postgres',
    image,
    command: ['/bin/sh', '-c', SCRIPT],
    env: [
      fromSecret('PGHOST', database.userSecret, 'host'),
      fromSecret('PGPORT', database.userSecret, 'port'),
      fromSecret('PGUSER', database.userSecret, 'user'),
      fromSecret('PGPASSWORD', database.userSecret, 'password'),
      fromSecret('PGDATABASE', database.userSecret, 'dbname'),
      { name: 'PGSSLMODE', value: 'verify-full' },
      { name: 'PGSSLROOTCERT', value: `${PATHS.databaseCa}/ca.crt` },
      { name: 'PGCONNECT_TIMEOUT', value: '5' },
    ],
    // A namespace with a ResourceQuota refuses a container without them. psql needs little.
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: UID,
      runAsGroup: UID,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: databaseVolumes(database).map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
  };
}
